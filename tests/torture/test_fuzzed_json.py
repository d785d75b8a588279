"""Any bytes as a JSON document: Footfall and the second reader cut them into the same records."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framing_json

CORPUS = sorted((Path(__file__).parent / "corpus_json").iterdir())
pieces = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b'"', b"\\", b'\\"', b"{}", b"[]", b'{"a":1}', b'"x"', b"x", b"5", b" ",
    b"\n", b"\r\n",
     b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b'{"a":"}"}', b", ", b",\n", b"x" * 40, b" " * 70]
)  # fmt: skip
limits = st.tuples(st.integers(0, 7), st.integers(0, 63), st.integers(0, 31))
documents = st.builds(lambda bounds, parts: bytes(bounds) + b"".join(parts), limits, st.lists(pieces))


@given(data=documents)
def test_any_pieces_of_json_are_cut_alike_under_small_limits(data: bytes) -> None:
    assert framing_json.difference(data) is None


@given(data=st.binary(min_size=3, max_size=300))
def test_any_bytes_are_cut_alike_under_small_limits(data: bytes) -> None:
    assert framing_json.difference(data) is None


@pytest.mark.parametrize("seed", CORPUS, ids=lambda path: path.name)
def test_what_the_fuzzer_kept_is_cut_alike(seed: Path) -> None:
    assert framing_json.difference(seed.read_bytes()) is None
