"""Open source files by their names or URLs. Each is opened once and read through that one descriptor.

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

from footfall.errors import SourceChangedError, SourceError, SourceUnavailableError
from footfall.safe_text import find_scheme, mask_source
from footfall.sources.ignored import COMPRESSIONS
from footfall.sources.ranged_stream import RangedStream

READ_BYTES = 1 << 20  # bytes per read: large enough that the call costs nothing, small enough for any memory limit
# A disk or a network file system is away, or a limit is reached. A later try may succeed.
AWAY = frozenset(
    {
        errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH,
        errno.ENETDOWN, errno.ENETUNREACH, errno.ENODEV, errno.ENXIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One open source. `digest` is the SHA-256 of its stored bytes, and `size_bytes` is their number.

    `source` is its name without secrets, and `path` is its name as it was given. `identity` is None where a temporary
    copy is read, which nobody else can change. `opened_ns` is the instant before its first byte was read, in
    nanoseconds since 1970.
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
    """The values that distinguish one state of a file from every other. Units: bytes; nanoseconds since 1970."""

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


def find_identity(file: int | str) -> Identity | None:
    """Give the identity of the file at a path or descriptor; None where it is no regular file or there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116  (a descriptor, or a name as it is given)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def is_gone(source: str) -> bool:
    """Say whether a file of this machine is no longer there. Objects of stores count as there, and nobody is asked."""
    return not find_scheme(source) and not os.path.lexists(source)


def can_be_read_again(source: str) -> bool:
    """Say whether a second try would read the same bytes; stdin and pipes are empty after the first."""
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
    and that the system removes when the process ends.
    Raises: SourceError where it cannot be read.
    """
    opened_ns = time.time_ns()
    with _open(source) as (stream, is_spooled):
        identity = None if is_spooled else find_identity(stream.fileno())
        digest = hashlib.sha256()
        size_bytes = 0
        while block := stream.read(READ_BYTES):
            digest.update(block)
            size_bytes += len(block)
        stream.seek(0)
        yield SourceFile(mask_source(source), stream, digest.hexdigest(), size_bytes, identity, opened_ns, source)


@contextmanager
def open_for_a_look(source: str) -> Iterator[SourceFile]:
    """Open one source without taking its digest, so that a caller who samples a large file need not read all of it.

    Effects: `-`, FIFOs and URLs are spooled, as for a load.
    Raises: SourceError where it cannot be read.
    """
    opened_ns = time.time_ns()
    with _open(source) as (stream, is_spooled):
        size_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        identity = None if is_spooled else find_identity(stream.fileno())
        yield SourceFile(mask_source(source), stream, "", size_bytes, identity, opened_ns, source)


@contextmanager
def _open(source: str) -> Iterator[tuple[BinaryIO, bool]]:
    """Open a source; give its stream, and whether that is a temporary copy. Raises: SourceError for every OSError."""
    try:
        with _open_stream(source) as opened:
            yield opened
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        if error.errno in AWAY:
            raise SourceUnavailableError(
                f"cannot be read now ({error.strerror or error}); run the same command again when its disk is back",
                source=mask_source(source),
            ) from error
        raise SourceError(
            f"cannot be read ({error.strerror or error}); check the path and its rights", source=mask_source(source)
        ) from error


@contextmanager
def _open_stream(source: str) -> Iterator[tuple[BinaryIO, bool]]:
    if (blocks := _read_foreign(source)) is not None:
        with _spool(blocks) as spool:
            yield spool, True
        return
    with open(source, "rb", buffering=0) as raw:  # noqa: PTH123  (a name such as b"\xff" stays as it is)
        mode = os.fstat(raw.fileno()).st_mode
        if stat.S_ISREG(mode):
            yield cast(BinaryIO, raw), False
        elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            with _spool(_read_blocks(cast(BinaryIO, raw))) as spool:
                yield spool, True
        else:
            raise SourceError("is not a file; name a file, a folder, a glob or -", source=source)


def _read_foreign(source: str) -> Iterator[bytes] | None:
    """Give the bytes of stdin or of a URL; None where the source is the name of a file."""
    if source == "-":
        return _read_blocks(sys.stdin.buffer)
    kind = find_scheme(source)
    if kind is None:
        return None
    from footfall.sources import stores, web  # heavy, and no file needs them

    if kind in stores.STORES:
        return stores.read(source)
    return web.read(source) if kind in web.SCHEMES else None


def _read_blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(READ_BYTES):
        yield block


@contextmanager
def _spool(blocks: Iterator[bytes]) -> Iterator[BinaryIO]:
    try:
        made = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except OSError as error:
        raise SourceError(
            f"no temporary file can be made for a copy of the data from stdin, a pipe or a URL: {error}; "
            "set TMPDIR to a folder with room where you may write"
        ) from error
    with made as spool:
        for block in blocks:
            with _report_full_disk():
                spool.write(block)
        with _report_full_disk():
            spool.flush()
        spool.seek(0)
        yield cast(BinaryIO, spool)


@contextmanager
def _report_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise SourceUnavailableError(
            f"there is no room in {tempfile.gettempdir()} for a copy of the data from stdin, a pipe or a URL; "
            "free some there, or set TMPDIR to a folder on another disk"
        ) from error


def assert_unchanged(file: SourceFile) -> None:
    """Raise SourceChangedError where the file changed after its digest was taken.

    Effects: one call of fstat, or one request to a store. A load calls this just before COMMIT.
    """
    if isinstance(file.stream, RangedStream):
        file.stream.ranged.assert_unchanged()
    if file.identity is not None and file.identity != find_identity(file.stream.fileno()):
        raise SourceChangedError(
            "changed while it was read; run the same command again when its writer is done", source=file.source
        )


def read_content(file: SourceFile) -> Iterator[bytes]:
    """Give the file's content from its start, decompressed, in blocks of no fixed size.

    Raises: CorruptSourceError where a compressed file is cut or corrupt; SourceError where the name ends as those of
    compressed files do and the content is not compressed.
    """
    from footfall.sources import compression, recognition  # heavy, and a file that is known needs neither

    file.stream.seek(0)
    start = file.stream.read(recognition.START_BYTES)
    file.stream.seek(0)
    if decompress := compression.find_decompressor(start):
        yield from decompress(file.stream, file.source)
        return
    ending = urlsplit(file.source).path if find_scheme(file.source) else file.source
    if ending.lower().endswith(COMPRESSIONS) and start:
        raise recognition.make_misnamed_error(start, file.source)
    while block := file.stream.read(READ_BYTES):
        yield block
