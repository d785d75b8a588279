"""A coverage-guided fuzzer over the splitting of files into records, and over their headers.

    make fuzz-framing FUZZ_ARGS="-max_total_time=600"

It needs atheris, which has an environment of its own. What it finds is kept in tests/torture/corpus, whose files the
ordinary tests read, too. Arguments are those of libFuzzer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1] / "shared"))  # pytest adds it by itself

with atheris.instrument_imports(include=["footfall.formats", "footfall.contract", "independent_reader"]):
    import independent_reader  # noqa: F401

import framing


def one_input(data: bytes) -> None:
    """Frame one input twice.

    Raises: AssertionError where the two differ.
    """
    assert (found := framing.difference(data)) is None, found


if __name__ == "__main__":
    corpus = Path(__file__).parent / "corpus"
    atheris.Setup([*sys.argv, str(corpus), f"-dict={Path(__file__).parent / 'fuzz.dict'}"], one_input)
    atheris.Fuzz()
