"""Heat maps: a number as the depth of a colour, as a picture or as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from footfall.answers.charts.labels import cut, measure
from footfall.answers.charts.markup import About, Markup, isolate, join, make_element, make_empty_picture, make_picture
from footfall.answers.charts.numbers import find_largest, read_number, write_number, write_share

LEVELS = 8  # depths of colour above 0; charts.css has the colour of each, and of the text that can be read on it
WIDTH = 760.0
CELL_HEIGHT, LABEL_MAX, TOP, FOOT = 24.0, 110.0, 6.0, 58.0


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One row of a table: a label, the size of its group, and one share per column, None where it is not known yet."""

    label: str
    size: Any
    shares: Sequence[Any]
    note: str = ""
    href: str | None = None


def choose_level(number: float | None, largest: float) -> int:
    """Give the depth of colour of a number: 0 for nothing, LEVELS for the largest.

    Example:
        >>> choose_level(0, 9), choose_level(0.1, 9), choose_level(4.5, 9), choose_level(9, 9)
        (0, 1, 4, 8)
    """
    if not number or number < 0 or largest <= 0:
        return 0
    return min(LEVELS, max(1, -int(-(number / largest * LEVELS) // 1)))


def draw_heat_map(about: About, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[Any]]) -> Markup:
    """Draw a grid of cells; a cell that has no number is empty and has a dashed edge.

    Shape: `values` has one list per row, with one number per column.
    """
    numbers = [[read_number(cell) for cell in cells] for cells in values]
    largest = find_largest(number for cells in numbers for number in cells)
    if not rows or not columns or not any(number is not None for cells in numbers for number in cells):
        return make_empty_picture(about, WIDTH)
    left = min(max(measure(label) for label in rows), LABEL_MAX) + 10
    width = (WIDTH - left) / len(columns)
    drawn = []
    for row, (label, cells) in enumerate(zip(rows, numbers, strict=True)):
        y = TOP + row * CELL_HEIGHT
        middle = y + CELL_HEIGHT / 2 + 4
        drawn.append(
            make_element("text", cut(label, LABEL_MAX), class_="label", x=left - 10, y=middle, text_anchor="end")
        )
        for column, number in enumerate(cells):
            told = join(
                isolate(label), " ", isolate(columns[column]), f": {write_number(number)} {about.unit}".rstrip()
            )
            kind = "h-none" if number is None else f"h{choose_level(number, largest)}"
            place = {"x": left + column * width + 1, "y": y + 1, "width": width - 2, "height": CELL_HEIGHT - 2}
            drawn.append(make_element("rect", make_element("title", told), class_=f"cell {kind}", rx=2, **place))
    bottom = TOP + len(rows) * CELL_HEIGHT
    widest = max(measure(label) for label in columns) + 10
    every = max(1, -(-int(widest) // max(int(width), 1)))
    for column in range(0, len(columns), every):
        x = min(left + (column + 0.5) * width, WIDTH - measure(columns[column]) / 2)
        label = cut(columns[column], width * every)
        drawn.append(make_element("text", label, class_="muted", x=x, y=bottom + 16, text_anchor="middle"))
    drawn.append(_draw_scale(largest, bottom + 34, about.unit))
    return make_picture(about, _describe(rows, columns, numbers, about.unit), (WIDTH, bottom + FOOT), *drawn)


def _draw_scale(largest: float, y: float, unit: str) -> Markup:
    words = f"{write_number(largest)} {unit}".rstrip()
    right = WIDTH - measure(words) - 10
    side = 20.0
    left = right - (LEVELS + 1) * side
    drawn = [make_element("text", "0", class_="muted", x=left - 8, y=y + 11, text_anchor="end")]
    for level in range(LEVELS + 1):
        drawn.append(
            make_element("rect", class_=f"cell h{level}", x=left + level * side, y=y, width=side - 2, height=14, rx=2)
        )
    drawn.append(make_element("text", words, class_="muted", x=WIDTH, y=y + 11, text_anchor="end"))
    return join(*drawn)


def _describe(rows: Sequence[str], columns: Sequence[str], numbers: Sequence[Sequence[float | None]], unit: str) -> str:
    known = [
        (number, -r, -c) for r, cells in enumerate(numbers) for c, number in enumerate(cells) if number is not None
    ]
    highest, row, column = max(known)
    lowest, low_row, low_column = min(known, key=lambda each: (each[0], -each[1], -each[2]))
    return (
        f"most {unit}: {rows[-row]} {columns[-column]} ({write_number(highest)}); "
        f"fewest: {rows[-low_row]} {columns[-low_column]} ({write_number(lowest)})"
    ).replace("most :", "most:")


def draw_heat_table(
    about: About, columns: Sequence[str], rows: Sequence[HeatRow], average: HeatRow | None = None
) -> Markup:
    """Give a table of shares with coloured cells, which can also be read without the colours.

    Shape: `columns` names the label, the size and each share. A row may have fewer shares than that: the cells that are
    not known yet are hatched and empty.
    """
    largest = find_largest(read_number(share) for row in rows for share in row.shares)
    head = make_element("tr", *(make_element("th", name, scope="col") for name in columns))
    body = [_draw_table_row(row, len(columns) - 2, largest) for row in rows]
    if not rows:
        body = [make_element("tr", make_element("td", "no interactions in this range", colspan=str(len(columns))))]
    foot = [make_element("tfoot", _draw_table_row(average, len(columns) - 2, largest))] if average and rows else []
    return make_element(
        "table",
        make_element("caption", about.sentence or about.title),
        make_element("thead", head),
        make_element("tbody", *body),
        *foot,
        class_="heat",
        id=about.name,
    )


def _draw_table_row(row: HeatRow, columns: int, largest: float) -> Markup:
    size = read_number(row.size)
    label = make_element("a", isolate(row.label), href=row.href) if row.href else isolate(row.label)
    note = make_element("small", f" {row.note}") if row.note else Markup()
    cells = [
        make_element("th", label, note, scope="row"),
        make_element("td", "" if size is None else write_number(size), class_="size"),
    ]
    shares = [read_number(share) for share in row.shares]
    for share in [*shares, *[None] * (columns - len(shares))]:
        if share is None:
            cells.append(make_element("td", make_element("span", "not known yet", class_="unseen"), class_="h-none"))
        else:
            cells.append(make_element("td", write_share(share), class_=f"h{choose_level(share, largest)}"))
    return make_element("tr", *cells)
