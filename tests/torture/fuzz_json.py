"""A coverage-guided fuzzer over the cutting of JSON documents into records.

    make fuzz-json FUZZ_ARGS="-max_total_time=600"

It needs atheris, as `fuzz_framing` does. What it finds is kept in tests/torture/corpus_json, whose files the ordinary
tests read, too. Arguments are those of libFuzzer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["footfall.formats", "mapped_json"]):
    import mapped_json  # noqa: F401

import framing_json


def one_input(data: bytes) -> None:
    """Cut one input twice.

    Raises: AssertionError where the two differ.
    """
    assert (found := framing_json.difference(data)) is None, found


if __name__ == "__main__":
    here = Path(__file__).parent
    atheris.Setup([*sys.argv, str(here / "corpus_json"), f"-dict={here / 'fuzz_json.dict'}"], one_input)
    atheris.Fuzz()
