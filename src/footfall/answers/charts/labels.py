"""Labels of charts: names of periods, and text cut to the room that it has."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from footfall.safe_text import escape_unprintable

FONT = 12.0  # units of the drawing; the size of ordinary labels, as charts.css has it
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS_WITHOUT_YEAR = 500  # days; a longer axis is labelled by month and year
Per = Literal["day", "week", "month", ""]
NARROW, WIDE = frozenset(" !'(),-./:;I[]fijlrt|"), frozenset("%@MWmw")


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods, or other keys, along a chart from left to right.

    Shape: one key per period, the oldest first, none left out. `is_complete` and `hrefs` have one value per key;
    `is_complete` is empty where all periods are complete, `hrefs` where nothing is linked.
    """

    keys: Sequence[date | str]
    per: Per = ""
    is_complete: Sequence[bool] = ()
    hrefs: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def is_whole(self, at: int) -> bool:
        return not self.is_complete or bool(self.is_complete[at])

    def find_address(self, at: int) -> str | None:
        return self.hrefs[at] if self.hrefs else None

    def name(self, at: int) -> str:
        """Give the whole name of a period."""
        return name_period(self.keys[at], self.per)

    def shorten_period(self, at: int) -> str:
        """Give the short name of a period, for an axis."""
        key = self.keys[at]
        if not isinstance(key, date):
            return cut(key, 90)
        if self.per == "month" or self.is_long:
            return f"{MONTHS[key.month - 1][:3]} {key.year}"
        return f"{key.day} {MONTHS[key.month - 1][:3]}"

    @property
    def is_long(self) -> bool:
        first, last = (self.keys[0], self.keys[-1]) if self.keys else ("", "")
        return isinstance(first, date) and isinstance(last, date) and (last - first).days > DAYS_WITHOUT_YEAR

    @property
    def years(self) -> str:
        """Give the year or years that dates without one belong to."""
        dates = [key for key in self.keys if isinstance(key, date)]
        if not dates or self.per == "month" or self.is_long:
            return ""
        first, last = min(dates).year, max(dates).year
        return str(first) if first == last else f"{first} to {last}"


def name_period(key: date | str, per: Per) -> str:
    """Give the whole name of a period.

    Example:
        >>> [name_period(date(2024, 4, 21), per) for per in ("day", "week", "month")]
        ['Sunday 21 April 2024', 'week of 21 April 2024', 'April 2024']
    """
    if not isinstance(key, date):
        return key
    if per == "month":
        return f"{MONTHS[key.month - 1]} {key.year}"
    whole = f"{key.day} {MONTHS[key.month - 1]} {key.year}"
    return f"week of {whole}" if per == "week" else f"{DAYS[key.weekday()]} {whole}"


def measure(text: str, size: float = FONT) -> float:
    """Estimate the width of text, rather too large than too small, since its font is not known here."""
    return sum(_measure_character(character) for character in text) * size


def _measure_character(character: str) -> float:
    if character in NARROW:
        return 0.4
    if character in WIDE:
        return 1.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.0 if unicodedata.combining(character) else 0.72 if character.isupper() else 0.64


def cut(text: str, room: float, size: float = FONT) -> str:
    """Give text, or as much of its beginning as there is room for, and an ellipsis.

    Example:
        >>> cut("add_to_cart", 100), cut("add_to_cart", 44)
        ('add_to_cart', 'add_t…')
    """
    text = escape_unprintable(text)
    if measure(text, size) <= room:
        return text
    room -= measure("…", size)
    kept = 0
    while kept < len(text) and (room := room - _measure_character(text[kept]) * size) >= 0:
        kept += 1
    return text[:kept].rstrip() + "…"


def choose_labelled(periods: Periods, step_width: float) -> list[int]:
    """Choose the periods that get a label: the last one and, at even distances, as many others as have room."""
    if not len(periods):
        return []
    widest = max(measure(periods.shorten_period(at)) for at in {0, len(periods) // 2, len(periods) - 1}) + 22
    every = max(1, -(-int(widest) // max(int(step_width), 1))) if step_width >= 1 else int(widest / step_width) + 1
    if periods.per == "day" and every > 3:
        every = -(-every // 7) * 7  # the same weekday each time
    return list(range((len(periods) - 1) % every, len(periods), every))
