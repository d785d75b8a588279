"""`load --workers N`: processes of this machine stage the ranges of large files, and the tables are the same."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import footfall
from breaking import losing_the_answer
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
from every_row import find_differences
from footfall import runs
from footfall.errors import FootfallError
from footfall.formats.choosing import Contracts
from footfall.formats.ranges import Range
from footfall.results import LoadResult, Progress
from footfall.settings import load_settings
from footfall.verbs import schema as schema_verb
from footfall.verbs.runs import processes
from footfall.verbs.runs.errand import Errand, read_error, write_error
from footfall.verbs.runs.loading import RunLoader
from footfall.verbs.runs.processes import Processes
from footfall.verbs.runs.tally import Tally

ROWS = 60_000  # some 2.7 MB: three ranges
Write = Callable[..., str]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_large_file(tmp_path_factory.mktemp("large") / "large.csv", ROWS)


@pytest.fixture
def staged_by_others(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose ranges went to processes."""
    seen: list[str] = []
    have_staged = Processes.open

    def note(self: Processes, errand: Any, numbers: Any, tally: Any) -> Any:
        seen.append(Path(tally.source).name)
        return have_staged(self, errand, numbers, tally)

    monkeypatch.setattr(Processes, "open", note)
    return seen


def without_own(result: LoadResult) -> LoadResult:
    return replace(result, load_id=None, seconds=0.0)


@pytest.fixture(scope="module")
def ordinary(new_database_of_module: Callable[[], str], large: str) -> tuple[str, LoadResult]:
    """A database into which the file was loaded the ordinary way, and the result."""
    database = new_database_of_module()
    return database, footfall.load(large, database_url=database).loads[0]


@pytest.mark.slow
def test_two_workers_give_the_tables_and_the_result_of_one(
    ordinary: tuple[str, LoadResult], database: str, large: str, tmp_path: Path, staged_by_others: list[str]
) -> None:
    for name in ("duckdb", "json", "footfall"):  # the working folder is no place to take modules from
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the working folder')")
    seen: list[Progress] = []
    wanted: Any = {"database_url": database, "workers": 2, "range_mb": RANGE_MB, "rehash": True}
    (done,) = footfall.load(large, **wanted, progress=seen.append).loads
    assert without_own(done) == without_own(ordinary[1])
    assert find_differences(ordinary[0], database, with_files=False) == {}
    assert footfall.verify(database_url=database).drift == ()
    assert ask(database, STAGING_TABLES) == []
    total = Path(large).stat().st_size
    assert all(now.source == large and 0 <= now.bytes_done <= total == now.bytes_total for now in seen)
    (again,) = footfall.load(large, **wanted).loads
    assert (again.status, again.load_id) == ("already-loaded", done.load_id)
    assert staged_by_others == ["large.csv"]


@pytest.mark.slow
def test_processes_that_stage_do_not_import_pandas(
    database: str, large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pandas.py").write_text(
        "import os, pathlib\npathlib.Path(__file__).with_name(f'{os.getpid()}.imported').touch()\nraise ImportError\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (done,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    assert done.status == "loaded"
    assert {path.stem for path in tmp_path.glob("*.imported")} <= {str(os.getpid())}


@pytest.mark.slow
@pytest.mark.parametrize("is_refusing", [False, True], ids=["the ledger is asked", "nobody can be asked"])
def test_a_load_by_workers_whose_answer_is_lost_says_what_is_true_and_is_loaded_already_the_next_time(
    database: str, large: str, is_refusing: bool
) -> None:
    with losing_the_answer(database, is_refusing=is_refusing) as (url, _):
        (lost,) = footfall.load(large, database_url=url, workers=2, range_mb=RANGE_MB).loads
    if is_refusing:
        assert (lost.status, lost.exit_code) == ("failed", 5)
        assert "the same command says which" in str(lost.error)
    else:
        assert lost.status == "loaded"
    (again,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    loads = ask(database, "select load_id, status from loads")
    assert (again.status, loads) == ("already-loaded", [(lost.load_id or again.load_id, "loaded")])
    assert footfall.verify(database_url=database).drift == ()
    assert ask(database, STAGING_TABLES) == []


def test_small_files_beside_a_large_one_go_the_ordinary_way(
    database: str, write_csv: Write, staged_by_others: list[str]
) -> None:
    names = [write_csv(f"{name}.csv", f"{number},1,1,click,2024-01-01") for number, name in enumerate("abc")]
    summary = footfall.load(*names, database_url=database, workers=2, range_mb=RANGE_MB)
    assert [each.status for each in summary.loads] == ["loaded"] * 3
    assert staged_by_others == []


@pytest.mark.parametrize(
    ("name", "engine", "is_for_many"),
    [
        ("large.csv", "processes", True),
        ("small.csv", "processes", False),
        ("packed.csv.gz", "spark", False),
        ("items.json", "processes", False),
        ("absent.csv", "processes", False),
        (".", "processes", False),
        ("-", "processes", False),
        ("https://host/large.csv", "dask", False),
        ("s3://bucket/large.csv", "processes", False),
    ],
)
def test_large_plain_files_are_for_many_and_no_others(
    name: str, engine: str, is_for_many: bool, tmp_path: Path, large: str
) -> None:
    rows = [{"interaction_id": n, "user_id": 1, "product_id": 1, "action": "a", "timestamp": 0} for n in range(9)]
    (tmp_path / "large.csv").write_bytes(Path(large).read_bytes())
    (tmp_path / "small.csv").write_bytes(Path(large).read_bytes()[: 1 << 20])
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(Path(large).read_bytes(), 0))
    (tmp_path / "items.json").write_bytes(json.dumps(rows).encode().ljust(3 << 20))
    settings = load_settings(range_mb=RANGE_MB, engine=engine)
    nobody: Any = None
    assert RunLoader(nobody, Contracts(settings.contract), settings, nobody, None).is_for(name) is is_for_many


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced(
    ordinary: tuple[str, LoadResult], database: str, large: str, new_role: Callable[..., str]
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    # Planning would grant these, and would wait for the lock below.
    stager = new_role(
        "grant usage on schema public to {role}", "grant select on forgotten_users, forgotten_users_key to {role}"
    )
    role = str(conninfo_to_dict(stager)["user"])
    with all_stagers_held(database):
        driver = start_load(database, large, "--workers", "2", FOOTFALL_STAGER_URL=stager, FOOTFALL_STAGER_ROLE=role)
        wait_for(lambda: len(ask(database, HELD_STAGERS)) == 2, driver)
        sessions = f"select 1 from pg_stat_activity where usename = '{role}'"
        assert len(ask(database, sessions)) == 2
        killed, other = list_children(driver.pid)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: killed not in (now := list_children(driver.pid)) and other in now and len(now) == 2, driver)
    out, talk = driver.communicate(timeout=600)
    assert driver.returncode == 0, talk
    assert "its process was ended by signal SIGKILL; another one stages it again" in talk
    assert "range 1 of 3" in talk or "range 2 of 3" in talk
    assert json.loads(out)["loads"][0]["status"] == "loaded"
    assert find_differences(ordinary[0], database, with_files=False) == {}
    assert ask(database, STAGING_TABLES) == []


def test_a_range_whose_processes_are_ended_three_times_fails_the_file(
    database: str, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "START", "import os; os.kill(os.getpid(), 9)")
    (done,) = footfall.load(large, database_url=database, workers=2, range_mb=RANGE_MB).loads
    assert done.error is not None
    assert "was ended 3 times, the last time by signal SIGKILL" in done.error
    assert ask(database, "select status from loads") == [("failed",)]
    assert ask(database, STAGING_TABLES) == []


def test_the_last_words_of_a_process_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START", "raise SystemExit('first\\nno room for password=hunter2')")
    tally = Tally("a.csv", [Range(0, 9, 1)], dict, None)
    with pytest.raises(FootfallError, match=r"a\.csv: .* range 1 of 1 was ended 3 times") as caught:
        Processes(2).stage(Errand("password=hunter2", "public", 600, "0" * 32), [0], tally)
    assert "by exit code 1 (no room for password=***" in caught.value.message


def test_who_waits_again_after_a_failure_gets_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START", "raise SystemExit(1)")
    tally = Tally("a.csv", [Range(0, 9, 1)], dict, None)
    failures = []
    with Processes(2).open(Errand("", "public", 600, "0" * 32), [0], tally) as wait:
        for _ in range(2):
            with pytest.raises(FootfallError, match="was ended 3 times") as caught:
                wait(0)
            failures.append(caught.value)
    assert failures[0] is failures[1]


@pytest.mark.slow
def test_an_error_of_a_process_is_that_of_the_file_and_shows_no_secret(database: str, large: str) -> None:
    nowhere = make_conninfo(database, dbname="nowhere", password="hunter2")
    wanted: Any = {"workers": 2, "range_mb": RANGE_MB, "stager_url": nowhere}
    (done,) = footfall.load(large, database_url=database, **wanted).loads
    assert isinstance(done.failure, footfall.errors.DatabaseUnavailableError)
    assert "nowhere" in done.failure.message
    assert "hunter2" not in done.failure.message
    assert ask(database, STAGING_TABLES) == []


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_when_the_command_ends_its_processes_end(how: signal.Signals, code: int, database: str, large: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
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


def test_an_unexpected_error_of_a_process_is_told_as_one() -> None:
    found = read_error(write_error(ValueError("postgresql://me:hunter2@host/db")))
    assert type(found) is FootfallError
    assert found.message == "unexpected ValueError: postgresql://me:***@host/db"
