"""Take pieces from all over a content: the same ones for the same bytes, within bounds of memory and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

WHOLE_BYTES = 2 << 20  # bytes; content up to this size is looked at as a whole, in about a second
HEAD_BYTES = 1 << 19  # bytes of the beginning, where headers are, and lines before them
PIECE_BYTES = 1 << 15  # bytes of each of the other pieces
PIECES_MAX = 32  # pieces between the beginning and the end; with them a sample has about 1.5 MB
CONTENT_BYTES_MAX = 4 << 30  # bytes that are decompressed at most, which takes less than a minute


@dataclass(frozen=True, slots=True)
class Sample:
    """Pieces of a content, in its order, from its first byte on. `is_whole` says that they are all of it."""

    pieces: tuple[bytes, ...]
    is_whole: bool

    @property
    def head(self) -> bytes:
        """The first piece."""
        return self.pieces[0] if self.pieces else b""


def take_sample(blocks: Iterator[bytes]) -> Sample:
    """Take pieces out of a stream whose length nobody knows beforehand: its beginning, its end, and many between.

    When there are too many pieces, every other one is dropped, and the distance between them doubles.

    Example:
        >>> take_sample(iter([b"a,b", b"1,2"])).pieces
        (b'a,b1,2',)
    """
    head: list[bytes] = []
    size = 0
    for block in blocks:
        head.append(block)
        size += len(block)
        if size > WHOLE_BYTES:
            break
    begin = b"".join(head)
    if size <= WHOLE_BYTES:
        return Sample((begin,), is_whole=True)
    return _thin_out(begin, blocks)


def _thin_out(begin: bytes, blocks: Iterator[bytes]) -> Sample:
    distance = HEAD_BYTES  # between the begins of two pieces
    kept: dict[int, bytes] = {}
    at, wanted = 0, distance
    tail, open_piece = b"", bytearray()
    block: bytes | None = begin
    while block is not None and at < CONTENT_BYTES_MAX:
        end = at + len(block)
        tail = (tail + block)[-PIECE_BYTES:]
        while True:
            start = wanted + len(open_piece)
            if start >= end:
                break
            part = block[start - at : start - at + PIECE_BYTES - len(open_piece)]
            open_piece += part
            if len(open_piece) < PIECE_BYTES:
                break
            kept[wanted] = bytes(open_piece)
            open_piece = bytearray()
            if len(kept) > PIECES_MAX:
                distance *= 2
                kept = {place: piece for place, piece in kept.items() if place % distance == 0}
            wanted = (wanted // distance + 1) * distance
        at = end
        block = next(blocks, None)
    last = at - len(tail)
    pieces = [piece for place, piece in kept.items() if place + PIECE_BYTES <= last]
    return Sample((begin[:HEAD_BYTES], *pieces, tail), is_whole=False)


def take_places(stream: BinaryIO, size: int) -> Sample:
    """Take pieces out of a stream that can be read from any place: as many, and at equal distances."""
    stream.seek(0)
    if size <= WHOLE_BYTES:
        return Sample((_read(stream, size),), is_whole=True)
    begin = _read(stream, HEAD_BYTES)
    distance = (size - HEAD_BYTES - PIECE_BYTES) // (PIECES_MAX + 1)
    # Multiples of four keep the characters of UTF-16 whole.
    places = [HEAD_BYTES + number * distance // 4 * 4 for number in range(1, PIECES_MAX + 1)]
    pieces = []
    for place in [*places, (size - PIECE_BYTES) // 4 * 4]:
        stream.seek(place)
        pieces.append(_read(stream, PIECE_BYTES + (3 if place + PIECE_BYTES + 3 >= size else 0)))
    return Sample((begin, *pieces), is_whole=False)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, or fewer where the content ends. An unbuffered stream may need to be asked several times."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
