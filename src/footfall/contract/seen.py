"""Tell which ids are certainly new, in bounded memory: a blocked Bloom filter over 64-bit hashes.

An id that the filter calls new has not been seen. Any other may be new as well, and the caller must look it up. So the
size of the filter changes the speed, never the result.
"""

from __future__ import annotations

import numpy as np

WORDS_MAX = 1 << 23  # 64 MB; about 1 of 10,000 new ids is looked up in vain after 10 million ids, 1 of 10 after 100
BITS = 4  # bits set for each hash, all in one word, so that each test reads memory in one place


class SeenFilter:
    """The hashes seen so far. Its size is `words`, a power of two, each of 8 bytes that are allocated when used."""

    def __init__(self, words: int = WORDS_MAX) -> None:
        self.words = np.zeros(words, np.uint64)

    def find_new(self, hashes: np.ndarray) -> np.ndarray:
        """Say of each hash whether it is certainly new: not seen before, nor earlier in the array. Remember all.

        Example:
            >>> seen = SeenFilter(1024)
            >>> hashes = np.array([7, 9, 7], np.uint64)
            >>> seen.find_new(hashes).tolist(), seen.find_new(hashes).tolist()
            ([True, True, False], [False, False, False])
        """
        at = (hashes & np.uint64(len(self.words) - 1)).astype(np.int64)
        bits = _choose_bits(hashes)
        is_new = (self.words[at] & bits) != bits
        while len(at):
            self.words[at] |= bits
            # numpy writes only the last of several hashes in the same word, so the lost ones are written again.
            lost = (self.words[at] & bits) != bits
            at, bits = at[lost], bits[lost]
        is_new[_find_later_equals(hashes)] = False
        found: np.ndarray = is_new
        return found

    def find_unseen(self, hashes: np.ndarray) -> np.ndarray:
        """Say of each hash whether it has certainly not been seen, and remember none of them."""
        bits = _choose_bits(hashes)
        is_unseen: np.ndarray = (self.words[(hashes & np.uint64(len(self.words) - 1)).astype(np.int64)] & bits) != bits
        return is_unseen


def _find_later_equals(hashes: np.ndarray) -> np.ndarray:
    """Give the indexes of hashes that an earlier one equals. Usually there are none, which a sort shows fastest."""
    ordered = np.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return np.empty(0, np.int64)
    candidates = np.flatnonzero(np.isin(hashes, twice))
    _, firsts = np.unique(hashes[candidates], return_index=True)
    return np.delete(candidates, firsts)


def _choose_bits(hashes: np.ndarray) -> np.ndarray:
    one, six = np.uint64(1), np.uint64(63)
    bits = np.zeros(len(hashes), np.uint64)
    for number in range(BITS):
        bits |= one << ((hashes >> np.uint64(64 - 6 * (number + 1))) & six)
    return bits
