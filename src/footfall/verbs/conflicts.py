"""Read conflicting rows again from their file, to get their text: the merge knows only their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from footfall.contract.terms import Contract
from footfall.engines.in_process import Engine
from footfall.formats.ranges import Range, open_range
from footfall.formats.reading import Reader
from footfall.sources import opening
from footfall.tables import merge as merging


def find_conflicts(
    engine: Engine, reader: Reader, file: opening.SourceFile, lines: np.ndarray
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Read the conflicting rows of a file again; `lines` is the bitmap of their line numbers.

    Shape: batches with the columns of rejected rows, each with the ids of its rows.
    """
    reading = reader.read(file)
    return engine.judge_conflicts(reading.layout, keep_lines(reading.batches, lines))


def find_conflicts_in_ranges(
    engine: Engine, file: opening.SourceFile, contract: Contract, ranges: Sequence[Range], lines: np.ndarray
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Read the conflicting rows of a file again, as `find_conflicts` does, but only from the ranges that have some."""
    wanted = [part for part, last in zip(ranges, _find_last_lines(ranges), strict=True) if _has_any(lines, part, last)]
    opened = [open_range(file, contract, engine.memory_limit_mb, part) for part in wanted[:1]]
    for layout, _ in opened:
        batches = (batch for part in wanted for batch in open_range(file, contract, engine.memory_limit_mb, part)[1])
        yield from engine.judge_conflicts(layout, keep_lines(batches, lines))


def _find_last_lines(ranges: Sequence[Range]) -> list[int | None]:
    """Give the last line of each range: the one before the next range, and None for the last range."""
    return [*(part.line_number - 1 for part in ranges[1:]), None]


def _has_any(lines: np.ndarray, part: Range, last: int | None) -> bool:
    """Say whether the bitmap has lines in a range, or just outside it, in the same byte of the bitmap as its border."""
    end = None if last is None else last // merging.BITS + 1
    return bool(lines[part.line_number // merging.BITS : end].any())


def keep_lines(batches: Iterable[pa.RecordBatch], lines: np.ndarray) -> Iterator[pa.RecordBatch]:
    """Keep the records whose lines are in a bitmap; batches without one are left out."""
    for batch in batches:
        mask = merging.are_bits_set(lines, np.asarray(batch.column("position")))
        if mask.any():
            yield batch.filter(pa.array(mask))
