"""How much of a long list a run takes: all of it on the embedded server, a stated share on another one.

FOOTFALL_TEST_SHARE="2/3", which `make test-databases` sets for the second of three servers, keeps the second case of
every three: together the servers try every case, and each of them every kind. FOOTFALL_TEST_LONG=1 (`make test-long`)
takes everything, and ten times as many examples of what Hypothesis draws.

FOOTFALL_TEST_PART="1/2" keeps the first of every two of the other tests, too: it is set for servers that share them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

# Read here, before the tests' environment is scrubbed.
IS_LONG = os.environ.get("FOOTFALL_TEST_LONG") == "1"
IS_OTHER_SERVER = bool(os.environ.get("FOOTFALL_TEST_PG_BIN"))
LONG_FACTOR = 10


def read_share(text: str) -> tuple[int, int]:
    """Give which case is the first one taken, and the step to the next.

    Raises: ValueError where the text is no share.
    """
    number, _, of = text.partition("/")
    if not 1 <= int(number) <= int(of):
        raise ValueError(f"a share of the tests is {text}; for example 2/3 is the second of every three")
    return int(number) - 1, int(of)


FIRST_OF_ALL, STEP_OF_ALL = read_share(os.environ.get("FOOTFALL_TEST_PART", "1/1"))
FIRST, STEP = (0, 1) if IS_LONG else read_share(os.environ.get("FOOTFALL_TEST_SHARE", "1/1"))


def share_of(cases: Sequence[Case]) -> Sequence[Case]:
    """Give the cases of this run."""
    return cases[FIRST::STEP]


def examples(number: int) -> int:
    """Give how many examples Hypothesis draws where `number` are usual."""
    return number * LONG_FACTOR if IS_LONG else max(1, number // STEP)
