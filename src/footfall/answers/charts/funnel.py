"""A funnel: bars of equal height, whose pale ends are the users who dropped out."""

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
from footfall.answers.charts.numbers import MINUS, read_number, write_duration, write_number, write_share

WIDTH = 760.0
ROOM_AT_END = 150.0  # units of the drawing for the number and the share
ROW, BAR, ABOVE = 66.0, 30.0, 20.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel: how many users came so far, and the median of their time from the first step.

    Shape: `href` leads to the users who came so far, `dropped_href` to those who stopped at the step before.
    """

    label: str
    count: Any
    median_seconds: Any = None
    href: str | None = None
    dropped_href: str | None = None


def draw_funnel(about: About, steps: Sequence[Step]) -> Markup:
    """Draw a funnel; the whole width stands for the users who did the first step."""
    counts = [read_number(step.count) or 0 for step in steps]
    if not steps or not counts[0]:
        return make_empty_picture(about, WIDTH, "nobody did the first step in this range")
    drawn = []
    for at, step in enumerate(steps):
        before = counts[at - 1] if at else counts[0]
        drawn.append(_draw_step(at, step, (counts[0], before, counts[at]), about.unit or "users"))
    height = len(steps) * ROW - (ROW - ABOVE - BAR) + 6
    last = f"{write_share(counts[-1] / counts[0])} of {write_number(counts[0])} did all {len(steps)} steps"
    sentence = "; ".join(f"{step.label[:60]} {write_number(count)}" for step, count in zip(steps, counts, strict=True))
    return make_picture(about, f"{sentence}. {last}", (WIDTH, height), *drawn)


def _draw_step(at: int, step: Step, counts: tuple[float, float, float], unit: str) -> Markup:
    first, before, here = counts
    full = WIDTH - ROOM_AT_END
    top = at * ROW
    y = top + ABOVE
    reached, came = full * min(here / first, 1), full * min(before / first, 1)
    dropped = before - here
    share = here / first
    number = write_number(here)
    told = join(isolate(step.label), f": {number} {unit}, {write_share(share)} of the first step")
    bar = make_element("rect", class_="bar s1", x=0, y=y, width=max(reached, 1 if here else 0), height=BAR, rx=3)
    drawn = [
        make_element("text", cut(f"{at + 1}. {step.label}", full * 0.62), class_="label strong", x=0, y=top + 13),
        make_element("rect", class_="track", x=0, y=y, width=full, height=BAR, rx=3),
    ]
    if (seconds := read_number(step.median_seconds)) is not None and at:
        took = f"half of them within {write_duration(seconds)}"
        drawn.append(make_element("text", took, class_="muted", x=full, y=top + 13, text_anchor="end"))
        told = join(told, f", {took}")
    if dropped > 0:
        drawn.append(_draw_dropped(step, (reached, came), y, (dropped, before)))
    drawn.append(make_element("g", make_element("title", told), link(step.href, bar, name=f"who did step {at + 1}")))
    middle = y + BAR / 2 + 4
    drawn.append(make_element("text", number, class_="number strong", x=full + 12, y=middle))
    drawn.append(make_element("text", write_share(share), class_="muted", x=WIDTH, y=middle, text_anchor="end"))
    return join(*drawn)


def _draw_dropped(step: Step, span: tuple[float, float], y: float, lost: tuple[float, float]) -> Markup:
    reached, came = span
    text = f"{MINUS}{write_number(lost[0])} ({write_share(lost[0] / lost[1])})"
    shape = make_element("rect", class_="dropped", x=reached, y=y, width=came - reached, height=BAR)
    title = make_element(
        "title", join(isolate(step.label), f": {write_number(lost[0])} came no further than before it")
    )
    width = measure(text)
    children = [shape]
    middle = y + BAR / 2 + 4
    if came - reached >= width + 16:
        children.append(make_element("text", text, class_="lost", x=reached + 10, y=middle))
    elif came + width + 16 <= WIDTH - ROOM_AT_END:
        children.append(make_element("text", text, class_="lost", x=came + 8, y=middle))
    return make_element("g", title, link(step.dropped_href, *children, name=f"who stopped: {text}"))
