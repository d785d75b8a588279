"""Names of files and URLs -> source files, each opened once and read through that one descriptor.

Effects: reads files; spools `-`, FIFOs and URLs to an unlinked temporary file of mode 0600.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from footfall.errors import SourceChangedError, SourceError
from footfall.safe_text import scheme, shown
from footfall.sources import compression, recognition, stores, web
from footfall.sources.ignored import COMPRESSIONS

READ_BYTES = 1 << 20  # bytes per read: large enough that the call costs nothing, small enough for any memory limit


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One source, open. `digest` is the SHA-256 of the bytes as stored; `size_bytes` their number.

    `source` is its name as it may be shown, `path` as it was given. `identity` is None where a copy of it is read,
    which nobody can change;
    `opened_ns` is the instant before its first byte was read, in nanoseconds since 1970.
    """

    source: str
    stream: BinaryIO
    digest: str
    size_bytes: int
    identity: Identity | None
    opened_ns: int
    path: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one state of a file from every other. Units: bytes; nanoseconds since 1970."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


def identity_of(file: int | str) -> Identity | None:
    """Look at a path or descriptor; None for what is no regular file, or cannot be looked at."""
    try:
        status = os.stat(file)  # noqa: PTH116  (a descriptor, or a name as it is given)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def can_be_read_again(source: str) -> bool:
    """Say whether a second try would read the same: not so for stdin and pipes, which are empty then."""
    if source == "-":
        return False
    try:
        return not stat.S_ISFIFO(Path(source).stat().st_mode)
    except OSError:
        return True


@contextmanager
def open_source(source: str) -> Iterator[SourceFile]:
    """Open one source and take its digest.

    Effects: reads the whole file once; `-`, FIFOs and URLs are spooled first, to a file that no other user can read
    and that is gone with the process.
    Raises: SourceError where it cannot be read.
    """
    opened_ns = time.time_ns()
    with _opened(source) as (stream, is_spooled):
        identity = None if is_spooled else identity_of(stream.fileno())
        digest = hashlib.sha256()
        size_bytes = 0
        while block := stream.read(READ_BYTES):
            digest.update(block)
            size_bytes += len(block)
        stream.seek(0)
        yield SourceFile(shown(source), stream, digest.hexdigest(), size_bytes, identity, opened_ns, source)


@contextmanager
def open_for_a_look(source: str) -> Iterator[SourceFile]:
    """Open one source without its digest: of a large file only some places are to be read.

    Effects: `-`, FIFOs and URLs are spooled, as for a load.
    Raises: SourceError where it cannot be read.
    """
    opened_ns = time.time_ns()
    with _opened(source) as (stream, is_spooled):
        size_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        identity = None if is_spooled else identity_of(stream.fileno())
        yield SourceFile(shown(source), stream, "", size_bytes, identity, opened_ns, source)


@contextmanager
def _opened(source: str) -> Iterator[tuple[BinaryIO, bool]]:
    """Give a stream of a source, and whether it is a copy. Raises: SourceError where it cannot be read to its end."""
    try:
        with _open_stream(source) as opened:
            yield opened
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise SourceError(
            f"cannot be read ({error.strerror or error}); check the path and its rights", source=shown(source)
        ) from error


@contextmanager
def _open_stream(source: str) -> Iterator[tuple[BinaryIO, bool]]:
    if (blocks := _foreign(source)) is not None:
        with _spooled(blocks) as spool:
            yield spool, True
        return
    with open(source, "rb", buffering=0) as raw:  # noqa: PTH123  (a name such as b"\xff" stays as it is)
        mode = os.fstat(raw.fileno()).st_mode
        if stat.S_ISREG(mode):
            yield cast(BinaryIO, raw), False
        elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            with _spooled(_blocks(cast(BinaryIO, raw))) as spool:
                yield spool, True
        else:
            raise SourceError("is not a file; name a file, a folder, a glob or -", source=source)


def _foreign(source: str) -> Iterator[bytes] | None:
    """Give the bytes of a source that is no name of a file: stdin or a URL."""
    if source == "-":
        return _blocks(sys.stdin.buffer)
    kind = scheme(source)
    if kind in stores.STORES:
        return stores.read(source)
    return web.read(source) if kind in web.SCHEMES else None


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(READ_BYTES):
        yield block


@contextmanager
def _spooled(blocks: Iterator[bytes]) -> Iterator[BinaryIO]:
    try:
        made = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except OSError as error:
        raise SourceError(
            f"no temporary file can be made for a copy of what comes from stdin or a pipe: {error}; "
            "set TMPDIR to a folder with room where you may write"
        ) from error
    with made as spool:
        for block in blocks:
            with _room_for_temporary_files():
                spool.write(block)
        with _room_for_temporary_files():
            spool.flush()
        spool.seek(0)
        yield cast(BinaryIO, spool)


@contextmanager
def _room_for_temporary_files() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise SourceError(
            f"there is no room in {tempfile.gettempdir()} for a copy of what comes from stdin or a pipe; "
            "free some there, or set TMPDIR to a folder on another disk"
        ) from error


def assert_unchanged(file: SourceFile) -> None:
    """Raise SourceChangedError where the file is not the one that was hashed.

    Effects: one fstat; called just before COMMIT.
    """
    if file.identity is not None and file.identity != identity_of(file.stream.fileno()):
        raise SourceChangedError(
            "changed while it was read; run the same command again when its writer is done", source=file.source
        )


def read_content(file: SourceFile) -> Iterator[bytes]:
    """Give the file's content from its start, decompressed, in blocks of no fixed size.

    Raises: CorruptSourceError where a compressed file is cut or corrupt; SourceError where its name promises another.
    """
    file.stream.seek(0)
    start = file.stream.read(recognition.START_BYTES)
    file.stream.seek(0)
    if decompress := compression.decompressor(start):
        yield from decompress(file.stream, file.source)
        return
    ending = urlsplit(file.source).path if scheme(file.source) else file.source
    if ending.lower().endswith(COMPRESSIONS) and start:
        raise recognition.misnamed(start, file.source)
    while block := file.stream.read(READ_BYTES):
        yield block
