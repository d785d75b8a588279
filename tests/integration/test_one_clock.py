"""One question has one clock, the server's: for its bounds, its days and hours, and the offsets that it prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from footfall import errors
from footfall.answers.asked import Filters
from footfall.engines import zones
from footfall.errors import SettingsError
from footfall.postgres.target import Target
from footfall.settings import load_settings
from footfall.verbs import clocks
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from listening import heard_by
from sampling import share_of

Write = Callable[..., str]
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"


def ask(database: str, statement: str, values: Any = None, zone: str = "UTC") -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("select set_config('timezone', %s, false)", (zone,))
        return connection.execute(statement, values).fetchall()


def answer(database: str, name: str, zone: str, **filters: Any) -> list[Any]:
    settings = load_settings(database_url=database, reporting_time_zone=zone)
    with query_verb.query(settings, name, Filters(**filters)) as given:
        return list(given.rows)


@pytest.fixture
def load(database: str, write_csv: Write) -> Callable[..., Any]:
    def load(*lines: str, **settings: Any) -> Any:
        said: list[str] = []
        summary = heard_by(
            said.append, load_verb.load, [write_csv("a.csv", *lines)], load_settings(database_url=database, **settings)
        )
        assert summary.exit_code == 0
        return said

    return load


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2024-03-01", "UTC", "2024-03-01 00:00+00"),
        ("2024-03-01", "Europe/Vienna", "2024-02-29 23:00+00"),
        ("2024-07-01", "Asia/Kathmandu", "2024-06-30 18:15+00"),
        ("2024-03-01T12:30", "America/St_Johns", "2024-03-01 16:00+00"),
        ("2024-03-31T02:30", "Europe/Vienna", "2024-03-31 01:30+00"),  # skipped: moved forward by the gap
        ("2024-10-27T02:30", "Europe/Vienna", "2024-10-27 00:30+00"),  # repeated: the first of the two
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04 03:00+00"),  # a day that begins in a gap
        ("2024-11-03", "America/Havana", "2024-11-03 04:00+00"),  # a midnight that comes twice
        ("2011-12-30", "Pacific/Apia", "2011-12-30 10:00+00"),  # a day that the zone left out
        ("2024-04-07T01:45", "Australia/Lord_Howe", "2024-04-06 14:45+00"),  # half an hour is repeated
        ("2024-10-06T02:15", "Australia/Lord_Howe", "2024-10-05 15:45+00"),  # half an hour is skipped
        ("0001-01-02", "UTC", "0001-01-02 00:00+00"),
        ("9999-12-31", "UTC", "9999-12-31 00:00+00"),
    ],
)
def test_a_time_of_a_zone_is_the_first_instant_at_which_its_clock_shows_it(
    database: str, load: Callable[..., Any], local: str, zone: str, instant: str
) -> None:
    load("1,1,1,a,2024-01-01")
    statement = "select first_instant(%s::timestamp, %s) = %s::timestamptz"
    assert ask(database, statement, (local, zone, instant)) == [(True,)]


@pytest.mark.slow
def test_in_every_zone_of_the_server_a_day_begins_where_the_bound_says(database: str, load: Callable[..., Any]) -> None:
    load("1,1,1,a,2024-01-01")
    wrong = ask(
        database,
        """
        with days as (
            select
                z.name as zone,
                day,
                day at time zone z.name as begins,
                (day + interval '1 day') at time zone z.name as ends
            from pg_timezone_names as z
            cross join generate_series('2011-01-01'::timestamp, '2027-01-01'::timestamp, interval '1 day') as day
            where z.name !~ '^posix'
        ),
        -- the days around each change of a clock, and one of every hundred others
        near as (select * from days where ends - begins <> interval '24 hours' or extract(doy from day)::int % 100 = 1),
        bounds as (
            select distinct zone, day::date as day, first_instant(day, zone) as bound
            from (select zone, day from near union select zone, day + interval '1 day' from near) as both_ends
        )
        select zone, day, bound from bounds
        where
            (bound at time zone zone)::date < day
            or ((bound - interval '1 microsecond') at time zone zone)::date >= day
        """,
    )
    # A day that a zone left out has no first instant: its bound is that of the next day.
    assert [row for row in wrong if row[0] not in {"Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kwajalein"}] == []


def test_a_range_of_one_day_has_the_rows_of_that_day_alone(database: str, load: Callable[..., Any]) -> None:
    zone = "America/Vancouver"
    times = ("2026-11-09 23:30", "2026-11-10 00:30", "2026-11-10 23:30", "2026-11-11 00:30")
    load(*(f"{n},{n},1,a,{time}" for n, time in enumerate(times, 1)), source_time_zone=zone)
    given = answer(database, "per-day", zone, since="2026-11-10", until="2026-11-11")
    assert [(str(day), count) for day, count in given] == [("2026-11-10", 2)]


@pytest.mark.slow
def test_the_printed_offset_is_the_servers_in_every_zone(database: str, load: Callable[..., Any]) -> None:
    instants = ("1950-06-01T12:00Z", "1999-12-31T23:59:59Z", "2026-07-01T00:00Z", "2026-12-01T00:00Z")
    load(*(f"{n},1,1,a,{instant}" for n, instant in enumerate(instants, 1)))
    names = [name for (name,) in ask(database, "select name from pg_timezone_names where name ~ '^[A-Z]' order by 1")]
    known = [name for name in names if is_accepted(name)][::14]
    assert len(known) > 25
    for zone in share_of(known):
        # Shown as the server writes it, minutes of the offset filled in.
        shown = ask(database, "select timestamp::text as shown from user_interactions_raw", zone=zone)
        last = {cell.isoformat() for _, _, _, _, cell, _ in answer(database, "user", zone, id=1)}
        assert last == {psycopg_free(text) for (text,) in shown}, zone


def is_accepted(zone: str) -> bool:
    try:
        load_settings(reporting_time_zone=zone)
    except SettingsError:  # the setting refuses a few names that are no zones
        return False
    return True


def psycopg_free(text: str) -> str:
    """Give the server's text of an instant in ISO 8601, by string operations alone."""
    text = text.replace(" ", "T")
    return text if text[-3] == ":" else f"{text}:00"


@pytest.mark.slow
def test_hours_are_labelled_as_the_clock_showed_them_half_hours_included(
    database: str, load: Callable[..., Any]
) -> None:
    spring = ("2024-10-05T15:15Z", "2024-10-05T15:45Z", "2024-10-05T16:30Z")  # 01:45+10:30, 02:45+11:00, 03:30+11:00
    autumn = ("2024-04-06T14:15Z", "2024-04-06T14:45Z", "2024-04-06T15:15Z", "2024-04-06T16:00Z")

    def hours(database: str, zone: str, **filters: Any) -> list[Any]:
        return [(hour.isoformat(), count) for hour, count in answer(database, "per-hour", zone, **filters)]

    load(*(f"{n},1,1,a,{time}" for n, time in enumerate((*spring, *autumn), 1)))
    assert hours(database, "Australia/Lord_Howe", since="2024-10-01") == [
        ("2024-10-06T01:00:00+10:30", 1),
        ("2024-10-06T02:00:00+11:00", 1),
        ("2024-10-06T03:00:00+11:00", 1),
    ]
    assert hours(database, "Australia/Lord_Howe", until="2024-05-01") == [
        ("2024-04-07T01:00:00+11:00", 2),  # 01:15 and 01:45
        ("2024-04-07T01:00:00+10:30", 1),  # 01:45 again
        ("2024-04-07T02:00:00+10:30", 1),
    ]
    assert hours(database, "America/St_Johns", since="2024-10-05T16:00Z") == [
        ("2024-10-05T14:00:00-02:30", 1),
    ]


def test_bounds_in_the_wrong_order_are_refused_by_the_servers_clock(database: str, load: Callable[..., Any]) -> None:
    load("1,1,1,a,2024-01-01")
    with pytest.raises(errors.QueryError, match="change them round"):
        answer(database, "per-day", "Europe/Vienna", since="2024-01-02", until="2024-01-01T22:00Z")
    assert answer(database, "per-day", "Europe/Vienna", since="2024-01-02", until="2024-01-01T23:00Z") == []


@pytest.mark.slow
def test_a_load_says_where_the_servers_zones_differ_from_those_that_read_the_file(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = zones.find_offset_changes

    def with_another_rule(time_zone: str, until: Any) -> Any:
        *changes, (day, offset_s) = real(time_zone, until)
        return [*changes, (day, offset_s + 1800)]

    assert load("1,1,1,a,2024-01-01", source_time_zone="Europe/Vienna") == []
    monkeypatch.setattr(zones, "find_offset_changes", with_another_rule)
    (said,) = load("2,1,1,a,2024-01-01", source_time_zone="Europe/Vienna")
    assert "differ for the source time zone Europe/Vienna" in said
    assert load("3,1,1,a,2024-01-01") == []  # UTC is the same everywhere


def test_a_zone_that_the_server_does_not_know_is_said(database: str) -> None:
    with psycopg.connect(database) as connection:
        said = clocks.compare_clocks(connection, Target(database, "public", 10), "Europe/Nowhere")
    assert said is not None
    assert "does not know the source time zone Europe/Nowhere" in said
