"""Which ids may have come before in the files at hand: a filter in bounded memory that never misses one that has.

It is a Bloom filter whose four bits of an id lie in one word, so that an id costs one place in memory. What it takes
for seen is decided by the server, so that a mistake costs time and changes nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

WORDS_BITS = 23  # 2^23 words of 8 bytes are 64 MB; of 10 million ids it takes about one in 2,000 for seen
ID_BITS = (0, 6, 12, 18)  # which bits of the hash choose the four bits; its highest choose the word
CHUNK_BYTES = 8
MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd, and half of their bits set
HALF = np.uint64(32)
WORD = np.dtype("<u8")


class SeenIds:
    """The ids so far, by their hashes. Memory: what it touches of 64 MB."""

    def __init__(self) -> None:
        self.words: np.ndarray = np.zeros(1 << WORDS_BITS, np.uint64)  # the system gives a page when it is touched

    def find_new(self, hashes: np.ndarray) -> np.ndarray:
        """Say of each hash whether it surely comes for the first time, and remember all of them.

        Of equal hashes among these the first is new, where it was not seen before.

        Example:
            >>> seen = SeenIds()
            >>> seen.find_new(np.array([7, 7, 8], np.uint64)).tolist(), seen.find_new(np.array([8], np.uint64)).tolist()
            ([True, False, True], [False])
        """
        places = (hashes >> np.uint64(64 - WORDS_BITS)).astype(np.intp)
        bits = np.zeros(len(hashes), np.uint64)
        for shift in ID_BITS:
            bits |= np.uint64(1) << ((hashes >> np.uint64(shift)) & np.uint64(63))
        is_new: np.ndarray = (self.words[places] & bits) != bits
        self._remember(places[is_new], bits[is_new])
        is_new[_find_later_equals(hashes)] = False
        return is_new

    def _remember(self, places: np.ndarray, bits: np.ndarray) -> None:
        """Set bits; of several rows with one word numpy keeps a single one, so that it is asked until all stand."""
        while len(places):
            self.words[places] |= bits
            is_lost = (self.words[places] & bits) != bits
            places, bits = places[is_lost], bits[is_lost]


def _find_later_equals(hashes: np.ndarray) -> np.ndarray:
    """Give the places of hashes that stand further up, too."""
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return np.empty(0, np.intp)
    candidates = np.flatnonzero(np.isin(hashes, twice))
    _, firsts = np.unique(hashes[candidates], return_index=True)
    return np.delete(candidates, firsts)


def hash_ids(column: pa.ChunkedArray) -> np.ndarray:
    """Hash ids that are text, or UUIDs as 16 bytes: equal ids have equal hashes, on every machine.

    Shape: one number of 64 bits for each row.
    """
    parts = [_hash_chunk(chunk) for chunk in column.chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _hash_chunk(chunk: pa.Array) -> np.ndarray:
    if pa.types.is_fixed_size_binary(chunk.type):
        width = chunk.type.byte_width
        _, data = chunk.buffers()
        content = np.frombuffer(data, np.uint8, len(chunk) * width, chunk.offset * width)
        starts = np.arange(0, len(content), width, dtype=np.int64)
        return _hash_bytes(content, starts, np.full(len(chunk), width, np.int64))
    kind = np.int64 if pa.types.is_large_string(chunk.type) or pa.types.is_large_binary(chunk.type) else np.int32
    _, offsets, data = chunk.buffers()
    ends = np.frombuffer(offsets, kind)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    content = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    return _hash_bytes(content[ends[0] : ends[-1]], ends[:-1] - ends[0], np.diff(ends))


def _hash_bytes(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Hash slices of bytes, eight bytes of every slice at a time."""
    hashes = lengths.astype(np.uint64) * MIXERS[0]
    # A word at each byte: the last bytes have zeros behind them.
    padded = np.concatenate([content, np.zeros(CHUNK_BYTES, np.uint8)])
    words: np.ndarray = np.ndarray(len(content) + 1, WORD, padded, 0, (1,))
    left, at, rows = lengths, starts, None
    while len(left):
        chunk = words[at].astype(np.uint64)
        shortage = np.uint64(8) * (CHUNK_BYTES - np.minimum(left, CHUNK_BYTES)).astype(np.uint64)
        # Bytes of the next slice are no part of this one; the lowest bytes come first.
        chunk = (chunk << shortage) >> shortage if shortage.any() else chunk
        mixed = _mix((hashes if rows is None else hashes[rows]) ^ chunk)
        if rows is None:
            hashes = mixed
        else:
            hashes[rows] = mixed
        is_longer = left > CHUNK_BYTES
        if is_longer.all():
            left, at = left - CHUNK_BYTES, at + CHUNK_BYTES
            continue
        rows = np.flatnonzero(is_longer) if rows is None else rows[is_longer]
        left, at = left[is_longer] - CHUNK_BYTES, at[is_longer] + CHUNK_BYTES
    return _mix(hashes)


def _mix(numbers: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = (numbers ^ (numbers >> HALF)) * MIXERS[0]
    mixed = (mixed ^ (mixed >> np.uint64(29))) * MIXERS[1]
    mixed ^= mixed >> HALF
    return mixed
