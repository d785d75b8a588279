"""Writers at the same time: processes of their own, one truth."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from footfall.errors import DatabaseBusyError
from footfall.postgres.target import Target
from footfall.postgres.transactions import LOCK_CLASS
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from listening import heard_by

pytestmark = pytest.mark.every_server

Write = Callable[..., str]


def line(number: int, user: int = 1) -> str:
    return f"{number},{user},1,click,2024-01-01"


def started(database: str, *words: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "footfall.cli", *words, "--database", database, "--format", "json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=os.environ | variables, **pipes)


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, talk = process.communicate(timeout=600)
    assert process.returncode == 0, talk
    return json.loads(out)


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def writer_lock_held(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, application_name="the other writer") as connection:
        key = Target("", "public", 0).lock_key
        connection.execute("select pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, key))
        yield connection


def wait_until_all_wait(database: str, processes: list[subprocess.Popen[str]]) -> None:
    """Wait until all of these wait for the writer lock."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    until = time.monotonic() + 600
    while ask(database, waiting) != [(len(processes),)]:
        assert [process.poll() for process in processes] == [None] * len(processes)
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_of_two_processes_with_the_same_file_one_loads_it(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    name = write_csv("a.csv", *map(line, range(1, 5_000)))
    with writer_lock_held(database):  # both read and stage, then both wait here
        both = [started(database, "load", name) for _ in range(2)]
        wait_until_all_wait(database, both)
    done = [result_of(process)["loads"][0] for process in both]
    assert sorted(each["status"] for each in done) == ["already-loaded", "loaded"]
    assert done[0]["load_id"] == done[1]["load_id"]
    assert ask(database, "select interaction_count from interactions") == [(4_999,)]
    assert ask(database, "select count(*) from loads") == [(1,)]


@pytest.mark.slow
def test_of_two_replays_that_judge_at_once_the_second_finds_the_rows_closed(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1), "2,1,1,buy,2024-01-01", "3,1,1,buy,2024-01-01")
    load_verb.load([name], load_settings(database_url=database, actions=["click"], max_rejected="1.0"))
    with writer_lock_held(database):  # both judge the rows, then both wait here
        both = [started(database, "replay") for _ in range(2)]
        wait_until_all_wait(database, both)
    done = [result_of(process)["loads"] for process in both]
    assert sorted(len(loads) for loads in done) == [0, 1]
    assert ask(database, "select interaction_id from user_interactions_raw order by 1") == [(1,), (2,), (3,)]
    assert ask(database, "select count(*) from loads where status = 'loaded'") == [(2,)]
    assert ask(database, "select count(distinct replayed_by) from rejected_interactions") == [(1,)]
    assert ask(database, "select count(*) from load_duplicates") == [(0,)]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_of_two_processes_that_undo_a_load_one_takes_it_back(database: str, write_csv: Write) -> None:
    load_verb.load([write_csv("a.csv", line(1))], load_settings(database_url=database))
    with writer_lock_held(database):
        both = [started(database, "undo", "1") for _ in range(2)]
        wait_until_all_wait(database, both)
        assert ask(database, "select interaction_id from user_interactions_raw") == [(1,)]
    assert sorted(len(result_of(process)["loads"]) for process in both) == [0, 1]
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]
    assert ask(database, "select count(*) from operations where verb = 'undo'") == [(1,)]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_two_processes_that_both_find_the_tables_empty_give_the_truth(
    database: str, write_csv: Write, contents: Any
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    padded = " " * (first_load.EMPTY_PATH_BYTES // 4_000)
    names = [
        write_csv(f"{at}.csv", *(f"{number},{number % 7 + 1},1,click{padded},2024-01-01" for number in numbers))
        for at, numbers in enumerate((range(1, 4_001), range(3_001, 7_001)))
    ]
    with writer_lock_held(database):
        both = [started(database, "load", name) for name in names]
        wait_until_all_wait(database, both)
    done = [result_of(process)["loads"][0] for process in both]
    assert sorted((each["rows_loaded"], each["rows_duplicate"]) for each in done) == [(3_000, 1_000), (4_000, 0)]
    found = contents(database)
    assert [row[:2] for row in found["raw"]] == [(number, number % 7 + 1) for number in range(1, 7_001)]
    truth = Counter(number % 7 + 1 for number in range(1, 7_001))
    assert found["interactions"] == [(user, 1, count) for user, count in sorted(truth.items())]
    keys = "select count(*) from pg_constraint where conname in ('user_interactions_raw_pkey', 'interactions_pkey')"
    assert ask(database, keys) == [(2,)]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_four_processes_with_overlapping_files_in_other_orders_give_the_truth(database: str, write_csv: Write) -> None:
    chance = random.Random(4)
    rows = [line(number, number % 7 + 1) for number in range(1, 3_001)]
    files = [write_csv(f"{n}.csv", *chance.sample(rows, 1_500)) for n in range(6)]
    whole = write_csv("whole.csv", *rows)
    crowd = [started(database, "load", *chance.sample(files, 6), whole) for _ in range(4)]
    for process in crowd:
        result_of(process)
    truth = Counter(number % 7 + 1 for number in range(1, 3_001))
    assert ask(database, "select interaction_id from user_interactions_raw order by 1") == [
        (number,) for number in range(1, 3_001)
    ]
    assert ask(database, "select user_id, interaction_count from interactions order by 1") == sorted(truth.items())
    assert ask(database, "select status, count(*) from loads group by 1") == [("loaded", 7)]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_with_conflicts_the_ids_are_the_same_and_nothing_drifts(database: str, write_csv: Write) -> None:
    files = [write_csv(f"{user}.csv", *(line(number, user) for number in range(1, 1_001))) for user in (1, 2, 3)]
    crowd = [started(database, "load", name, FOOTFALL_MAX_REJECTED="1.0") for name in files]
    for process in crowd:
        result_of(process)
    assert ask(database, "select count(*), count(distinct user_id) from user_interactions_raw") == [(1_000, 1)]
    assert ask(database, "select count(*) from rejected_interactions") == [(2_000,)]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


def test_a_writer_says_what_it_waits_for_and_goes_on_afterwards(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    words: list[str] = []
    with writer_lock_held(database) as holder:
        pid = holder.info.backend_pid

        def release(message: str) -> None:
            words.append(message)
            timer.start()

        timer = threading.Timer(0.2, holder.rollback)
        summary = heard_by(release, load_verb.load, [write_csv("a.csv", line(1))], load_settings(database_url=database))
        timer.join()
    assert summary.rows_loaded == 1
    (word,) = words
    assert word.startswith(f"waiting for another writer: process {pid} ")
    assert "the other writer" in word


@pytest.mark.slow
def test_a_writer_gives_up_with_exit_5_when_its_time_is_over(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    settings = load_settings(database_url=database, lock_wait_seconds=1)
    waited_for: list[str] = []
    with writer_lock_held(database):
        (done,) = heard_by(waited_for.append, load_verb.load, [write_csv("a.csv", line(1))], settings).loads
    assert (done.status, done.exit_code) == ("failed", 5)
    assert "FOOTFALL_LOCK_WAIT_SECONDS" in (done.error or "")
    assert len(waited_for) == 1  # not another time to record the failure
    assert ask(database, "select * from loads") == []


@pytest.mark.slow
def test_a_writer_that_gave_up_can_be_run_again(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    settings, name = load_settings(database_url=database, lock_wait_seconds=1), write_csv("a.csv", line(1))
    with writer_lock_held(database):
        load_verb.load([name], settings)
    assert load_verb.load([name], settings).rows_loaded == 1


@pytest.mark.slow
def test_the_schema_waits_for_the_writer_too(database: str) -> None:
    settings = load_settings(database_url=database, lock_wait_seconds=1)
    with writer_lock_held(database), pytest.raises(DatabaseBusyError):
        schema_verb.upgrade_schema(settings)


def test_a_writer_of_another_schema_is_not_waited_for(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database, lock_wait_seconds=1, schema="other")
    with writer_lock_held(database):
        assert load_verb.load([write_csv("a.csv", line(1))], settings).rows_loaded == 1


def test_reading_and_verifying_need_no_writer_lock(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database, lock_wait_seconds=1)
    load_verb.load([write_csv("a.csv", line(1))], settings)
    with writer_lock_held(database):
        assert verify_verb.verify(settings).rows_raw == 1
        assert len(loads_verb.show_loads(settings, limit=None).rows) == 1


@contextmanager
def loads_going_on(settings: Any, write_csv: Write) -> Iterator[tuple[Future[None], list[str]]]:
    """Load file after file beside the test, until it has seen enough. File number n brings 100 new ids, and 100 known.

    Each is in a transaction of its own: small neighbours of one command share one.
    """
    loaded: list[str] = []
    enough = threading.Event()

    def load() -> None:
        while not enough.is_set():
            first = len(loaded) * 100 + 1
            name = write_csv(f"{first}.csv", *map(line, range(first, first + 200)))
            assert load_verb.load([name], settings).exit_code == 0
            loaded.append(name)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(load)
        try:
            yield writer, loaded
        finally:
            enough.set()
    writer.result()


@pytest.mark.slow
def test_verify_finds_no_drift_while_loads_go_on(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    seen: set[int] = set()
    with loads_going_on(settings, write_csv) as (writer, loaded):
        while len(seen) < 4:  # several recounts between which something was loaded
            assert not writer.done()
            found = verify_verb.verify(settings)
            seen.add(found.rows_raw)
            assert found.drift == ()
    assert verify_verb.verify(settings).rows_raw == len(loaded) * 100 + 100


def test_a_load_during_a_long_read_disturbs_nobody_and_takes_the_ordinary_path(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0)  # the path that wants the tables for itself
    with psycopg.connect(database) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = reader.execute("select count(*) from user_interactions_raw").fetchone()
        assert load_verb.load([write_csv("a.csv", *map(line, range(1, 100)))], settings).rows_loaded == 99
        assert reader.execute("select count(*) from user_interactions_raw").fetchone() == before
    assert ask(database, "select interaction_count from interactions") == [(99,)]


@pytest.mark.slow
def test_loads_while_the_schema_is_applied_again_and_again_give_the_truth(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    seen: set[int] = set()
    with loads_going_on(settings, write_csv) as (writer, loaded):
        while len(seen) < 4:
            assert not writer.done()
            schema_verb.upgrade_schema(settings)
            seen.add(ask(database, "select count(*) from user_interactions_raw")[0][0])
    assert ask(database, "select interaction_count from interactions") == [(len(loaded) * 100 + 100,)]
    assert verify_verb.verify(settings).drift == ()


def test_a_cancelled_statement_is_exit_5_and_the_same_command_loads(
    database: str, write_csv: Write, contents: Any
) -> None:
    name, settings = write_csv("a.csv", line(1)), load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    cancellers: list[threading.Thread] = []  # the record of the failure waits, too, and is cancelled
    with writer_lock_held(database):

        def cancel(message: str) -> None:
            if message.startswith("waiting for"):
                cancellers.append(threading.Thread(target=cancel_writer, args=(database,)))
                cancellers[-1].start()

        assert heard_by(cancel, load_verb.load, [name], settings).exit_code == 5
        for thread in cancellers:
            thread.join()
    assert contents(database)["raw"] == []
    assert load_verb.load([name], settings).rows_loaded == 1


def cancel_writer(database: str) -> None:
    query = """
        select pg_cancel_backend(pid) from pg_stat_activity
        where application_name = 'footfall' and wait_event_type = 'Lock' and datname = current_database()"""
    until = time.monotonic() + 600
    while ask(database, query) == [] and time.monotonic() < until:
        time.sleep(0.02)
