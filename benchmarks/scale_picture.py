"""Draw how long a load takes by its size as SVG: one line a way, both axes by powers of ten."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 900, 470  # px
LEFT, RIGHT, TOP, BOTTOM = 90, 270, 60, 50
COLOURS = ("#1b6ca8", "#2a9d8f", "#c8553d", "#8e6bbf", "#9aa5b1")
SECONDS = {
    1: "1 s",
    10: "10 s",
    60: "1 min",
    600: "10 min",
    3_600: "1 h",
    36_000: "10 h",
    86_400: "1 day",
    864_000: "10 days",
}
ROWS = {6: "a million", 7: "10 million", 8: "100 million", 9: "a billion", 10: "10 billion", 11: "100 billion"}
LABEL_HEIGHT = 34  # of two lines of text
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .axis { font-size: 12px; fill: #57606a; }
    .grid { stroke: #9aa5b1; stroke-opacity: 0.35; }
    .line { fill: none; stroke-width: 2.5; }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .axis { fill: #9aa5b1; } }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One way. Shape: `points` are rows and seconds; from `measured_to` rows on the line is computed, and dashed."""

    name: str
    note: str
    points: tuple[tuple[float, float], ...]
    measured_to: float = 0


def picture(title: str, lines: list[Line]) -> str:
    """Draw the lines, each with its name at its end."""
    axes = _Axes.of(lines)
    ends = "; ".join(f"{line.name}, {line.note}" for line in lines)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img">',
            f"  <title>{escape(f'{title} At the right end: {ends}')}</title>",
            f"  <style>{STYLE}  </style>",
            f'  <text class="title" x="12" y="26">{escape(title)}</text>',
            '  <text class="axis" x="12" y="45">Drawn through: measured. Dashed: computed.</text>',
            *_grid(axes),
            *_lines(axes, lines),
            "</svg>",
            "",
        ]
    )


@dataclass(frozen=True, slots=True)
class _Axes:
    """The ends of both axes, as powers of ten."""

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, lines: list[Line]) -> _Axes:
        rows = [math.log10(x) for line in lines for x, _ in line.points]
        seconds = [math.log10(y) for line in lines for _, y in line.points]
        return cls(min(rows), max(rows), min(seconds), max(seconds))

    def x(self, rows: float) -> float:
        share = (math.log10(rows) - self.left) / (self.right - self.left)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, seconds: float) -> float:
        share = (math.log10(seconds) - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _grid(axes: _Axes) -> Iterator[str]:
    for power, name in ROWS.items():
        if axes.left <= power <= axes.right:
            x = axes.x(10**power)
            yield f'  <line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}"/>'
            yield f'  <text class="axis" x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{name}</text>'
    yield f'  <text class="axis" x="{LEFT}" y="{HEIGHT - 8}">rows of the load</text>'
    for seconds, name in SECONDS.items():
        if axes.low <= math.log10(seconds) <= axes.high:
            y = axes.y(seconds)
            yield f'  <line class="grid" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'
            yield f'  <text class="axis" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{name}</text>'


def _lines(axes: _Axes, lines: list[Line]) -> Iterator[str]:
    """Draw the lines; their names stand below each other where their ends lie close together."""
    label_y = -math.inf
    for line, colour in sorted(zip(lines, COLOURS, strict=False), key=lambda each: -each[0].points[-1][1]):
        for is_measured, dashes in ((True, ""), (False, ' stroke-dasharray="6 5"')):
            points = [
                (x, y) for x, y in line.points if (x <= line.measured_to if is_measured else x >= line.measured_to)
            ]
            if len(points) > 1:
                path = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in points)
                yield f'  <polyline class="line" points="{path}" stroke="{colour}"{dashes}/>'
        x, y = axes.x(line.points[-1][0]) + 10, axes.y(line.points[-1][1]) + 4
        label_y = max(y, label_y + LABEL_HEIGHT)
        yield f'  <text x="{x}" y="{label_y}" style="fill: {colour}">{escape(line.name)}</text>'
        yield f'  <text class="axis" x="{x}" y="{label_y + 15}">{escape(line.note)}</text>'
