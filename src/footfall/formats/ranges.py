"""A source file <-> ranges of its bytes that begin and end where records do, each of which can be read alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footfall.contract.mapping import Layout
from footfall.contract.terms import Contract
from footfall.formats.reading import open_records
from footfall.sources import opening

if TYPE_CHECKING:
    import pyarrow as pa

RANGE_BYTES_LEAST = 64 << 20  # bytes: a range costs 0.2 seconds before its first row, and its rows some ten times that
RANGES_MAX = 1_000  # of one file: Airflow maps a task over at most 1,024


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file that can be read alone. Units: bytes from the file's begin; `end` is the first byte behind it.

    `line_number` is that of the line at `begin`. The range that begins at 0 holds what stands before the records, too.
    """

    begin: int
    end: int
    line_number: int


def choose_range_bytes(size_bytes: int) -> int:
    """Say how large the ranges of a file of this size are, so that each is worth a task and there are not too many."""
    return max(RANGE_BYTES_LEAST, -(-size_bytes // RANGES_MAX))


class Planner:
    """Finds the ranges of one file from its bytes, which are read for its digest anyway."""

    def __init__(self, file: opening.SourceFile, contract: Contract, range_bytes: int) -> None:
        self.size_bytes = 0

    def take(self, block: bytes) -> None:
        """Take the next bytes of the file, from its very first on."""
        self.size_bytes += len(block)

    def finish(self) -> tuple[Range, ...]:
        """Give the ranges, in order, without a gap; the last ends where the file does."""
        return (Range(0, self.size_bytes, 1),)


def open_range(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int, part: Range
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Give the layout of a file's records and the records of one of its ranges, with their lines in the file."""
    return open_records(file, contract, memory_limit_mb)
