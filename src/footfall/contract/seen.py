"""Which ids are surely new, in a bounded amount of memory: a blocked Bloom filter over 64-bit hashes.

What it calls new has not been seen; what it does not call new may be new all the same, and has to be looked at. So
nothing that is right depends on its size.
"""

from __future__ import annotations

import numpy as np

WORDS_MAX = 1 << 23  # 64 MB: of 10 million ids, some 1 in 10,000 is looked at in vain; of 100 million, 1 in 10
BITS = 4  # set for each hash, in one word, so that a look costs one place of memory


class SeenFilter:
    """What was seen so far. `words` is a power of two: so many words of 8 bytes are taken as they are touched."""

    def __init__(self, words: int = WORDS_MAX) -> None:
        self.words = np.zeros(words, np.uint64)

    def find_new(self, hashes: np.ndarray) -> np.ndarray:
        """Say of each hash whether it is surely new: not seen before, and not earlier among these. Remember them all.

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
            # Of equal places only the last is written: what is not there yet is written once more.
            lost = (self.words[at] & bits) != bits
            at, bits = at[lost], bits[lost]
        is_new[_find_later_equals(hashes)] = False
        found: np.ndarray = is_new
        return found

    def find_unseen(self, hashes: np.ndarray) -> np.ndarray:
        """Say of each hash whether it has surely not been seen. Remember none of them."""
        bits = _choose_bits(hashes)
        is_unseen: np.ndarray = (self.words[(hashes & np.uint64(len(self.words) - 1)).astype(np.int64)] & bits) != bits
        return is_unseen


def _find_later_equals(hashes: np.ndarray) -> np.ndarray:
    """Give the places of hashes that stand further up, too. Mostly there are none, which a plain sort tells soonest."""
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
