"""The questions about people at their edges, each by a few rows that one can count by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from emptying import empty_tables
from footfall.answers import catalogue, parameters
from footfall.answers.asked import Filters
from footfall.errors import QueryError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb

pytestmark = pytest.mark.matrix  # one case a question, or a word of it

Write = Callable[..., str]
ABOUT_PEOPLE = ("active-users", "lifecycle", "new-users", "retention", "stickiness", "trailing-users")


def answer(database: str, name: str, zone: str = "UTC", **filters: Any) -> list[tuple[Any, ...]]:
    settings = load_settings(database_url=database, reporting_time_zone=zone)
    with query_verb.query(settings, name, Filters(**filters)) as given:
        return list(given.rows)


@pytest.fixture
def database(one_database: str) -> str:
    return empty_tables(one_database)


@pytest.fixture
def load(database: str, write_csv: Write) -> Callable[..., str]:
    """Load rows of user and time, or of user, action and time; each call is a file."""
    numbers = iter(range(1, 1_000_000))

    def deliver(*rows: str) -> str:
        lines = []
        for row in rows:
            user, *action, at = row.split(" ", 2) if row.count(" ") > 1 else row.split(" ")
            number = next(numbers)
            lines.append(f"{number},{user},1,{action[0] if action else 'view'},{at}")
        load_verb.load([write_csv(f"{next(numbers)}.csv", *lines)], load_settings(database_url=database))
        return database

    return deliver


def cells(rows: list[tuple[Any, ...]]) -> dict[tuple[date | None, int], int | None]:
    return {(row[0], row[2]): row[3] for row in rows}


def day(number: int) -> date:
    return date(2024, 3, number)


# what is complete


def test_a_period_is_complete_that_begins_with_the_first_interaction_and_ends_with_the_last(
    load: Callable[..., str],
) -> None:
    database = load("1 2024-03-01T00:00Z", "1 2024-03-03T00:00Z")
    assert answer(database, "active-users") == [
        (day(1), 1, True, None),
        (day(2), 0, True, None),
        (day(3), 1, False, None),
    ]
    assert cells(answer(database, "retention", per="day")) == {
        (day(1), 0): 1,
        (day(1), 1): 0,
        (day(1), 2): None,
        (None, 0): 1,
        (None, 1): 0,
    }


@pytest.mark.parametrize(
    ("first", "last"), [("00:00:00.000001Z", "2024-03-02T00:00Z"), ("00:00Z", "2024-03-01T23:59:59.999999Z")]
)
def test_a_period_is_not_complete_where_a_microsecond_is_missing(
    load: Callable[..., str], first: str, last: str
) -> None:
    database = load(f"1 2024-03-01T{first}", f"1 {last}")
    assert answer(database, "active-users")[0] == (day(1), 1, False, None)
    assert cells(answer(database, "retention", per="day"))[day(1), 0] is None
    assert answer(database, "lifecycle", per="day")[3] == (day(1), "dormant", None, False)


def test_a_row_that_is_dated_ahead_completes_nothing_and_is_shown(load: Callable[..., str]) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ahead = today + timedelta(days=40)
    database = load(f"1 {today - timedelta(days=1):%Y-%m-%dT%H:%MZ}", f"2 {ahead:%Y-%m-%dT%H:%MZ}")
    shown = {row[0]: row[1:3] for row in answer(database, "active-users")}
    assert shown[today.date() - timedelta(1)] == (1, True)
    assert shown[ahead.date()] == (1, False)
    assert not any(is_complete for of, (_, is_complete) in shown.items() if of >= today.date())
    assert cells(answer(database, "retention", per="day"))[ahead.date(), 0] is None


def test_a_period_that_the_range_cuts_is_not_complete(load: Callable[..., str]) -> None:
    database = load(*(f"1 2024-03-{at:02}T00:00Z" for at in range(1, 9)))
    rows = answer(database, "active-users", since="2024-03-02T12:00", until="2024-03-05")
    assert [row[:3] for row in rows] == [(day(2), 0, False), (day(3), 1, True), (day(4), 1, True)]


# active-users


def test_users_are_compared_with_those_of_as_many_periods_before(load: Callable[..., str]) -> None:
    database = load(*(f"{user} 2024-03-{at:02}T06:00Z" for at in range(1, 9) for user in range(at)))
    rows = answer(database, "active-users", since="2024-03-05", until="2024-03-08", compare="previous")
    assert rows == [(day(5), 5, True, 2), (day(6), 6, True, 3), (day(7), 7, True, 4)]
    # Of February nothing is known.
    rows = answer(database, "active-users", since="2024-03-03", until="2024-03-07", compare="previous")
    assert [row[3] for row in rows] == [None, None, 1, 2]


def test_the_day_that_is_not_over_is_compared_with_as_much_of_the_earlier_one(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T06:00Z", "2 2024-03-01T18:00Z", "1 2024-03-02T06:00Z", "3 2024-03-02T07:00Z")
    assert answer(database, "active-users", since="2024-03-02", compare="previous") == [(day(2), 2, False, 1)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"since": "2024-09-08", "until": "2024-09-09"}, [(date(2024, 9, 8), 0, True, 2)]),
        ({"since": "2024-09-02", "until": "2024-09-08", "per": "week"}, [(date(2024, 9, 2), 2, False, 1)]),
    ],
    ids=["the range begins there", "the range ends there"],
)
def test_a_day_whose_midnight_is_skipped_is_compared_with_a_day_from_its_midnight_on(
    load: Callable[..., str], asked: dict[str, str], expected: list[tuple[Any, ...]]
) -> None:
    # Santiago's clock went from 2024-09-07 24:00 to 2024-09-08 01:00; before, 04:30Z is half past midnight.
    load("1 2024-08-20T12:00Z", "2 2024-08-26T12:00Z", "3 2024-09-01T04:30Z", "4 2024-09-07T04:30Z")
    database = load("5 2024-09-07T12:00Z", "1 2024-09-20T12:00Z")
    found = answer(database, "active-users", "America/Santiago", compare="previous", **asked)
    assert found == expected


# retention


def test_a_minute_before_and_after_midnight_are_two_days_by_the_calendar_and_one_by_the_rolling_clock(
    load: Callable[..., str],
) -> None:
    database = load("1 2024-03-01T23:59Z", "1 2024-03-02T00:01Z", "2 2024-03-09T00:00Z")
    assert cells(answer(database, "retention", per="day"))[day(1), 1] == 1
    rolling = cells(answer(database, "retention", per="day", clock="rolling"))
    assert (rolling[day(1), 0], rolling[day(1), 1]) == (1, 0)


def test_the_clock_of_a_rolling_day_turns_after_24_hours_whatever_the_zone_does(load: Callable[..., str]) -> None:
    # In Vienna the 31st of March 2024 has 23 hours.
    database = load(
        "1 2024-03-30T12:00+01:00",
        "1 2024-03-31T13:00+02:00",
        "2 2024-03-30T12:00+01:00",
        "2 2024-03-31T12:59:59.999999+02:00",
        "3 2024-04-09T00:00Z",
    )
    rolling = cells(answer(database, "retention", "Europe/Vienna", per="day", clock="rolling"))
    assert (rolling[date(2024, 3, 30), 0], rolling[date(2024, 3, 30), 1]) == (2, 1)
    listed = answer(database, "retention", "Europe/Vienna", per="day", clock="rolling", who="2024-03-30:1")
    assert [row[0] for row in listed] == [1]


def test_a_rolling_cell_is_complete_when_the_last_who_may_have_started_has_had_the_time(
    load: Callable[..., str],
) -> None:
    database = load("1 2024-03-01T00:00Z", "1 2024-03-03T00:00Z")
    assert cells(answer(database, "retention", per="day", clock="rolling"))[day(1), 0] == 1
    assert cells(answer(database, "retention", per="day", clock="rolling"))[day(1), 1] is None


def test_on_or_after_counts_who_came_later_in_each_period_before(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "1 2024-03-04T00:00Z", "2 2024-03-01T00:00Z", "3 2024-03-06T00:00Z")
    on = cells(answer(database, "retention", per="day", mode="on"))
    after = cells(answer(database, "retention", per="day", mode="on-or-after"))
    assert [on[day(1), number] for number in range(6)] == [2, 0, 0, 1, 0, None]
    assert [after[day(1), number] for number in range(6)] == [2, 1, 1, 1, 0, None]


def test_a_return_counts_from_the_instant_of_the_start_on(load: Callable[..., str]) -> None:
    database = load(
        "1 buy 2024-03-01T01:00Z",
        "1 view 2024-03-01T02:00Z",
        "2 view 2024-03-01T01:00Z",
        "2 buy 2024-03-01T01:00Z",
        "3 view 2024-03-01T00:00Z",
        "3 buy 2024-03-02T00:00Z",
        "4 view 2024-03-03T00:00Z",
    )
    asked = {"per": "day", "start_action": "view", "return_action": "buy"}
    found = cells(answer(database, "retention", **asked))
    assert (found[day(1), 0], found[day(1), 1]) == (1, 1)
    assert [row[0] for row in answer(database, "retention", who="2024-03-01:0", **asked)] == [2]


def test_a_recurring_user_is_in_the_cohort_of_each_period(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "1 2024-03-02T00:00Z", "1 2024-03-03T00:00Z", "2 2024-03-05T00:00Z")
    rows = answer(database, "retention", per="day", recurring=True)
    assert {row[0]: row[1] for row in rows if row[0]} == {day(at): 1 for at in (1, 2, 3, 5)}
    assert cells(rows)[day(2), 1] == 1
    assert [row for row in rows if row[0] is None and row[2] == 1] == [(None, 3, 1, 2, 2 / 3, True, 3, None)]


def test_the_average_is_weighted_and_leaves_out_what_is_not_complete(load: Callable[..., str]) -> None:
    first = [f"{user} 2024-03-01T00:00Z" for user in range(4)]
    database = load(*first, "0 2024-03-02T00:00Z", "9 2024-03-02T01:00Z", "9 2024-03-03T00:00Z", "8 2024-03-04T00:00Z")
    averages = [row for row in answer(database, "retention", per="day") if row[0] is None]
    assert averages == [
        (None, 5, 0, 5, 1.0, True, 2, None),
        (None, 5, 1, 2, 0.4, True, 2, None),
        (None, 4, 2, 0, 0.0, True, 1, None),
    ]


def test_cohorts_before_the_first_complete_period_may_include_older_users(load: Callable[..., str]) -> None:
    database = load("1 2024-03-06T12:00Z", "2 2024-03-12T00:00Z", "3 2024-03-19T00:00Z")
    marked = {row[0]: row[7] for row in answer(database, "retention")}
    assert marked == {day(4): True, day(11): False, day(18): False, None: None}


def test_a_late_row_moves_its_user_to_an_earlier_cohort(load: Callable[..., str]) -> None:
    database = load("1 2024-03-03T00:00Z", "2 2024-03-01T00:00Z", "2 2024-03-05T00:00Z")
    assert {row[0]: row[1] for row in answer(database, "retention", per="day") if row[0]} == {day(1): 1, day(3): 1}
    load("1 2024-03-01T12:00Z")
    assert {row[0]: row[1] for row in answer(database, "retention", per="day") if row[0]} == {day(1): 2}
    assert answer(database, "new-users") == [(day(1), 2)]


def test_the_range_picks_cohorts_and_reads_what_comes_later(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "2 2024-03-02T00:00Z", "2 2024-03-04T00:00Z", "1 2024-03-05T00:00Z")
    rows = answer(database, "retention", per="day", since="2024-03-02", until="2024-03-03")
    assert cells(rows)[day(2), 2] == 1
    assert {row[0] for row in rows} == {day(2), None}


# lifecycle, trailing windows, stickiness


def test_the_first_ever_is_of_all_interactions_unless_it_is_asked_of_the_filtered(load: Callable[..., str]) -> None:
    database = load("1 view 2024-03-01T00:00Z", "1 buy 2024-03-03T00:00Z", "2 view 2024-03-05T00:00Z")
    states = {(row[0], row[1]): row[2] for row in answer(database, "lifecycle", per="day", action="buy")}
    assert (states[day(3), "new"], states[day(3), "resurrecting"]) == (0, 1)
    filtered = answer(database, "lifecycle", per="day", action="buy", first_of="filtered")
    states = {(row[0], row[1]): row[2] for row in filtered}
    assert (states[day(3), "new"], states[day(3), "resurrecting"], states[day(4), "dormant"]) == (1, 0, 1)


def test_who_is_gone_is_dormant_once(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "2 2024-03-06T00:00Z")
    assert [row[2] for row in answer(database, "lifecycle", per="day") if row[1] == "dormant"] == [0, 1, 0, 0, 0, None]


def test_windows_of_7_and_30_days_are_null_until_the_data_have_so_many(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "2 2024-03-24T00:00Z", "2 2024-03-31T00:00Z")
    rows = {row[0]: row[1:] for row in answer(database, "trailing-users")}
    assert rows[day(6)][1:3] == (None, None)
    assert rows[day(7)] == (0, 1, None, None, True)
    assert rows[day(8)][1] == 0
    assert rows[day(29)][1:3] == (1, None)
    assert rows[day(30)] == (0, 1, 2, 0.0, True)
    assert rows[day(31)] == (1, 1, 1, 1.0, False)


def test_a_range_shows_its_days_and_reads_the_windows_before(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "2 2024-03-28T00:00Z", "2 2024-03-31T00:00Z")
    assert answer(database, "trailing-users", since="2024-03-30", until="2024-03-31") == [(day(30), 0, 1, 2, 0.0, True)]
    assert [row[0] for row in answer(database, "trailing-users", since="2024-03-30", who="2024-03-30:mau")] == [2, 1]


def test_days_are_counted_in_the_range_or_in_each_week_or_month(load: Callable[..., str]) -> None:
    database = load("1 2024-03-01T00:00Z", "1 2024-03-01T05:00Z", "1 2024-03-04T00:00Z", "2 2024-03-05T00:00Z")
    assert answer(database, "stickiness") == [(1, 1, 0.5, None, None), (2, 1, 0.5, None, None)]
    assert answer(database, "stickiness", per="month") == [(1, 2, 1.0, None, None)]
    weeks = [(1, 1, 1.0, date(2024, 2, 26), False), (1, 2, 1.0, day(4), False)]
    assert answer(database, "stickiness", over_time=True) == weeks
    assert [row[0] for row in answer(database, "stickiness", over_time=True, who="2024-03-04:1")] == [1, 2]


# all of them


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_a_range_without_data_is_an_empty_answer(load: Callable[..., str], name: str) -> None:
    database = load("1 2024-03-01T00:00Z", "2 2024-03-24T00:00Z")
    for within in ({"since": "2025-01-01"}, {"until": "2023-01-01"}, {"since": "2024-03-02", "until": "2024-03-02"}):
        assert answer(database, name, **within) == []


@pytest.mark.parametrize("per", ["day", "week", "month"])
@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_a_row_of_the_year_1_and_one_of_the_year_9999_do_not_make_rows_between(
    load: Callable[..., str], name: str, per: str
) -> None:
    database = load("1 0001-01-01T00:00Z", "1 2024-03-01T00:00Z", "2 9999-12-31T23:59:59.999999Z")
    takes_per = name not in ("new-users", "trailing-users")
    rows = answer(database, name, "America/New_York", **({"per": per} if takes_per else {}))
    assert 2 <= len(rows) < 100


@pytest.mark.parametrize("name", ABOUT_PEOPLE)
@pytest.mark.parametrize("who", ["nobody", "2024-13-45:new", "99999999999999999999", "2024-03-01:99999999999999999999"])
def test_who_that_is_no_such_thing_is_refused_with_what_to_write(name: str, who: str) -> None:
    with pytest.raises(QueryError, match=r"--who: .* is not (DATE|NUMBER)"):
        parameters.understand(catalogue.find(name, None), Filters(who=who), "UTC")
