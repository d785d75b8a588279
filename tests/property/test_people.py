"""The questions about people on any history, against lists that are walked in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

import walked
from footfall.answers.asked import Filters
from footfall.settings import load_settings
from footfall.tables.schema import list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from sampling import examples
from walked import History, Row

SLOW = settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
# Zones of whole hours, of 30 and of 45 minutes, with the days around changes of their clocks; those of Cairo and
# Santiago are set at midnight, so that a day has no midnight or two of them.
DAYS = {
    "UTC": date(2024, 2, 26),
    "Europe/Vienna": date(2024, 3, 25),
    "Asia/Kathmandu": date(2023, 12, 28),
    "Asia/Kolkata": date(2024, 4, 29),
    "Australia/Lord_Howe": date(2024, 4, 1),
    "Pacific/Chatham": date(2024, 9, 20),
    "America/St_Johns": date(2010, 10, 30),
    "Africa/Cairo": date(2023, 4, 20),
    "America/Santiago": date(2024, 9, 1),
}
PERS = ("day", "week", "month")
ACTIONS = ("view", "cart", "buy")


# How the tables keep what is asked for: rows alone, the days of users too, and ids that are text.
KINDS: dict[str, dict[str, Any]] = {
    "rows": {},
    "user-days": {},
    "text": {"user_id_type": "text", "product_id_type": "text"},
}


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, ZoneInfo, list[list[Row]]]:
    """Draw how it is kept, a zone and deliveries.

    Rows are near midnights and on the same instant, days apart, some years ahead.
    """
    kind = draw(st.sampled_from(sorted(KINDS)))
    name = draw(st.sampled_from(sorted(DAYS)))
    zone = ZoneInfo(name)
    midnight = datetime.combine(DAYS[name], datetime.min.time(), zone).astimezone(UTC)
    instants = st.builds(
        lambda day, minutes, edge: midnight + timedelta(day, 60 * minutes, edge),
        st.one_of(st.integers(0, 9), st.integers(0, 75), st.sampled_from([0, 7, 14, 28, 31])),
        st.sampled_from([-60, -30, -15, 0, 0, 0, 15, 60, 600]),
        st.sampled_from([0, 0, 0, -1, 1]),
    )
    far = st.sampled_from([datetime(2090, 5, 1, tzinfo=UTC), datetime(2090, 5, 9, 12, tzinfo=UTC)])
    at = st.one_of(*[instants] * 15, far) if draw(st.booleans()) else instants
    rows = draw(
        st.lists(st.tuples(st.integers(1, 5), st.integers(1, 2), st.sampled_from(ACTIONS), at), min_size=1, max_size=40)
    )
    if kind == "text":
        rows = [(f"user {user}", f"product {product}", *more) for user, product, *more in rows]
    numbered = draw(st.permutations([Row(number, *row) for number, row in enumerate(rows, 1)]))
    cut = draw(st.integers(0, len(rows)))
    return kind, zone, [numbered[:cut], numbered[cut:]]


@st.composite
def ranges(draw: st.DrawFn, history: History) -> dict[str, datetime]:
    """Draw a range near the data, or none: whole days, or cuts within them."""
    first = history.begins(history.day(history.since))
    bounds = st.builds(
        lambda days, hours: history.begins(history.day(first + timedelta(days, 7200))) + timedelta(hours=hours),
        st.integers(-3, 80),
        st.sampled_from([0, 0, 0, 11]),
    )
    since, until = sorted(draw(st.lists(bounds, min_size=2, max_size=2)))
    return draw(st.sampled_from([{}, {}, {"since": since}, {"until": until}, {"since": since, "until": until}]))


class Loaded:
    """A history in a database, and what is asked there."""

    def __init__(
        self, database: str, kind: str, zone: ZoneInfo, deliveries: Sequence[Sequence[Row]], folder: Path
    ) -> None:
        self.settings = load_settings(database_url=database, reporting_time_zone=str(zone), **KINDS[kind])
        self.product = "product 1" if kind == "text" else 1
        for number, rows in enumerate(deliveries):
            path = folder / f"{number}.csv"
            lines = (
                f"{row.interaction_id},{row.user_id},{row.product_id},{row.action},{row.at.isoformat()}\n"
                for row in rows
            )
            path.write_text(HEADER + "".join(lines))
            load_verb.load([str(path)], self.settings)
        with psycopg.connect(database) as connection:
            connection.execute("set timezone to 'UTC'")
            row = connection.execute("select max(finished_at) from loads").fetchone()
        assert row is not None
        self.history = History(tuple(row for rows in deliveries for row in rows), zone, row[0])

    def ask(self, name: str, **filters: Any) -> list[tuple[Any, ...]]:
        given = {key: value for key, value in filters.items() if value is not None}
        with query_verb.query(self.settings, name, Filters(**given)) as answer:
            return list(answer.rows)

    def who(self, name: str, who: str, **filters: Any) -> list[Any]:
        """Give the ids behind a number; the other columns are told of each by her rows."""
        rows = self.ask(name, who=who, **filters)
        for user, first_at, last_at, count in rows:
            of = [row.at for row in self.history.rows if row.user_id == user]
            assert (first_at, last_at, count) == (min(of), max(of), len(of))
        assert rows == sorted(rows, key=lambda row: (-row[3], row[0]))
        assert len({row[0] for row in rows}) == len(rows)
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
def databases(new_database_of_module: Callable[[], str]) -> dict[str, str]:
    """Make a database for each kind."""
    made = {kind: new_database_of_module() for kind in KINDS}
    for kind, database in made.items():
        settings = load_settings(database_url=database, **KINDS[kind])
        schema_verb.upgrade_schema(settings, with_options=["user-days"] if kind == "user-days" else [])
    return made


@pytest.fixture
def load(databases: dict[str, str], tmp_path: Path) -> Callable[..., Loaded]:
    tables = sql.SQL(", ").join(sql.Identifier(name) for name in list_tables() if name != "footfall_options")

    def fill(kind: str, zone: ZoneInfo, deliveries: Sequence[Sequence[Row]]) -> Loaded:
        with psycopg.connect(databases[kind]) as connection:
            connection.execute(sql.SQL("truncate {} restart identity").format(tables))
        return Loaded(databases[kind], kind, zone, deliveries, tmp_path)

    return fill


some_action = st.sampled_from([None, None, "view", "buy"])


def some_product(loaded: Loaded) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, None, None, loaded.product])


@SLOW
@given(data=st.data(), drawn=histories())
def test_active_users_are_the_users_of_each_period(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        per, action, product = data.draw(st.sampled_from(PERS)), data.draw(some_action), data.draw(some_product(loaded))
        within = data.draw(ranges(loaded.history))
        expected = walked.active_users(loaded.history, per, **within, action=action, product=product)
        asked = {"per": per, "action": action, "product": product, **within}
        rows = loaded.ask("active-users", **asked)
        assert [row[:3] for row in rows] == [
            (period, len(users), loaded.history.is_complete(period, per, **within))
            for period, users in expected.items()
        ]
        for period in data.draw(st.lists(st.sampled_from(sorted(expected)), max_size=4)) if expected else []:
            assert set(loaded.who("active-users", str(period), **asked)) == expected[period]


@SLOW
@given(data=st.data(), drawn=histories())
def test_active_users_are_compared_with_those_of_as_many_periods_before(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        history, per = loaded.history, data.draw(st.sampled_from(PERS))
        begins = history.begins(walked.shifted(history.period(history.since, per), per, data.draw(st.integers(1, 8))))
        ends = history.begins(walked.shifted(history.period(begins, per), per, data.draw(st.integers(1, 8))))
        periods = history.periods(per, begins, ends)
        rows = loaded.ask("active-users", per=per, since=begins, until=ends, compare="previous")
        of_all = walked.active_users(history, per, until=history.until + timedelta(0, 0, 1))
        for row in rows:
            before = walked.shifted(row[0], per, -len(rows))
            if history.begins(walked.shifted(before, per, 1)) <= history.begins(history.day(history.since)):
                assert row[3] is None
            elif row[2]:  # a period that is not over is compared with as much of the earlier one
                assert row[3] == len(of_all.get(before, ())), (row, periods)


@SLOW
@given(data=st.data(), drawn=histories())
def test_trailing_users_are_the_users_of_the_days_that_end_with_each(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        action, product = data.draw(some_action), data.draw(some_product(loaded))
        within = data.draw(ranges(loaded.history))
        expected = walked.trailing_users(loaded.history, **within, action=action, product=product)
        asked = {"action": action, "product": product, **within}
        rows = loaded.ask("trailing-users", **asked)
        counted = [
            (day, *(None if users is None else len(users) for users in windows.values()))
            for day, windows in expected.items()
        ]
        assert [row[:4] for row in rows] == counted
        assert [row[4:] for row in rows] == [
            (row[1] / row[3] if row[3] else None, loaded.history.is_complete(row[0], "day")) for row in counted
        ]
        for day in data.draw(st.lists(st.sampled_from(sorted(expected)), max_size=3)) if expected else []:
            for name, users in expected[day].items():
                assert set(loaded.who("trailing-users", f"{day}:{name}", **asked)) == (users or set())


@SLOW
@given(data=st.data(), drawn=histories())
def test_retention_is_who_came_back_in_each_period_after_the_first(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(10):
        check_retention(loaded, data)


def check_retention(loaded: Loaded, data: st.DataObject) -> None:
    per, clock = data.draw(st.sampled_from(PERS)), data.draw(st.sampled_from(["calendar", "calendar", "rolling"]))
    mode, is_recurring = data.draw(st.sampled_from(["on", "on-or-after"])), data.draw(st.booleans())
    start, back = data.draw(some_action), data.draw(some_action)
    product, is_filtered = data.draw(some_product(loaded)), data.draw(st.booleans())
    periods, within = data.draw(st.sampled_from([2, 5, 12])), data.draw(ranges(loaded.history))

    def is_start(row: Row) -> bool:
        return start in (None, row.action) and (not is_filtered or product in (None, row.product_id))

    def is_return(row: Row) -> bool:
        return back in (None, row.action) and product in (None, row.product_id)

    cells = walked.retention(loaded.history, per, clock, mode, is_start, is_return, periods, is_recurring, **within)
    asked = {"per": per, "clock": clock, "mode": mode, "periods": periods, "product": product, **within}
    asked |= {"start_action": start, "return_action": back, "recurring": is_recurring or None}
    asked |= {"first_of": "filtered"} if is_filtered else {}
    complete = walked.first_complete(loaded.history, per)
    expected = [
        (
            cell.cohort,
            cell.size,
            cell.number,
            None if cell.users is None else len(cell.users),
            None if cell.users is None else len(cell.users) / cell.size,
            cell.users is not None,
            1,
            complete is None or cell.cohort < complete,
        )
        for cell in cells
    ]
    expected += [
        (None, size, number, users, users / size, True, cohorts, None)
        for number, size, users, cohorts in walked.average(cells)
    ]
    assert loaded.ask("retention", **asked) == expected
    for cell in data.draw(st.lists(st.sampled_from(cells), max_size=4)) if cells else []:
        listed = loaded.who("retention", f"{cell.cohort}:{cell.number}", **asked)
        assert set(listed) == (cell.users or set())
        assert len(loaded.who("retention", str(cell.cohort), **asked)) == cell.size


@SLOW
@given(data=st.data(), drawn=histories())
def test_lifecycle_tells_where_the_users_of_each_period_come_from(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        per, action, product = data.draw(st.sampled_from(PERS)), data.draw(some_action), data.draw(some_product(loaded))
        within, is_filtered = data.draw(ranges(loaded.history)), data.draw(st.booleans())
        expected = walked.lifecycle(
            loaded.history, per, **within, action=action, product=product, is_filtered=is_filtered
        )
        asked = {
            "per": per,
            "action": action,
            "product": product,
            "first_of": "filtered" if is_filtered else None,
            **within,
        }
        rows = loaded.ask("lifecycle", **asked)
        assert rows == [
            (period, state, None if users is None else len(users), loaded.history.is_complete(period, per))
            for (period, state), users in expected.items()
        ]
        for period, state in data.draw(st.lists(st.sampled_from(sorted(expected)), max_size=4)) if expected else []:
            assert set(loaded.who("lifecycle", f"{period}:{state}", **asked)) == (expected[period, state] or set())


@SLOW
@given(data=st.data(), drawn=histories())
def test_new_returning_and_resurrecting_users_are_the_active_ones(
    load: Callable[..., Loaded], data: st.DataObject, drawn: Any
) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        asked = {
            "per": data.draw(st.sampled_from(PERS)),
            "action": data.draw(some_action),
            "product": data.draw(some_product(loaded)),
        }
        active = {row[0]: row[1] for row in loaded.ask("active-users", **asked)}
        states: dict[Any, int] = dict.fromkeys(active, 0)
        for period, state, number, _ in loaded.ask("lifecycle", **asked):
            states[period] += number if state != "dormant" else 0
        assert states == active


@SLOW
@given(data=st.data(), drawn=histories())
def test_stickiness_counts_users_by_their_days(load: Callable[..., Loaded], data: st.DataObject, drawn: Any) -> None:
    loaded = load(*drawn)
    for _ in range(4):
        per, is_over_time = data.draw(st.sampled_from([None, *PERS])), data.draw(st.booleans())
        action, product = data.draw(some_action), data.draw(some_product(loaded))
        within = data.draw(ranges(loaded.history))
        expected = walked.stickiness(loaded.history, per, is_over_time, **within, action=action, product=product)
        asked = {"per": per, "over_time": is_over_time or None, "action": action, "product": product, **within}
        totals: dict[Any, int] = {}
        for (frame, _), users in expected.items():
            totals[frame] = totals.get(frame, 0) + len(users)
        assert loaded.ask("stickiness", **asked) == [
            (
                number,
                len(users),
                len(users) / totals[frame],
                frame,
                None if frame is None else loaded.history.is_complete(frame, per or "week", **within),
            )
            for (frame, number), users in expected.items()
        ]
        for (frame, number), users in list(expected.items())[:4]:
            words = f"{frame}:{number}" if frame else str(number)
            assert set(loaded.who("stickiness", words, **asked)) == users
