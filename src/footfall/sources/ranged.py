"""Let several processes read parts of one source, and make sure that all of them read it in the same state.

Each process opens a path itself, so the path must lead to the same file everywhere. Objects of stores are read by
requests for ranges of one state, and so are files of web servers that answer such requests and tell states apart by an
ETag. Every other source is read as a whole by each process, which then compares the digest.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from footfall.errors import SourceChangedError, SourceError
from footfall.safe_text import find_scheme, mask_source
from footfall.sources import opening
from footfall.sources.ranged_stream import Ranged, RangedStream


@dataclass(frozen=True, slots=True)
class State:
    """What tells one state of a source from every other, on each machine that reads it.

    Shape: a file has an inode and times; its device is left out, since each machine numbers devices for itself. An
    object has an `etag`. Where a source has neither, the digest of its content decides.
    Units: bytes; nanoseconds since 1970.
    """

    size_bytes: int
    inode: int | None = None
    modified_ns: int | None = None
    changed_ns: int | None = None
    etag: str | None = None


def find_state(file: opening.SourceFile) -> State:
    """Give the state that an open source is in."""
    if isinstance(file.stream, RangedStream):
        return State(file.size_bytes, etag=file.stream.ranged.etag)
    if (seen := file.identity) is None:
        return State(file.size_bytes)
    return State(seen.size_bytes, seen.inode, seen.modified_ns, seen.changed_ns)


@contextmanager
def open_to_plan(source: str) -> Iterator[opening.SourceFile]:
    """Open a source that others will read in parts. It has no digest yet: `take_digest` takes it.

    Whoever commits calls `opening.assert_unchanged` just before.
    Effects: a source that can only be read in order is copied to a temporary file.
    Raises: SourceError where it cannot be read, and for stdin and pipes, which only this process could read.
    """
    if not opening.can_be_read_again(source):
        raise SourceError(
            "can be read once, and so by one process; load it without workers, or write it to a file", source=source
        )
    with _open(source) as file:
        yield file


def take_digest(file: opening.SourceFile, *beside: Callable[[bytes], None]) -> opening.SourceFile:
    """Read a source once, in order, and give it with its digest; each of `beside` gets its bytes, too."""
    digest = hashlib.sha256()
    position = 0
    while True:
        file.stream.seek(position)  # those who get the bytes may have read at other places meanwhile
        block = file.stream.read(opening.READ_BYTES)
        if not block:
            break
        digest.update(block)
        for take in beside:
            take(block)
        position += len(block)
    file.stream.seek(0)
    return replace(file, digest=digest.hexdigest(), size_bytes=position)


@contextmanager
def open_planned(source: str, state: State, digest: str) -> Iterator[opening.SourceFile]:
    """Open a source in the state in which it was planned.

    Whoever commits calls `opening.assert_unchanged` just before.
    Effects: copies to a temporary file what can be read in order only.
    Raises: SourceChangedError where it is in another state; SourceError where it cannot be read.
    """
    with _open(source) as file:
        found = find_state(file)
        is_copy = found == State(found.size_bytes)
        if found != state or (is_copy and take_digest(file).digest != digest):
            raise SourceChangedError(
                "changed since it was planned, or this machine has another file of this name; load it again when its "
                "writer is done",
                source=file.source,
            )
        yield replace(file, digest=digest)


def read_between(file: opening.SourceFile, begin: int, end: int) -> Iterator[bytes]:
    """Give the stored bytes between two places. Raises: SourceChangedError where the file ends before."""
    if isinstance(file.stream, RangedStream):
        file.stream.read_ahead_to(end)
    while begin < end:
        file.stream.seek(begin)
        block = file.stream.read(min(opening.READ_BYTES, end - begin))
        if not block:
            raise SourceChangedError(
                "is shorter than it was when it was planned; run the same command again when its writer is done",
                source=file.source,
            )
        begin += len(block)
        yield block


@contextmanager
def _open(source: str) -> Iterator[opening.SourceFile]:
    from footfall.sources import stores, web  # heavy, and a load of files from the first byte to the last needs neither

    opened_ns = time.time_ns()
    with ExitStack() as stack:
        ranged: Ranged | None = None
        if find_scheme(source) in stores.STORES:
            ranged = stack.enter_context(stores.open_ranged(source))
        elif find_scheme(source) in web.SCHEMES:
            ranged = web.find_ranged(source)
        if ranged is None:
            yield stack.enter_context(opening.open_for_a_look(source))
            return
        stream = cast(BinaryIO, stack.enter_context(RangedStream(ranged)))
        yield opening.SourceFile(mask_source(source), stream, "", ranged.size_bytes, None, opened_ns, source)
