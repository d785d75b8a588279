"""Horizontal bars, one for each thing that is compared, with its number at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from footfall.answers.charts.labels import cut, measure
from footfall.answers.charts.markup import (
    About,
    Markup,
    isolate,
    join,
    link,
    make_element,
    make_empty_picture,
    make_picture,
)
from footfall.answers.charts.numbers import find_largest, read_number, write_change, write_number

WIDTH = 760.0
ROW, BAR = 28.0, 18.0  # units of the drawing
LABEL_MAX, NOTE_MAX = 230.0, 200.0  # units; longer text is cut, and is whole in the title that a pointer shows


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Shape: `text` stands at the end of the bar instead of its number; `note` follows it, paler.
    """

    label: str
    value: Any
    text: str = ""
    note: str = ""
    href: str | None = None
    is_complete: bool = True


def draw_bars(about: About, rows: Sequence[Bar]) -> Markup:
    """Draw bars in the order of the rows. Where a number is below 0, all are changes, drawn to both sides of 0."""
    if not rows:
        return make_empty_picture(about, WIDTH)
    numbers = [read_number(row.value) for row in rows]
    highest, lowest = find_largest(numbers), -find_largest(-number for number in numbers if number is not None)
    is_change = lowest < 0
    texts = [_end_text(row, number, is_change) for row, number in zip(rows, numbers, strict=True)]
    left = min(max(measure(row.label) for row in rows), LABEL_MAX) + 12
    notes = [cut(row.note, NOTE_MAX) for row in rows]
    room = max(measure(text) + bool(note) * 8 + measure(note) for text, note in zip(texts, notes, strict=True))
    right = WIDTH - room - 12
    if is_change:
        left += max(measure(text) for text in texts) + 8
    reach = (highest - lowest) or 1
    zero = left + (right - left) * -lowest / reach
    height = len(rows) * ROW + 4
    drawn = [make_element("line", class_="axis", x1=zero, y1=0, x2=zero, y2=height)]
    for at, (row, number, text) in enumerate(zip(rows, numbers, texts, strict=True)):
        length = (right - left) * abs(number or 0) / reach
        drawn.append(_draw_bar(row, number, text, (zero, at * ROW + (ROW - BAR) / 2 + 2, length)))
    return make_picture(about, _describe(rows, texts, about.unit), (WIDTH, height), *drawn)


def _end_text(row: Bar, number: float | None, is_change: bool) -> str:
    if row.text:
        return row.text
    return write_change(number) if is_change and number is not None else write_number(number)


def _draw_bar(row: Bar, number: float | None, text: str, place: tuple[float, float, float]) -> Markup:
    zero, y, length = place
    is_below = (number or 0) < 0
    title = make_element("title", join(isolate(row.label), f": {text}", f", {row.note}" if row.note else ""))
    middle = y + BAR / 2 + 4
    classes = f"bar {'down' if is_below else 's1'}{'' if row.is_complete else ' incomplete'}"
    if number:
        shape = make_element(
            "rect", class_=classes, x=zero - length if is_below else zero, y=y, width=max(length, 1), height=BAR, rx=2
        )
    else:
        shape = Markup()
    end = zero - length - 8 if is_below else zero + length + 8
    anchor = "end" if is_below else "start"
    number_text = make_element("text", text, class_="number", x=end, y=middle, text_anchor=anchor)
    note_at = zero + 8 if is_below else end + measure(text) + 8
    note = make_element("text", cut(row.note, NOTE_MAX), class_="muted", x=note_at, y=middle) if row.note else Markup()
    label = make_element("text", cut(row.label, LABEL_MAX), class_="label", x=0, y=middle)
    hit = make_element("rect", class_="hit", x=0, y=y - 5, width=WIDTH, height=ROW)
    return make_element("g", title, link(row.href, hit, shape, label, number_text, note), class_="row")


def _describe(rows: Sequence[Bar], texts: Sequence[str], unit: str) -> str:
    first = "; ".join(f"{row.label[:60]} {text}" for row, text in zip(rows[:3], texts[:3], strict=True))
    more = f"; and {len(rows) - 3} more" if len(rows) > 3 else ""
    of = f" of {unit}" if unit else ""
    return f"{len(rows)} bar{'' if len(rows) == 1 else 's'}{of}: {first}{more}"
