"""The funnel: how far users get, how long they take, where they stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from markupsafe import Markup

from footfall.answers.charts import write_duration, write_number, write_share
from footfall.page.drawing import DRAWINGS, frame_chart, list_rows
from footfall.page.making import Screen
from footfall.page.rendering import render
from footfall.page.sections import Ask, Section, View
from footfall.results import Table
from footfall.safe_text import escape_unprintable
from footfall.verbs.query import Answered

STEPS_MAX = 10
STEPS_ALONE = 3  # steps of the funnel if the address names none
SLOTS = 5  # select boxes at least: one per step, and empty ones for further steps


def read_steps(view: View) -> list[str]:
    """Give the steps that the address names."""
    return [step.strip() for step in view.given.get("steps").split(",") if step.strip()]


def choose_steps(view: View) -> list[str]:
    """Give the steps of the address; if it names none, the most frequent actions in this order."""
    return read_steps(view) or [action for action in view.list_actions() if "," not in action][:STEPS_ALONE]


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of the funnel."""
    steps = choose_steps(view)
    chosen = Section("steps", "Steps", draw_steps)
    if len(steps) < 2:
        return [chosen, Section("funnel", "How far they get", draw_too_few)]
    asks = (Ask("funnel", {"steps": ",".join(steps)}),)
    within = view.options.get("within", "1d")
    note = f"Within {within} of the first step; each user counts once a step."
    if not read_steps(view):
        note += " These are the most frequent actions, the most frequent first: choose your own above."
    return [chosen, Section("funnel", "How far they get", draw_funnel, asks, is_slow=True, note=note)]


def draw_too_few(view: View) -> Markup:
    """Say that the address, or where it names no step the data, have too few steps for a funnel."""
    steps = choose_steps(view)
    if read_steps(view):
        words = f"The address names one step only, {steps[0]!r}. A funnel has at least two: choose another one above."
    else:
        found = f"one action only that can be a step, {steps[0]!r}" if steps else "no action that can be a step"
        words = f"There is {found}. A funnel has at least two steps."
    return Markup('<p class="muted">{}</p>').format(words)


def draw_steps(view: View) -> Markup:
    """Draw the form of the steps: one select box per step, whose empty entry takes the step away."""
    steps = choose_steps(view)
    slots = [*steps, *[""] * max(1, SLOTS - len(steps))][:STEPS_MAX]
    actions = view.list_actions()
    kept = {
        name: value for name, value in view.given.options.items() if name not in ("steps", "within", "order", "exclude")
    }
    exclude = view.given.get("exclude")  # may be several actions, which stay together as one entry
    return render(
        "steps.html",
        slots=slots,
        actions=list(dict.fromkeys([*actions, *steps])),
        endings=list(dict.fromkeys([*actions, *([exclude] if exclude else [])])),
        kept=kept,
        given=view.given,
    )


def draw_funnel(view: View, answered: Answered) -> Markup:
    """Draw a funnel below a sentence; where the address has `by`, one for each of its values."""
    groups = [(value, list(rows)) for value, rows in groupby(list_rows(answered), lambda row: row.get("value"))]
    return Markup().join(_draw_one(view, answered, number, *group) for number, group in enumerate(groups, 1))


def _draw_one(view: View, answered: Answered, number: int, value: str | None, rows: list[dict[str, Any]]) -> Markup:
    columns = answered.table.columns
    part = replace(answered, table=Table(columns, tuple(tuple(row[name] for name in columns) for row in rows)))
    heading = f"{view.given.get('by').replace('-', ' ').capitalize()}: {value}"
    title, name = ("Funnel", "funnel-chart") if value is None else (heading, f"funnel-chart-{number}")
    drawn = frame_chart(DRAWINGS["funnel"](part, view.make_drawing(title, name, who_link=_find_link(view, value))))
    if rows[0]["user_count"]:
        drawn = Markup("<p>{}</p>").format(say_funnel(rows)) + drawn
    return drawn if value is None else Markup("<h3>{}</h3>").format(escape_unprintable(heading)) + drawn


def _find_link(view: View, value: str | None) -> Callable[[int, str], str] | None:
    """Give a function that makes the address of the people of a step, or None where no address names just these."""
    if value is not None and view.given.get("limit"):
        return None  # `limit` would cut the list of people and not the number of groups
    asked = replace(view, options={**view.options, "steps": ",".join(choose_steps(view))})
    behind = asked.find_who_link("funnel", "steps", "within", "order", "exclude", "by")
    if behind is None:
        return None
    group = "" if value is None else f":{value}"
    return lambda step, state: behind(f"{'dropped-' if state == 'dropped' else ''}{step}{group}")


def say_funnel(rows: list[dict[str, Any]]) -> str:
    """Say how many users of one funnel did all steps, how long they took, and how many may still go on."""
    first, last = rows[0]["user_count"], rows[-1]
    users = f"{write_number(first)} user{'' if first == 1 else 's'}"
    said = f"{write_share(last['user_count'] / first)} of {users} did all {len(rows)} steps"
    if last.get("median_seconds") is not None:
        said += f"; half of them within {write_duration(float(last['median_seconds']))}"
        if last.get("p90_seconds") is not None:
            said += f", nine of ten within {write_duration(float(last['p90_seconds']))}"
    # Each user is open at one step only, the one before which the user stopped, so that the sum counts nobody twice.
    open_count = sum(row.get("open_count") or 0 for row in rows)
    still = f" Still open: {write_number(open_count)}, whose time is not over at the end of the data."
    return f"{said}.{still if open_count else ''}"


FUNNEL = Screen(
    "/funnel",
    "Funnel",
    list_sections,
    fields=("since", "until", "product"),
    more=("steps", "within", "order", "exclude", "by", "limit"),
    lead="Of those who did the first step, how many went on, how long it took, and where the others stopped.",
)
