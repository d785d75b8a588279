"""A line for each series over periods; incomplete periods are dashed and hollow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from footfall.answers.charts.axes import HEIGHT, WIDTH, Frame, draw_axes, make_frame
from footfall.answers.charts.labels import Periods, cut, measure
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
from footfall.answers.charts.numbers import find_largest, read_number, write_number

SERIES_MAX = 5  # lines of one chart; more are a tangle
ROOM_FOR_NAME = 130.0  # units of the drawing at the end of the lines
LINE_HEIGHT = 15.0  # units; names at the ends keep this distance
STRIPS_MAX = 200  # strips that show numbers under the pointer; more would take more bytes than the lines themselves
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one part of stacked bars: one number per period, None where there is none."""

    name: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Band:
    """The usual range: the lowest and highest number of each period, None where it is not known."""

    low: Sequence[Any]
    high: Sequence[Any]
    name: str = "usual"


@dataclass(frozen=True, slots=True)
class _Line:
    """A series with its numbers read and its class, such as `s1`."""

    name: str
    numbers: tuple[float | None, ...]
    colour: str


def draw_lines(
    about: About, periods: Periods, series: Sequence[Series], *, band: Band | None = None, marked: Sequence[int] = ()
) -> Markup:
    """Draw lines. Of more than five series the four largest are drawn, and the rest is added up as "other".

    Shape: `marked` has the places of the periods at which the first series gets a ring and its number.
    """
    lines = gather(series)
    if not len(periods) or not any(number is not None for each in lines for number in each.numbers):
        return make_empty_picture(about, WIDTH)
    numbers = [number for each in lines for number in each.numbers]
    edges = [read_number(cell) for cell in (*band.low, *band.high)] if band else []
    lowest = -find_largest(-number for number in (*numbers, *edges) if number is not None)
    has_names = len(lines) > 1
    room = ROOM_FOR_NAME if has_names else 12.0
    frame = make_frame(find_largest((*numbers, *edges)), lowest, len(periods), room)
    drawn = [draw_axes(frame, periods, about.unit)]
    if band is not None:
        drawn.append(_draw_band(frame, band))
    if not has_names and band is None:
        drawn.append(_draw_area(frame, lines[0]))
    drawn += [_draw_line(frame, periods, each) for each in reversed(lines)]
    if has_names:
        drawn.append(_draw_names(frame, lines))
    drawn.append(_draw_notes(frame, periods, lines[0], marked, is_alone=not has_names))
    drawn.append(_draw_strips(frame, periods, lines, about.unit))
    return make_picture(about, describe(periods, lines[0].numbers, about.unit), (WIDTH, HEIGHT), *drawn)


def gather(series: Sequence[Series], most: int = SERIES_MAX) -> list[_Line]:
    """Read the numbers of series, and add up those beyond the largest as "other"."""
    read = [_Line(each.name, tuple(read_number(cell) for cell in each.values), "") for each in series]
    if len(read) > most:
        sums = {at: sum(number or 0 for number in each.numbers) for at, each in enumerate(read)}
        largest = sorted(sorted(sums, key=lambda at: (-sums[at], at))[: most - 1])
        rest = [each.numbers for at, each in enumerate(read) if at not in largest]
        added = tuple(_add(cells) for cells in zip(*rest, strict=True))
        read = [read[at] for at in largest] + [_Line(f"{OTHER} ({len(rest)})", added, "s-other")]
    return [replace(each, colour=each.colour or f"s{at}") for at, each in enumerate(read, 1)]


def _add(cells: Sequence[float | None]) -> float | None:
    known = [cell for cell in cells if cell is not None]
    return sum(known) if known else None


def describe(periods: Periods, numbers: Sequence[float | None], unit: str) -> str:
    """Say in a sentence what a line shows: how many periods, the lowest, the highest, the last."""
    known = [(number, at) for at, number in enumerate(numbers) if number is not None]
    if not known:
        return "no numbers"
    low, high = min(known), max(known, key=lambda each: (each[0], -each[1]))
    words = f"{len(periods)} {periods.per or 'value'}{'s' if len(periods) != 1 else ''}"
    said = (
        f"{words}{f' of {unit}' if unit else ''}: lowest {write_number(low[0])} ({periods.name(low[1])}), "
        f"highest {write_number(high[0])} ({periods.name(high[1])})"
    )
    return said if periods.is_whole(len(periods) - 1) else f"{said}; the last one is incomplete"


def _place_points(frame: Frame, numbers: Sequence[float | None]) -> list[tuple[float, float] | None]:
    return [None if number is None else (frame.place_x(at), frame.place_y(number)) for at, number in enumerate(numbers)]


def _split_at_gaps(points: Sequence[tuple[float, float] | None]) -> list[list[int]]:
    """Give the runs of points without a gap."""
    runs: list[list[int]] = [[]]
    for at, point in enumerate(points):
        if point is not None:
            runs[-1].append(at)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _join_points(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _draw_line(frame: Frame, periods: Periods, drawn: _Line) -> Markup:
    points = _place_points(frame, drawn.numbers)
    shapes: list[Markup] = []
    for run in _split_at_gaps(points):
        pieces: list[tuple[bool, list[tuple[float, float]]]] = []
        for before, after in pairwise(run):
            is_whole = periods.is_whole(before) and periods.is_whole(after)
            start, end = points[before], points[after]
            assert start is not None and end is not None  # noqa: S101  (a run has no gap)
            if not pieces or pieces[-1][0] != is_whole:
                pieces.append((is_whole, [start]))
            pieces[-1][1].append(end)
        shapes += [
            make_element(
                "path",
                class_=f"line {drawn.colour}{'' if is_whole else ' incomplete'}",
                d=_join_points(way),
                fill="none",
            )
            for is_whole, way in pieces
        ]
        shapes += [
            _draw_point(points[at], f"{drawn.colour}{'' if periods.is_whole(at) else ' incomplete'}")
            for at in run
            if not periods.is_whole(at) or len(run) == 1
        ]
    return join(*shapes)


def _draw_point(point: tuple[float, float] | None, colour: str) -> Markup:
    return make_element("circle", class_=f"point {colour}", cx=point[0], cy=point[1], r=4) if point else Markup()


def _draw_area(frame: Frame, drawn: _Line) -> Markup:
    points = _place_points(frame, drawn.numbers)
    shapes = []
    for run in _split_at_gaps(points):
        way = [point for at in run if (point := points[at])]
        floor = frame.place_y(0)
        outline = _join_points([(way[0][0], floor), *way, (way[-1][0], floor)]) + "Z"
        shapes.append(make_element("path", class_=f"area {drawn.colour}", d=outline))
    return join(*shapes)


def _draw_band(frame: Frame, band: Band) -> Markup:
    low = _place_points(frame, [read_number(cell) for cell in band.low])
    high = _place_points(frame, [read_number(cell) for cell in band.high])
    both = [top if top and bottom else None for top, bottom in zip(high, low, strict=True)]
    shapes = []
    for run in _split_at_gaps(both):
        way = [point for at in run if (point := high[at])]
        back = [point for at in reversed(run) if (point := low[at])]
        shapes.append(
            make_element("path", make_element("title", band.name), class_="band", d=_join_points([*way, *back]) + "Z")
        )
    return join(*shapes)


def _draw_names(frame: Frame, lines: Sequence[_Line]) -> Markup:
    """Write each name at the end of its line, at a distance from its neighbours."""
    ends = []
    for each in lines:
        known = [at for at, number in enumerate(each.numbers) if number is not None]
        if known:
            ends.append((frame.place_y(each.numbers[known[-1]] or 0), each))
    ends.sort(key=lambda end: end[0])
    places: list[float] = []
    for wanted, _ in ends:
        places.append(max(wanted, places[-1] + LINE_HEIGHT) if places else wanted)
    if places and (over := places[-1] - frame.bottom) > 0:
        for at in reversed(range(len(places))):
            most = frame.bottom - (len(places) - 1 - at) * LINE_HEIGHT
            places[at] = min(places[at], most) if over > 0 else places[at]
    room = ROOM_FOR_NAME - 12
    return join(
        *(
            make_element("text", cut(each.name, room), class_=f"name {each.colour}", x=frame.right + 9, y=place + 4)
            for place, (_, each) in zip(places, ends, strict=True)
        )
    )


def _draw_notes(frame: Frame, periods: Periods, drawn: _Line, marked: Sequence[int], *, is_alone: bool) -> Markup:
    """Write the numbers that a reader looks for: of marked periods, else the highest one."""
    known = [at for at, number in enumerate(drawn.numbers) if number is not None]
    chosen = [at for at in marked if at in known]
    highest = max(known, key=lambda at: (drawn.numbers[at] or 0, -at), default=None)
    if not chosen and highest is not None and is_alone and len(known) > 1 and drawn.numbers[highest]:
        chosen = [highest]
    shapes = []
    for at in chosen:
        x, y, text = frame.place_x(at), frame.place_y(drawn.numbers[at] or 0), write_number(drawn.numbers[at])
        half = measure(text) / 2
        if at in marked:
            shapes.append(make_element("circle", class_="ring", cx=x, cy=y, r=7))
        x = min(max(x, frame.left + half), WIDTH - half)
        shapes.append(make_element("text", text, class_="number", x=x, y=max(y - 10, 12), text_anchor="middle"))
    return join(*shapes)


def _draw_strips(frame: Frame, periods: Periods, lines: Sequence[_Line], unit: str) -> Markup:
    """Lay a strip over each period that shows its numbers under the pointer; many periods share strips."""
    together = -(-len(periods) // STRIPS_MAX)
    strips = []
    for first in range(0, len(periods), together):
        last = min(first + together, len(periods)) - 1
        title = make_element("title", _tell(periods, lines, (first, last), unit))
        x, width = frame.left + first * frame.step_width, (last - first + 1) * frame.step_width
        shapes = [make_element("rect", class_="hit", x=x, y=frame.top, width=width, height=frame.bottom - frame.top)]
        middle = (first + last) // 2
        for each in lines:
            if (number := each.numbers[middle]) is not None:
                colour = f"dot {each.colour}"
                shapes.append(
                    make_element("circle", class_=colour, cx=frame.place_x(middle), cy=frame.place_y(number), r=4)
                )
        strips.append(
            make_element(
                "g",
                title,
                link(periods.find_address(first), *shapes, name=periods.name(first), is_reached=False),
                class_="strip",
            )
        )
    return join(*strips)


def _tell(periods: Periods, lines: Sequence[_Line], span: tuple[int, int], unit: str) -> Markup:
    first, last = span
    name = periods.name(first) if first == last else f"{periods.name(first)} to {periods.name(last)}"
    said = []
    for each in lines:
        numbers = [number for number in each.numbers[first : last + 1] if number is not None]
        if not numbers:
            text = "no number"
        elif len(numbers) == 1 or min(numbers) == max(numbers):
            text = write_number(numbers[0])
        else:
            text = f"{write_number(min(numbers))} to {write_number(max(numbers))}"
        said.append(join(isolate(each.name), f" {text}") if len(lines) > 1 else join(f"{text} {unit}".rstrip()))
    is_whole = all(periods.is_whole(at) for at in range(first, last + 1))
    numbers_said = Markup(", ".join(said))
    return join(isolate(name), ": ", numbers_said, "" if is_whole else " (incomplete)")
