"""The sentences of a report, which rules make from the rows of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from footfall.answers.charts import name_period, write_duration, write_number, write_share

DAYS_NAMED = 3  # unusual days that the first sentence names; if there are more, it says only how many
SAME = 0.005  # a change of less than half a per cent counts as none
Row = Mapping[str, Any]


def compare(now: float, before: float | None, when: str) -> str:
    """Say how a number compares with an earlier one.

    Example:
        >>> compare(97, 100, "in May"), compare(100, 100, "in May"), compare(300, 100, "in May")
        ('3 % fewer than in May', 'as many as in May', '3.0 times as many as in May')
        >>> compare(5, 0, "in May"), compare(5, None, "in May")
        ('none in May', '')
    """
    if before is None:
        return ""
    if not before:
        return f"none {when}" if now else f"none {when} either"
    change = now / before - 1
    if abs(change) < SAME:
        return f"as many as {when}" if now == before else f"about as many as {when}"
    if change >= 1:
        return f"{now / before:,.1f} times as many as {when}"
    return f"{abs(change) * 100:.0f} % {'more' if change > 0 else 'fewer'} than {when}"


def say_first(name: str, interactions: int, users: int | None, comparison: str, unusual: Sequence[date]) -> str:
    """Say what a reader wants to know first.

    Example:
        >>> say_first("June 2024", 751204, 61846, "3 % fewer than in May", [date(2024, 6, 21)])
        'June 2024: 751,204 interactions of 61,846 users, 3 % fewer than in May; Friday 21 June 2024 was unusual.'
    """
    if not interactions:
        return f"{name}: no interactions."
    of = "" if users is None else f" of {_count(users, 'user')}"
    said = f"{name}: {_count(interactions, 'interaction')}{of}"
    if comparison:
        said = f"{said}, {comparison}"
    if unusual:
        named = " and ".join(name_period(day, "day") for day in sorted(unusual)[:DAYS_NAMED])
        said += f"; {named} {'was' if len(unusual) == 1 else 'were'} unusual"
        if len(unusual) > DAYS_NAMED:
            said = f"{said.rpartition('; ')[0]}; {len(unusual)} days were unusual"
    return f"{said}."


def say_trend(rows: Sequence[tuple[date, int, bool]], per: str) -> str:
    """Say which period had most, and whether the last is complete. Shape: rows of period, number, is it complete."""
    if not rows:
        return ""
    day, number, _ = max(rows, key=lambda row: (row[1], -row[0].toordinal()))
    said = f"Most: {write_number(number)}, {_name(day, per)}."
    return said if rows[-1][2] else f"{said} {_name(rows[-1][0], per, is_first=True)} is not complete here."


def _name(period: date, per: str, *, is_first: bool = False) -> str:
    name = name_period(period, per)  # type: ignore[arg-type]  # day, week or month
    return (
        f"{name[0].upper()}{name[1:]}"
        if is_first
        else f"{'on' if per == 'day' else 'in'} {'the ' * (per == 'week')}{name}"
    )


def say_funnel(rows: Sequence[Row], within: str) -> list[str]:
    """Say how many went all the way, where most were lost, and how many may still go on."""
    if len(rows) < 2 or not rows[0]["user_count"]:
        return []
    first, last = rows[0], rows[-1]
    said = [
        f"Of {_count(first['user_count'], 'user')} who did {_quote(first['action'])}, "
        f"{write_number(last['user_count'])} ({write_share(last['user_count'] / first['user_count'])}) "
        f"did all {len(rows)} steps within {within}."
    ]
    lost = max(rows[1:], key=lambda row: row["dropped_count"])
    if lost["dropped_count"]:
        said.append(f"Most are lost before {_quote(lost['action'])}: {_count(lost['dropped_count'], 'user')}.")
    if (open_count := sum(row["open_count"] or 0 for row in rows)) > 0:
        verb = "has" if open_count == 1 else "have"
        said.append(f"Still open: {_count(open_count, 'user')} {verb} time left at the end of the data.")
    if (seconds := last["median_seconds"]) is not None:
        said.append(f"Half of those who did the last step took at most {write_duration(float(seconds))} to it.")
    return said


def say_retention(rows: Sequence[Row], per: str) -> str:
    """Say how many come back in the period after their first, on average over the complete cells."""
    cell = next((row for row in rows if row["cohort"] is None and row["period_number"] == 1), None)
    if cell is None or cell["share"] is None:
        return "No period after a first one is complete yet."
    cohorts = cell["cohort_count"]
    return (
        f"{write_share(cell['share'])} of the users come back in the {per} after their first one "
        f"(average of {_count(cohorts, 'complete cohort')}, weighted by size)."
    )


def say_lifecycle(periods: Mapping[date, Mapping[str, int | None]], complete: Sequence[date], per: str) -> str:
    """Say how many users came in the last complete period, and where they come from."""
    if not complete:
        return f"No {per} is complete in the data."
    states = periods[complete[-1]]
    here = sum(states.get(state) or 0 for state in ("new", "returning", "resurrecting"))
    dormant = states.get("dormant")
    gone = "" if dormant is None else f"; {write_number(dormant)} of the {per} before did not come"
    return (
        f"{_name(complete[-1], per, is_first=True)}, the last complete one: {_count(here, 'user')}, of them "
        f"{write_number(states.get('new') or 0)} new and {write_number(states.get('resurrecting') or 0)} back "
        f"after a break{gone}."
    )


def say_unusual(row: Row) -> str:
    """Say how far a day is from its usual count, and which files brought its rows.

    Example:
        >>> say_unusual({"day": date(2024, 4, 21), "interaction_count": 82000, "usual_count": 25000, "file_count": 1,
        ...              "usual_file_count": 2, "rows_rejected": 0, "failed_file_count": 0})
        'Sunday 21 April 2024: 82,000 interactions, usual 25,000. Of 1 file, usual 2: one may be missing.'
    """
    said = (
        f"{name_period(row['day'], 'day')}: {_count(row['interaction_count'], 'interaction')}, "
        f"usual {write_number(_round_number(row['usual_count']))}."
    )
    files, usual = row["file_count"], row["usual_file_count"]
    if usual is not None and files != usual:
        said += f" Of {_count(files, 'file')}, usual {write_number(_round_number(usual))}"
        said += ": one may be missing." if files < usual else "."
    elif files:
        said += f" Of {_count(files, 'file')}, as usual." if usual is not None else f" Of {_count(files, 'file')}."
    if row["rows_rejected"]:
        said += f" {'It' if files == 1 else 'They'} had {_count(row['rows_rejected'], 'rejected row')}."
    if row["failed_file_count"]:
        said += f" {_count(row['failed_file_count'], 'load')} failed on that day or the next."
    return said


def say_movers(rows: Sequence[Row]) -> str:
    """Say which product changed most."""
    if not rows:
        return "Nothing changed."
    row = rows[0]
    return (
        f"The most remarkable change: product {_quote(str(row['key']))}, "
        f"{write_number(row['before_count'])} before and {write_number(row['now_count'])} now."
    )


def _quote(text: str | None) -> str:
    text = text or "any step"
    return f"“{text if len(text) <= 60 else f'{text[:59]}…'}”"


def _count(number: float, noun: str) -> str:
    return f"{write_number(number)} {noun}{'' if number == 1 else 's'}"


def _round_number(number: Any) -> float:
    return round(float(number), 1)
