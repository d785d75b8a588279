"""The users of days, weeks and months: from user_days and from the rows, in any zone, beside plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contract.ids import IdType
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.tables.schema import list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from sampling import examples

SLOW = settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
KINDS: tuple[IdType, ...] = ("bigint", "uuid", "text")
# Instants at which the clock of a zone is set, or was, and midnights of zones that are off the hour.
CHANGES = {
    "UTC": ["2024-01-01T00:00Z", "1970-01-01T00:00Z", "0001-01-08T00:00Z", "9999-12-20T00:00Z"],
    "Europe/Vienna": ["2024-03-31T01:00Z", "2024-10-27T01:00Z", "2024-12-31T23:00Z", "1893-03-31T22:54:39Z"],
    "Atlantic/Azores": ["2024-10-27T01:00Z", "2024-03-31T01:00Z"],  # midnight comes twice, and not at all
    "America/New_York": ["2024-03-10T07:00Z", "2024-11-03T06:00Z", "2024-12-01T05:00Z"],
    "America/St_Johns": ["2010-11-07T02:31Z", "2024-11-03T04:30Z", "1935-03-30T03:30:52Z"],
    "Australia/Lord_Howe": ["2024-04-06T15:00Z", "2024-10-05T15:30Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z", "2012-01-01T10:00Z"],  # a day is skipped
    "Pacific/Chatham": ["2024-04-06T14:00Z", "2024-09-28T14:00Z"],
    "Pacific/Kiritimati": ["1994-12-31T10:40Z", "2024-01-31T10:00Z"],
    "Asia/Kathmandu": ["1985-12-31T18:30Z", "2024-04-30T18:15Z"],
    "Asia/Kolkata": ["1945-10-14T17:30Z", "2024-01-01T18:30Z"],
    "Africa/Monrovia": ["1972-01-07T00:44:30Z", "1950-06-01T00:44:30Z"],
}
PERIODS: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}
Row = tuple[int, int, str, datetime]  # user and product as numbers, action, instant
numbers = count()


def as_id(number: int, kind: IdType) -> Any:
    return {"bigint": number, "uuid": UUID(int=number << 96), "text": f"id {number} ä"}[kind]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> IdType:
    chosen: IdType = request.param
    return chosen


@pytest.fixture(scope="module")
def emptied(kind: IdType, new_database_of_module: Callable[[], str]) -> Callable[[], str]:
    """Empty the tables of one database, with users and products of one type; user_days is kept."""
    conninfo = new_database_of_module()
    types = {f"{of}_id_type": kind for of in ("user", "product")}
    schema_verb.upgrade_schema(load_settings(database_url=conninfo, **types))

    def empty() -> str:
        with psycopg.connect(conninfo) as connection:
            connection.execute(f"truncate {', '.join(list_tables())} restart identity".encode())
            connection.execute("insert into footfall_options values ('user-days', true)")
        return conninfo

    return empty


def load(database: str, folder: Path, kind: IdType, rows: list[Row]) -> None:
    path = folder / f"{next(numbers)}.csv"
    lines = (
        f"{next(numbers)},{as_id(user, kind)},{as_id(product, kind)},{action},{at.isoformat().replace('+00:00', 'Z')}\n"
        for user, product, action, at in rows
    )
    path.write_text(HEADER + "".join(lines))
    done = load_verb.load([str(path)], load_settings(database_url=database))
    assert done.rows_loaded == len(rows), done


@contextmanager
def asking(database: str, *, is_kept: bool) -> Iterator[psycopg.Connection[Any]]:
    """Give a session for which user_days is kept, or is not."""
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'America/St_Johns'")  # nothing may depend on the zone of the session
        connection.execute("update footfall_options set is_on = %s", [is_kept])
        yield connection
        connection.rollback()


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[list[Row]], datetime | None, datetime | None]:
    """Draw a zone, deliveries of rows near changes of its clock and near its midnights, and perhaps a range."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = st.builds(
        lambda change, microseconds: datetime.fromisoformat(change) + timedelta(microseconds=microseconds),
        st.sampled_from(CHANGES[zone]),
        st.one_of(
            st.integers(-30 * 3_600_000_000, 30 * 3_600_000_000),
            st.integers(-130, 130).map(lambda quarter: quarter * 900_000_000),
            st.integers(-130, 130).map(lambda quarter: quarter * 900_000_000 - 1),
        ),
    )
    row = st.tuples(st.integers(0, 5), st.integers(1, 2), st.sampled_from(["view", "buy"]), near)
    deliveries = draw(st.lists(st.lists(row, min_size=1, max_size=20), min_size=1, max_size=3))
    ends = draw(st.one_of(st.just([None, None]), st.lists(near, min_size=2, max_size=2).map(sorted)))
    since, until = draw(st.sampled_from([ends, [ends[0], None], [None, ends[1]]]))
    return zone, deliveries, since, until


@pytest.fixture(params=[0, 1 << 60], ids=["empty-path", "ordinary-path"])
def _either_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", request.param)


@pytest.mark.usefixtures("_either_path")
@SLOW
@given(drawn=histories())
def test_users_of_periods_are_those_of_plain_python_from_user_days_and_from_rows(
    emptied: Callable[[], str],
    kind: IdType,
    tmp_path: Path,
    drawn: tuple[str, list[list[Row]], datetime | None, datetime | None],
) -> None:
    zone, deliveries, since, until = drawn
    database = emptied()
    for rows in deliveries:
        load(database, tmp_path, kind, rows)
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    rows = [
        row
        for delivered in deliveries
        for row in delivered
        if (since is None or row[3] >= since) and (until is None or row[3] < until)
    ]
    values: dict[str, Any] = {"zone": zone, "since": since or "-infinity", "until": until or "infinity"}
    for is_kept in (True, False):
        with asking(database, is_kept=is_kept) as connection:
            for per, begin in PERIODS.items():
                for action, product in ((None, None), ("buy", None), (None, 2), ("view", 1)):
                    expected = {
                        (as_id(row[0], kind), begin(row[3].astimezone(ZoneInfo(zone)).date()))
                        for row in rows
                        if action in (None, row[2]) and product in (None, row[1])
                    }
                    found = connection.execute(
                        "select user_id, period from user_periods(%(per)s, %(zone)s, %(since)s, %(until)s, %(action)s,"
                        " to_product_id(%(product)s))",
                        values
                        | {
                            "per": per,
                            "action": action,
                            "product": "" if product is None else str(as_id(product, kind)),
                        },
                    ).fetchall()
                    assert len(found) == len(set(found))
                    assert set(found) == expected, (per, is_kept, action, product)


def recount(rows: list[Row], kind: IdType) -> tuple[set[Any], set[Any]]:
    """Give what interactions_per_user and user_days must hold, by plain Python."""
    of_users: defaultdict[int, list[datetime]] = defaultdict(list)
    of_days: defaultdict[tuple[date, int], list[datetime]] = defaultdict(list)
    for user, _, _, at in rows:
        of_users[user].append(at)
        of_days[at.date(), user].append(at)
    users = {(as_id(user, kind), len(ats), min(ats), max(ats)) for user, ats in of_users.items()}
    days = set()
    for (day, user), ats in of_days.items():
        quarters = {at.hour * 4 + at.minute // 15 for at in ats}
        bits = "".join("1" if quarter in quarters else "0" for quarter in range(96))
        days.add((day, as_id(user, kind), bits, len(ats)))
    return users, days


instants = st.builds(
    lambda day, microseconds: day + timedelta(microseconds=microseconds),
    st.sampled_from(
        [datetime(year, month, 2, tzinfo=UTC) for year, month in ((1, 1), (1969, 12), (1970, 1), (2024, 2), (9999, 12))]
    ),
    st.one_of(
        st.integers(0, 2 * 86_400_000_000 - 1),
        st.integers(0, 191).map(lambda quarter: quarter * 900_000_000),
        st.integers(1, 192).map(lambda quarter: quarter * 900_000_000 - 1),
    ),
)
any_rows = st.lists(st.tuples(st.integers(0, 3), st.just(1), st.just("view"), instants), min_size=1, max_size=15)


@pytest.mark.usefixtures("_either_path")
@SLOW
@given(deliveries=st.lists(any_rows, min_size=1, max_size=3))
def test_first_last_and_quarters_equal_their_recount_after_any_loads_in_years_1_to_9999(
    emptied: Callable[[], str], kind: IdType, tmp_path: Path, deliveries: list[list[Row]]
) -> None:
    database = emptied()
    for rows in deliveries:
        load(database, tmp_path, kind, rows)
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        users = connection.execute("select user_id, interaction_count, first_at, last_at from interactions_per_user")
        found = [set(users.fetchall())]
        days = connection.execute("select day, user_id, quarters::text, interaction_count from user_days")
        found.append(set(days.fetchall()))
    assert found == list(recount([row for rows in deliveries for row in rows], kind))
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
