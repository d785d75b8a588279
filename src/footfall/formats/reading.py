"""A source file opened as records: its columns are known, its batches are to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footfall.contract.mapping import Header
from footfall.sources import opening

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Reading:
    """A source file that is being read: its header is known, its records are to come."""

    file: opening.SourceFile
    header: Header
    batches: Iterator[pa.RecordBatch]


def join_batches(readings: list[Reading], memory_limit_mb: int) -> Iterator[pa.RecordBatch]:
    """Give the records of several files in batches as large as those of one; their line numbers become places."""
    from footfall.formats.delimited import block_bytes
    from footfall.formats.positions import placed

    if len(readings) == 1:
        yield from readings[0].batches
        return
    waiting: list[pa.RecordBatch] = []
    size_bytes = 0
    for number, reading in enumerate(readings):
        for batch in reading.batches:
            places = placed(batch.column("line_number"), number)
            waiting.append(batch.set_column(0, "line_number", places))
            size_bytes += batch.nbytes
            if size_bytes >= block_bytes(memory_limit_mb):
                yield _joined(waiting)
                waiting, size_bytes = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches() or batches
    return batch
