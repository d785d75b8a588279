"""The roll-ups over any loads, and the hours, days, weeks and months of any zone around the changes of its clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from footfall.answers.asked import Filters
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from sampling import examples

SLOW = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
# Instants at which the clock of a zone is set, or was.
CHANGES = {
    "UTC": ["2024-01-01T00:00Z"],
    "Europe/Vienna": ["2024-03-31T01:00Z", "2024-10-27T01:00Z", "1893-03-31T22:54:39Z", "2045-10-29T01:00Z"],
    "America/New_York": ["2024-03-10T07:00Z", "2024-11-03T06:00Z"],
    "America/St_Johns": ["2010-03-14T03:31Z", "2010-11-07T02:31Z", "2024-11-03T04:30Z", "1935-03-30T03:30:52Z"],
    "Australia/Lord_Howe": ["2024-04-06T15:00Z", "2024-10-05T15:30Z"],
    "Pacific/Chatham": ["2024-04-06T14:00Z", "2024-09-28T14:00Z"],
    "Asia/Kathmandu": ["1985-12-31T18:30Z", "1919-12-31T18:18:44Z"],
    "Asia/Kolkata": ["1945-10-14T17:30Z", "2024-01-01T18:30Z"],
    "Africa/Monrovia": ["1972-01-07T00:44:30Z", "1950-06-01T00:44:30Z"],
}


# each roll-up equals its recount

quarters = st.sampled_from([-3_786_825_600, -631_152_000, -900, 0, 1_709_251_200, 1_711_846_800, 253_370_764_800])
moments = st.builds(
    lambda seconds, microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, seconds, microseconds),
    st.builds(int.__add__, quarters, st.sampled_from([-901, -900, -1, 0, 1, 899, 900])),
    st.sampled_from([0, 1, 999_999]),
)
row = st.tuples(
    st.integers(1, 20), st.integers(1, 3), st.integers(1, 3), st.sampled_from(["click", " click", "buy"]), moments
)
files = st.lists(st.lists(row, max_size=12), min_size=1, max_size=4)


@pytest.fixture(params=[0, 1 << 60], ids=["empty-path", "ordinary-path"])
def _either_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", request.param)


def as_text(line: tuple[int, int, int, str, datetime]) -> str:
    return ",".join([*map(str, line[:4]), line[4].isoformat().replace("+00:00", "Z")])


def read(database: str, table: str, *columns: str) -> list[Any]:
    words = sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(sql.SQL("select {} from {}").format(*words)).fetchall()


def quarter_of(at: datetime) -> datetime:
    return at - (at - BEGINNING) % QUARTER


@pytest.mark.usefixtures("_either_path")
@SLOW
@given(deliveries=files)
def test_after_any_loads_each_roll_up_equals_its_recount(
    emptied_database: Callable[[], str], write_csv: Callable[..., str], deliveries: list[list[Any]]
) -> None:
    database = emptied_database()
    for at, lines in enumerate(deliveries):
        name = write_csv(f"{at}.csv", *map(as_text, lines))
        load_verb.load([name], load_settings(database_url=database, max_rejected="1.0"))
    raw = read(database, "user_interactions_raw", "user_id", "product_id", "action", "timestamp")
    assert len(raw) == len({line[0] for lines in deliveries for line in lines})
    recounts = {
        "user": Counter((user,) for user, _, _, _ in raw),
        "product": Counter((product,) for _, product, _, _ in raw),
        "quarter_hour": Counter((quarter_of(at), action) for _, _, action, at in raw),
    }
    keys = {"user": ["user_id"], "product": ["product_id"], "quarter_hour": ["quarter_hour", "action"]}
    for unit, columns in keys.items():
        kept = read(database, f"interactions_per_{unit}", *columns, "interaction_count")
        assert sorted(kept) == sorted((*key, number) for key, number in recounts[unit].items()), unit


# hours, days, weeks and months of any zone


def hour_of(at: datetime, zone: ZoneInfo) -> str:
    """Give the full hour as the clock showed it, with the offset that it has at this instant.

    The two of a repeated hour are told apart by their offsets. Where a clock is set by half an hour, or a minute past
    the hour, no instant of the zone may be shown so.
    """
    local = at.astimezone(zone)
    offset = timezone(local.utcoffset() or timedelta(0))
    return local.replace(minute=0, second=0, microsecond=0, tzinfo=offset).isoformat()


def in_order(keys: Iterable[Any]) -> list[Any]:
    """Sort days, weeks or months; hours by the instants at which they began, then as the clock showed them."""
    return sorted(keys, key=lambda key: (datetime.fromisoformat(key), key) if isinstance(key, str) else key)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def week_of(at: datetime, zone: ZoneInfo) -> date:
    day = day_of(at, zone)
    return day - timedelta(days=day.weekday())


def month_of(at: datetime, zone: ZoneInfo) -> date:
    return day_of(at, zone).replace(day=1)


UNITS: dict[str, Callable[[datetime, ZoneInfo], Any]] = {
    "per-hour": hour_of,
    "per-day": day_of,
    "per-week": week_of,
    "per-month": month_of,
}
numbers = count()


@st.composite
def around_changes(draw: st.DrawFn) -> tuple[str, list[datetime], datetime | None, datetime | None]:
    """Draw a zone, instants within two hours of changes of its clock, and perhaps a range that cuts them."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = st.builds(
        lambda change, microseconds: datetime.fromisoformat(change) + timedelta(microseconds=microseconds),
        st.sampled_from(CHANGES[zone]),
        st.one_of(
            st.integers(-2 * 3_600_000_000, 2 * 3_600_000_000),
            st.integers(-8, 8).map(lambda quarter: quarter * 900_000_000),
            st.integers(-8, 8).map(lambda quarter: quarter * 900_000_000 - 1),
        ),
    )
    ends = draw(st.one_of(st.just([None, None]), st.lists(near, min_size=2, max_size=2).map(sorted)))
    since, until = draw(st.sampled_from([ends, [ends[0], None], [None, ends[1]]]))
    return zone, draw(st.lists(near, min_size=1, max_size=30)), since, until


def fill(database: str, instants: list[datetime], folder: Path) -> None:
    """Load these instants into empty tables."""
    path = folder / f"{next(numbers)}.csv"
    lines = [as_text((number, 1, 1, "click", at)) for number, at in enumerate(instants, 1)]
    path.write_text(HEADER + "\n".join(lines) + "\n")
    assert load_verb.load([str(path)], load_settings(database_url=database)).rows_loaded == len(instants)


@settings(SLOW, max_examples=examples(20))
@given(drawn=around_changes())
def test_hours_days_weeks_and_months_are_those_of_the_zone(
    emptied_database: Callable[[], str],
    tmp_path: Path,
    drawn: tuple[str, list[datetime], datetime | None, datetime | None],
) -> None:
    zone, instants, since, until = drawn
    database = emptied_database()
    fill(database, instants, tmp_path)
    kept = [at for at in instants if (since is None or at >= since) and (until is None or at < until)]
    asked = load_settings(database_url=database, reporting_time_zone=zone)
    for name, unit in UNITS.items():
        with query_verb.query(asked, name, Filters(since=since, until=until)) as answer:
            rows = [(key.isoformat() if isinstance(key, datetime) else key, number) for key, number in answer.rows]
        counts = Counter(unit(at, ZoneInfo(zone)) for at in kept)
        assert rows == [(key, counts[key]) for key in in_order(counts)], name


@pytest.mark.parametrize("zone", sorted(CHANGES))
def test_the_instants_drawn_from_are_changes_of_the_clock_or_quarters_of_it(zone: str) -> None:
    """Else the test above would look at hours in which nothing happens."""
    changes = map(datetime.fromisoformat, CHANGES[zone])
    offsets = [
        (at.astimezone(ZoneInfo(zone)).utcoffset(), (at - HOUR).astimezone(ZoneInfo(zone)).utcoffset())
        for at in changes
    ]
    assert any(before != after for before, after in offsets) or zone == "UTC"
