"""One value as the text of a table, a CSV or a JSON."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

SECONDS_DECIMALS = 3  # of a second, in JSON and CSV
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")  # for spreadsheets; OWASP, "CSV Injection"
# Ends of column names whose numbers are amounts; other numbers are names (ids, lines) and stay without separators.
AMOUNTS = ("_bytes", "_count", "_s", "kept", "recount")


def write_table_cell(column: str, cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int) and (column.startswith("rows_") or column.endswith(AMOUNTS)):
        return f"{cell:,}"
    if isinstance(cell, datetime):
        text = cell.isoformat(sep=" ", timespec="seconds")
        return text.removesuffix("+00:00") + " UTC" if text.endswith("+00:00") else text
    return write_cell(cell)


def write_cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dict | list | tuple | bool):
        return write_json(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def write_inert_cell(cell: Any) -> str:
    """Give a cell's text so that a spreadsheet shows it: with an apostrophe where it would begin a formula."""
    text = write_cell(cell)
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) and not isinstance(cell, int | float | Decimal) else text


def write_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_json_value)
    # JSON leaves DEL, C1 and line separators as they are, and a lone surrogate cannot be written at all.
    return re.sub("[\x7f-\x9f\u2028\u2029\ud800-\udfff]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _json_value(other: Any) -> Any:
    if isinstance(other, Decimal):
        is_whole = other.is_finite() and other == other.to_integral_value()
        return int(other) if is_whole else find_exact_float(other, str(other))
    return other.isoformat() if isinstance(other, date) else str(other)


def find_exact_float(number: Decimal, otherwise: Any) -> Any:
    """Give the double that is written like this number, or something else where there is none."""
    return float(number) if Decimal(repr(float(number))) == number else otherwise


def write_json_lines(values: list[dict[str, Any]], indent: str = "") -> str:
    if not values:
        return "[]"
    return "[\n" + ",\n".join(f"{indent}  {write_json(value)}" for value in values) + f"\n{indent}]"


def round_seconds(seconds: float) -> float:
    return round(seconds, SECONDS_DECIMALS)
