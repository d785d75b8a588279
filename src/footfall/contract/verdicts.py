"""The verdicts on one batch of records. The engines make them; reading them needs no engine."""

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

    Shape: `accepted` has the columns of ACCEPTED in the order of positions. In formats in which several rows may begin
    on one line it also has `row_line`, the line where a row begins, and `item`, its number on that line.
    `rejected` has position, raw_line, raw_bytes, raw_size_bytes, problems (JSON text), item and around.
    `formats/positions.py` says what a position is. `kinds` has the kinds of problems by file number, `oddities` counts
    accepted rows, and `skipped` counts the rows that are no interactions, by file number.
    """

    accepted: pa.Table
    rejected: pa.Table
    kinds: dict[int, Kinds]
    oddities: tuple[Oddity, ...]
    skipped: dict[int, int] = field(default_factory=dict)
