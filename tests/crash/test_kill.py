"""Kills at random moments of a load, then the same command again: the tables are the witness."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.postgres.target import Connection
from footfall.settings import load_settings
from footfall.tables import counts, first_load, ledger
from footfall.tables import merge as merging
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from forked import child, mend_until_killed
from forks import FORKS, start_forks
from trials import SEED, TRIALS, Contents, Figures, compare, left_behind, loaded, remember, restore

pytestmark = pytest.mark.crash
ROWS = 60_000
KILLS = max(2, TRIALS // 50)  # of the command
FORK_KILLS = max(8, TRIALS // 4)  # of a load in a forked process: quicker, so more of them
Write = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def _forkserver() -> None:
    """Start it before the first kill, which shall not meet a start."""
    start_forks()


def line(number: int, at: int) -> str:
    if at % 100 == 7:
        return f"{number},x,{number % 50 + 1},click,2024-01-01"
    if at % 200 == 9:
        return f"{number - 3},{number % 97 + 1},{number % 50 + 1},other,2024-01-01"
    return f"{number},{number % 97 + 1},{number % 50 + 1},click,2024-01-01 00:00:{number % 60:02}"


def delivery(write_csv: Write, rows: int, padding: int) -> str:
    """Write rising ids with bad rows, conflicts and exact repeats, padded to the size of another path."""
    lines = [line(at, at) for at in range(1, rows)]
    return write_csv("interactions.csv", *lines, *lines[100:300], "1" * padding)


@pytest.fixture
def csv(write_csv: Write) -> str:
    """A file that is large enough for the empty-table path."""
    return delivery(write_csv, ROWS, 2_500_000)


def command(csv: str, database: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "footfall.cli", "load", csv, "--database", database, "-q", *more]


def run(csv: str, database: str) -> None:
    done = subprocess.run(command(csv, database), check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=[False, True], ids=["into empty tables", "into tables with rows"])
def make(request: pytest.FixtureRequest, new_database: Callable[[], str], write_csv: Write) -> Callable[[], str]:
    """Make databases to load into: without tables, or with rows that the file repeats and contradicts."""
    first = write_csv("earlier.csv", "500,1,1,click,2023-01-01", "900000,1,1,click,2023-01-01")

    def database() -> str:
        made = new_database()
        if request.param:
            assert loaded(made, [first]).exit_code == 0
        return made

    return database


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("temporary_folder")
def test_a_killed_load_and_the_same_command_again_give_the_tables_of_an_undisturbed_run(
    csv: str, make: Callable[[], str], contents: Contents, figures: Figures
) -> None:
    database = make()
    began = time.monotonic()
    run(csv, database)
    truth, seconds = contents(database), time.monotonic() - began
    chance = random.Random(SEED)
    for _ in range(KILLS // 2):
        database = make()
        client = subprocess.Popen(command(csv, database))
        time.sleep(chance.uniform(0.2, 1.1) * seconds)
        figures.kills["SIGKILL of the command"] += client.poll() is None  # or it was over already
        client.send_signal(signal.SIGKILL)
        client.wait()
        run(csv, database)
        compare(figures, contents(database), truth)
        assert left_behind(database) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_load_killed_at_a_random_moment_and_again_while_it_is_repeated_ends_like_an_undisturbed_one(
    write_csv: Write,
    make: Callable[[], str],
    contents: Contents,
    figures: Figures,
    temporary_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    csv, database = delivery(write_csv, 5_000, 0), make()
    is_direct = contents(database) == {}  # a first load takes the empty-table path here, whatever its size
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0 if is_direct else first_load.EMPTY_PATH_BYTES)
    tables = remember(database)
    began = time.monotonic()
    assert loaded(database, [csv]).exit_code == 0
    truth, seconds = contents(database), time.monotonic() - began
    chance = random.Random(SEED)
    for _ in range(FORK_KILLS // 4):
        restore(database, tables)
        for _ in range(2):
            client = FORKS.Process(
                target=child, args=(database, csv, first_load.EMPTY_PATH_BYTES, str(temporary_folder))
            )
            client.start()
            time.sleep(chance.uniform(0, 1.2) * seconds)
            figures.kills["SIGKILL of a load"] += client.is_alive()
            client.kill()
            client.join()
        assert loaded(database, [csv]).exit_code == 0
        compare(figures, contents(database), truth)
        assert left_behind(database) == []


DRIFT = """
    update interactions set interaction_count = interaction_count + 1 where user_id = 1;
    delete from interactions_per_user where user_id = 2;
    insert into interactions_per_product values (900, 1);
    update interactions_per_quarter_hour set interaction_count = interaction_count + 1"""


@pytest.mark.parametrize("tables", range(len(counts.KEPT) + 1))
def test_a_repair_killed_before_any_of_its_steps_leaves_the_counts_as_they_were_and_the_next_one_mends_all(
    database: str, write_csv: Write, contents: Contents, figures: Figures, temporary_folder: Path, tables: int
) -> None:
    assert loaded(database, [delivery(write_csv, 300, 0)]).exit_code == 0
    truth = contents(database)
    with psycopg.connect(database) as connection:
        connection.execute(DRIFT)
    drifted = contents(database)
    mender = FORKS.Process(target=mend_until_killed, args=(database, tables))
    mender.start()
    mender.join()
    assert mender.exitcode == -signal.SIGKILL
    assert left_behind(database) == []
    assert contents(database) == drifted
    figures.kills["SIGKILL of a repair"] += 1
    assert verify_verb.verify(load_settings(database_url=database), repair=True).drift == ()
    compare(figures, contents(database), truth | {"operations": [("repair",)]})


def wait_until_it_waits(database: str) -> None:
    """Wait until a load waits for a lock that the test holds."""
    query = """
        select from pg_stat_activity
        where application_name = 'footfall' and wait_event_type = 'Lock' and datname = current_database()"""
    with psycopg.connect(database, autocommit=True) as connection:
        until = time.monotonic() + 600
        while connection.execute(query).fetchone() is None:
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_done(csv: str, database: str, contents: Contents) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    with psycopg.connect(database) as holder:  # the rows are sent, and cannot be merged
        holder.execute("lock table user_interactions_raw in exclusive mode")
        client = subprocess.Popen(command(csv, database), stderr=subprocess.PIPE)
        signal.signal(signal.SIGINT, before)
        wait_until_it_waits(database)
        client.send_signal(signal.SIGINT)
        _, said = client.communicate(timeout=600)
    assert client.returncode == 130
    assert b"nterrupted" in said
    assert contents(database)["raw"] == []
    assert contents(database)["quarantine"] == []


class Lost(psycopg.OperationalError):
    """What a driver raises when the connection breaks."""


def lose_commit(monkeypatch: pytest.MonkeyPatch, *, really: bool) -> None:
    """Break the connection at the first COMMIT that would make rows visible: after it, or before."""
    real = psycopg.Connection.commit
    state = {"is_broken": False, "has_rows": False}
    real_record = ledger.record

    def record(connection: Connection, entry: Any) -> None:
        real_record(connection, entry)
        state["has_rows"] = entry.status == "loaded"

    def commit(self: psycopg.Connection[Any]) -> None:
        if state["is_broken"] or not state["has_rows"]:
            real(self)
            return
        state["is_broken"] = True
        if really:
            real(self)
        self.close()
        raise Lost("server closed the connection unexpectedly")

    monkeypatch.setattr(ledger, "record", record)
    monkeypatch.setattr(psycopg.Connection, "commit", commit)


def test_a_commit_whose_answer_was_lost_is_found_in_the_ledger(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    lose_commit(monkeypatch, really=True)
    summary = load_verb.load([csv], load_settings(database_url=database))
    assert [load.status for load in summary.loads] == ["loaded"]
    assert len(contents(database)["ledger"]) == len(contents(database)["raw"]) == 1


def test_a_commit_that_did_not_happen_is_exit_5_and_the_same_command_loads_it(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    lose_commit(monkeypatch, really=False)
    summary = load_verb.load([csv], load_settings(database_url=database))
    assert summary.exit_code == 5
    assert "run the same command again" in str(summary.loads[0].error)
    assert contents(database)["raw"] == []
    assert load_verb.load([csv], load_settings(database_url=database)).loads[0].status == "loaded"


def test_with_retry_a_lost_commit_is_done_again(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    lose_commit(monkeypatch, really=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    summary = load_verb.load([csv], load_settings(database_url=database, retry=True))
    assert summary.loads[0].status == "loaded"
    assert contents(database)["interactions"] == [(1, 1, 1)]


def test_a_terminated_backend_is_exit_5_and_nothing_is_half_done(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    real = merging.merge

    def merge(connection: Connection, staging: Any) -> Any:
        merged = real(connection, staging)
        with psycopg.connect(database) as other:
            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        return merged

    monkeypatch.setattr(merging, "merge", merge)
    summary = load_verb.load([csv], load_settings(database_url=database))
    assert summary.exit_code == 5
    monkeypatch.undo()
    assert contents(database)["raw"] == []
    assert load_verb.load([csv], load_settings(database_url=database)).loads[0].status == "loaded"


SWALLOW = """
    create function swallow() returns trigger language plpgsql as 'begin return null; end';
    create trigger swallow before insert on user_interactions_raw
    for each row when (new.interaction_id = 8) execute function swallow()"""


@pytest.mark.slow
@pytest.mark.parametrize("empty_path_bytes", [0, 1 << 40], ids=["rows first and keys after them", "the ordinary path"])
def test_a_row_that_something_else_swallows_fails_the_load(
    database: str, write_csv: Write, contents: Contents, monkeypatch: pytest.MonkeyPatch, empty_path_bytes: int
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", empty_path_bytes)
    csv, settings = delivery(write_csv, 60, 0), load_settings(database_url=database, max_rejected="1.0")
    schema_verb.upgrade_schema(settings)
    with psycopg.connect(database) as connection:
        connection.execute(SWALLOW)
    assert load_verb.load([csv], settings).loads[0].status == "failed"
    assert contents(database)["raw"] == contents(database)["interactions"] == []
    with psycopg.connect(database) as connection:
        connection.execute("drop trigger swallow on user_interactions_raw")
    assert load_verb.load([csv], settings).loads[0].status == "loaded"
    assert 8 in [row[0] for row in contents(database)["raw"]]


@pytest.mark.slow
def test_what_came_from_stdin_is_not_tried_again_for_it_cannot_be_read_twice(
    database: str, write_csv: Write, contents: Contents
) -> None:
    content = Path(delivery(write_csv, 1_000, 0)).read_bytes()
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    with psycopg.connect(database) as holder:
        holder.execute("lock table user_interactions_raw in exclusive mode")
        load = [sys.executable, "-m", "footfall.cli", "load", "-", "--retry", "--database", database]
        client = subprocess.Popen(load, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert client.stdin is not None
        client.stdin.write(content)
        client.stdin.close()
        client.stdin = None
        query = """
            select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'footfall' and wait_event_type = 'Lock' and datname = current_database()"""
        with psycopg.connect(database, autocommit=True) as other:
            until = time.monotonic() + 600
            while other.execute(query).fetchone() is None:
                assert time.monotonic() < until
                time.sleep(0.01)
    _, said = client.communicate(timeout=600)
    assert client.returncode == 5, said
    assert b"run the same command again" in said
    assert contents(database)["raw"] == []
