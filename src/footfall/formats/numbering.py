"""Number the rows of formats in which several rows may begin on one line.

Shape: in these formats the column `position` counts the rows of a file from 1. `row_line` is the line where the row
begins, and `item` its number among the rows that begin there, from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

ROW_LINE = pa.field("row_line", pa.int64())
ITEM = pa.field("item", pa.int64())


@dataclass(slots=True)
class Numbers:
    """The numbers of the last row so far: its number in the file, its line, and its number on that line."""

    rows: int = 0
    line: int = 0
    item: int = 0

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Replace the line numbers of a batch by the numbers of its rows, and append the lines as `row_line`."""
        lines = batch["position"].to_numpy()
        count = len(lines)
        begins = np.flatnonzero(np.diff(lines, prepend=lines[0] - 1))
        items = np.arange(1, count + 1) - np.repeat(begins, np.diff(begins, append=count))
        if lines[0] == self.line:
            items[: begins[1] if len(begins) > 1 else count] += self.item
        numbers = np.arange(self.rows + 1, self.rows + count + 1)
        self.rows, self.line, self.item = self.rows + count, int(lines[-1]), int(items[-1])
        batch = batch.set_column(0, "position", pa.array(numbers))
        return batch.append_column(ROW_LINE, pa.array(lines)).append_column(ITEM, pa.array(items))


def find_lines(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Put the lines where rows begin back into the column `position`. A batch without `row_line` has them there."""
    return batch.set_column(0, "position", batch["row_line"]) if "row_line" in batch.schema.names else batch
