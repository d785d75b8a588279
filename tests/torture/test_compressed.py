"""Compressed files that are cut or corrupt, at every byte."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from footfall.errors import SourceError
from footfall.sources import opening
from pollutions import MIXED

CONTENT = MIXED.written()
ZSTD = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True).compress(CONTENT)
COMPRESSED = {
    "gz": gzip.compress(CONTENT, mtime=0),
    "zst": ZSTD,
    "bz2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda part: gzip.compress(part, mtime=0),
    "zst": lambda part: zstandard.ZstdCompressor().compress(part),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.fixture
def content_of(tmp_path: Path) -> Callable[[str, bytes], bytes | None]:
    """Give the content of a file of that kind as the product reads it; None where it refuses it."""

    def read(kind: str, stored: bytes) -> bytes | None:
        path = tmp_path / f"a.csv.{kind}"
        path.write_bytes(stored)
        try:
            with opening.open_source(str(path)) as file:
                return b"".join(opening.read_content(file))
        except SourceError:
            return None

    return read


Read = Callable[[str, bytes], bytes | None]


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_file_that_is_cut_anywhere_is_refused(content_of: Read, kind: str) -> None:
    whole = COMPRESSED[kind]
    read = [size for size in range(1, len(whole)) if content_of(kind, whole[:size]) is not None]
    assert content_of(kind, whole) == CONTENT
    assert read == []


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_compressed_file_with_a_byte_changed_is_refused_or_means_the_same(content_of: Read, kind: str) -> None:
    whole = COMPRESSED[kind]
    for place in range(len(whole)):
        for change in (0x01, 0x80, 0xFF):
            found = content_of(kind, whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            assert found in (None, CONTENT), (place, change)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_rubbish_behind_a_compressed_file_is_refused(content_of: Read, kind: str) -> None:
    for rubbish in (b"x", b"interaction_id\n", CONTENT, COMPRESSED[kind][:9]):
        assert content_of(kind, COMPRESSED[kind] + rubbish) is None


@pytest.mark.parametrize("kind", COMPRESSED)
def test_several_members_are_one_file_wherever_it_was_split(content_of: Read, kind: str) -> None:
    compress = COMPRESS[kind]
    for place in range(len(CONTENT) + 1):
        stored = compress(CONTENT[:place]) + compress(b"") + compress(CONTENT[place:])
        assert content_of(kind, stored) == CONTENT


def test_a_checksum_or_a_length_that_is_wrong_is_refused(content_of: Read) -> None:
    whole = COMPRESSED["gz"]
    other = zlib.crc32(b"other").to_bytes(4, "little")
    assert content_of("gz", whole[:-8] + other + whole[-4:]) is None
    assert content_of("gz", whole[:-4] + b"\0\0\0\0") is None
