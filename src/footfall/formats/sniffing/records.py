"""What every format comes to: columns of texts, with what was said on the way there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from footfall.contract.definition import Reference
from footfall.results.guessing import GuessedPart

ROWS_MAX = 40_000  # rows that are looked at; more tell nothing new, and take seconds


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sample. `reference` is how a definition names it, `words` what it is called, or nothing.

    Shape: a missing value is None; `values` has one for each row. `is_list`: some values are lists of scalars.
    """

    reference: Reference
    words: str
    values: tuple[str | None, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a sample, by columns.

    Shape: `keys` are the keys of a definition that say how the records are read; `looks_like` says it in words.
    """

    columns: tuple[Column, ...]
    rows: int
    keys: dict[str, Any]
    looks_like: str
    parts: tuple[GuessedPart, ...] = ()
    has_names: bool = True
    is_cut: bool = False  # some rows that were seen are left out
    fixed: dict[str, Any] = field(default_factory=dict)  # fields that the format itself decides

    def column(self, reference: Reference) -> Column | None:
        """Find a column by how a definition names it."""
        return next((each for each in self.columns if each.reference == reference), None)
