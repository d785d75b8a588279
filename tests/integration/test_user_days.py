"""What is kept of the days of users by choice, and of the first and last interaction of each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from command_line import run
from earlier import USER_DAYS, load_earlier
from footfall.errors import DatabaseBusyError, SettingsError
from footfall.postgres.target import Target
from footfall.postgres.transactions import LOCK_CLASS
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
ON = {"with_options": ["user-days"]}
OFF = {"without": ["user-days"]}
FIRST = [
    "1,1,1,view,2024-01-02 10:07:00",
    "2,1,2,view,2024-01-02 10:14:59",
    "3,2,1,buy,2024-01-02 23:59:59.999999",
    "4,1,1,buy,2024-01-03",
]
LATE = [
    "5,2,1,view,2024-01-01 08:15:00",
    "6,1,1,view,2024-01-02 00:00:00",
    "7,3,1,view,0001-01-01",
    "8,3,1,buy,1969-12-31 23:45:00",
]
USERS = "select user_id, interaction_count, first_at, last_at from interactions_per_user order by 1"
DAYS = "select day::text, user_id, quarters::text, interaction_count from user_days order by 1, 2"


def ask(database: str, query: str, values: Any = None) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(query.encode(), values).fetchall()


def do(database: str, *statements: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def apply(database: str, **more: Any) -> str:
    return schema_verb.upgrade_schema(load_settings(database_url=database), **more)


def load(database: str, name: str) -> None:
    (done,) = load_verb.load([name], load_settings(database_url=database)).loads
    assert (done.status, done.error) == ("loaded", None)


def is_on(database: str) -> bool:
    ((found,),) = ask(database, "select is_on from footfall_options where name = 'user-days'")
    return bool(found)


def bits(*quarters: int) -> str:
    return "".join("1" if quarter in quarters else "0" for quarter in range(96))


# switched on and off


def test_days_are_not_kept_unless_asked_for(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *FIRST))
    assert (is_on(database), ask(database, DAYS)) == (False, [])
    assert "does not keep user-days" in schema_verb.show_schema(load_settings(database_url=database))


@pytest.mark.slow
def test_switched_on_they_hold_what_is_loaded_and_what_comes_and_switched_off_nothing(
    database: str, write_csv: Write
) -> None:
    load(database, write_csv("a.csv", *FIRST))
    assert "user-days is kept from now on, 3 rows" in apply(database, **ON)
    first = [
        ("2024-01-02", 1, bits(40), 2),
        ("2024-01-02", 2, bits(95), 1),
        ("2024-01-03", 1, bits(0), 1),
    ]
    assert ask(database, DAYS) == first
    assert "keeps user-days" in schema_verb.show_schema(load_settings(database_url=database))
    assert "user-days is kept already" in apply(database, **ON)
    assert ask(database, DAYS) == first
    load(database, write_csv("b.csv", *LATE))
    assert ask(database, DAYS) == [
        ("0001-01-01", 3, bits(0), 1),
        ("1969-12-31", 3, bits(95), 1),
        ("2024-01-01", 2, bits(33), 1),
        ("2024-01-02", 1, bits(0, 40), 3),
        ("2024-01-02", 2, bits(95), 1),
        ("2024-01-03", 1, bits(0), 1),
    ]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    assert "user-days is not kept any more, 6 rows were removed" in apply(database, **OFF)
    assert (is_on(database), ask(database, DAYS)) == (False, [])
    assert "user-days is not kept already" in apply(database, **OFF)
    load(database, write_csv("c.csv", "9,1,1,view,2024-01-04"))
    assert ask(database, DAYS) == []
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1 << 60], ids=["empty-path", "ordinary-path"])
def test_a_first_load_into_a_schema_that_keeps_them_gives_what_switching_on_gives(
    new_database: Callable[[], str], write_csv: Write, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", size)
    before, after = new_database(), new_database()
    assert "user-days is kept from now on, 0 rows" in apply(before, **ON)
    for database in (before, after):
        load(database, write_csv("a.csv", *FIRST, *LATE))
    apply(after, **ON)
    assert ask(before, DAYS) == ask(after, DAYS)
    assert ask(before, USERS) == ask(after, USERS)
    assert len(ask(before, DAYS)) == 6


def test_an_option_that_is_unknown_or_named_twice_is_refused_with_what_there_is(database: str) -> None:
    with pytest.raises(SettingsError, match=r"'user-nights' is no option.*user-days"):
        apply(database, with_options=["user-nights"])
    with pytest.raises(SettingsError, match="--with and by --without"):
        apply(database, **ON, **OFF)
    found = run("schema", "apply", "--without", "all", "--database", database)
    assert (found.returncode, "user-days" in found.stderr) == (2, True)


def test_the_command_line_switches_it(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *FIRST))
    for word, words in (("--with", "kept from now on, 3 rows"), ("--without", "not kept any more, 3 rows")):
        found = run("schema", "apply", word, "user-days", "--database", database)
        assert (found.returncode, found.stderr) == (0, "")
        assert words in found.stdout


@pytest.mark.slow
def test_it_waits_for_a_load(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *FIRST))
    with psycopg.connect(database) as other:
        other.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, Target("", "public", 0).lock_key])
        with pytest.raises(DatabaseBusyError):
            schema_verb.upgrade_schema(load_settings(database_url=database, lock_wait_seconds=1), **ON)
    assert (is_on(database), ask(database, DAYS)) == (False, [])


@pytest.mark.slow
def test_killed_on_the_way_it_leaves_nothing_half(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *FIRST))
    command = [sys.executable, "-m", "footfall.cli", "schema", "apply", "--with", "user-days", "--database", database]
    with psycopg.connect(database) as holder:
        holder.execute("lock table user_days in access exclusive mode")
        switching = subprocess.Popen(command, env=os.environ)
        waiting = """
            select count(*) from pg_stat_activity
            where wait_event_type = 'Lock' and query like '%user_days%' and datname = current_database()"""
        until = time.monotonic() + 600
        while ask(database, waiting) != [(1,)]:
            assert switching.poll() is None
            assert time.monotonic() < until
        switching.send_signal(signal.SIGKILL)
        switching.wait()
        assert not is_on(database)
        holder.rollback()
    load(database, write_csv("b.csv", *LATE))  # takes the writer lock, so the killed one's session is gone
    assert (is_on(database), ask(database, DAYS)) == (False, [])
    assert "6 rows" in apply(database, **ON)
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


def test_a_snapshot_from_before_it_was_switched_off_still_has_its_rows(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *FIRST))
    apply(database, **ON)
    periods = "select user_id, period::text from user_periods('day', 'UTC') order by 1, 2"
    expected = [(1, "2024-01-02"), (1, "2024-01-03"), (2, "2024-01-02")]
    with psycopg.connect(database) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("select 1 from loads")
        apply(database, **OFF)
        assert reader.execute(periods).fetchall() == expected
        assert len(reader.execute("table user_days").fetchall()) == 3
    assert ask(database, periods) == expected


# proven and mended


@pytest.mark.parametrize(
    ("statement", "check", "key", "kept", "recount"),
    [
        (
            "update user_days set quarters = ~quarters where day = '2024-01-03'",
            "user_days",
            "quarters of day 2024-01-03, user_id 1",
            bits(*range(1, 96)),
            bits(0),
        ),
        (
            "update user_days set interaction_count = 9 where user_id = 2",
            "user_days",
            "day 2024-01-02, user_id 2",
            9,
            1,
        ),
        ("delete from user_days where user_id = 2", "user_days", "day 2024-01-02, user_id 2", None, 1),
        (
            f"insert into user_days values ('2024-02-02', 8, B'{bits(0)}', 1)",
            "user_days",
            "day 2024-02-02, user_id 8",
            1,
            None,
        ),
        (
            "update interactions_per_user set first_at = '2024-01-01' where user_id = 2",
            "interactions_per_user",
            "first_at of user_id 2",
            "2024-01-01T00:00:00+00:00",
            "2024-01-02T23:59:59.999999+00:00",
        ),
        (
            "update interactions_per_user set last_at = '2025-01-01' where user_id = 1",
            "interactions_per_user",
            "last_at of user_id 1",
            "2025-01-01T00:00:00+00:00",
            "2024-01-03T00:00:00+00:00",
        ),
    ],
)
def test_each_column_is_proven_and_mended(
    database: str, write_csv: Write, statement: str, check: str, key: str, kept: Any, recount: Any
) -> None:
    settings = load_settings(database_url=database)
    load(database, write_csv("a.csv", *FIRST))
    apply(database, **ON)
    before = ask(database, DAYS), ask(database, USERS)
    do(database, f"set timezone to 'UTC'; {statement}")
    (found,) = verify_verb.verify(settings).drift
    assert (found.check, found.key, found.kept, found.recount) == (check, key, kept, recount)
    assert found.is_of_counts
    assert verify_verb.verify(settings, repair=True).drift == ()
    assert (ask(database, DAYS), ask(database, USERS)) == before


def test_rows_of_days_that_are_not_kept_are_drift(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    load(database, write_csv("a.csv", *FIRST))
    do(database, f"insert into user_days values ('2024-01-02', 1, B'{bits(40)}', 2)")
    assert [(each.check, each.kept, each.recount) for each in verify_verb.verify(settings).drift] == [
        ("user_days", 2, None)
    ]
    assert verify_verb.verify(settings, repair=True).drift == ()
    assert ask(database, DAYS) == []


# read


def explain(database: str, call: str) -> str:
    return "\n".join(row[0] for row in ask(database, f"explain (analyze, costs off, timing off) select * from {call}"))


def scans(plan: str, table: str) -> set[bool]:
    """Say of the scans of a table in a plan whether they ran."""
    lines = [line for line in plan.splitlines() if "Scan" in line and f" on {table}" in line]
    return {"never executed" not in line for line in lines}


@pytest.mark.parametrize(
    ("call", "reads_days"),
    [
        ("user_periods('day', 'Europe/Vienna')", True),
        ("user_periods('week', 'Asia/Kathmandu', '2024-01-02', '2024-01-03')", True),
        ("user_periods('day', 'Europe/Vienna', action => 'view')", False),
        ("user_periods('month', 'UTC', product_id => 1)", False),
    ],
)
def test_the_branch_that_is_not_taken_is_not_run(database: str, write_csv: Write, call: str, reads_days: bool) -> None:
    load(database, write_csv("a.csv", *FIRST))
    for switch, is_kept in ((ON, True), (OFF, False)):
        apply(database, **switch)
        plan = explain(database, call)
        assert "Function Scan on user_periods" not in plan  # inlined
        ran = {table: any(scans(plan, table)) for table in ("user_days", "user_interactions_raw")}
        is_read = is_kept and reads_days
        assert ran == {"user_days": is_read, "user_interactions_raw": not is_read}, plan


def test_years_in_which_no_quarter_hour_is_whole_come_from_the_rows(database: str, write_csv: Write) -> None:
    """Monrovia was 44 minutes and 30 seconds off until 1972: no quarter hour of UTC is one of its days."""
    rows = [f"{n},{n % 29},1,view,1950-06-{n % 28 + 1:02} {n % 24:02}:{n % 4 * 15:02}" for n in range(1, 400)]
    load(database, write_csv("a.csv", *rows))
    apply(database, **ON)
    call = "user_periods('day', 'Africa/Monrovia')"
    kept = ask(database, f"select * from {call} order by 1, 2")
    plan = explain(database, call)
    assert (any(scans(plan, "user_days")), any(scans(plan, "user_interactions_raw"))) == (False, True)
    apply(database, **OFF)
    assert ask(database, f"select * from {call} order by 1, 2") == kept
    assert len(kept) > 100


def test_a_reader_may_ask(database: str, write_csv: Write, new_role: Callable[..., str]) -> None:
    load(database, write_csv("a.csv", *FIRST))
    apply(database, **ON)
    reader = new_role()
    role = reader.rpartition("user=")[2].split()[0]
    schema_verb.grant_reading(load_settings(database_url=database), role)
    assert len(ask(reader, "select * from user_periods('day', 'UTC')")) == 3
    assert len(ask(reader, DAYS)) == 3
    assert ask(reader, "select name, is_on from footfall_options") == [("user-days", True)]


# tables of an earlier version

IDS: dict[str, tuple[dict[str, str], Callable[[int], Any]]] = {
    "bigint": ({}, int),
    "uuid": ({"user_id_type": "uuid"}, lambda number: UUID(int=number << 96)),
    "text": ({"user_id_type": "text", "product_id_type": "text"}, str),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", IDS)
def test_an_upgrade_counts_first_and_last_of_the_rows_that_are_there(
    database: str, new_database: Callable[[], str], write_csv: Write, kind: str
) -> None:
    types, as_id = IDS[kind]
    lines = [line.split(",", 2) for line in (*FIRST, *LATE)]
    rows = [f"{number},{as_id(int(user))},{rest}" for number, user, rest in lines]
    load_earlier(database, USER_DAYS - 1, write_csv("a.csv", *rows), **types)
    do(database, "create view mine as select user_id, interaction_count from interactions_per_user")
    assert "0009_first_and_user_days.sql" in apply(database)
    users = ask(database, USERS)
    assert [(row[0], row[1]) for row in users] == [(as_id(1), 4), (as_id(2), 2), (as_id(3), 2)]
    new = new_database()
    settings = load_settings(database_url=new, **types)
    load_verb.load([write_csv("a.csv", *rows)], settings)
    assert users == ask(new, USERS)
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    for each in (database, new):
        apply(each, **ON)
    assert ask(database, DAYS) == ask(new, DAYS)
    shape = """
        select attname, format_type(atttypid, atttypmod), attcollation from pg_attribute
        where attrelid = 'user_days'::regclass and attnum > 0 order by attnum"""
    functions = "select pg_get_functiondef('user_periods'::regproc)"
    assert ask(database, shape) == ask(new, shape)
    assert ask(database, functions) == ask(new, functions)
    asked = "select * from user_periods('day', 'Asia/Kolkata', product_id => to_product_id('1')) order by 1, 2"
    assert ask(database, asked) == ask(new, asked)


@pytest.mark.slow
def test_a_table_of_another_of_that_name_is_refused_at_an_upgrade(database: str, write_csv: Write) -> None:
    load_earlier(database, USER_DAYS - 1, write_csv("a.csv", *FIRST))
    do(database, "create table user_days (day date)")
    found = run("schema", "apply", "--database", database)
    assert (found.returncode, "user_days" in found.stderr, "Traceback" in found.stderr) == (6, True, False)
    assert ask(database, "select max(version) from footfall_migrations") == [(USER_DAYS - 1,)]
