"""What is read from every format: columns of texts, with remarks on how they were found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from footfall.contract.definition import Reference
from footfall.results.guessing import GuessedPart

ROWS_MAX = 40_000  # rows that are looked at; more rows tell nothing new and take seconds


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sample. `reference` names it in a definition; `words` is its name, or empty.

    Shape: `values` has a value for each row, None where it is missing. `is_list` says that some are lists of scalars.
    """

    reference: Reference
    words: str
    values: tuple[str | None, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """The rows of a sample, by columns.

    Shape: `keys` has the keys of a definition by which the records are read, and `looks_like` says the same in words.
    """

    columns: tuple[Column, ...]
    rows: int
    keys: dict[str, Any]
    looks_like: str
    parts: tuple[GuessedPart, ...] = ()
    has_names: bool = True
    is_cut: bool = False  # some rows that were seen are left out
    fixed: dict[str, Any] = field(default_factory=dict)  # fields that the format itself decides

    def find_column(self, reference: Reference) -> Column | None:
        """Find the column with this name, path or position."""
        return next((each for each in self.columns if each.reference == reference), None)
