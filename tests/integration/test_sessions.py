"""What a session of ours relies on, it sets itself, whatever a role or a database has set; each verb's is asked."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import footfall
from footfall.answers.asked import Filters
from footfall.cli.main import main
from footfall.cli.talk import log, talk
from footfall.errors import DatabaseBusyError, SchemaError
from footfall.postgres.connection import open_session
from footfall.postgres.target import Target
from footfall.postgres.transactions import begin, take_writer_lock
from footfall.settings import load_settings
from footfall.sources import opening
from footfall.statements import read_statements
from footfall.tables.schema import list_tables
from footfall.verbs import discover as discover_verb
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import query as query_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from listening import heard_by

Write = Callable[..., str]
# What every transaction of ours has, and what a database might have in its place.
REQUIRED = {
    "search_path": ('"public", pg_temp', "nowhere"),
    "client_encoding": ("UTF8", "LATIN1"),
    "DateStyle": ("ISO, MDY", "German"),
    "IntervalStyle": ("postgres", "sql_standard"),
    "TimeZone": ("UTC", "Asia/Kathmandu"),
    "timezone_abbreviations": ("Default", "India"),
    "bytea_output": ("hex", "escape"),
    "extra_float_digits": ("1", "-15"),
    "array_nulls": ("on", "off"),
    "quote_all_identifiers": ("off", "on"),
    "standard_conforming_strings": ("on", "off"),
    "backslash_quote": ("safe_encoding", "off"),
    "transform_null_equals": ("off", "on"),
    "check_function_bodies": ("on", "off"),
    "row_security": ("off", "on"),
    "gin_fuzzy_search_limit": ("0", "1"),
    "statement_timeout": ("0", "20s"),
    "lock_timeout": ("10min", "20s"),
    "idle_in_transaction_session_timeout": ("0", "20s"),
    "transaction_timeout": ("0", "20s"),
    "exit_on_error": ("off", "on"),
    "client_connection_check_interval": ("1s", "0"),
    "synchronous_commit": ("on", "off"),
    "transaction_isolation": ("read committed", ""),
}
KEEPALIVES = (
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_keepalives_count",
)  # none on a socket of the system
# What has no say in an answer, but in the way to it, or in words that nobody reads.
ALSO = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "escape_string_warning": "off",
    "client_min_messages": "debug1",
    "xmloption": "document",
    "work_mem": "64kB",
    "enable_hashagg": "off",
    "enable_seqscan": "off",
    "geqo_threshold": "2",
    "jit_above_cost": "0",
    "synchronize_seqscans": "off",
    "plan_cache_mode": "force_generic_plan",
    "constraint_exclusion": "on",
}
OWN = """-- What the text of a value hangs on.
select
    0.1::float8 + 0.2::float8 as number,
    decode('ff00', 'hex') as bytes,
    interval '1 day 02:03:04' as span,
    timestamptz '2024-03-01 12:30:00+00' as instant,
    date '01/02/2024' as day,
    '{NULL,a}'::text[] as list,
    'a\\nb' as text,
    format('%I', 'plain') as name
"""


def hostile(admin: str, database: str) -> None:
    """Set everything that Footfall relies on to something else, for all who come to the database."""
    name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
    with psycopg.connect(admin, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("select name from pg_settings").fetchall()}
        for setting, value in [*((each, of) for each, (_, of) in REQUIRED.items() if of), *ALSO.items()]:
            if setting in known:
                words = sql.Identifier(setting), sql.Literal(value)
                connection.execute(sql.SQL("alter database {} set {} to {}").format(name, *words))


def test_what_the_tests_look_at_is_what_a_session_sets() -> None:
    set_there = re.findall(r"set_config\('(\w+)'", read_statements("footfall.postgres.transactions")["session"])
    assert sorted(set_there) == sorted([*(set(REQUIRED) - {"transaction_isolation"}), *KEEPALIVES])


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Ask every transaction at its end what it has set."""
    seen: list[dict[str, str]] = []
    query = b"select name, current_setting(name, true) from unnest(%s::text[]) as name"

    def ask_first(name: str) -> None:
        real = getattr(psycopg.Connection, name)

        def ask(connection: Any) -> None:
            if not connection.closed and connection.info.transaction_status == pq.TransactionStatus.INTRANS:
                names = [*REQUIRED, "work_mem", "maintenance_work_mem"]
                rows = connection.cursor(row_factory=psycopg.rows.tuple_row).execute(query, [names]).fetchall()
                seen.append({setting: value for setting, value in rows if value is not None})
            real(connection)

        monkeypatch.setattr(psycopg.Connection, name, ask)

    for name in ("commit", "rollback", "close"):
        ask_first(name)
    return seen


@dataclass(frozen=True)
class Verb:
    """A verb, and in which settings its last transactions differ from the others: one, and those behind it."""

    run: Callable[[Any, str, str], object]
    last: tuple[tuple[str, str], ...] = ()
    behind: tuple[tuple[tuple[str, str], ...], ...] = ()


def asked(settings: Any, *_: str) -> None:
    with query_verb.query(settings, "top-users", Filters()) as answer:
        list(answer.rows)


QUESTION = (
    ("TimeZone", "Europe/Vienna"),
    ("statement_timeout", "1min"),
    ("lock_timeout", "54s"),
    ("idle_in_transaction_session_timeout", "10min"),
)
SNAPSHOT = (("transaction_isolation", "repeatable read"),)
# Behind it a session of its own looks at the server, and records what was found.
RECORDED = ((), (("statement_timeout", "5s"), ("lock_timeout", "4500ms")))
VERBS = {
    "load": Verb(lambda settings, name, _: load_verb.load([name], settings)),
    "load of a new file": Verb(lambda settings, _, new: load_verb.load([new], settings)),
    "rejects": Verb(
        lambda settings, *_: rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)
    ),
    "loads": Verb(lambda settings, *_: loads_verb.show_loads(settings, limit=None)),
    "discover": Verb(lambda settings, name, new: discover_verb.discover([name, new], settings)),
    "query": Verb(asked, QUESTION),
    "verify": Verb(lambda settings, *_: verify_verb.verify(settings), SNAPSHOT, RECORDED),
    "verify --repair": Verb(lambda settings, *_: verify_verb.verify(settings, repair=True), SNAPSHOT, RECORDED),
    "schema show": Verb(lambda settings, *_: schema_verb.show_schema(settings)),
    "schema apply": Verb(lambda settings, *_: schema_verb.upgrade_schema(settings)),
    "schema grant": Verb(lambda settings, *_: schema_verb.grant_reading(settings, "owner")),
}


@pytest.fixture
def hostile_database(cluster: Any, database: str, write_csv: Write) -> tuple[str, str, str]:
    """A database with a load, then with hostile settings; the file that it has, and one that it has not."""
    name, new = write_csv("a.csv", "1,1,1,click,2024-01-01", "bad"), write_csv("b.csv", "2,1,1,click,2024-01-01")
    footfall.load(name, database_url=database)
    hostile(cluster.admin, database)
    return database, name, new


@pytest.mark.parametrize("verb", VERBS)
def test_every_transaction_of_every_verb_has_what_it_relies_on(
    hostile_database: tuple[str, str, str], transactions: list[dict[str, str]], verb: str
) -> None:
    database, name, new = hostile_database
    VERBS[verb].run(load_settings(database_url=database, reporting_time_zone="Europe/Vienna"), name, new)
    assert len(transactions) > 1
    usual = {setting: value for setting, (value, _) in REQUIRED.items()}
    for at, found in enumerate(transactions):
        behind = (VERBS[verb].last, *VERBS[verb].behind)
        place = at - len(transactions) + len(behind)
        expected = usual | dict(behind[place] if place >= 0 else ())
        of_found = {setting: value for setting, value in found.items() if setting in expected}
        assert of_found == {setting: value for setting, value in expected.items() if setting in found}
        assert set(expected) - set(found) <= {"transaction_timeout"}  # from PostgreSQL 17 on


NOW = re.compile(r"20(?:2[5-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:\+00:00|\+00|Z| UTC)?")
SECONDS = re.compile(r"""\d+\.\d+( s\b|(?<="seconds": )[^,}]*)|(?<="seconds": )[\d.]+""")
COMMANDS = (
    "schema apply",
    "schema show",
    "load a.csv b.csv --format json",
    "load a.csv",
    "loads --format csv",
    "loads --format json",
    "loads",
    "rejects --format json",
    "rejects --format csv",
    "rejects --code conflicting-duplicate --format csv",
    "query per-day --format csv --reporting-time-zone Europe/Vienna",
    "query per-hour --format csv --since 2024-01-01 --until 2024-01-02T12:00",
    "query per-week --format csv",
    "query top-users --format csv",
    "query top-products --format csv",
    "query actions --format csv",
    "query active-users --format csv",
    "query user 1",
    "query product 1 --format csv",
    "query own --format csv",
    "query own --format json",
    "verify",
    "schema grant owner",
    "verify --repair",
    "query new-users --format csv",
)
PROGRESS = re.compile(r": reading|% read|rows/s")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str, str], str]]:
    """Run a command line in this process; give all that it says, without times."""

    def run(database: str, words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["footfall", *words.split(), "--database", database])
        exit_code = main()
        said = capsys.readouterr()
        # How often a load says how far it is depends on how busy the machine is.
        talk_lines = [line for line in said.err.splitlines() if not PROGRESS.search(line)]
        err = "\n".join(talk_lines)
        return f"{exit_code}\n{SECONDS.sub('#', NOW.sub('#', said.out))}\n{SECONDS.sub('#', NOW.sub('#', err))}"

    yield run
    log.removeHandler(talk)
    log.propagate = True


@pytest.mark.slow
def test_every_verb_says_the_same_in_a_database_with_hostile_settings(
    cluster: Any,
    new_database: Callable[[], str],
    write_csv: Write,
    run: Callable[[str, str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [f"{n},{n % 3 + 1},{n % 2 + 1},cl\\ick,2024-01-0{n % 3 + 1} 23:30:0{n % 7}.5" for n in range(1, 40)]
    write_csv("a.csv", *rows, *rows[:3], "5,9,9,other,2024-01-01", "x,1,1,NULL,never", '"a')
    write_csv("b.csv", content=b"interaction_id,user_id,product_id,action,timestamp\n90,1,1,\xff\0\\,2024-01-01\n1,1\n")
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries/own.sql").write_text(OWN)
    monkeypatch.setenv("FOOTFALL_QUERIES_FOLDER", str(tmp_path / "queries"))
    monkeypatch.setenv("FOOTFALL_MAX_REJECTED", "1.0")
    plain, odd = new_database(), new_database()
    hostile(cluster.admin, odd)
    for words in COMMANDS:
        said = run(plain, words)
        assert run(odd, words) == said
        assert said.startswith("0\n"), said
    assert footfall.discover("a.csv", "b.csv", database_url=odd) == footfall.discover(
        "a.csv", "b.csv", database_url=plain
    )
    # What was created there is the same, too.
    assert schema_verb.show_schema(load_settings(database_url=odd)) == schema_verb.show_schema(
        load_settings(database_url=plain)
    )


def test_a_database_of_german_dates_is_read_like_any_other(cluster: Any, database: str, write_csv: Write) -> None:
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
        connection.execute(sql.SQL("alter database {} set datestyle = 'German'").format(name))
    settings = load_settings(database_url=database)
    assert load_verb.load([write_csv("a.csv", "1,1,1,click,2024-03-01 12:30", "bad")], settings).rows_loaded == 1
    assert loads_verb.show_loads(settings, limit=None).rows[0][4] == "loaded"
    assert len(rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)[0]) == 1
    assert verify_verb.verify(settings).drift == ()
    assert footfall.query("user", id=1, database_url=database).rows[0][0] == date(2024, 3, 1)


# row-level security


BY_LOAD = ("user_interactions_raw", "loads", "load_overlaps", "rejected_interactions")


def protect(database: str, table: str) -> None:
    """Let every role but the one that bypasses it see only some rows of a table."""
    statements = (
        "alter table {table} enable row level security",
        "alter table {table} force row level security",
        *(["create policy visible on {table} using (load_id > 1)"] if table in BY_LOAD else []),
    )
    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement).format(table=sql.Identifier(table)))


@pytest.fixture
def loaded(database: str, write_csv: Write) -> str:
    footfall.load(write_csv("a.csv", "1,1,1,click,2024-01-01", "2,1,1,click,2024-01-02"), database_url=database)
    footfall.load(write_csv("b.csv", "3,1,1,click,2024-01-01"), database_url=database)
    return database


@pytest.mark.parametrize("verb", ["verify", "verify --repair", "query", "load of a new file"])
def test_forced_row_security_ends_a_verb_with_a_cure_and_nothing_is_counted_by_what_is_visible(
    loaded: str, write_csv: Write, contents: Callable[[str], Any], cluster: Any, verb: str
) -> None:
    protect(loaded, "user_interactions_raw")
    protect(loaded, "interactions_per_user")
    whole = make_conninfo(loaded, user=conninfo_to_dict(cluster.admin).get("user"))  # a superuser sees all rows
    before = contents(whole)
    settings, new = load_settings(database_url=loaded), write_csv("c.csv", "4,1,1,click,2024-01-01")
    if verb == "load of a new file":
        (done,) = load_verb.load([new], settings).loads
        assert (done.status, done.exit_code, done.retryable) == ("failed", 6, False)
        message = str(done.error)
    else:
        with pytest.raises(SchemaError) as caught:
            VERBS[verb].run(settings, new, new)
        message = caught.value.message
    assert "row-level security" in message
    assert "bypassrls" in message
    assert contents(whole) == before


@pytest.mark.parametrize("table", list_tables())
def test_no_table_is_read_behind_row_security(loaded: str, table: str) -> None:
    protect(loaded, table)
    connection, _ = open_session(Target(loaded, "public", 1))
    with connection:
        begin(connection, Target(loaded, "public", 1))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))


def test_a_role_that_bypasses_row_security_goes_on(loaded: str, cluster: Any, write_csv: Write) -> None:
    protect(loaded, "user_interactions_raw")
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute("alter role owner bypassrls")
        try:
            done = footfall.load(write_csv("c.csv", "4,1,1,click,2024-01-01"), database_url=loaded)
            assert done.rows_loaded == 1
            assert footfall.verify(database_url=loaded).rows_raw == 4
        finally:
            connection.execute("alter role owner nobypassrls")


# waiting


def held(database: str) -> psycopg.Connection[Any]:
    """Hold a table for oneself, as a first load or a change of the schema does."""
    other = psycopg.connect(database, application_name="the holder")
    other.execute("lock table interactions in access exclusive mode")
    return other


@pytest.mark.slow
def test_verify_says_what_it_waits_for_and_goes_on_afterwards(loaded: str) -> None:
    words: list[str] = []
    with held(loaded) as holder:
        pid = holder.info.backend_pid

        def release(message: str) -> None:
            words.append(message)
            threading.Thread(target=holder.rollback).start()

        assert heard_by(release, verify_verb.verify, load_settings(database_url=loaded)).rows_raw == 3
    (word,) = words
    assert word.startswith(f"waiting for the tables: process {pid} of role ")
    assert "the holder" in word


@pytest.mark.parametrize("wait_s", [0, 1])
def test_verify_gives_up_when_its_time_is_over(loaded: str, wait_s: int) -> None:
    words: list[str] = []
    with held(loaded), pytest.raises(DatabaseBusyError, match="FOOTFALL_LOCK_WAIT_SECONDS"):
        heard_by(words.append, verify_verb.verify, load_settings(database_url=loaded, lock_wait_seconds=wait_s))
    assert len(words) == wait_s  # who does not wait says nothing of waiting


@pytest.mark.parametrize("verb", ["load of a new file", "verify --repair", "schema apply"])
def test_a_wait_of_0_s_is_none(loaded: str, write_csv: Write, verb: str) -> None:
    target, words = Target(loaded, "public", 0), []
    settings, new = load_settings(database_url=loaded, lock_wait_seconds=0), write_csv("c.csv", "4,1,1,a,2024-01-01")
    holder, _ = open_session(target)
    with holder:
        begin(holder, target)
        take_writer_lock(holder, target)
        if verb == "load of a new file":
            (done,) = heard_by(words.append, load_verb.load, [new], settings).loads
            assert (done.status, done.exit_code) == ("failed", 5)
            message = str(done.error)
        else:
            with pytest.raises(DatabaseBusyError) as caught:
                VERBS[verb].run(settings, new, new)
            message = caught.value.message
    assert "says not to wait" in message
    assert words == []


def test_with_a_wait_of_0_s_a_table_is_not_waited_for_either(loaded: str, write_csv: Write) -> None:
    with held(loaded):
        name, settings = (
            write_csv("c.csv", "4,1,1,a,2024-01-01"),
            load_settings(database_url=loaded, lock_wait_seconds=0),
        )
        (done,) = load_verb.load([name], settings).loads
    assert (done.status, done.exit_code, done.retryable) == ("failed", 5, True)
    assert "FOOTFALL_LOCK_WAIT_SECONDS" in str(done.error)


def test_a_session_is_in_a_transaction_while_a_file_is_read_for_its_digest(
    loaded: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[Any] = []
    real = opening.open_source

    def open_source(name: str) -> Any:
        query = (
            "select state from pg_stat_activity where datname = current_database() and application_name = 'footfall'"
        )
        with psycopg.connect(loaded) as other:
            states.extend(other.execute(query).fetchall())
        return real(name)

    monkeypatch.setattr(opening, "open_source", open_source)
    found = footfall.discover(write_csv("c.csv", "4,1,1,click,2024-01-01"), database_url=loaded)
    assert [each.load_id for each in found] == [None]
    assert states == [("idle in transaction",)]  # idle_session_timeout would end one that is only idle


# what the server's people have set


@pytest.mark.parametrize(
    ("of_server", "expected"),
    [("64kB", ("64MB", "256MB")), ("1GB", ("1GB", "1GB")), ("1500000kB", ("1500000kB", "1500000kB"))],
)
def test_a_load_and_a_question_take_no_less_memory_than_the_server_gives(
    cluster: Any, loaded: str, write_csv: Write, transactions: list[dict[str, str]], of_server: str, expected: Any
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(loaded)["dbname"]))
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        for setting in ("work_mem", "maintenance_work_mem"):
            size = "1MB" if of_server == "64kB" and setting == "maintenance_work_mem" else of_server
            words = name, sql.Identifier(setting), sql.Literal(size)
            connection.execute(sql.SQL("alter database {} set {} to {}").format(*words))
    transactions.clear()
    footfall.load(write_csv("c.csv", "4,1,1,click,2024-01-01"), database_url=loaded)
    assert (transactions[-1]["work_mem"], transactions[-1]["maintenance_work_mem"]) == expected
    footfall.query("top-users", database_url=loaded)
    assert transactions[-1]["work_mem"] == expected[0]


@pytest.mark.parametrize(
    ("variable", "in_address", "expected"),
    [(None, None, "footfall"), ("mine", None, "mine"), (None, "its", "its"), ("mine", "its", "its")],
)
def test_the_name_of_a_session_is_ours_only_where_nobody_gives_another(
    database: str, monkeypatch: pytest.MonkeyPatch, variable: str | None, in_address: str | None, expected: str
) -> None:
    if variable:
        monkeypatch.setenv("PGAPPNAME", variable)
    address = make_conninfo(database, application_name=in_address) if in_address else database
    connection, _ = open_session(Target(address, "public", 1))
    with connection:
        assert connection.execute("show application_name").fetchone() == (expected,)


def test_a_stronger_promise_of_a_commit_stays(cluster: Any, loaded: str, transactions: list[dict[str, str]]) -> None:
    name = sql.Identifier(str(conninfo_to_dict(loaded)["dbname"]))
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} set synchronous_commit = remote_apply").format(name))
    transactions.clear()
    loads_verb.show_loads(load_settings(database_url=loaded), limit=None)
    assert {found["synchronous_commit"] for found in transactions} == {"remote_apply"}
