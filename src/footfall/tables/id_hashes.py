"""Hash ids that are text or UUIDs, for the filter that finds the ids that are surely new."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

CHUNK_BYTES = 8
MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd, and half of their bits set
HALF = np.uint64(32)
WORD = np.dtype("<u8")


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
    # `words` overlap: the word at index i is the eight bytes from byte i on. Zeros are appended for the last ones.
    padded = np.concatenate([content, np.zeros(CHUNK_BYTES, np.uint8)])
    words: np.ndarray = np.ndarray(len(content) + 1, WORD, padded, 0, (1,))
    left, at, rows = lengths, starts, None
    while len(left):
        chunk = words[at].astype(np.uint64)
        shortage = np.uint64(8) * (CHUNK_BYTES - np.minimum(left, CHUNK_BYTES)).astype(np.uint64)
        # Clear the bytes that belong to the next slice. They are the highest ones, since the lowest byte comes first.
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
