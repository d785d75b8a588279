"""Read the text of conflicting rows, which the merge found by their lines, from the file again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from footfall.engines.in_process import Engine
from footfall.formats.reading import Reader
from footfall.sources import opening
from footfall.tables import merge as merging


def find_conflicts(
    engine: Engine, reader: Reader, file: opening.SourceFile, lines: np.ndarray
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Read a file again for the text of its conflicting rows; `lines` is the bitmap of their line numbers.

    Shape: the columns of rejected rows, batch by batch, each with the ids of its rows.
    """
    reading = reader.read(file)
    conflicting = (
        batch.filter(pa.array(mask))
        for batch in reading.batches
        if (mask := merging.are_bits_set(lines, np.asarray(batch.column("line_number")))).any()
    )
    return engine.judge_conflicts(reading.layout, conflicting)
