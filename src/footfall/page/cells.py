"""Write one value as the text of a cell. The name of its column says how: it means the same in every answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from footfall.answers.charts.labels import DAYS, MONTHS
from footfall.answers.charts.numbers import write_duration, write_number, write_share
from footfall.page.options import write_id_address
from footfall.safe_text import escape_unprintable

NOTHING = Markup('<span class="muted" aria-label="none">&ndash;</span>')
LINKS = {"user_id": "users", "last_user_id": "users", "product_id": "products", "last_product_id": "products"}
NUMBERS = (int, float, Decimal)


def write_cell(column: str, value: Any) -> Markup:
    """Give a value as the content of a cell."""
    if value is None or value == "":
        return NOTHING
    if column in LINKS:
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(
            write_id_address(LINKS[column], value), _write_plain(value)
        )
    if column in ("load_id", "first_load_id"):
        return Markup('<a href="/loads/{0}">{0}</a>').format(value)
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if isinstance(value, NUMBERS):
        return escape(write_amount(column, value))
    if isinstance(value, datetime):
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), write_instant(value))
    if isinstance(value, date):
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), write_day(value))
    if column in ("action", "last_action", "next_action", "path", "source", "actions"):
        return Markup("<bdi>{}</bdi>").format(_write_plain(value))
    return escape(_write_plain(value))


def write_amount(column: str, value: Any) -> str:
    """Write a number as its column needs it: as a share, as a duration, as plain digits or as a count."""
    if column.startswith("share") or column.endswith("_share") or "_share_" in column:
        return write_share(float(value))
    if column.endswith("_seconds") or column == "seconds":
        return write_duration(float(value))
    if column in ("line_number", "weekday", "hour", "step", "period_number"):
        return str(value)
    if isinstance(value, float | Decimal):
        return write_number(float(value))
    return write_number(value)


def is_amount(column: str, values: list[Any]) -> bool:
    """Say whether a column holds numbers, which the page aligns to the right."""
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(value, NUMBERS) and not isinstance(value, bool) for value in found)


def write_day(day: date) -> str:
    """Give a day as people write it.

    Example:
        >>> write_day(date(2024, 4, 21))
        'Sun 21 Apr 2024'
    """
    return f"{DAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def write_instant(at: datetime) -> str:
    """Write an instant to the second, in the time zone that it has.

    Example:
        >>> write_instant(datetime.fromisoformat("2024-04-21T07:05:00Z"))
        '2024-04-21 07:05:00 UTC'
    """
    text = at.isoformat(sep=" ", timespec="seconds")
    return text.removesuffix("+00:00") + " UTC" if text.endswith("+00:00") else text


def write_heading(column: str) -> str:
    """Give the name of a column in words.

    Example:
        >>> write_heading("user_count"), write_heading("p90_seconds"), write_heading("day")
        ('users', 'p90', 'day')
    """
    known: Mapping[str, str] = {
        "dau_count": "users of the day",
        "wau_count": "of 7 days",
        "mau_count": "of 30 days",
        "dau_share_of_mau": "day of 30 days",
        "rows_read": "read",
        "rows_loaded": "loaded",
        "rows_duplicate": "duplicate",
        "rows_rejected": "rejected",
        "rows_skipped": "skipped",
    }
    if column in known:
        return known[column]
    words = column.removesuffix("_seconds").removesuffix("_at").replace("_", " ")
    return words.removesuffix(" count") + "s" if column.endswith("_count") else words


def _write_plain(value: Any) -> str:
    return escape_unprintable(str(value))
