"""Turn answers into charts: which chart a question has, and which columns it draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, cast

from markupsafe import Markup as Filled

from footfall.answers import charts
from footfall.answers.charts import (
    About,
    Bar,
    Edge,
    HeatRow,
    Markup,
    Periods,
    Series,
    Step,
    name_period,
    write_change,
    write_number,
    write_share,
)
from footfall.answers.charts.labels import DAYS
from footfall.answers.charts.numbers import NO_BREAK
from footfall.verbs.query import Answered

Per = Literal["day", "week", "month", ""]
HOURS = tuple(f"{hour:02}" for hour in range(24))
ENDS = "(end)"  # the name that paths give to the end of a session
BARS_SHOWN = 20
PERIODS_MAX = 5_000  # periods of one chart; as days, more than 13 years


@dataclass(frozen=True, slots=True)
class Drawing:
    """The title of a chart, the options of its question, and the links that it has.

    Shape: `whole` are the times between which the data are complete. `period_link` makes the address of a period,
    `key_link` that of a bar, and `who_link` that of the people behind a step of a funnel and a state.
    """

    title: str
    options: Mapping[str, str]
    name: str = "chart"
    whole: tuple[datetime, datetime] | None = None
    period_link: Callable[[date], str] | None = None
    key_link: Callable[[Any], str] | None = None
    who_link: Callable[[int, str], str] | None = None

    @property
    def per(self) -> Per:
        return cast("Per", self.options.get("per", "day"))

    def is_complete(self, period: date) -> bool:
        """Say whether the data and the range both hold all of a period."""
        begins, ends = (datetime.combine(day, time.min) for day in (period, find_next(period, self.per)))
        if self.whole is not None and not self.whole[0] <= begins <= ends <= self.whole[1]:
            return False
        since, until = (self.options.get(name, "")[:19] for name in ("since", "until"))
        return not ((since and begins.isoformat() < since) or (until and ends.isoformat()[: len(until)] > until))


def find_next(period: date, per: Per) -> date:
    """Give the first day of the period after this one.

    Example:
        >>> find_next(date(2024, 12, 1), "month"), find_next(date(2024, 2, 26), "week")
        (datetime.date(2025, 1, 1), datetime.date(2024, 3, 4))
    """
    if per == "month":
        return date(period.year + period.month // 12, period.month % 12 + 1, 1)
    return period + timedelta(days=7 if per == "week" else 1)


Draw = Callable[[Answered, Drawing], Markup]


def frame_chart(drawn: Markup) -> Filled:
    """Put a drawing into a frame that scrolls sideways on a small screen."""
    return Filled('<div class="figure" tabindex="0" role="group" aria-label="Chart">{}</div>').format(drawn)


def take_column(answered: Answered, *names: str) -> list[Any]:
    """Give the values of the first of these columns that the answer has; if it has none, of its first column."""
    columns = answered.table.columns
    at = next((columns.index(name) for name in names if name in columns), 0)
    return [row[at] for row in answered.table.rows]


def list_rows(answered: Answered) -> list[dict[str, Any]]:
    """Give the rows of an answer, each as values by the names of their columns."""
    return [dict(zip(answered.table.columns, row, strict=True)) for row in answered.table.rows]


def has_column(answered: Answered, name: str) -> bool:
    """Say whether the answer has a column of this name."""
    return name in answered.table.columns


def read_periods(answered: Answered, drawing: Drawing) -> Periods:
    """Give the periods of an answer without gaps, and which of them are complete."""
    return make_periods(take_column(answered, "period", "day", "week", "month"), answered, drawing)


def make_periods(found: list[Any], answered: Answered, drawing: Drawing) -> Periods:
    """Give every period from the first to the last of those found."""
    keys: list[date] = []
    at = min(found, default=None)
    while at is not None and at <= max(found) and len(keys) < PERIODS_MAX:
        keys.append(at)
        at = find_next(at, drawing.per)
    told = {}
    if has_column(answered, "is_complete"):
        told = dict(zip(found, take_column(answered, "is_complete"), strict=True))
    complete = [bool(told.get(key, drawing.is_complete(key))) for key in keys]
    hrefs = [drawing.period_link(key) for key in keys] if drawing.period_link else []
    return Periods(keys, drawing.per, complete, hrefs)


def draw_line(*columns: str, unit: str = "", per: Per | None = None) -> Draw:
    """Give a function that draws these columns as lines over periods. A period without a row counts as 0."""

    def draw(answered: Answered, drawing: Drawing) -> Markup:
        if per is not None:
            drawing = replace(drawing, options={**drawing.options, "per": per})
        periods = read_periods(answered, drawing)
        found = take_column(answered, "period", "day", "week", "month")
        names = [name for name in columns if has_column(answered, name)] or [answered.table.columns[-1]]
        series = []
        for name in names:
            values = dict(zip(found, take_column(answered, name), strict=True))
            series.append(Series(_name(name), [values.get(key, 0) for key in periods.keys]))
        return charts.draw_lines(About(drawing.name, drawing.title, unit=unit), periods, series)

    return draw


def _name(column_name: str) -> str:
    known = {"dau_count": "day", "wau_count": "7 days", "mau_count": "30 days"}
    return known.get(column_name, column_name.removesuffix("_count").replace("_", " ") + "s")


def draw_bars(label: str, value: str, unit: str) -> Draw:
    """Give a function that draws one bar per row."""

    def draw(answered: Answered, drawing: Drawing) -> Markup:
        link = drawing.key_link
        shown = [
            Bar(str(key), number, href=link(key) if link else None)
            for key, number in zip(take_column(answered, label), take_column(answered, value), strict=True)
        ]
        return charts.draw_bars(About(drawing.name, drawing.title, unit=unit), shown[:BARS_SHOWN])

    return draw


def draw_funnel(answered: Answered, drawing: Drawing) -> Markup:
    """Draw the steps; each count links to the people behind it."""
    link = drawing.who_link
    steps = [
        Step(
            row["action"] or f"step {row['step']}",  # in any order, no step is one action
            row["user_count"],
            row.get("median_seconds"),
            link(row["step"], "reached") if link else None,
            link(row["step"], "dropped") if link and row["step"] > 1 else None,
        )
        for row in list_rows(answered)
    ]
    return charts.draw_funnel(About(drawing.name, drawing.title, unit="users"), steps)


def is_one_picture(question: str, options: Mapping[str, str]) -> bool:
    """Say whether the answer to a question is drawn as one picture; with `by`, each value has a funnel of its own."""
    return question in DRAWINGS and not options.get("by")


def draw_retention(answered: Answered, drawing: Drawing) -> Markup:
    """Draw the table of cohorts; the rows without a cohort have the average over all complete cells."""
    cohorts: dict[Any, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in list_rows(answered):
        cohorts[row["cohort"]][row["period_number"]] = row
    average = cohorts.pop(None, {})
    if not cohorts:
        return charts.draw_heat_table(About(drawing.name, drawing.title), ["cohort", "users"], [])
    numbers = range(1, max(number for cells in cohorts.values() for number in cells) + 1)
    shown = []
    for cohort, cells in cohorts.items():
        first = next(iter(cells.values()))
        name = name_period(cohort, drawing.per) if isinstance(cohort, date) else str(cohort)
        note = "may include older users" if first.get("may_include_older") else ""
        shares = [_share(cells.get(number)) for number in numbers]
        href = drawing.period_link(cohort) if drawing.period_link else None
        shown.append(HeatRow(name, first["cohort_size"], shares, note, href))
    size = sum(next(iter(cells.values()))["cohort_size"] or 0 for cells in cohorts.values())
    mean = HeatRow("average, of complete cells", size, [_share(average.get(number)) for number in numbers])
    headings = ["cohort", "users", *(f"{drawing.per} {number}" for number in numbers)]
    about = About(drawing.name, drawing.title, _describe_retention(drawing))
    return charts.draw_heat_table(about, headings, shown, mean if average else None)


def _share(cell: dict[str, Any] | None) -> float | None:
    if cell is None or cell["share"] is None or cell.get("is_complete") is False:
        return None
    return float(cell["share"])


def _describe_retention(drawing: Drawing) -> str:
    how = "in that period or a later one" if drawing.options.get("mode") == "on-or-after" else "in that period"
    return f"Share of each cohort that came back {how}; hatched cells are not complete yet."


def draw_lifecycle(answered: Answered, drawing: Drawing) -> Markup:
    """Draw the users who are new, came back or stayed, and below 0 those who did not come."""
    periods: dict[date, dict[str, Any]] = defaultdict(dict)
    complete: dict[date, bool] = {}
    for row in list_rows(answered):
        periods[row["period"]][row["state"]] = row["user_count"]
        complete[row["period"]] = complete.get(row["period"], True) and row.get("is_complete", True)
    keys = sorted(periods)
    hrefs = [drawing.period_link(key) for key in keys] if drawing.period_link else []
    shown = Periods(keys, drawing.per, [complete[key] for key in keys], hrefs)

    def make_series(state: str, sign: int = 1) -> Series:
        values = [periods[key].get(state) for key in keys]
        return Series(state, [None if value is None else abs(value) * sign for value in values])

    above = [make_series(state) for state in ("returning", "resurrecting", "new")]
    return charts.draw_stacked_bars(
        About(drawing.name, drawing.title, unit="users"), shown, above, [make_series("dormant")]
    )


def draw_heat(answered: Answered, drawing: Drawing) -> Markup:
    """Draw weekday by hour: each cell is the mean over all such hours of the range."""
    means = {(row["weekday"], row["hour"]): row["mean_per_hour"] for row in list_rows(answered)}
    values = [[means.get((weekday, hour)) for hour in range(24)] for weekday in range(1, 8)]
    about = About(drawing.name, drawing.title, unit="interactions an hour")
    return charts.draw_heat_map(about, [day[:3] for day in DAYS], HOURS, values if means else [])


def draw_movers(answered: Answered, drawing: Drawing) -> Markup:
    """Draw the largest changes: a rise to the right, a fall to the left."""
    link = drawing.key_link
    shown = [
        Bar(
            str(row[answered.table.columns[0]]),
            row["change"],
            note=f"{write_number(float(row['before_count']))} → {write_number(float(row['now_count']))}",
            text=write_change(float(row["change"])),
            href=link(row[answered.table.columns[0]]) if link else None,
        )
        for row in list_rows(answered)
    ]
    return charts.draw_bars(About(drawing.name, drawing.title, unit="changes in interactions"), shown)


def draw_paths(answered: Answered, drawing: Drawing) -> Markup:
    """Draw how sessions went: as a flow where the answer has edges, else as bars."""
    if drawing.options.get("as", "sequences") == "sequences":
        return draw_bars("path", "session_count", "sessions")(answered, drawing)
    edges = [
        Edge(
            row["step"],
            row["action"],
            None if row["next_action"] in (None, ENDS) else row["next_action"],
            row["session_count"],
        )
        for row in list_rows(answered)
        if row["step"] is not None
    ]
    return charts.draw_flow(About(drawing.name, drawing.title, unit="sessions"), edges)


def draw_stickiness(answered: Answered, drawing: Drawing) -> Markup:
    """Draw how many users were active on one day, on two days, and so on."""
    shown = []
    for row in list_rows(answered):
        if row["days_active"] is None:
            continue
        count = row["days_active"]
        shown.append(
            Bar(
                f"{count} {drawing.per or 'day'}{'s' if count != 1 else ''}",
                row["user_count"],
                note=write_share(float(row["share"])).replace(NO_BREAK, " ") if row.get("share") is not None else "",
                href=drawing.key_link(count) if drawing.key_link else None,
            )
        )
    return charts.draw_bars(About(drawing.name, drawing.title, unit="users"), shown)


DRAWINGS: dict[str, Draw] = {
    "per-day": draw_line("interaction_count", unit="interactions", per="day"),
    "per-week": draw_line("interaction_count", unit="interactions", per="week"),
    "per-month": draw_line("interaction_count", unit="interactions", per="month"),
    "active-users": draw_line("user_count", unit="users"),
    "new-users": draw_line("user_count", unit="users"),
    "trailing-users": draw_line("dau_count", "wau_count", "mau_count", unit="users", per="day"),
    "sessions": draw_line("session_count", unit="sessions"),
    "actions": draw_bars("action", "interaction_count", "interactions"),
    "top-products": draw_bars("product_id", "interaction_count", "interactions"),
    "top-users": draw_bars("user_id", "interaction_count", "interactions"),
    "affinity": draw_bars("product_id", "user_count", "users"),
    "product": draw_line("interaction_count", unit="interactions", per="day"),
    "user": draw_line("interaction_count", unit="interactions", per="day"),
    "unusual-days": draw_line("interaction_count", unit="interactions", per="day"),
    "funnel": draw_funnel,
    "retention": draw_retention,
    "lifecycle": draw_lifecycle,
    "stickiness": draw_stickiness,
    "heat-map": draw_heat,
    "top-movers": draw_movers,
    "paths": draw_paths,
}
