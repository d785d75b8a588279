"""Stacked bars over periods: parts that add up stand above 0, losses below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from footfall.answers.charts.axes import HEIGHT, WIDTH, Frame, draw_axes, make_frame
from footfall.answers.charts.labels import Periods, cut, measure
from footfall.answers.charts.line import Series, gather
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

LEGEND = 22.0  # units of the drawing below the axis
NUMBERS_FROM = 26.0  # units of width from which a bar has room for its number


def draw_stacked_bars(about: About, periods: Periods, up: Sequence[Series], down: Sequence[Series] = ()) -> Markup:
    """Draw one bar per period: the parts of `up` stacked from 0 upwards, those of `down` from 0 downwards.

    Shape: numbers of `down` are positive counts, and the chart writes them without a sign.
    """
    above = gather([Series(each.name, _read_counts(each)) for each in up])
    below = (
        [replace(each, colour="down") for each in gather([Series(each.name, _read_counts(each)) for each in down], 1)]
        if down
        else []
    )
    sums_up = [sum(each.numbers[at] or 0 for each in above) for at in range(len(periods))]
    sums_down = [sum(each.numbers[at] or 0 for each in below) for at in range(len(periods))]
    known = any(number is not None for each in (*above, *below) for number in each.numbers)
    if not len(periods) or not known:
        return make_empty_picture(about, WIDTH)
    frame = make_frame(find_largest(sums_up), -find_largest(sums_down), len(periods))
    drawn = [draw_axes(frame, periods, about.unit)]
    for at in range(len(periods)):
        parts = [
            (each.name, each.numbers[at], each.colour, is_up)
            for is_up, lines in ((True, above), (False, below))
            for each in lines
        ]
        drawn.append(_draw_period(frame, periods, at, parts))
        if frame.step_width >= max(NUMBERS_FROM, measure(write_number(sums_up[at])) + 4) and sums_up[at]:
            y = frame.place_y(sums_up[at]) - 5
            drawn.append(
                make_element(
                    "text", write_number(sums_up[at]), class_="number", x=frame.place_x(at), y=y, text_anchor="middle"
                )
            )
    has_legend = len(above) + len(below) > 1
    if has_legend:
        drawn.append(_draw_legend([(each.name, each.colour) for each in (*above, *below)], HEIGHT + 4))
    highest = max(range(len(periods)), key=lambda at: (sums_up[at], -at))
    sentence = (
        f"{len(periods)} {periods.per or 'bar'}{'s' if len(periods) != 1 else ''} of "
        f"{', '.join(each.name[:60] for each in (*above, *below))}: highest {write_number(sums_up[highest])} "
        f"({periods.name(highest)})"
    )
    return make_picture(about, sentence, (WIDTH, HEIGHT + LEGEND * has_legend), *drawn)


def _read_counts(series: Series) -> list[float | None]:
    numbers = [read_number(cell) for cell in series.values]
    return [None if number is None else abs(number) for number in numbers]


def _draw_period(
    frame: Frame, periods: Periods, at: int, parts: Sequence[tuple[str, float | None, str, bool]]
) -> Markup:
    width = min(frame.step_width * 0.78, 46)
    x = frame.place_x(at) - width / 2
    ends = {True: 0.0, False: 0.0}
    shapes = [
        make_element(
            "rect",
            class_="hit",
            x=frame.place_x(at) - frame.step_width / 2,
            y=frame.top,
            width=frame.step_width,
            height=frame.bottom - frame.top,
        )
    ]
    said = []
    for name, number, colour, is_up in parts:
        said.append(join(isolate(name), f" {write_number(number)}"))
        if not number:
            continue
        begins, ends[is_up] = ends[is_up], ends[is_up] + (number if is_up else -number)
        top, bottom = sorted((frame.place_y(begins), frame.place_y(ends[is_up])))
        classes = f"bar {colour}{'' if periods.is_whole(at) else ' incomplete'}"
        shapes.append(make_element("rect", class_=classes, x=x, y=top, width=width, height=max(bottom - top, 0.5)))
    told = join(
        isolate(periods.name(at)), ": ", Markup(", ".join(said)), "" if periods.is_whole(at) else " (incomplete)"
    )
    return make_element(
        "g",
        make_element("title", told),
        link(periods.find_address(at), *shapes, name=periods.name(at), is_reached=False),
        class_="column",
    )


def _draw_legend(names: Sequence[tuple[str, str]], y: float) -> Markup:
    drawn, x = [], 0.0
    room = WIDTH / len(names) - 40
    for name, colour in names:
        text = cut(name, room)
        drawn.append(make_element("rect", class_=f"bar {colour}", x=x, y=y, width=12, height=12, rx=2))
        drawn.append(make_element("text", text, class_="label", x=x + 18, y=y + 10.5))
        x += measure(text) + 40
    return join(*drawn)
