"""Trends: how many interactions there are, by how many users, and at which hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

from markupsafe import Markup

from footfall.answers.charts import About, Series, draw_lines
from footfall.page.drawing import DRAWINGS, find_next, frame_chart, make_periods, take_column
from footfall.page.making import Screen
from footfall.page.options import BadAddressError
from footfall.page.sections import ACTIONS_KNOWN, Ask, Section, View
from footfall.verbs.query import Answered

QUESTIONS = {"day": "per-day", "week": "per-week", "month": "per-month"}
ACTIONS_DRAWN = 5
BY = ("action",)


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of trends."""
    per, by = view.options.get("per", "day"), view.given.get("by")
    if per not in QUESTIONS:
        raise BadAddressError(f"--per: {per[:50]!r} is not day, week or month", "per", QUESTIONS)
    if by and by not in BY:
        raise BadAddressError(f"--by: {by[:50]!r} is not action", "by", BY)
    question = QUESTIONS[per]
    sections = [Section("count", f"Interactions per {per}", partial(draw_count, question=question), (Ask(question),))]
    if by == "action":
        asks = tuple(Ask(question, {"action": action}) for action in view.list_actions()[:ACTIONS_DRAWN])
        title = f"Interactions per {per}, by action"
        if asks:
            sections[0] = Section("count", title, partial(draw_actions, title=title), asks)
    sections.append(Section("active", f"Active users per {per}", draw_active, (Ask("active-users"),), is_slow=True))
    if view.reader.has("trailing-users"):
        note = "Users of each day, and of the 7 and of the 30 days that end with it."
        asks = (Ask("trailing-users"),)
        sections.append(Section("trailing", "Trailing week and month", draw_trailing, asks, is_slow=True, note=note))
    title = "New users per day"
    note = "By their first interaction ever; the range cuts only what is shown."
    sections.append(Section("new", title, draw_new, (Ask("new-users"),), is_slow=True, note=note))
    if view.reader.has("heat-map"):
        note = f"The mean of such hours in the range, by the clock of {view.zone}."
        sections.append(Section("hours", "Weekday and hour", draw_hours, (Ask("heat-map"),), note=note))
    sections.append(Section("actions", "Actions", draw_all_actions, (Ask("actions"),)))
    return sections


def link_period(view: View, period: date) -> str:
    """Give the address of the trends of one period."""
    per = view.make_drawing("", "x").per
    until = find_next(period, per)
    finer = "day" if until - period > timedelta(days=1) else per
    return view.given.replace_options(since=period.isoformat(), until=until.isoformat(), per=finer).address


def draw_count(view: View, answered: Answered, *, question: str) -> Markup:
    """Draw interactions per period; each period links to its own trends."""
    drawing = view.make_drawing("Interactions", "count-chart", period_link=partial(link_period, view))
    return frame_chart(DRAWINGS[question](answered, drawing)) + _offer_by(view)


def _offer_by(view: View) -> Markup:
    if view.given.get("by"):
        return Markup('<p><a href="{}#count">All actions together</a></p>').format(
            view.given.replace_options(by=None).address
        )
    if view.given.get("action"):
        return Markup()
    return Markup('<p><a href="{}#count">By action</a></p>').format(view.given.replace_options(by="action").address)


def draw_actions(view: View, *answers: Answered, title: str) -> Markup:
    """Draw a line for each of the most frequent actions."""
    drawing = view.make_drawing(title, "count-chart", period_link=partial(link_period, view))
    found = [key for answered in answers for key in take_column(answered, "day", "week", "month")]
    if not found:
        return Markup('<p class="muted">No interactions in this range.</p>')
    periods = make_periods(found, answers[0], drawing)
    series = []
    for action, answered in zip(view.list_actions(), answers, strict=False):
        counts = dict(
            zip(take_column(answered, "day", "week", "month"), take_column(answered, "interaction_count"), strict=True)
        )
        series.append(Series(action, [counts.get(key, 0) for key in periods.keys]))
    drawn = frame_chart(draw_lines(About("count-chart", title, unit="interactions"), periods, series))
    count = len(view.list_actions())
    of = f"{count} or more" if count == ACTIONS_KNOWN else str(count)  # there may be more than were asked for
    words = Markup('<p class="muted">The {} most frequent actions of {}.</p>').format(len(answers), of)
    return drawn + (words if count > len(answers) else Markup()) + _offer_by(view)


def draw_active(view: View, answered: Answered) -> Markup:
    """Draw distinct users per period; each period links to the list of its users."""
    link = view.find_who_link("active-users", "per")
    return frame_chart(
        DRAWINGS["active-users"](answered, view.make_drawing("Active users", "active-chart", period_link=link))
    )


def draw_trailing(view: View, answered: Answered) -> Markup:
    """Draw users of the day, of 7 and of 30 days."""
    return frame_chart(
        DRAWINGS["trailing-users"](answered, view.make_drawing("Users of 1, 7 and 30 days", "trailing-chart"))
    )


def draw_new(view: View, answered: Answered) -> Markup:
    """Draw new users per day."""
    drawing = view.make_drawing("New users", "new-chart", per="day", period_link=view.find_who_link("new-users"))
    return frame_chart(DRAWINGS["new-users"](answered, drawing))


def draw_hours(view: View, answered: Answered) -> Markup:
    """Draw weekday by hour."""
    return frame_chart(
        DRAWINGS["heat-map"](answered, view.make_drawing("Interactions by weekday and hour", "hours-chart"))
    )


def draw_all_actions(view: View, answered: Answered) -> Markup:
    """Draw actions; each links to its own trends."""
    drawing = view.make_drawing(
        "Actions", "actions-chart", key_link=lambda key: view.given.replace_options(action=key, by=None).address
    )
    return frame_chart(DRAWINGS["actions"](answered, drawing))


TRENDS = Screen(
    "/trends", "Trends", list_sections, fields=("since", "until", "action", "product", "per"), more=("by",), days=90
)
