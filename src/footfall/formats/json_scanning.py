"""Find where the brackets of JSON stand, and how deep, block by block and without reading a value.

Memory: about ten times the block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUOTE, BACKSLASH = ord('"'), ord("\\")
_SHIFT = 0x20  # [ and {, ] and } differ in this bit alone
_OPENS, _CLOSES = ord("{"), ord("}")


@dataclass(frozen=True, slots=True)
class Marks:
    """The brackets of a block that stand in no string: their positions, whether each opens, and the depth behind it.

    `quotes` are the positions of the quotes that begin or end a string. `is_in_string` says whether the first byte of
    the block stands in one.
    """

    at: np.ndarray
    opens: np.ndarray
    depth: np.ndarray
    quotes: np.ndarray
    is_in_string: bool

    def take_first(self, count: int) -> Marks:
        """Give the marks with the first `count` brackets alone."""
        return Marks(self.at[:count], self.opens[:count], self.depth[:count], self.quotes, self.is_in_string)

    def drop_in_strings(self, positions: np.ndarray) -> np.ndarray:
        """Give the positions that are in no string."""
        outside: np.ndarray = positions[_count_before(self.quotes, positions, self.is_in_string) % 2 == 0]
        return outside


@dataclass(slots=True)
class Scanner:
    """Scans blocks that follow each other, and remembers the state in which a block ends.

    `is_in_string` and `is_escaped` belong to the next byte. A bracket is also closed by one of the other kind.

    Example:
        >>> scanner = Scanner()
        >>> scanner.scan(b'{"a').at.tolist(), scanner.scan(b'}": [1]').depth.tolist(), scanner.depth
        ([0], [2, 1], 1)
    """

    depth: int = 0
    is_in_string: bool = False
    is_escaped: bool = False

    def scan(self, block: bytes) -> Marks:
        """Find the brackets of the next block."""
        array = np.frombuffer(block, np.uint8)
        quotes = self._drop_escaped(np.flatnonzero(array == QUOTE), array, block)
        shifted = array | _SHIFT
        at = np.flatnonzero((shifted == _OPENS) | (shifted == _CLOSES))
        at = at[_count_before(quotes, at, self.is_in_string) % 2 == 0]
        opens = shifted[at] == _OPENS
        depth = np.cumsum(np.where(opens, 1, -1)) + self.depth
        marks = Marks(at, opens, depth, quotes, self.is_in_string)
        self.is_in_string = (len(quotes) + self.is_in_string) % 2 == 1
        self.depth = int(depth[-1]) if len(depth) else self.depth
        return marks

    def _drop_escaped(self, quotes: np.ndarray, array: np.ndarray, block: bytes) -> np.ndarray:
        """Give the quotes that no backslash escapes. A backslash that is itself escaped does not count."""
        if not self.is_escaped and b"\\" not in block:
            return quotes
        escaped = np.zeros(len(array) + 1, dtype=bool)
        escaped[0] = self.is_escaped
        slashes = np.flatnonzero(array == BACKSLASH)
        if len(slashes):
            breaks = np.flatnonzero(np.diff(slashes) != 1)
            begins = slashes[np.concatenate(([0], breaks + 1))]
            ends = slashes[np.concatenate((breaks, [len(slashes) - 1]))] + 1
            # In a run of backslashes, every second one is escaped by the one before it.
            escaped[ends[(ends - begins - escaped[begins]) % 2 == 1]] = True
        self.is_escaped = bool(escaped[-1])
        found: np.ndarray = quotes[~escaped[quotes]]
        return found


def _count_before(quotes: np.ndarray, positions: np.ndarray, carried: bool) -> np.ndarray:
    counts: np.ndarray = np.searchsorted(quotes, positions) + carried
    return counts
