"""Write one value as exact text: for CSV, for JSON, and for formats that have no type for it."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any


def write_cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dict | list | tuple | bool):
        return write_json(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def write_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_make_json_value)
    # json.dumps leaves DEL, C1 and line separators as they are, and a lone surrogate, which UTF-8 cannot encode.
    return re.sub("[\x7f-\x9f\u2028\u2029\ud800-\udfff]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _make_json_value(other: Any) -> Any:
    if isinstance(other, Decimal):
        is_whole = other.is_finite() and other == other.to_integral_value()
        return int(other) if is_whole else find_exact_float(other, str(other))
    return other.isoformat() if isinstance(other, date) else str(other)


def find_exact_float(number: Decimal, otherwise: Any) -> Any:
    """Give the double whose text is this number, or `otherwise` where there is none."""
    return float(number) if Decimal(repr(float(number))) == number else otherwise
