"""The position of a row when several files are judged together: one integer for the file and the line.

The low bits of a position are the line number. The bits above are the number of the file among those that are judged
together, from 0, so that in a single file the positions are the line numbers. (In formats in which several rows may
begin on one line, the low bits count the rows of the file instead: see `numbering.py`.)

Batches of records and the tables of the engines hold positions in the column `position`. The tables of PostgreSQL hold
the line itself, in the column `line_number`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

LINE_BITS = 40  # bits for the line number: 10^12 lines a file, which leaves room for 8 million files


def make_positions(line_numbers: pa.Array | pa.ChunkedArray, file_number: int) -> pa.Array:
    """Make the positions of lines of one file."""
    return pa.array(np.asarray(line_numbers) + (file_number << LINE_BITS))


def replace_lines(positions: np.ndarray, line_numbers: np.ndarray) -> pa.Array:
    """Replace the line number in each position; the number of the file stays.

    Example:
        >>> positions = make_positions(pa.array([7]), 3).to_numpy()
        >>> read_line_numbers(replace_lines(positions, np.array([9])).to_numpy()).tolist()
        [9]
    """
    return pa.array((positions >> LINE_BITS << LINE_BITS) + line_numbers)


def read_file_numbers(positions: np.ndarray) -> np.ndarray:
    """Read the number of each row's file from its position.

    Example:
        >>> read_file_numbers(make_positions(pa.array([7, 8]), 3).to_numpy()).tolist()
        [3, 3]
    """
    return positions >> LINE_BITS


def read_line_numbers(positions: np.ndarray) -> np.ndarray:
    """Read the line number of each row in its file from its position.

    Example:
        >>> read_line_numbers(make_positions(pa.array([7, 8]), 3).to_numpy()).tolist()
        [7, 8]
    """
    return positions & ((1 << LINE_BITS) - 1)


def count_rows_per_file(positions: pa.ChunkedArray, files: int) -> list[int]:
    """Count the rows of each file; `files` is the number of files that are judged together."""
    if files == 1:
        return [len(positions)]
    counts: list[int] = np.bincount(read_file_numbers(positions.to_numpy()), minlength=files).tolist()
    return counts
