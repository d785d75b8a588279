"""The header of a file: where the five columns stand."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.contract.first_line import looks_like, names_shown
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError


@dataclass(frozen=True, slots=True)
class Header:
    """Where the five columns stand.

    Shape: `positions` are 1-based, in the order of COLUMNS; `surplus` are ignored names.
    """

    positions: tuple[int, ...]
    field_count: int
    surplus: tuple[str, ...]


def read_header(fields: list[str], source: str, delimiter: str) -> Header:
    """Find the five columns by name, in any order and any case.

    Raises: SourceError where a required column is missing or stands twice.

    Example:
        >>> read_header(["timestamp", " User_ID", "interaction_id", "product_id", "action"], "a.csv", ",").positions
        (3, 2, 4, 5, 1)
    """
    names = [field.strip(" \t").lower() for field in fields]
    for column in COLUMNS:
        if names.count(column) > 1:
            raise SourceError(f"the header names the column {column!r} twice; keep one of them", source=source)
    if any(column not in names for column in COLUMNS):
        raise SourceError(_missing(fields, names, delimiter), source=source)
    surplus = tuple(field.strip(" \t") for field, name in zip(fields, names, strict=True) if name not in COLUMNS)
    return Header(tuple(names.index(column) + 1 for column in COLUMNS), len(names), surplus)


def _missing(fields: list[str], names: list[str], delimiter: str) -> str:
    """Say which columns a header lacks, and what the file looks like, without a value of a row."""
    missing = ", ".join(repr(column) for column in COLUMNS if column not in names)
    shown = names_shown(fields)
    look = looks_like(delimiter.join(fields), delimiter, COLUMNS)
    return (
        f"the header has no column {missing} (it has {len(fields):,} column{'' if len(fields) == 1 else 's'}"
        + (f", among them {', '.join(shown)}" if shown else "")
        + f"); the first line must name {', '.join(COLUMNS)}"
        + (f"; {look}" if look else "")
    )
