"""`load --workers N`: processes of this machine stage the ranges of large files, and the tables are the same."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import footfall
from elsewhere import (
    HELD_STAGERS,
    OTHER_SESSIONS,
    RANGE_MB,
    STAGING_TABLES,
    all_stagers_held,
    ask,
    list_children,
    start_load,
    wait_for,
    write_large_file,
)
from footfall import runs
from footfall.errors import FootfallError
from footfall.results import LoadResult, Progress
from footfall.settings import load_settings
from footfall.verbs import schema as schema_verb
from footfall.verbs.runs import processes
from footfall.verbs.runs.processes import Processes

ROWS = 60_000  # some 2.7 MB: three ranges
Contents = Callable[[str], dict[str, list[Any]]]
Write = Callable[..., str]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_large_file(tmp_path_factory.mktemp("large") / "large.csv", ROWS)


@pytest.fixture
def staged_by_others(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose ranges went to processes."""
    seen: list[str] = []
    stage = Processes.stage

    def note(self: Processes, errand: Any, numbers: Any, tally: Any) -> None:
        seen.append(Path(tally.source).name)
        stage(self, errand, numbers, tally)

    monkeypatch.setattr(Processes, "stage", note)
    return seen


def without_own(result: LoadResult) -> LoadResult:
    return replace(result, load_id=None, seconds=0.0)


def test_two_workers_give_the_tables_and_the_result_of_one(
    new_database: Callable[[], str], contents: Contents, write_csv: Write, large: str, staged_by_others: list[str]
) -> None:
    small = write_csv("a.csv", "1000000,1,1,click,2024-01-01")
    one, two = new_database(), new_database()
    ordinary = footfall.load(large, small, database_url=one)
    assert staged_by_others == []
    seen: list[Progress] = []
    many = footfall.load(large, small, database_url=two, workers=2, range_mb=RANGE_MB, progress=seen.append)
    assert staged_by_others == ["large.csv"]
    assert [*map(without_own, many.loads)] == [*map(without_own, ordinary.loads)]
    assert contents(two) == contents(one)
    assert footfall.verify(database_url=two).drift == ()
    assert ask(two, STAGING_TABLES) == []
    total = Path(large).stat().st_size
    assert all(0 <= now.bytes_done <= now.bytes_total for now in seen if now.source == large and now.bytes_total)
    assert {now.bytes_total for now in seen if now.source == large} <= {total}


def test_what_is_loaded_already_is_passed_over(database: str, large: str, staged_by_others: list[str]) -> None:
    wanted: Any = {"database_url": database, "workers": 2, "range_mb": RANGE_MB, "rehash": True}
    (first,) = footfall.load(large, **wanted).loads
    (again,) = footfall.load(large, **wanted).loads
    assert (first.status, again.status) == ("loaded", "already-loaded")
    assert again.load_id == first.load_id
    assert staged_by_others == ["large.csv"]


@pytest.mark.parametrize("name", ["packed.csv.gz", "small.csv", "items.json"])
def test_what_cannot_be_cut_goes_the_ordinary_way(
    name: str, database: str, tmp_path: Path, large: str, staged_by_others: list[str]
) -> None:
    import gzip

    rows = [{"interaction_id": n, "user_id": 1, "product_id": 1, "action": "é" * 50, "timestamp": 0} for n in range(9)]
    content = {
        "packed.csv.gz": lambda: gzip.compress(Path(large).read_bytes(), 0),
        "small.csv": lambda: Path(large).read_bytes()[: 1 << 20],
        "items.json": lambda: json.dumps(rows).encode().ljust(3 << 20),
    }[name]()
    (tmp_path / name).write_bytes(content)
    footfall.load(str(tmp_path / name), database_url=database, workers=2, range_mb=RANGE_MB)
    assert staged_by_others == []


def test_a_process_that_is_killed_is_replaced(new_database: Callable[[], str], contents: Contents, large: str) -> None:
    one, two = new_database(), new_database()
    footfall.load(large, database_url=one)
    schema_verb.schema_apply(load_settings(database_url=two))
    with all_stagers_held(two):
        driver = start_load(two, large, "--workers", "2")
        wait_for(lambda: len(ask(two, HELD_STAGERS)) == 2, driver)
        killed, other = list_children(driver.pid)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: killed not in (now := list_children(driver.pid)) and other in now and len(now) == 2, driver)
    out, talk = driver.communicate(timeout=600)
    assert driver.returncode == 0, talk
    assert "warning: " in talk
    assert "its process was ended by signal SIGKILL; another one stages it again" in talk
    assert "range 1 of 3" in talk or "range 2 of 3" in talk
    assert json.loads(out)["loads"][0]["status"] == "loaded"
    assert contents(two) == contents(one)
    assert ask(two, STAGING_TABLES) == []


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("import os; os.kill(os.getpid(), 9)", "by signal SIGKILL"),
        ("raise SystemExit('no room at all')", "by exit code 1 (no room at all)"),
    ],
)
def test_a_range_whose_processes_are_ended_three_times_fails_the_file(
    start: str, told: str, database: str, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "START", start)
    (done,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    assert done.status == "failed"
    assert done.error is not None
    assert f"was ended 3 times, the last time {told}" in done.error
    assert ask(database, "select status from loads") == [("failed",)]
    assert ask(database, STAGING_TABLES) == []


def test_an_error_of_a_process_is_that_of_the_file_and_shows_no_secret(database: str, large: str) -> None:
    nowhere = make_conninfo(database, dbname="nowhere", password="hunter2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTFALL_STAGER_URL", nowhere)
        (done,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    assert isinstance(done.failure, footfall.errors.DatabaseUnavailableError)
    assert "nowhere" in done.failure.message
    assert "hunter2" not in done.failure.message
    assert ask(database, STAGING_TABLES) == []


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_when_the_command_ends_its_processes_end(how: signal.Signals, code: int, database: str, large: str) -> None:
    schema_verb.schema_apply(load_settings(database_url=database))
    with all_stagers_held(database):
        driver = start_load(database, large, "--workers", "2")
        wait_for(lambda: len(ask(database, HELD_STAGERS)) == 2, driver)
        children = list_children(driver.pid)
        driver.send_signal(how)
        _, talk = driver.communicate(timeout=600)
        assert driver.returncode == code, talk
        wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
        wait_for(lambda: len(ask(database, OTHER_SESSIONS)) == 1)  # the one that holds the lock
    assert "Traceback" not in talk
    assert ask(database, "select count(*) from loads") == [(0,)]
    runs.sweep(database_url=database)
    assert ask(database, STAGING_TABLES) == []


def test_processes_know_nothing_of_the_working_folder(
    database: str, large: str, tmp_path: Path, staged_by_others: list[str]
) -> None:
    for name in ("duckdb", "json", "footfall"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the working folder')")
    (done,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    assert done.status == "loaded", done.error
    assert staged_by_others == ["large.csv"]


def test_processes_stage_as_the_role_that_is_meant_for_them(
    database: str, large: str, new_role: Callable[..., str], contents: Contents
) -> None:
    schema_verb.schema_apply(load_settings(database_url=database))
    stager = new_role()
    role = str(psycopg.conninfo.conninfo_to_dict(stager)["user"])
    (done,) = footfall.load(
        large, database_url=database, workers=2, range_mb=RANGE_MB, stager_url=stager, stager_role=role
    ).loads
    assert done.status == "loaded", done.error
    assert contents(database)["ledger"][0][2] == done.rows_read


def test_an_unexpected_error_of_a_process_is_told_as_one() -> None:
    from footfall.verbs.runs.errand import read_error, write_error

    found = read_error(write_error(ValueError("postgresql://me:hunter2@host/db")))
    assert type(found) is FootfallError
    assert found.message == "unexpected ValueError: postgresql://me:***@host/db"
