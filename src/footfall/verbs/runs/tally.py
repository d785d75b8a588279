"""Know how far a run is: the database tells which ranges are staged, and stagers tell how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from footfall.errors import FootfallError
from footfall.formats.ranges import Range
from footfall.results import Progress

EVERY_S = 0.2  # seconds between two reports


class Tally:
    """Adds up how far the ranges of a run are, and reports it a few times a second.

    Shape: `count_staged` asks the database for the number of rows of each staged range, by the number of the range.
    """

    def __init__(
        self,
        source: str,
        ranges: Sequence[Range],
        count_staged: Callable[[], dict[int, int]],
        report: Callable[[Progress], None] | None,
    ) -> None:
        self.source = source
        self.ranges = ranges
        self.count_staged = count_staged
        self.report = report
        self.began = self.reported = time.monotonic()
        self.done: dict[int, tuple[int, int]] = {}  # bytes and rows by the number of the range

    def name_range(self, number: int) -> str:
        """Name a range for people, who count from 1."""
        return f"range {number + 1} of {len(self.ranges)}"

    def name(self, number: int | None) -> str:
        """Name the file, and the range where one is known."""
        return self.source if number is None else f"{self.source} ({self.name_range(number)})"

    def note_progress(self, number: int, size_bytes: int, rows: int) -> None:
        """Note how far a range is, as its stager says."""
        self.done[number] = size_bytes, rows
        self._report()

    def note_staged(self, number: int) -> None:
        """Note that a range is staged."""
        part = self.ranges[number]
        self.done[number] = part.end - part.begin, self.done.get(number, (0, 0))[1]
        self._report()

    def ask(self) -> None:
        """Ask the database which ranges are staged. If it does not answer, others will say so."""
        if self.report is None:
            return
        with suppress(FootfallError):
            for number, rows in self.count_staged().items():
                part = self.ranges[number]
                self.done[number] = part.end - part.begin, rows
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        if self.report is None or now - self.reported < EVERY_S:
            return
        self.reported = now
        size_bytes = sum(done for done, _ in self.done.values())
        rows = sum(rows for _, rows in self.done.values())
        self.report(Progress(self.source, size_bytes, self.ranges[-1].end, rows, now - self.began))
