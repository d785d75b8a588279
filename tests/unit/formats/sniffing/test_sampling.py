"""Samples are from all over a content, the same for the same bytes, and bounded; encodings are told from them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise

import pytest

from footfall.errors import SourceError
from footfall.formats.sniffing.encodings import decode
from footfall.formats.sniffing.sampling import PIECE_BYTES, WHOLE_BYTES, Sample, take_places, take_sample

LINES = [f"{number},line {number}\n".encode() for number in range(600_000)]
CONTENT = b"".join(LINES)


def blocks(size: int) -> Iterator[bytes]:
    for at in range(0, len(CONTENT), size):
        yield CONTENT[at : at + size]


@pytest.mark.parametrize("size", [1 << 12, 1 << 20, 1 << 25])
def test_a_stream_gives_the_same_pieces_however_it_is_cut_into_blocks(size: int) -> None:
    sample = take_sample(blocks(size))
    assert sample == take_sample(blocks(777_777))
    assert not sample.is_whole


@pytest.mark.parametrize("sample", [take_sample(blocks(1 << 20)), take_places(io.BytesIO(CONTENT), len(CONTENT))])
def test_pieces_are_in_order_from_the_begin_to_the_end_and_all_between(sample: Sample) -> None:
    places = [CONTENT.index(piece) for piece in sample.pieces]
    assert places == sorted(places)
    assert CONTENT.startswith(sample.pieces[0])
    assert CONTENT.endswith(sample.pieces[-1])
    assert max(b - a for a, b in pairwise(places)) < len(CONTENT) / 3
    assert sum(map(len, sample.pieces)) <= WHOLE_BYTES + 40 * PIECE_BYTES


def test_a_small_content_is_taken_as_a_whole() -> None:
    assert take_sample(iter([b"a,b\n", b"1,2\n"])) == Sample((b"a,b\n1,2\n",), is_whole=True)
    assert take_places(io.BytesIO(b"a,b\n1,2\n"), 8) == Sample((b"a,b\n1,2\n",), is_whole=True)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Käse,Straße\n".encode(), "utf-8"),
        ("\ufeffKäse\n".encode(), "utf-8"),
        ("\ufeffKäse,Straße\n".encode("utf-16-le"), "utf-16"),
        ("\ufeffKäse,Straße\n".encode("utf-16-be"), "utf-16"),
        ("Käse,Straße\n".encode("latin-1"), "windows-1252"),
        ("Käse zu 5 €\n".encode("windows-1252"), "windows-1252"),
        (b"K\xe4se \x81\n", "latin-1"),
        ("пользователь,товар,действие\n".encode("windows-1251"), "windows-1251"),
        ("пользователь,товар,действие\n".encode("koi8-r"), "koi8-r"),
        ("Käse, Straße, Öl und \n".encode() + b"\xff\n", "utf-8"),
    ],
)
def test_an_encoding_is_told(content: bytes, encoding: str) -> None:
    text = decode(Sample((content,), is_whole=True), "a.csv")
    assert text.encoding == encoding
    assert not text.pieces[0].startswith("\ufeff")
    is_plain = encoding == "utf-8" and b"\xff" not in content
    assert (text.part is None) is is_plain


def test_a_character_that_the_edge_of_a_piece_cuts_is_no_fault() -> None:
    whole = "ä" * 40
    pieces = (whole.encode()[:33], whole.encode()[33:51], whole.encode()[51:])
    assert decode(Sample(pieces, is_whole=False), "a.csv").part is None


def test_text_of_several_bytes_a_character_is_named_with_what_to_do() -> None:
    content = "用户,商品,行为,时间的人们在中国大家都知道这个地方\n".encode("gb18030") * 5
    with pytest.raises(SourceError, match="GB18030"):
        decode(Sample((content,), is_whole=True), "a.csv")
