"""Decompress gzip, zstd, bzip2 and xz, within bounds of memory, whatever the bytes are."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from footfall.errors import CorruptSourceError, SourceError

# Bytes per read of a gzip, bzip2 or xz file, and at most of each piece of its content: a decompression bomb cannot fill
# the memory.
READ_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGIC = (
    b"\x2a\x4d\x18"  # after a byte of 50 to 5f it begins a frame without content, which pzstd writes first
)
BZIP2_PATTERN = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")  # the second alternative begins an empty file
XZ_MAGIC = b"\xfd7zXZ\0"
XZ_MEMORY_BYTES = 1 << 27  # twice the dictionary of `xz -9`; a file that needs more is refused
ZSTD_WINDOW_BYTES = 1 << 27  # the largest window of `zstd --long`; a file that needs a larger one is refused
ZSTD_SLICE_BYTES = 1 << 11  # bytes fed at a time: 2 KB can inflate to 64 MB at most, which bounds a decompression bomb
Decompress = Callable[[BinaryIO, str], Iterator[bytes]]


def find_decompressor(start: bytes) -> Decompress | None:
    """Find the function that decompresses a file with these first bytes; None where it is not compressed.

    Compressions that Footfall does not read count as not compressed; `recognition` names them.
    """
    if start.startswith(GZIP_MAGIC):
        return gunzip
    if start.startswith(XZ_MAGIC):
        return unxz
    # The mark of bzip2 is plain text, with which a header might begin. The checksum after it holds bytes that are not.
    if BZIP2_PATTERN.match(start) and re.search(rb"[^\t\n\r -~]", start):
        return bunzip2
    is_skippable = start[1:4] == SKIPPABLE_MAGIC and start[0] >> 4 == 5
    return unzstd if is_skippable or start.startswith(ZSTD_MAGIC) else None


def gunzip(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Give the content of all members of a gzip file; NULs after a member are padding.

    Raises: CorruptSourceError where it is cut or corrupt.
    """
    # The gzip module sets no bound on what one read may inflate to; zlib does, and we go from member to member here.
    inflater = zlib.decompressobj(wbits=31)
    pending = b""
    try:
        while True:
            pending = pending or stream.read(READ_BYTES)
            if inflater.eof:
                pending = pending.lstrip(b"\0")  # padding after the last member
                if not pending:
                    if not (pending := stream.read(READ_BYTES)):
                        return
                    continue
                inflater = zlib.decompressobj(wbits=31)
            if not pending:
                raise CorruptSourceError("the gzip file is cut; deliver it again", source=source)
            block = inflater.decompress(pending, READ_BYTES)
            pending = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if block:
                yield block
    except zlib.error as error:
        raise CorruptSourceError(f"the gzip file is corrupt ({error}); deliver it again", source=source) from error


def bunzip2(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Give the content of all streams of a bzip2 file; pbzip2 writes several into one file.

    Raises: CorruptSourceError where it is cut or corrupt.
    """
    import bz2

    inflater = bz2.BZ2Decompressor()
    pending = b""
    try:
        while True:
            if inflater.eof:
                pending = inflater.unused_data or stream.read(READ_BYTES)
                if not pending:
                    return
                inflater = bz2.BZ2Decompressor()
            elif inflater.needs_input and not (pending := stream.read(READ_BYTES)):
                raise CorruptSourceError("the bzip2 file is cut; deliver it again", source=source)
            block = inflater.decompress(pending, READ_BYTES)
            pending = b""
            if block:
                yield block
    except OSError as error:
        if error.errno is not None:  # the error comes from reading the disk, not from the data
            raise
        raise CorruptSourceError(f"the bzip2 file is corrupt ({error}); deliver it again", source=source) from error


def unxz(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Give the content of all streams of an xz file; NULs after a stream are padding.

    Raises: CorruptSourceError where it is cut or corrupt, SourceError where it needs too much memory.
    """
    import lzma

    inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
    pending = b""
    try:
        while True:
            if inflater.eof:
                pending = inflater.unused_data.lstrip(b"\0")  # padding after the last stream
                while not pending:
                    if not (pending := stream.read(READ_BYTES)):
                        return
                    pending = pending.lstrip(b"\0")
                inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
            elif inflater.needs_input and not (pending := stream.read(READ_BYTES)):
                raise CorruptSourceError("the xz file is cut; deliver it again", source=source)
            block = inflater.decompress(pending, READ_BYTES)
            pending = b""
            if block:
                yield block
    except lzma.LZMAError as error:
        if "limit" in str(error):
            raise SourceError(
                f"the xz file needs more than {XZ_MEMORY_BYTES >> 20} MB of memory; compress it again with -9 at most",
                source=source,
            ) from error
        raise CorruptSourceError(f"the xz file is corrupt ({error}); deliver it again", source=source) from error


def unzstd(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Give the content of all frames of a zstd file; skippable frames may stand anywhere and have no content.

    Raises: CorruptSourceError where it is cut or corrupt, SourceError where it needs a dictionary or too much memory.
    """
    import zstandard

    inflater = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
    pending = b""
    start = b""  # the first bytes of the current frame
    try:
        while pending := pending or stream.read(ZSTD_SLICE_BYTES):
            if inflater.eof:
                inflater = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
                start = b""
            start = start or pending
            block = inflater.decompress(pending)
            pending = inflater.unused_data if inflater.eof else b""
            if block:
                yield block
        if not inflater.eof:
            raise CorruptSourceError("the zstd file is cut; deliver it again", source=source)
    except zstandard.ZstdError as error:
        if reason := _explain_unreadable(start):
            raise SourceError(reason, source=source) from error
        raise CorruptSourceError(f"the zstd file is corrupt ({error}); deliver it again", source=source) from error


def _explain_unreadable(start: bytes) -> str | None:
    """Say why a frame with a valid header cannot be read; None where its header is not valid."""
    import zstandard

    try:
        frame = zstandard.get_frame_parameters(start)
    except zstandard.ZstdError:
        return None
    if frame.dict_id:
        return "the zstd file was made with a dictionary, which Footfall does not have; compress it without one"
    if frame.window_size > ZSTD_WINDOW_BYTES:
        megabytes = frame.window_size >> 20
        return f"the zstd file needs {megabytes:,} MB of memory; compress it again with --long=27 at most"
    return None
