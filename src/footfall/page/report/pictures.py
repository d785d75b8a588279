"""Draw the pictures of a report from answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from footfall.answers import charts
from footfall.answers.charts import (
    About,
    Bar,
    HeatRow,
    Markup,
    Periods,
    Series,
    Step,
    name_period,
    write_number,
)
from footfall.answers.charts.labels import DAYS, MONTHS, Per
from footfall.results import Table

Row = Mapping[str, Any]
STATES = ("returning", "resurrecting", "new")  # from the axis upwards, as the first is usually the largest
BARS_SHOWN = 10


def draw_trend(
    name: str, rows: Sequence[tuple[date, int, bool]], unit: str, per: Per, marked: Sequence[date]
) -> Markup:
    """Draw one number per period as a line, with incomplete periods dashed and unusual days ringed."""
    periods = Periods([day for day, _, _ in rows], per, [is_complete for _, _, is_complete in rows])
    at = [number for number, (day, _, _) in enumerate(rows) if day in set(marked)]
    series = [Series(unit, [number for _, number, _ in rows])]
    return charts.draw_lines(About(name, f"{unit.capitalize()} per {per}", unit=unit), periods, series, marked=at)


def draw_heat(rows: Sequence[Row]) -> tuple[Markup, Table]:
    """Draw weekday by hour, and give the same as rows."""
    means = {(row["weekday"], row["hour"]): row["mean_per_hour"] for row in rows}
    values = [[means.get((weekday, hour)) for hour in range(24)] for weekday in range(1, 8)]
    hours = [f"{hour:02}" for hour in range(24)]
    drawn = charts.draw_heat_map(
        About("heat", "Interactions by weekday and hour", unit="interactions an hour"), DAYS, hours, values
    )
    cells = [
        (day, *(None if cell is None else round(float(cell), 1) for cell in row))
        for day, row in zip(DAYS, values, strict=True)
    ]
    return drawn, Table(("weekday", *hours), tuple(cells))


def draw_funnel(rows: Sequence[Row]) -> Markup:
    """Draw the steps of a funnel."""
    steps = [Step(row["action"] or f"step {row['step']}", row["user_count"], row["median_seconds"]) for row in rows]
    return charts.draw_funnel(About("funnel", "Funnel", unit="users"), steps)


def draw_retention(rows: Sequence[Row], per: Per) -> Markup:
    """Draw the coloured table of cohorts, without their first period: all of a cohort are there by definition."""
    cohorts: dict[date | None, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        cohorts[row["cohort"]][row["period_number"]] = row
    average = cohorts.pop(None, {})
    most = max(
        (number for cells in cohorts.values() for number, cell in cells.items() if cell["is_complete"]), default=0
    )
    numbers = range(1, most + 1)
    shown = []
    for cohort, cells in cohorts.items():
        first = next(iter(cells.values()))
        note = "may include older users" if first["may_include_older"] else ""
        shown.append(HeatRow(_name_short(cohort, per), first["cohort_size"], _list_shares(cells, numbers), note))
    about = About(
        "cohorts",
        f"Retention per {per}",
        f"Share of them that came back in the 1st, 2nd, ... {per} after it; hatched: not complete in the data.",
    )
    columns = [per or "cohort", "users", *(str(number) for number in numbers)]
    sizes = sum(next(iter(cells.values()))["cohort_size"] for cells in cohorts.values())
    foot = HeatRow("average", sizes, _list_shares(average, numbers)) if average and most else None
    return charts.draw_heat_table(about, columns, shown, foot)


def _list_shares(cells: Mapping[int, Row], numbers: range) -> list[Any]:
    return [cells[number]["share"] if number in cells else None for number in numbers]


def _name_short(cohort: date | None, per: Per) -> str:
    if cohort is None or per == "month":
        return "" if cohort is None else name_period(cohort, per)
    return f"{cohort.day} {MONTHS[cohort.month - 1][:3]} {cohort.year}"


def read_lifecycle(rows: Sequence[Row]) -> tuple[dict[date, dict[str, int | None]], dict[date, bool]]:
    """Give the users of each period by state, and whether it is complete."""
    periods: dict[date, dict[str, int | None]] = defaultdict(dict)
    complete: dict[date, bool] = {}
    for row in rows:
        periods[row["period"]][row["state"]] = row["user_count"]
        complete[row["period"]] = row["is_complete"]
    return periods, complete


def draw_lifecycle(rows: Sequence[Row], per: Per) -> tuple[Markup, Table]:
    """Draw the users who came, and below 0 those who no longer came; give the same as rows."""
    periods, complete = read_lifecycle(rows)
    shown = Periods(list(periods), per, [complete[period] for period in periods])
    above = [Series(state, [states.get(state) for states in periods.values()]) for state in STATES]
    below = [Series("dormant", [states.get("dormant") for states in periods.values()])]
    drawn = charts.draw_stacked_bars(
        About("lifecycle", f"Users by where they come from, per {per}", unit="users"), shown, above, below
    )
    names = ("new", "returning", "resurrecting", "dormant")
    cells = [(period, *(states.get(name) for name in names)) for period, states in periods.items()]
    return drawn, Table((per, *names), tuple(cells))


def draw_movers(rows: Sequence[Row]) -> Markup:
    """Draw the largest changes: a rise to the right, a fall to the left."""
    shown = [
        Bar(
            str(row["key"]),
            row["change"],
            note=f"{write_number(row['before_count'])} → {write_number(row['now_count'])}",
        )
        for row in rows[:BARS_SHOWN]
    ]
    return charts.draw_bars(About("movers", "Products that changed most", unit="changes in interactions"), shown)


def draw_top(name: str, title: str, rows: Sequence[Row], key: str) -> Markup:
    """Draw the first rows of a ranking as bars."""
    return charts.draw_bars(
        About(name, title), [Bar(str(row[key]), row["interaction_count"]) for row in rows[:BARS_SHOWN]]
    )
