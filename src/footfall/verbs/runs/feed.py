"""Read the accepted rows of a run for its take, range by range, in the order of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footfall.errors import RunStaleError
from footfall.postgres.target import Connection
from footfall.safe_text import mask_source
from footfall.tables import runs, staged_run
from footfall.tables.forgetting import Memory
from footfall.verbs.runs.job import Job

if TYPE_CHECKING:
    import pyarrow as pa

# Waits until the range with this number is staged, as far as the stagers know. Either way it lets the stagers go on.
Wait = Callable[[int], None]


@dataclass(slots=True)
class Feed:
    """Reads the staged rows of ranges. If `wait` is given, it waits for a range that is not staged yet.

    `ranges` has the ranges that have been read to their end.
    """

    connection: Connection
    tables: runs.RunTables
    job: Job
    memory: Memory
    wait: Wait | None
    ranges: list[runs.StagedRange] = field(default_factory=list)

    def read(self) -> Iterator[pa.Table]:
        """Read the accepted rows, batch by batch, in the order of the file.

        Raises: RunStaleError where a range is not staged, or by what was true before; FootfallError where rows are
        missing; what `wait` raises.
        """
        for number in range(len(self.job.ranges)):
            if self.wait:
                self.wait(number)
            found = self._find_range(number)
            for rows in staged_run.read_rows(self.connection, self.tables, self.job.contract.id_types, found):
                yield rows
                if self.wait:
                    self.wait(number)
            self.ranges.append(found)

    def expect_rows(self) -> int:
        """Estimate the accepted rows of the whole file, from those of the ranges that are staged."""
        staged = runs.read_ranges(self.connection, self.tables)
        parts = [self.job.ranges[each.number] for each in staged]
        size_bytes = sum(part.end - part.begin for part in parts)
        return sum(each.rows_accepted for each in staged) * self.job.size_bytes // max(size_bytes, 1)

    def _find_range(self, number: int) -> runs.StagedRange:
        for found in runs.read_ranges(self.connection, self.tables, number):
            if found.memory == self.memory.state:
                return found
        raise RunStaleError(
            f"range {number} of {len(self.job.ranges)} is not staged, or users were forgotten since; nothing was "
            "loaded. Stage it, then take the run again",
            source=mask_source(self.job.source),
        )
