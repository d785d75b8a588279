"""Find places in a content where a record certainly begins, in one pass, without reading the records in between.

At a border, a quoted record may be open, and nothing at the border tells whether one is. So the lines behind the
border are read twice: once as if a record began at the border, and once as if a record were open there. An open record
can only be closed by the next line with an odd number of quotes. At the first line where both readings begin a record,
a record begins, whichever reading is the true one, and from that line on the two readings are the same. If they do not
agree within LOOK_BYTES_MAX, there is no cut at this border, and the range goes on to the next one.

Memory: LOOK_BYTES_MAX and a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from footfall.contract.limits import RECORD_LINES_MAX
from footfall.formats.framing import READABLE_BYTES, count_quotes, join_quoted
from footfall.formats.quoting import Dialect, record_test

LOOK_BYTES = 1 << 16  # bytes read behind a border before the first try; they usually hold more than 100 lines
LOOK_BYTES_MAX = 4 << 20  # bytes; four times the longest record, so that a record that may be open ends within them
LOOK_GROWTH = 4  # each try reads so many times the bytes of the one before: all together read little more than the last


@dataclass(frozen=True, slots=True)
class Cut:
    """A place where a record begins: its position in bytes, and the number of its line."""

    position: int
    line_number: int


class Cutter:
    """Finds the cuts of one content while it streams by: at each border, the first line where a record surely begins.

    Shape: `begin` is where the first record begins, behind the header. Borders are `range_bytes` apart, each counted
    from the last cut.
    """

    def __init__(self, dialect: Dialect, field_count: int, begin: Cut, range_bytes: int) -> None:
        self.dialect = dialect
        self.end = bytes([dialect.line_end])
        self.is_record = record_test(dialect, field_count)
        self.range_bytes = range_bytes
        self.begin = begin
        self.border = begin.position + range_bytes
        self.position = 0  # the position of the first byte that was not looked at
        self.line_number = begin.line_number  # the number of the line that holds this byte
        self.window: list[bytes] | None = None  # the bytes behind the border in which a cut is looked for
        self.window_bytes = 0
        self.wanted = 0
        self.cuts: list[Cut] = []

    def take(self, block: bytes) -> None:
        """Take the next bytes of the content, from its very first on."""
        if self.position < self.begin.position:
            skipped = min(self.begin.position - self.position, len(block))
            self.position += skipped
            block = block[skipped:]
        if block:
            self._go_on(block, is_end=False)

    def finish(self) -> list[Cut]:
        """Give the cuts in their order, now that the content has ended. Records stand on both sides of each cut."""
        if self.window is not None:
            self._go_on(b"", is_end=True)
        return [cut for cut in self.cuts if cut.position < self.position]

    def _go_on(self, block: bytes, *, is_end: bool) -> None:
        while True:
            if self.window is None:
                at = self._go_to_line(block)
                if at is None:
                    return
                block, self.window, self.window_bytes, self.wanted = block[at:], [], 0, LOOK_BYTES
            self.window.append(block)
            self.window_bytes += len(block)
            if self.window_bytes < self.wanted and not is_end:
                return
            text = b"".join(self.window)
            limit = min(self.wanted, len(text))
            found = find_begin(text[:limit], self.dialect, self.is_record, is_end=is_end and limit == len(text))
            if found is None and limit < LOOK_BYTES_MAX and not (is_end and limit == len(text)):
                self.window, block, self.wanted = [text], b"", self.wanted * LOOK_GROWTH
                continue
            if found is not None:
                self.cuts.append(Cut(self.position + found[0], self.line_number + found[1]))
            self.border = self.position + (found[0] if found else limit) + self.range_bytes
            self.window, block = None, text

    def _go_to_line(self, block: bytes) -> int | None:
        """Count lines up to the first that begins at the border or behind it; None where it is not in the block."""
        ahead = self.border - 1 - self.position
        at = block.find(self.end, max(ahead, 0)) + 1 if ahead < len(block) else 0
        seen = at or len(block)
        self.line_number += count_lines(block, self.dialect.line_end, seen)
        self.position += seen
        return at or None


def count_lines(block: bytes, line_end: int, size: int) -> int:
    """Count the line ends among the first `size` bytes of a block."""
    return int(np.count_nonzero(np.frombuffer(block, np.uint8, size) == line_end)) if size else 0


def find_begin(
    text: bytes, dialect: Dialect, is_record: Callable[[bytes], bool], *, is_end: bool
) -> tuple[int, int] | None:
    """Find the first line of a text at which a record certainly begins, although one may be open before the text.

    Shape: the text begins where a line begins. With `is_end`, the content ends where the text does.
    Units: bytes and lines from the beginning of the text; None where only more text could tell.
    """
    if not dialect.quoting or not text:
        return 0, 0
    array = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(array == dialect.line_end)
    if is_end and (not len(ends) or ends[-1] + 1 < len(text)):
        ends = np.append(ends, len(text))  # the last line needs no line end
    if not len(ends):
        return (0, 0) if len(text) > READABLE_BYTES else None
    block = text[: int(ends[-1]) + 1]
    per_line = count_quotes(block, array[: len(block)], ends, dialect)
    odd = np.flatnonzero(per_line % 2)
    first = int(odd[0]) if len(odd) else len(ends)
    if first >= RECORD_LINES_MAX or (int(ends[first]) if len(odd) else len(text)) > READABLE_BYTES:
        return 0, 0  # a record that was open here would be too large, so none is open
    if not len(odd):
        return (0, 0) if is_end else None
    left = None if is_end else len(text)
    behind = int(ends[first]) + 1
    unopened = _list_begins(block, ends, per_line, is_record, left)
    ends_behind, left_behind = ends[first + 1 :] - behind, None if left is None else left - behind
    opened = _list_begins(block[behind:], ends_behind, per_line[first + 1 :], is_record, left_behind)
    both = np.intersect1d(unopened, opened + first + 1, assume_unique=True)
    if not len(both):
        return None
    line = int(both[0])
    return (int(ends[line - 1]) + 1 if line else 0), line


def _list_begins(
    block: bytes, ends: np.ndarray, per_line: np.ndarray, is_record: Callable[[bytes], bool], left: int | None
) -> np.ndarray:
    """List the lines at which records certainly begin, in a block that begins with a record. Units: lines from 0."""
    kept, carried = join_quoted(block, ends, per_line, is_record, left)
    known = len(ends) if carried is None else carried
    begins: np.ndarray = np.concatenate(([0], np.flatnonzero(kept[:known]) + 1))
    return begins


def find_cuts(
    blocks: Iterable[bytes], dialect: Dialect, field_count: int, begin: Cut, range_bytes: int
) -> tuple[Cut, ...]:
    """Find the cuts of a content; see Cutter."""
    cutter = Cutter(dialect, field_count, begin, range_bytes)
    for block in blocks:
        cutter.take(block)
    return tuple(cutter.finish())
