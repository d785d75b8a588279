"""Content -> places where a record begins for sure, found in one pass without reading the records in between.

At a border nobody knows whether a quoted record is open. It is, or it is not. So the lines behind the border are read
as if a record began there, and once more as if one were open, which only the next line with an odd number of quotes
can close. Where both readings begin a record, one begins, whichever of them is true; from there on they never differ.
Where they do not agree within LOOK_BYTES_MAX, there is no cut at this border, and the range joins the next.

Memory: LOOK_BYTES_MAX and a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from footfall.contract.limits import RECORD_LINES_MAX
from footfall.formats.framing import READABLE_BYTES, count_quotes, join_quoted
from footfall.formats.quoting import Dialect, record_test

LOOK_BYTES = 1 << 16  # bytes read behind a border before the first try: mostly more than 100 lines
LOOK_BYTES_MAX = 4 << 20  # bytes; four times the longest record, so that one that might be open is closed
LOOK_GROWTH = 4  # times more bytes for each try, so that all tries together read little more than the last


@dataclass(frozen=True, slots=True)
class Cut:
    """A place where a record begins: its position in bytes, and the number of its line."""

    position: int
    line_number: int


class Cutter:
    """Finds the cuts of one content while it streams by, one behind each border.

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
        self.position = 0  # of the first byte that was not looked at
        self.line_number = begin.line_number  # of the line that holds that byte
        self.window: list[bytes] | None = None  # from the line begin behind the border on, while a cut is looked for
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
        """Say that the content has ended; give the cuts, in order, each behind a first record and before a last."""
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
    """Find the first line of a text at which a record begins for sure, where before the text one may be open.

    Shape: the text begins where a line does; with `is_end` the content ends with it.
    Units: bytes and lines from the begin of the text; None where more text would be needed.
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
        return 0, 0  # a record that is open would be too large by now, so that none is
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
    """List the lines at which records begin for sure in a block that begins with one. Units: lines from 0."""
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
