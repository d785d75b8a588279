"""What gzip and zstd allow is read; what cannot be read is named with its cause."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from footfall.errors import CorruptSourceError, SourceError
from footfall.sources.opening import open_source, read_content

TEXT = b"a,b\n" + b"1,2\n" * 1000


def skippable(number: int, content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50 + number, len(content)) + content


def frame(content: bytes = TEXT, **more: bool) -> bytes:
    return zstandard.ZstdCompressor(**more).compress(content)


def streamed(content: bytes) -> bytes:
    """A frame that does not say how long its content is."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(content)


def member(content: bytes = TEXT, *, flags: int = 0, between: bytes = b"") -> bytes:
    """A gzip member with optional parts in its header (RFC 1952)."""
    begin = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\x03" + between
    if flags & 2:
        begin += struct.pack("<H", zlib.crc32(begin) & 0xFFFF)
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(content) + deflate.flush()
    return begin + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def content_of(stored: bytes, name: str = "a.csv.zst") -> bytes:
    Path(name).write_bytes(stored)
    with open_source(name) as file:
        return b"".join(read_content(file))


@pytest.mark.parametrize("number", range(16))
def test_a_skippable_frame_may_come_first(number: int) -> None:
    assert content_of(skippable(number, b"\x13\x04\0\0") + frame()) == TEXT


def test_frames_without_content_may_stand_anywhere() -> None:
    nothing = [skippable(0, b""), skippable(15, b"x" * 5000), frame(b""), streamed(b"")]
    for one in nothing:
        for other in nothing:
            assert content_of(one + other + frame() + other + one + streamed(TEXT) + other + one) == 2 * TEXT
        assert content_of(one) == b""


def test_frames_of_every_kind_follow_each_other() -> None:
    frames = [frame(), streamed(TEXT), frame(write_checksum=True), frame(write_dict_id=False)]
    assert content_of(b"".join(frames)) == TEXT * len(frames)


@pytest.mark.parametrize("cut", [3, 4, 7, 8, 11, -1])
def test_a_file_that_is_cut_within_or_behind_a_skippable_frame_is_refused(cut: int) -> None:
    stored = skippable(0, b"1234") + frame(write_checksum=True)
    with pytest.raises(SourceError, match=r"a\.csv\.zst: (the zstd file is cut|is not compressed)"):
        content_of(stored[:cut])


def test_a_frame_that_needs_a_dictionary_says_so() -> None:
    dictionary = zstandard.train_dictionary(1024, [b"%d,%d,click\n" % (n, n * n) for n in range(2000)])
    stored = zstandard.ZstdCompressor(dict_data=dictionary).compress(TEXT)
    with pytest.raises(SourceError, match="made with a dictionary") as caught:
        content_of(stored)
    assert not isinstance(caught.value, CorruptSourceError)


def test_a_frame_that_needs_too_much_memory_says_how_much() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=31, write_content_size=False)
    sink = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(sink, closefd=False) as writer:
        writer.write(b"x")
        writer.flush()
    stored = bytearray(sink.getvalue())
    stored[5] = (31 - 10) << 3  # the byte that says the window; the library writes a smaller one for so little
    with pytest.raises(SourceError, match=r"needs 2,048 MB of memory; compress it again with --long=27"):
        content_of(bytes(stored))


@pytest.mark.parametrize(
    "stored",
    [
        member(flags=4, between=b"\x06\0BC\x02\0\x1b\0"),  # an extra field, as bgzip writes it
        member(flags=8, between=b"a.csv\0"),
        member(flags=16, between=b"a comment\0"),
        member(flags=2),
        member(flags=31, between=b"\x02\0xyname\0comment\0"),
        member(TEXT[:500]) + member(b"") + member(TEXT[500:], flags=8, between=b"b\0"),
        member() + b"\0",
        member() + b"\0" * 3_000_000,
        member(TEXT[:500]) + b"\0" * 511 + member(TEXT[500:]),
    ],
)
def test_a_gzip_file_may_have_all_that_its_standard_allows(stored: bytes) -> None:
    assert content_of(stored, "a.csv.gz") == TEXT


@pytest.mark.parametrize("name", ["a.CSV.GZ", "a.csv.ZST", "a.csv", "a"])
@pytest.mark.parametrize("compress", [gzip.compress, frame])
def test_what_is_compressed_is_known_by_its_bytes(name: str, compress: object) -> None:
    assert content_of(compress(TEXT), name) == TEXT  # type: ignore[operator]


@pytest.mark.parametrize("name", ["a.CSV.GZ", "a.csv.ZST", "a.csv.Gz"])
def test_a_name_that_promises_compression_is_held_to_it_in_any_case(name: str) -> None:
    with pytest.raises(SourceError, match="not compressed as its name says: it is plain text"):
        content_of(TEXT, name)


@pytest.mark.slow
@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_bzip2_and_xz_are_read_in_pieces_whatever_they_inflate_to(compress: Callable[[bytes], bytes]) -> None:
    Path("bomb").write_bytes(compress(bytes(200 << 20)))
    tracemalloc.start()
    with open_source("bomb") as file:
        assert sum(map(len, read_content(file))) == 200 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


@pytest.mark.parametrize("name", ["a.csv.bz2", "a.csv.xz", "a.csv"])
def test_streams_behind_each_other_are_one_content(name: str) -> None:
    assert content_of(bz2.compress(TEXT) + bz2.compress(b"") + bz2.compress(TEXT), name) == 2 * TEXT
    assert content_of(lzma.compress(TEXT) + b"\0" * 8 + lzma.compress(TEXT) + b"\0" * 4, name) == 2 * TEXT


def test_an_xz_file_that_needs_much_memory_is_refused_with_what_to_do() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
    with pytest.raises(SourceError, match=r"128 MB of memory.*-9"):
        content_of(lzma.compress(TEXT, filters=filters), "a.csv.xz")
    assert content_of(lzma.compress(TEXT, preset=9), "a.csv.xz") == TEXT


@pytest.mark.parametrize("ending", ["bz2", "xz"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_refused(ending: str) -> None:
    with pytest.raises(SourceError, match="not compressed as its name says"):
        content_of(TEXT, f"a.csv.{ending}")
