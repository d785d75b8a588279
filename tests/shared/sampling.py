"""How much of a long list a run takes. By itself, pytest takes all; the targets of the Makefile say how much less.

FOOTFALL_TEST_SHARE="2/4", which `make test-databases` sets for the second of four servers, keeps the second case of
every four in each file: together the servers try every case, and each of them every kind. Hypothesis draws a fourth of
its usual examples there. FOOTFALL_TEST_MATRIX="4/4" keeps such a share of the cases alone, and leaves Hypothesis its
examples: `make test` sets it, for the embedded server is one of those that share.

FOOTFALL_TEST_PART="1/2" keeps the first of every two of the other tests, too: it is set for servers that share them.

FOOTFALL_TEST_SAMPLE="1/5", which `make test` sets, keeps every fifth case of each test that has several, every fifth of
the tests of a file that are marked `slow`, and a fifth of what Hypothesis draws. At least one of each is kept. "2/5"
keeps others. `.ci/run`, `make test-all` and `make test-long` take all.

FOOTFALL_TEST_LONG=1 (`make test-long`) takes everything, and ten times as many examples of what Hypothesis draws.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

# Read here, before the tests' environment is scrubbed.
IS_LONG = os.environ.get("FOOTFALL_TEST_LONG") == "1"
IS_OTHER_SERVER = bool(os.environ.get("FOOTFALL_TEST_PG_BIN"))
LONG_FACTOR = 10

Share = tuple[int, int]


def read_share(text: str) -> Share:
    """Give which case is the first one taken, and the step to the next.

    Raises: ValueError where the text is no share.
    """
    number, _, of = text.partition("/")
    if not 1 <= int(number) <= int(of):
        raise ValueError(f"a share of the tests is {text}; for example 2/3 is the second of every three")
    return int(number) - 1, int(of)


def ask_share(*names: str) -> Share:
    """Read the share that the first of these variables names; everything where none is set."""
    return (0, 1) if IS_LONG else read_share(next(filter(None, map(os.environ.get, names)), "1/1"))


SHARE = ask_share("FOOTFALL_TEST_SHARE")
MATRIX = ask_share("FOOTFALL_TEST_MATRIX", "FOOTFALL_TEST_SHARE")
PART = ask_share("FOOTFALL_TEST_PART")
SAMPLE = ask_share("FOOTFALL_TEST_SAMPLE")


def take_share(cases: Sequence[Case], share: Share) -> Sequence[Case]:
    """Give the cases that a share takes."""
    first, step = share
    return cases[first::step]


def take_sample(cases: Sequence[Case], share: Share, name: str) -> Sequence[Case]:
    """Give the cases that a share takes, at least one. `name` decides where to begin: in the same place each time.

    Were the first one taken everywhere, the last of two or three cases would be taken nowhere.
    """
    first, step = share
    return cases[(first + zlib.crc32(name.encode())) % min(step, len(cases)) :: step]


def share_of(cases: Sequence[Case]) -> Sequence[Case]:
    """Give the cases of this run, of a long loop in a test of a database."""
    return take_share(cases, MATRIX)


def examples(number: int) -> int:
    """Give how many examples Hypothesis draws where `number` are usual."""
    return number * LONG_FACTOR if IS_LONG else max(1, number // SHARE[1] // SAMPLE[1])
