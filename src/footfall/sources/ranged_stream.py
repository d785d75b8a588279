"""Read an object as a stream, from any place, by requests for ranges of its bytes.

Every request asks for the same state of the object, so that bytes of two states are never mixed.
Memory: the first bytes of the object, and those of the last request.
"""

from __future__ import annotations

import io
from typing import Protocol

from footfall.errors import SourceChangedError

ASKED_BYTES_LEAST = 1 << 20  # bytes of the first request at a place; reading a header rarely takes more
ASKED_BYTES_MAX = 8 << 20  # bytes per request: few enough requests for large objects, small enough for memory


class Ranged(Protocol):
    """One state of an object: its name without secrets, its size, and the text that tells it from every other state."""

    @property
    def source(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def etag(self) -> str: ...

    def read(self, begin: int, end: int) -> bytes:
        """Give the bytes between two places. Raises: SourceChangedError where the object is in another state now."""

    def assert_unchanged(self) -> None:
        """Raise SourceChangedError where the object is in another state now. Effects: one request at most."""


class RangedStream(io.RawIOBase):
    """Reads an object in order, from any place on. Each request is larger than the one before it."""

    def __init__(self, ranged: Ranged) -> None:
        super().__init__()
        self.ranged = ranged
        self.end = ranged.size_bytes
        self._position = 0
        self._at, self._held = 0, b""
        self._start = b""  # those who read a header come back to the beginning several times

    def readable(self) -> bool:
        """Say that the stream can be read."""
        return True

    def seekable(self) -> bool:
        """Say that the stream can be read from any place."""
        return True

    def tell(self) -> int:
        """Give the place of the next byte that is read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; bytes are asked for when they are read."""
        beside = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.ranged.size_bytes}
        self._position = max(beside[whence] + offset, 0)
        return self._position

    def read_ahead_to(self, end: int) -> None:
        """Ask for bytes up to this place only, as long as no more are read."""
        self.end = end

    def read(self, size: int = -1) -> bytes:
        """Give so many bytes, and fewer only at the end of the object."""
        left = self.ranged.size_bytes - self._position
        size = left if size < 0 else min(size, left)
        parts = []
        while size > 0:
            part = self._read_part(size)
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def readall(self) -> bytes:
        """Give all bytes that are left."""
        return self.read()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as many bytes as the buffer takes."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _read_part(self, size: int) -> bytes:
        """Give some bytes from the position on, at least one."""
        if self._position < len(self._start):
            return self._start[self._position : self._position + size]
        into = self._position - self._at
        if not 0 <= into < len(self._held):
            is_next = into == len(self._held) or self._position == len(self._start)
            asked = min(max(2 * len(self._held), ASKED_BYTES_LEAST), ASKED_BYTES_MAX) if is_next else ASKED_BYTES_LEAST
            end = max(min(self._position + asked, self.end), self._position + size)
            self._at, into = self._position, 0
            self._held = _read_whole(self.ranged, self._position, min(end, self.ranged.size_bytes))
            if not self._at:
                self._start = self._held
        return self._held[into : into + size]


def _read_whole(ranged: Ranged, begin: int, end: int) -> bytes:
    found = ranged.read(begin, end)
    if len(found) != end - begin:
        raise SourceChangedError(
            f"{len(found):,} of {end - begin:,} bytes came; run the same command again", source=ranged.source
        )
    return found
