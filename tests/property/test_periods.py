"""Days, weeks and months of any zone between the ends of the data, and which are complete, against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footfall
from sampling import examples

SLOW = settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MICROSECOND = timedelta(microseconds=1)
ZONES = ["UTC", "Europe/Vienna", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]
# Around changes of clocks, the day that Apia skipped, ends of weeks and months, and far apart.
ANCHORS = ["2011-12-29T12:00", "2024-02-29T00:00", "2024-03-31T01:00", "2024-04-06T15:00", "2024-04-30T21:00"]
anchored = st.builds(
    lambda anchor, seconds: datetime.fromisoformat(f"{anchor}+00:00") + timedelta(seconds=seconds),
    st.sampled_from(ANCHORS),
    st.one_of(st.sampled_from([-900, -1, 0, 1, 900, 86_400]), st.integers(-40 * 86_400, 40 * 86_400)),
)
units, zones, bounds = st.sampled_from(["day", "week", "month"]), st.sampled_from(ZONES), st.none() | anchored
Period = tuple[date, datetime, datetime, bool]


def load(database: str, instants: list[datetime]) -> None:
    lines = [f"{at},1,1,view,{instant.isoformat()}\n" for at, instant in enumerate(instants, 1)]
    Path("rows.csv").write_text("interaction_id,user_id,product_id,action,timestamp\n" + "".join(lines))
    assert footfall.load("rows.csv", database_url=database).rows_loaded == len(instants)


def ask(database: str, per: str, zone: str, since: datetime | str, until: datetime | str) -> list[Period]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute("select * from periods(%s, %s, %s, %s)", [per, zone, since, until]).fetchall()


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of a day: the first at which the clock shows it or a later one."""
    low = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    high = low + timedelta(days=4)
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        low, high = (low, middle) if middle.astimezone(zone).date() >= day else (middle, high)
    return high


def start(instant: datetime, per: str, zone: ZoneInfo) -> date:
    day = instant.astimezone(zone).date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[per]


def step(day: date, per: str) -> date:
    if per == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days={"day": 1, "week": 7}[per])


def list_periods(
    instants: list[datetime], per: str, name: str, since: datetime | None, until: datetime | None
) -> list[Period]:
    zone = ZoneInfo(name)
    first = max(min(instants), since or min(instants))
    last = min(max(instants), (until - MICROSECOND) if until else max(instants))
    found = []
    period = start(first, per, zone)
    while first <= last and period <= start(last, per, zone):
        begins, ends = begin_of(period, zone), begin_of(step(period, per), zone)
        is_complete = (
            min(instants) <= begins
            and ends <= max(instants)
            and (since is None or begins >= since)
            and (until is None or ends <= until)
        )
        if begins < ends:
            found.append((period, begins, ends, is_complete))
        period = step(period, per)
    return found


@SLOW
@given(
    instants=st.lists(anchored, min_size=1, max_size=6),
    asked=st.lists(st.tuples(units, zones, bounds, bounds), min_size=4, max_size=4),
)
def test_periods_are_those_of_the_calendar_and_complete_where_data_and_range_have_all_of_them(
    new_database: Callable[[], str], instants: list[datetime], asked: list[tuple[str, str, Any, Any]]
) -> None:
    # Within three years: gaps of more than 1,000 days have a test of their own.
    instants = [each for each in instants if each.year == instants[0].year]
    database = new_database()
    load(database, instants)
    for per, zone, since, until in asked:
        wanted = list_periods(instants, per, zone, since, until)
        assert ask(database, per, zone, since or "-infinity", until or "infinity") == wanted


def test_a_row_of_the_year_1_and_one_of_the_year_9999_do_not_make_days_between(database: str) -> None:
    days = [datetime(1, 1, 2, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)]
    load(database, days)
    found = ask(database, "day", "UTC", "-infinity", "infinity")
    assert [each[0] for each in found if each[0].month != 0][:1] == [date(1, 1, 2)]
    assert {day.date() for day in days} <= {each[0] for each in found}
    assert len(found) < 10


def test_what_is_dated_into_the_future_does_not_make_today_complete(database: str) -> None:
    now = datetime.now(UTC)
    load(database, [now - timedelta(days=3), now + timedelta(days=3)])
    found = ask(database, "day", "UTC", "-infinity", "infinity")
    assert [each[3] for each in found] == [False, True, True, False, False, False, False]


@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_without_interactions_there_are_no_periods(database: str, per: str) -> None:
    Path("empty.csv").write_text("interaction_id,user_id,product_id,action,timestamp\n")
    footfall.load("empty.csv", database_url=database)
    assert ask(database, per, "UTC", "-infinity", "infinity") == []
