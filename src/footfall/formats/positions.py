"""Where a row stands when several files are judged at once: the number of its file, and its line number there.

A place is one integer: the line number in the low bits, and above them the number of the file among those at hand, from
0. So the places of one file alone are its line numbers.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

PLACE_BITS = 40  # 10^12 lines a file, 8 million files


def placed(line_numbers: pa.Array | pa.ChunkedArray, file_number: int) -> pa.Array:
    """Give the places of lines of one file."""
    return pa.array(np.asarray(line_numbers) + (file_number << PLACE_BITS))


def placed_by(places: np.ndarray, line_numbers: np.ndarray) -> pa.Array:
    """Give the places of other lines, each in the file of the place that is given for it.

    Example:
        >>> line_numbers(placed_by(placed(pa.array([7]), 3).to_numpy(), np.array([9])).to_numpy()).tolist()
        [9]
    """
    return pa.array((places >> PLACE_BITS << PLACE_BITS) + line_numbers)


def file_numbers(places: np.ndarray) -> np.ndarray:
    """Give the number of each row's file.

    Example:
        >>> file_numbers(placed(pa.array([7, 8]), 3).to_numpy()).tolist()
        [3, 3]
    """
    return places >> PLACE_BITS


def line_numbers(places: np.ndarray) -> np.ndarray:
    """Give the line number of each row in its file.

    Example:
        >>> line_numbers(placed(pa.array([7, 8]), 3).to_numpy()).tolist()
        [7, 8]
    """
    return places & ((1 << PLACE_BITS) - 1)


def rows_per_file(places: pa.ChunkedArray, files: int) -> list[int]:
    """Count the rows of each of so many files."""
    if files == 1:
        return [len(places)]
    counts: list[int] = np.bincount(file_numbers(places.to_numpy()), minlength=files).tolist()
    return counts
