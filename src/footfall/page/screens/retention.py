"""Retention: which users come back, which stay away, and on how many days they are active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from markupsafe import Markup

from footfall.page.drawing import DRAWINGS, find_next, frame_chart
from footfall.page.making import Screen
from footfall.page.sections import Ask, Section, View
from footfall.verbs.query import Answered


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of retention."""
    per = view.options.get("per", "week")
    more = {"per": per}
    start, back = view.given.get("start-action"), view.given.get("return-action")
    note = (
        f"A cohort is the {per} of a user's first {start or 'interaction'}; "
        f"a cell, the share of it that came back{f' for {back}' if back else ''}."
    )
    lifecycle = (
        f"Each {per}: new, there before and now, back after a pause; below 0 those who were there before and not now."
    )
    return [
        Section("cohorts", "Who comes back", draw_cohorts, (Ask("retention", more),), is_slow=True, note=note),
        Section("lifecycle", "Come, stay, go", draw_lifecycle, (Ask("lifecycle", more),), is_slow=True, note=lifecycle),
        Section("stickiness", "On how many days", draw_stickiness, (Ask("stickiness", {"per": "day"}),), is_slow=True),
    ]


def draw_cohorts(view: View, answered: Answered) -> Markup:
    """Draw the table of cohorts."""
    per = view.options.get("per", "week")
    asked = replace(view, options={**view.options, "per": per})
    link = asked.find_who_link("retention", "per", "mode", "clock", "start-action", "return-action")
    drawing = view.make_drawing("Retention", "retention-table", per=per, period_link=link)
    return Markup('<div class="scroll" tabindex="0" role="group" aria-label="Retention by cohort">{}</div>').format(
        DRAWINGS["retention"](answered, drawing)
    )


def draw_lifecycle(view: View, answered: Answered) -> Markup:
    """Draw lifecycle bars; each period links to its own trends."""
    link = partial(_link_period, view)
    drawing = view.make_drawing("Lifecycle", "lifecycle-chart", per=view.options.get("per", "week"), period_link=link)
    return frame_chart(DRAWINGS["lifecycle"](answered, drawing))


def _link_period(view: View, period: date) -> str:
    until = find_next(period, view.make_drawing("", "x", per=view.options.get("per", "week")).per)
    return view.link("/trends", since=period.isoformat(), until=until.isoformat())


def draw_stickiness(view: View, answered: Answered) -> Markup:
    """Draw users by their number of active days."""
    return frame_chart(
        DRAWINGS["stickiness"](
            answered,
            view.make_drawing("Days active", "stickiness-chart", per="day", key_link=view.find_who_link("stickiness")),
        )
    )


RETENTION = Screen(
    "/retention",
    "Retention",
    list_sections,
    fields=("since", "until", "per", "mode", "clock", "start-action", "return-action"),
    more=("periods", "first-of", "recurring"),
    days=84,
    per="week",
)
