"""One value as the text of a table, a CSV or a JSON."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

from footfall.results.cells import find_exact_float, write_cell, write_json

__all__ = [
    "find_exact_float",
    "round_seconds",
    "write_cell",
    "write_inert_cell",
    "write_json",
    "write_json_lines",
    "write_table_cell",
]

SECONDS_DECIMALS = 3  # of a second, in JSON and CSV
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")  # for spreadsheets; OWASP, "CSV Injection"
# Ends of the names of columns of amounts. Numbers of other columns are names (ids, lines) and get no separators.
AMOUNTS = ("_bytes", "_count", "_s", "change", "kept", "recount")
SMALL = 0.01  # below it, two decimals would show nothing


def write_table_cell(column: str, cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int) and (column.startswith("rows_") or column.endswith(AMOUNTS)):
        return f"{cell:,}"
    if isinstance(cell, float):
        return _write_rounded(column, cell)
    if isinstance(cell, datetime):
        text = cell.isoformat(sep=" ", timespec="seconds")
        return text.removesuffix("+00:00") + " UTC" if text.endswith("+00:00") else text
    return write_cell(cell)


def _write_rounded(column: str, number: float) -> str:
    """Round a number for a screen, a share as per cent. CSV and JSON have it exactly."""
    if column == "share" or column.startswith("share_") or column.endswith(("_share", "_rate")):
        return f"{number:.1%}"
    if (number and abs(number) < SMALL) or not math.isfinite(number):
        return f"{number:.3g}"
    return f"{number:,.2f}"


def write_inert_cell(cell: Any) -> str:
    """Give a cell's text so that a spreadsheet shows it: with an apostrophe where it would begin a formula."""
    text = write_cell(cell)
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) and not isinstance(cell, int | float | Decimal) else text


def write_json_lines(values: list[dict[str, Any]], indent: str = "") -> str:
    if not values:
        return "[]"
    return "[\n" + ",\n".join(f"{indent}  {write_json(value)}" for value in values) + f"\n{indent}]"


def round_seconds(seconds: float) -> float:
    return round(seconds, SECONDS_DECIMALS)
