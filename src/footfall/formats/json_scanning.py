"""Bytes of JSON -> where its brackets and commas stand and how deep, block by block, without reading a value.

Memory: some ten times the block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUOTE, BACKSLASH, COMMA = ord('"'), ord("\\"), ord(",")
_IS_MARK = np.zeros(256, dtype=bool)
_IS_MARK[list(b"{}[],")] = True
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"{[")] = 1
_STEPS[list(b"}]")] = -1


@dataclass(frozen=True, slots=True)
class Marks:
    """Brackets and commas that stand in no string, by position in the block: which byte, and how deep it is behind it."""

    at: np.ndarray
    kind: np.ndarray
    depth: np.ndarray

    def upto(self, count: int) -> Marks:
        """Give the first marks."""
        return Marks(self.at[:count], self.kind[:count], self.depth[:count])


@dataclass(slots=True)
class Scanner:
    """Scans blocks that follow each other; what goes on from one to the next is kept.

    `is_in_string` and `is_escaped` are of the next byte. Two brackets that do not fit each other are not told apart.

    Example:
        >>> scanner = Scanner()
        >>> scanner.scan(b'{"a').at.tolist(), scanner.scan(b'}": [1]').depth.tolist(), scanner.depth
        ([0], [2, 1], 1)
    """

    depth: int = 0
    is_in_string: bool = False
    is_escaped: bool = False

    def scan(self, block: bytes) -> Marks:
        """Find the marks of the next block."""
        array = np.frombuffer(block, np.uint8)
        quotes = self._drop_escaped(np.flatnonzero(array == QUOTE), array, block)
        at = np.flatnonzero(_IS_MARK[array])
        outside = (np.searchsorted(quotes, at) + self.is_in_string) % 2 == 0
        at = at[outside]
        kind = array[at]
        depth = np.cumsum(_STEPS[kind], dtype=np.int64) + self.depth
        self.is_in_string = (len(quotes) + self.is_in_string) % 2 == 1
        self.depth = int(depth[-1]) if len(depth) else self.depth
        return Marks(at, kind, depth)

    def _drop_escaped(self, quotes: np.ndarray, array: np.ndarray, block: bytes) -> np.ndarray:
        """Give the quotes before which no backslash stands that is not escaped itself."""
        if not self.is_escaped and b"\\" not in block:
            return quotes
        escaped = np.zeros(len(array) + 1, dtype=bool)
        escaped[0] = self.is_escaped
        slashes = np.flatnonzero(array == BACKSLASH)
        if len(slashes):
            breaks = np.flatnonzero(np.diff(slashes) != 1)
            begins = slashes[np.concatenate(([0], breaks + 1))]
            ends = slashes[np.concatenate((breaks, [len(slashes) - 1]))] + 1
            # Of a run of backslashes, each second one is escaped by the one before it.
            escaped[ends[(ends - begins - escaped[begins]) % 2 == 1]] = True
        self.is_escaped = bool(escaped[-1])
        found: np.ndarray = quotes[~escaped[quotes]]
        return found
