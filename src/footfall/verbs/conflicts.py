"""Read conflicting rows from their file again for their text, since the merge knows only their lines."""

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
    """Read the conflicting rows of a file again; `lines` is the bitmap of their line numbers.

    Shape: batches with the columns of rejected rows, each with the ids of its rows.
    """
    reading = reader.read(file)
    conflicting = (
        batch.filter(pa.array(mask))
        for batch in reading.batches
        if (mask := merging.are_bits_set(lines, np.asarray(batch.column("line_number")))).any()
    )
    return engine.judge_conflicts(reading.layout, conflicting)
