"""A flow: which action follows which, step by step, as bands between columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from footfall.answers.charts.labels import cut, measure
from footfall.answers.charts.markup import About, Markup, isolate, join, make_element, make_empty_picture, make_picture
from footfall.answers.charts.numbers import read_number, write_number, write_share

STEPS_MAX, ACTIONS_MAX = 5, 6  # columns, and boxes of one column; further actions are "other"
WIDTH, HEIGHT, TOP = 760.0, 340.0, 26.0  # units of the drawing
BOX, GAP, ROOM = 10.0, 20.0, 160.0  # width of a box, room between boxes, room for the last column's names
# No action holds a NUL, so that none is taken for one of these.
OTHER, ENDS = "\0other", "\0ends"
SHOWN = {OTHER: "other", ENDS: "ends here"}


@dataclass(frozen=True, slots=True)
class Edge:
    """How many sessions did `action` as step number `step` and then `next_action`; None where they ended."""

    step: int
    action: str
    next_action: str | None
    count: Any


@dataclass(frozen=True, slots=True)
class _Box:
    name: str
    count: float
    top: float
    height: float

    @property
    def shown(self) -> str:
        return SHOWN.get(self.name, self.name)


def draw_flow(about: About, edges: Sequence[Edge]) -> Markup:
    """Draw which action follows which: at most five steps of six boxes, those of other actions and ends included."""
    read = [(e.step, e.action, e.next_action, number) for e in edges if (number := read_number(e.count)) and number > 0]
    if not read:
        return make_empty_picture(about, WIDTH, "no sessions in this range")
    first = min(step for step, *_ in read)
    kept = [each for each in read if each[0] - first < STEPS_MAX - 1]
    columns = _count_columns(kept, first)
    named = [_choose_names(column) for column in columns]
    sums: dict[tuple[int, str, str], float] = defaultdict(float)
    for step, action, after, number in kept:
        at = step - first
        target = ENDS if after is None else after if after in named[at + 1] else OTHER
        sums[at, action if action in named[at] else OTHER, target] += number
    boxes = _place(named, sums)
    middle = (WIDTH - ROOM - BOX) / max(len(boxes) - 1, 1)
    drawn = [*_draw_bands(boxes, sums, middle), *_draw_boxes(boxes, middle, about.unit or "sessions")]
    total = sum(box.count for box in boxes[0].values())
    top = max(boxes[0].values(), key=lambda box: box.count)
    unit = about.unit or "sessions"
    sentence = f"{write_number(total)} {unit}; most begin with {top.shown[:60]} ({write_number(top.count)})"
    return make_picture(about, sentence, (WIDTH, HEIGHT), *drawn)


def _count_columns(edges: Iterable[tuple[int, str, str | None, float]], first: int) -> list[dict[str, float]]:
    columns: list[dict[str, float]] = [defaultdict(float)]
    for step, action, after, number in edges:
        at = step - first
        while len(columns) < at + 2:
            columns.append(defaultdict(float))
        if at == 0:
            columns[0][action] += number
        columns[at + 1][ENDS if after is None else after] += number
    return columns


def _choose_names(column: dict[str, float]) -> list[str]:
    """Choose the boxes of a column: the largest actions, then one for all others, and the end last."""
    actions = sorted((name for name in column if name != ENDS), key=lambda name: (-column[name], name))
    most = ACTIONS_MAX - (ENDS in column)
    shown = actions if len(actions) <= most else [*[name for name in actions if name != OTHER][: most - 1], OTHER]
    return shown + [ENDS] * (ENDS in column)


def _place(named: list[list[str]], sums: dict[tuple[int, str, str], float]) -> list[dict[str, _Box]]:
    """Give each box its place. All columns have one scale, so that equal numbers have equal heights."""
    leaving: dict[tuple[int, str], float] = defaultdict(float)
    arriving: dict[tuple[int, str], float] = defaultdict(float)
    for (at, action, after), number in sums.items():
        leaving[at, action] += number
        arriving[at + 1, after] += number
    # Where an answer leaves edges out, one of the two is too small: take the larger.
    counts = [{name: max(leaving[at, name], arriving[at, name]) for name in names} for at, names in enumerate(named)]
    room = HEIGHT - TOP - 8
    scale = min((room - GAP * (len(column) - 1)) / sum(column.values()) for column in counts)
    placed = []
    for column in counts:
        y, boxes = TOP, {}
        for name, count in column.items():
            boxes[name] = _Box(name, count, y, count * scale)
            y += count * scale + GAP
        placed.append(boxes)
    return placed


def _draw_bands(
    boxes: list[dict[str, _Box]], sums: dict[tuple[int, str, str], float], distance: float
) -> Iterable[Markup]:
    for at in range(len(boxes) - 1):
        leaving = {name: box.top for name, box in boxes[at].items()}
        arriving = {name: box.top for name, box in boxes[at + 1].items()}
        for action in boxes[at]:
            for after in boxes[at + 1]:
                number = sums.get((at, action, after), 0)
                if not number or action == ENDS:
                    continue
                scale = boxes[at][action].height / boxes[at][action].count
                height = number * scale
                y1, y2 = leaving[action], arriving[after]
                leaving[action] += height
                arriving[after] += height
                x1, x2 = at * distance + BOX, (at + 1) * distance
                bend = (x1 + x2) / 2
                way = (
                    f"M{x1:.1f} {y1:.1f}C{bend:.1f} {y1:.1f} {bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
                    f"V{y2 + height:.1f}C{bend:.1f} {y2 + height:.1f} {bend:.1f} {y1 + height:.1f} {x1:.1f} "
                    f"{y1 + height:.1f}Z"
                )
                told = join(
                    isolate(boxes[at][action].shown),
                    " → ",
                    isolate(boxes[at + 1][after].shown),
                    f": {write_number(number)}",
                )
                kind = "band-end" if after == ENDS else "band-flow"
                yield make_element("path", make_element("title", told), class_=kind, d=way)


def _draw_boxes(boxes: list[dict[str, _Box]], distance: float, unit: str) -> Iterable[Markup]:
    total = sum(box.count for box in boxes[0].values())
    for at, column in enumerate(boxes):
        x = at * distance
        yield make_element("text", f"step {at + 1}", class_="muted", x=x, y=12)
        for box in column.values():
            share = write_share(box.count / total)
            told = join(isolate(box.shown), f": {write_number(box.count)} {unit}, {share}")
            kind = "end" if box.name == ENDS else "s-other" if box.name == OTHER else "s1"
            rect = make_element(
                "rect", class_=f"bar {kind}", x=x, y=box.top, width=BOX, height=max(box.height, 1), rx=2
            )
            room = (distance if at < len(boxes) - 1 else ROOM) - BOX - 14
            number = write_number(box.count)
            name = cut(box.shown, room - measure(number) - 6)
            label = make_element(
                "text",
                make_element("tspan", name, class_="strong"),
                make_element("tspan", number, class_="soft", dx=6),
                class_="label",
                x=x + BOX + 6,
                y=box.top + max(min(box.height / 2 + 4, box.height), 10),
            )
            yield make_element("g", make_element("title", told), rect, label)
