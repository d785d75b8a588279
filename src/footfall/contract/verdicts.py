"""The verdicts on one batch of records: the engines give them, and whoever takes them needs no engine to read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from footfall.contract.value_shapes import Kinds

if TYPE_CHECKING:
    import pyarrow as pa


Oddity = tuple[int, Literal["padded_ids", "null_words"], str, int]  # file number, kind, column or word, rows


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts on one batch.

    Shape: `accepted` has the columns of ACCEPTED in line order, and behind them `row_line`, the line where a row
    begins, of formats where the line numbers count rows; `rejected` has line_number, raw_line, raw_bytes,
    raw_size_bytes, problems (JSON text) and item; `kinds` the kinds of problems by file number; `oddities` counts
    accepted rows; `skipped` counts the rows that are no interactions, by file number. The line numbers of the tables
    are places.
    """

    accepted: pa.Table
    rejected: pa.Table
    kinds: dict[int, Kinds]
    oddities: tuple[Oddity, ...]
    skipped: dict[int, int] = field(default_factory=dict)
