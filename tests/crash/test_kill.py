"""Kills at random moments of a load, then the same command again: the tables are the witness."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from footfall import ledger, loading, pipeline, upkeep
from footfall.database import Connection
from footfall.settings import load_settings

pytestmark = pytest.mark.crash
ROWS = 60_000
KILLS = 10
SEED = 20_261_124
Contents = Callable[[str], dict[str, list[Any]]]


def line(number: int, at: int) -> str:
    if at % 100 == 7:
        return f"{number},x,{number % 50 + 1},click,2024-01-01"
    if at % 200 == 9:
        return f"{number - 3},{number % 97 + 1},{number % 50 + 1},other,2024-01-01"
    return f"{number},{number % 97 + 1},{number % 50 + 1},click,2024-01-01 00:00:{number % 60:02}"


@pytest.fixture
def csv(write_csv: Callable[..., str]) -> str:
    """Rising ids with bad rows, conflicts and exact duplicates, padded so that the empty-table path is taken."""
    lines = [line(at, at) for at in range(1, ROWS)]
    return write_csv("interactions.csv", *lines, *lines[100:300], "1" * 2_500_000)


def command(csv: str, database: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "footfall.cli", "load", csv, "--database", database, "-q", *more]


def undisturbed(csv: str, make: Callable[[], str], contents: Contents) -> tuple[dict[str, list[Any]], float]:
    database = make()
    began = time.monotonic()
    subprocess.run(command(csv, database), check=True, capture_output=True, timeout=120)
    return contents(database), time.monotonic() - began


@pytest.mark.parametrize("earlier", [False, True], ids=["into empty tables", "into tables with rows"])
def test_a_killed_load_and_the_same_command_again_give_the_tables_of_an_undisturbed_run(
    csv: str, new_database: Callable[[], str], write_csv: Callable[..., str], contents: Contents, earlier: bool
) -> None:
    first = write_csv("earlier.csv", "500,1,1,click,2023-01-01", "900000,1,1,click,2023-01-01")

    def make() -> str:
        database = new_database()
        if earlier:
            assert pipeline.load([first], load_settings(database_url=database)).exit_code == 0
        return database

    truth, seconds = undisturbed(csv, make, contents)
    chance = random.Random(SEED)
    for _ in range(KILLS // 2):
        database = make()
        client = subprocess.Popen(command(csv, database))
        time.sleep(chance.uniform(0.2, 1.1) * seconds)
        client.send_signal(signal.SIGKILL)
        client.wait()
        subprocess.run(command(csv, database), check=True, capture_output=True, timeout=120)
        assert contents(database) == truth
        with psycopg.connect(database) as connection:
            left = connection.execute("select count(*) from pg_class where relname like 'staging%'").fetchone()
        assert left == (0,)


def wait_for_copy(database: str) -> None:
    """Wait until a load is sending rows."""
    until = time.monotonic() + 60
    query = "select count(*) from pg_stat_activity where application_name = 'footfall' and query like 'copy%'"
    with psycopg.connect(database, autocommit=True) as connection:
        while connection.execute(query).fetchone() == (0,):
            assert time.monotonic() < until
            time.sleep(0.005)


def test_ctrl_c_leaves_nothing_half_done(csv: str, database: str, contents: Contents) -> None:
    upkeep.schema_apply(load_settings(database_url=database))
    client = subprocess.Popen(command(csv, database), stderr=subprocess.PIPE)
    wait_for_copy(database)
    client.send_signal(signal.SIGINT)
    _, said = client.communicate(timeout=60)
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
    summary = pipeline.load([csv], load_settings(database_url=database))
    assert [load.status for load in summary.loads] == ["loaded"]
    assert len(contents(database)["ledger"]) == len(contents(database)["raw"]) == 1


def test_a_commit_that_did_not_happen_is_exit_5_and_the_same_command_loads_it(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    lose_commit(monkeypatch, really=False)
    summary = pipeline.load([csv], load_settings(database_url=database))
    assert summary.exit_code == 5
    assert "run the same command again" in str(summary.loads[0].error)
    assert contents(database)["raw"] == []
    assert pipeline.load([csv], load_settings(database_url=database)).loads[0].status == "loaded"


def test_with_retry_a_lost_commit_is_done_again(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    lose_commit(monkeypatch, really=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    summary = pipeline.load([csv], load_settings(database_url=database, retry=True))
    assert summary.loads[0].status == "loaded"
    assert contents(database)["interactions"] == [(1, 1, 1)]


def test_a_terminated_backend_is_exit_5_and_nothing_is_half_done(
    database: str, write_csv: Callable[..., str], contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    real = loading.merge

    def merge(connection: Connection, staging: Any) -> Any:
        merged = real(connection, staging)
        with psycopg.connect(database) as other:
            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        return merged

    monkeypatch.setattr(loading, "merge", merge)
    summary = pipeline.load([csv], load_settings(database_url=database))
    assert summary.exit_code == 5
    monkeypatch.undo()
    assert contents(database)["raw"] == []
    assert pipeline.load([csv], load_settings(database_url=database)).loads[0].status == "loaded"
