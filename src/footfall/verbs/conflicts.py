"""The text of rows that the merge found to be conflicts, read from the file once more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from footfall.formats.reading import Reading
from footfall.tables import merge as merging
from footfall.verbs.judging import Run, read


def find_conflicts(run: Run, reading: Reading, lines: np.ndarray) -> Iterator[tuple[pa.Table, list[str]]]:
    """Read a file once more for the text of its conflicting rows, which the merge found by line number."""
    from footfall.engines import kernel

    reading = read(run, reading.file)
    conflicting = (
        batch.filter(pa.array(mask_))
        for batch in reading.batches
        if (mask_ := merging.are_in(lines, np.asarray(batch.column("line_number")))).any()
    )
    return kernel.as_conflicts(conflicting, run.contract, reading.header, run.latest)
