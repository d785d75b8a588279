"""The form above a screen: one field for each option that narrows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from footfall.answers.charts.labels import name_period
from footfall.page.options import Given
from footfall.page.rendering import render
from footfall.page.sections import View

DATE = re.compile(r"\d{4}-\d\d-\d\d")
RANGES = (7, 30, 90)
LABELS = {
    "since": "From",
    "until": "Before",
    "action": "Action",
    "product": "Product",
    "user": "User",
    "per": "Per",
    "within": "Within",
    "order": "Order",
    "mode": "Counts who came",
    "clock": "Clock",
    "gap": "Gap",
    "start-action": "Begins with",
    "return-action": "Comes back for",
    "depth": "Depth",
    "exclude": "Without",
    "status": "Status",
    "code": "Problem",
    "load": "Load",
    "limit": "At most",
}
CHOICES: dict[str, tuple[tuple[str, str], ...]] = {
    "per": (("day", "day"), ("week", "week"), ("month", "month")),
    "order": (
        ("ordered", "in order, others between"),
        ("strict", "directly one after another"),
        ("any", "in any order"),
    ),
    "mode": (("on", "in the period"), ("on-or-after", "in it or later")),
    "clock": (("calendar", "calendar"), ("rolling", "24 hours from the first")),
    "status": (("", "all"), ("loaded", "loaded"), ("failed", "failed"), ("undone", "undone")),
}
HINTS = {"within": "1d", "gap": "30m", "product": "any", "user": "any", "limit": "100", "depth": "5"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Shape: `value` is what the address says; if it says nothing, the field shows `shown`.
    """

    name: str
    label: str
    value: str
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    shown: str = ""


def make_form(
    given: Given, names: Sequence[str], view: View | None = None, *, culprit: str = "", default: str = "day"
) -> Markup:
    """Give the form of a screen; without a view, its ranges and actions are not known."""
    is_of_actions = view is not None and {"action", "start-action"} & {*names}
    actions = view.list_actions() if view is not None and is_of_actions else []
    untold = {"per": default, **(view.options if view is not None else {})}
    fields = [_make_field(name, given, actions, untold.get(name, "")) for name in names]
    kept = [(name, value) for name, value in given.options.items() if name not in names]
    has_range = view is not None and "since" in names and view.kept.interaction_count
    return render(
        "filters.html",
        given=given,
        fields=fields,
        kept=kept,
        culprit=culprit,
        ranges=_list_ranges(given, view) if has_range and view else [],
        range_words=_name_range(view) if has_range and view else "",
    )


def _make_field(name: str, given: Given, actions: Sequence[str], otherwise: str) -> Field:
    value = given.get(name)
    choices = CHOICES.get(name, ())
    if name in ("action", "start-action", "return-action", "exclude"):
        known = list(dict.fromkeys([*actions, *([value] if value else [])]))
        choices = (("", "none" if name == "exclude" else "any"), *((each, each) for each in known))
    elif choices and value and value not in dict(choices):
        choices = (*choices, (value, value))  # keep a wrong value, so that the reader can correct it
    shown = otherwise if name in ("since", "until", "per") and not given.get(name) else ""
    is_date = name in ("since", "until") and bool(DATE.fullmatch(value or shown))
    return Field(
        name, LABELS.get(name, name), value, "date" if is_date else "text", choices, HINTS.get(name, ""), shown
    )


def _list_ranges(given: Given, view: View) -> list[tuple[str, str, bool]]:
    since, until = view.options.get("since"), view.options.get("until")
    ranges = [(f"{days} days", view.find_last_days(days)) for days in RANGES]
    whole = {
        "since": view.first_day.isoformat(),
        "until": (view.last_day + timedelta(days=1)).isoformat(),
    }
    ranges.append(("all", whole))
    seen: list[tuple[str, str, bool]] = []
    for words, each in ranges:
        is_current = (each["since"], each["until"]) == (since, until) and not any(current for _, _, current in seen)
        seen.append((words, given.replace_options(**each).address, is_current))
    return seen


def _name_range(view: View) -> str:
    since, until = view.options.get("since", ""), view.options.get("until", "")
    if DATE.fullmatch(since) and DATE.fullmatch(until):
        first, last = date.fromisoformat(since), date.fromisoformat(until) - timedelta(days=1)
        return f"{_name_day(first)} to {_name_day(last)}" if first < last else _name_day(first)
    return f"{since or 'the beginning'} to before {until or 'the end'}"


def _name_day(day: date) -> str:
    return name_period(day, "day").partition(" ")[2]
