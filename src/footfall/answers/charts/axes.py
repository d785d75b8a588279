"""The frame of charts that have periods along the bottom and numbers up the side."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.answers.charts.labels import Periods, choose_labelled, measure
from footfall.answers.charts.markup import Markup, join, make_element
from footfall.answers.charts.numbers import choose_marks, write_number

WIDTH, HEIGHT = 760.0, 276.0  # units of the drawing, which are pixels at full size
TOP, BOTTOM = 34.0, 40.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The box that a chart is drawn in, and the marks of the axis at its left.

    Units: of the drawing; y grows downwards.
    """

    left: float
    right: float
    top: float
    bottom: float
    marks: tuple[float, ...]
    steps: int

    def place_y(self, value: float) -> float:
        lowest, highest = self.marks[0], self.marks[-1]
        return self.bottom - (value - lowest) / (highest - lowest) * (self.bottom - self.top)

    @property
    def step_width(self) -> float:
        return (self.right - self.left) / max(self.steps, 1)

    def place_x(self, at: int) -> float:
        """Give the middle of a period."""
        return self.left + (at + 0.5) * self.step_width


def make_frame(largest: float, lowest: float, steps: int, room_at_end: float = 12.0) -> Frame:
    """Give a frame for numbers from `lowest` to `largest` over so many periods."""
    marks = choose_marks(largest, lowest)
    left = max(measure(write_number(mark)) for mark in marks) + 12
    return Frame(left, WIDTH - room_at_end, TOP, HEIGHT - BOTTOM, tuple(marks), steps)


def draw_axes(frame: Frame, periods: Periods, unit: str) -> Markup:
    """Draw the lines and labels of both axes."""
    drawn = []
    for mark in frame.marks:
        y = frame.place_y(mark)
        drawn.append(
            make_element("line", class_="axis" if mark == 0 else "grid", x1=frame.left, y1=y, x2=frame.right, y2=y)
        )
        drawn.append(
            make_element("text", write_number(mark), class_="muted", x=frame.left - 8, y=y + 4, text_anchor="end")
        )
    for at in choose_labelled(periods, frame.step_width):
        x = frame.place_x(at)
        drawn.append(make_element("line", class_="axis", x1=x, y1=frame.bottom, x2=x, y2=frame.bottom + 4))
        label = periods.shorten_period(at)
        half = measure(label) / 2
        x = min(max(x, half), WIDTH - half)
        drawn.append(make_element("text", label, class_="muted", x=x, y=frame.bottom + 19, text_anchor="middle"))
    if unit:
        drawn.append(make_element("text", unit, class_="muted", x=0, y=11))
    if periods.years:
        drawn.append(
            make_element("text", periods.years, class_="muted", x=frame.right, y=frame.bottom + 36, text_anchor="end")
        )
    return join(*drawn)
