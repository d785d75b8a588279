"""Heat map, unusual days, top movers and affinity over any history, as walking the list gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import changes_by_hand as by_hand
from changes_by_hand import Interaction
from footfall.answers.asked import Filters
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from sampling import examples

SLOW = settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
# A change of the clock of each zone, or a day like others.
CHANGES = {
    "UTC": "2024-03-01T00:00Z",
    "Europe/Vienna": "2024-10-27T01:00Z",
    "America/New_York": "2024-03-10T07:00Z",
    "America/St_Johns": "2024-11-03T04:30Z",
    "Australia/Lord_Howe": "2024-04-06T15:00Z",
    "Pacific/Chatham": "2024-09-28T14:00Z",
    "Asia/Kathmandu": "1985-12-31T18:30Z",
    "Africa/Monrovia": "1972-01-07T00:44:30Z",
    "Pacific/Apia": "2011-12-30T10:00Z",
    "Atlantic/Azores": "2024-10-27T01:00Z",
}
ACTIONS = ("click", "buy")
numbers = count()


@st.composite
def histories(draw: st.DrawFn, weeks: int) -> tuple[str, list[Interaction]]:
    """Draw a zone and interactions of some weeks around a change of its clock, many of them at the same instants."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(CHANGES[zone]).astimezone(UTC)
    seconds = st.one_of(
        st.integers(-weeks * 604_800, weeks * 604_800),
        st.integers(-weeks * 7, weeks * 7).map(lambda day: day * 86_400),
        st.integers(-12, 12).map(lambda quarter: quarter * 900),
    )
    instants = st.builds(
        lambda at, microsecond: change + timedelta(0, at, microsecond), seconds, st.sampled_from([0, 0, 1, -1])
    )
    drawn = draw(
        st.lists(
            st.tuples(st.integers(1, 6), st.integers(1, 5), st.sampled_from(ACTIONS), instants, st.integers(0, 2)),
            min_size=1,
            max_size=60,
        )
    )
    return zone, [Interaction(number, *values) for number, values in enumerate(drawn, 1)]


def load(database: str, rows: list[Interaction], folder: Path) -> list[Interaction]:
    """Load the rows, those of each load by a file of its own. Effects: a row gets the number of its load."""
    for number in sorted({row.load for row in rows}):
        path = folder / f"{next(numbers)}.csv"
        lines = [
            f"{row.interaction_id},{row.user_id},{row.product_id},{row.action},{row.at.isoformat()}"
            for row in rows
            if row.load == number
        ]
        path.write_text(HEADER + "\n".join(lines) + "\n")
        assert load_verb.load([str(path)], load_settings(database_url=database)).rows_loaded == len(lines)
    return rows


def ask(database: str, name: str, zone: str = "UTC", **filters: Any) -> list[Any]:
    settings_ = load_settings(database_url=database, reporting_time_zone=zone)
    with query_verb.query(settings_, name, Filters(**filters)) as answer:
        return list(answer.rows)


def ranges(draw: st.DrawFn, rows: list[Interaction]) -> tuple[datetime | None, datetime | None]:
    """Draw a range that begins and ends at interactions, or near them, or not at all."""
    near = st.builds(
        lambda row, seconds: row.at + timedelta(0, seconds), st.sampled_from(rows), st.sampled_from([0, 1800, -86_400])
    )
    since, until = draw(st.one_of(st.none(), near)), draw(st.one_of(st.none(), near))
    return (until, since) if since and until and since > until else (since, until)


def only(action: str | None) -> by_hand.Keep:
    return lambda row: action is None or row.action == action


@SLOW
@given(data=st.data())
def test_the_heat_map_is_that_of_the_clock(
    emptied_database: Callable[[], str], tmp_path: Path, data: st.DataObject
) -> None:
    zone, rows = data.draw(histories(weeks=3))
    database = emptied_database()
    load(database, rows, tmp_path)
    since, until = data.draw(st.composite(ranges)(rows))
    action = data.draw(st.sampled_from([None, *ACTIONS]))
    expected = by_hand.heat_map(rows, only(action), ZoneInfo(zone), since, until)
    assert ask(database, "heat-map", zone, since=since, until=until, action=action) == expected


@SLOW
@given(data=st.data())
def test_unusual_days_are_those_that_differ_from_their_weekday(
    emptied_database: Callable[[], str], tmp_path: Path, data: st.DataObject
) -> None:
    zone, rows = data.draw(histories(weeks=7))
    # Up to 12 more at one instant, so that some day is unusual.
    crowded = data.draw(st.sampled_from(rows))
    rows += [replace(crowded, interaction_id=1000 + n) for n in range(data.draw(st.integers(0, 12)))]
    database = emptied_database()
    load(database, rows, tmp_path)
    since, until = data.draw(st.composite(ranges)(rows))
    action = data.draw(st.sampled_from([None, *ACTIONS]))
    for minimum in (None, 1):
        expected = by_hand.unusual_days(rows, only(action), ZoneInfo(zone), since, until, minimum)
        asked = {"since": since, "until": until, "action": action, "minimum": minimum, "over_time": minimum is None}
        given_ = ask(database, "unusual-days", zone, **asked)
        assert [row[:6] for row in given_] == expected, minimum


@SLOW
@given(data=st.data())
def test_top_movers_compare_two_times_of_equal_length(
    emptied_database: Callable[[], str], tmp_path: Path, data: st.DataObject
) -> None:
    zone, rows = data.draw(histories(weeks=3))
    database = emptied_database()
    load(database, rows, tmp_path)
    since, until = data.draw(st.composite(ranges)(rows))
    keys: dict[str, Callable[[Interaction], Any]] = {
        "products": lambda row: row.product_id,
        "users": lambda row: row.user_id,
        "actions": lambda row: row.action,
    }
    for per in ("day", "week", "month"):
        times = by_hand.compared(rows, per, ZoneInfo(zone), since, until)
        for of, key in keys.items():
            given_ = ask(database, "top-movers", zone, since=since, until=until, per=per, of=of)
            assert [row[:5] for row in given_] == by_hand.top_movers(rows, key, only(None), ZoneInfo(zone), times), of
            said = [tuple(at.astimezone(UTC) for at in row[5:]) for row in given_]
            assert all(by_hand.Compared(*each) == times for each in said)


@SLOW
@given(data=st.data())
def test_affinity_is_that_of_sets_of_users(
    emptied_database: Callable[[], str], tmp_path: Path, data: st.DataObject
) -> None:
    _, rows = data.draw(histories(weeks=1))
    database = emptied_database()
    load(database, rows, tmp_path)
    since, until = data.draw(st.composite(ranges)(rows))
    action = data.draw(st.sampled_from([None, *ACTIONS]))
    product, minimum = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    kept = by_hand.within(rows, since, until)
    expected = by_hand.affinity(kept, product, minimum, only(action))
    given_ = ask(database, "affinity", id=product, minimum=minimum, since=since, until=until, action=action)
    assert given_ == expected
