"""Runs that are broken: twins, zombies, killed stagers and planners, a sweep or another load between, a lost server."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import footfall
from breaking import losing_the_answer
from every_row import list_left_behind
from footfall import runs
from footfall.errors import DatabaseUnavailableError, FootfallError, RunGoneError, RunStaleError, SourceChangedError
from footfall.formats import framing
from footfall.postgres.embedded import clients
from footfall.results.running import Run
from footfall.settings import load_settings
from footfall.tables import runs as run_tables
from footfall.verbs.runs import taking
from footfall.verbs.runs.planning import plan_run
from forked import plan_and_stage_until_killed, stage_until_killed, take_until_committed
from forks import FORKS, start_forks
from trials import IS_LONG, Contents, left_behind, loaded

pytestmark = [pytest.mark.crash, pytest.mark.usefixtures("temporary_folder")]
RANGE_BYTES = 4_000
WAIT_S = 600.0  # far more than a busy machine needs: only a test that hangs meets it
# `make crash` tries all of these, a short run the first two.
BATCHES = (1, 1_000, 0, 2)  # that a stager sends before it is killed; where there are fewer, before it notes the range
CHANGES = ("before a range is staged", "in the take", "while one is staged", "before the take")
EMPTIED = (
    ("job", "ranges", "rows", "rejected"),
    ("ranges",),
    ("rows",),
    ("rejected",),
)


@pytest.fixture(scope="module", autouse=True)
def _several_batches() -> Iterator[None]:
    """Let each range have several batches, so that COPY comes several times; start the server of forks early."""
    start_forks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "BLOCK_BYTES_MAX", 2_500)
        patch.setattr(os, "cpu_count", lambda: 1)
        yield


def write_content(path: Path) -> str:
    """Write a file whose rows repeat and contradict one another over the borders of its ranges."""
    lines = [f"{n},{n % 7},{n % 5},click,2024-01-01 00:00:{n % 60:02}" for n in [*range(1, 300), *range(20, 60)]]
    lines[50:50] = ["x,1,1,click,2024-01-01", "290,9,9,late,2024-01-01"]
    path.write_text("\n".join(["interaction_id,user_id,product_id,action,timestamp", *lines, ""]))
    return str(path)


@pytest.fixture
def csv(tmp_path: Path) -> str:
    return write_content(tmp_path / "interactions.csv")


@pytest.fixture(scope="module")
def truth(
    new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, contents: Contents
) -> dict[str, list[Any]]:
    """What the tables hold after an ordinary load of the same content."""
    database = new_database_of_module()
    name = write_content(tmp_path_factory.mktemp("truth") / "interactions.csv")
    assert loaded(database, [name], max_rejected="1.0").statuses == ("loaded",)
    return contents(database)


def plan(database: str, csv: str, lease_hours: float = 24.0) -> Run:
    run = runs.plan(csv, lease_hours=lease_hours, range_bytes=RANGE_BYTES, database_url=database)
    assert run.ranges > 2
    return run


def stage(database: str, run: Run, number: int) -> str:
    return runs.stage(run.token, number, database_url=database)


def stage_left(database: str, run: Run) -> None:
    for number in runs.left(run.token, database_url=database):
        assert stage(database, run, number) == "staged"


def take(database: str, run: Run) -> footfall.LoadResult:
    return runs.take(run.token, database_url=database, max_rejected="1.0")


def sweep(database: str) -> int:
    return runs.sweep(database_url=database)


def wait_until(is_so: Callable[[], Any]) -> None:
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


@contextmanager
def held_before_note(patch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the first attempt at a range when its rows are sent, and it would note that; the others go on.

    Gives the event that it is there, and the one that lets it go on.
    """
    there, may_go, real = threading.Event(), threading.Event(), run_tables.note_range

    def note(*values: Any) -> bool:
        if not there.is_set():
            there.set()
            assert may_go.wait(WAIT_S)
        return real(*values)

    patch.setattr(run_tables, "note_range", note)
    try:
        yield there, may_go
    finally:
        may_go.set()


@contextmanager
def staging_aside(database: str, run: Run, number: int) -> Iterator[Future[str]]:
    """Stage a range in another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(stage, database, run, number)


# Twins and zombies


@pytest.mark.slow
def test_of_twins_that_stage_one_range_at_once_one_commits_and_the_other_leaves_nothing(
    database: str, csv: str, truth: Any, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, both, real = plan(database, csv), threading.Barrier(2), run_tables.note_range

    def note(*values: Any) -> bool:
        both.wait(WAIT_S)
        return real(*values)

    with ThreadPoolExecutor(2) as pool, monkeypatch.context() as patch:
        patch.setattr(run_tables, "note_range", note)
        twins = [pool.submit(stage, database, run, 1) for _ in range(2)]
        assert sorted(twin.result(WAIT_S) for twin in twins) == ["staged", "staged-already"]
    stage_left(database, run)
    assert take(database, run).status == "loaded"
    assert contents(database) == truth
    assert left_behind(database) == []


@pytest.mark.slow
def test_a_twin_that_is_late_and_ends_after_the_take_changes_nothing(
    database: str, csv: str, truth: Any, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan(database, csv, lease_hours=0)
    with held_before_note(monkeypatch) as (there, may_go), staging_aside(database, run, 1) as late:
        assert there.wait(WAIT_S)
        stage_left(database, run)
        assert take(database, run).status == "loaded"
        assert contents(database) == truth
        may_go.set()
        assert late.result(WAIT_S) == "staged-already"
    assert contents(database) == truth
    sweep(database)  # whoever held the tables when they were to be dropped leaves them to it
    assert left_behind(database) == []


@pytest.mark.slow
@pytest.mark.parametrize("what", ["take", "sweep"])
def test_a_zombie_that_begins_after_the_run_is_gone_stages_nothing(
    database: str, csv: str, contents: Contents, what: str
) -> None:
    run = plan(database, csv, lease_hours=0)
    stage_left(database, run)
    if what == "take":
        assert take(database, run).status == "loaded"
    else:
        assert sweep(database) == 1
    before = contents(database)
    with pytest.raises(RunGoneError):
        stage(database, run, 0)
    if what == "take":
        assert take(database, run).status == "already-loaded"
    else:
        with pytest.raises(RunGoneError):
            take(database, run)
    with pytest.raises(RunGoneError):
        runs.left(run.token, database_url=database)
    assert contents(database) == before
    assert left_behind(database) == []


# Who is killed


@pytest.mark.slow
@pytest.mark.parametrize("batches", BATCHES if IS_LONG else BATCHES[:2])
def test_a_stager_that_is_killed_leaves_nothing_and_its_range_is_staged_again(
    database: str, csv: str, truth: Any, contents: Contents, batches: int
) -> None:
    run = plan(database, csv)
    child = FORKS.Process(target=stage_until_killed, args=(database, run.token, 1, batches))
    child.start()
    child.join(WAIT_S)
    assert child.exitcode == -signal.SIGKILL
    assert 1 in runs.left(run.token, database_url=database)
    stage_left(database, run)
    assert take(database, run).status == "loaded"
    assert contents(database) == truth
    assert left_behind(database) == []


@pytest.mark.slow
def test_a_planner_that_is_killed_while_its_run_is_staged_leaves_a_run_that_is_swept(
    database: str, csv: str, contents: Contents, tmp_path: Path
) -> None:
    loaded(database, [write_other(csv)])
    before = contents(database)
    ready = tmp_path / "ready"
    child = FORKS.Process(target=plan_and_stage_until_killed, args=(database, csv, RANGE_BYTES, str(ready)))
    child.start()
    wait_until(lambda: child.exitcode is not None or ready.exists())
    assert child.exitcode is None
    assert sweep(database) == 0
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(WAIT_S)
    wait_until(lambda: not count_held(database))
    assert list_left_behind(database)
    assert contents(database) == before
    assert loaded(database, [csv], max_rejected="1.0").statuses == ("loaded",)
    sweep(database)  # where the load did not
    assert left_behind(database) == []


# The answer of a take is lost


@pytest.mark.slow
def test_a_take_that_is_killed_when_it_is_committed_is_given_again_as_loaded_already(
    database: str, csv: str, truth: Any, contents: Contents
) -> None:
    run = plan(database, csv)
    stage_left(database, run)
    child = FORKS.Process(target=take_until_committed, args=(database, run.token, "1.0"))
    child.start()
    child.join(WAIT_S)
    assert child.exitcode == -signal.SIGKILL
    assert contents(database) == truth
    assert_loaded_already(database, take(database, run))
    assert contents(database) == truth
    assert left_behind(database) == []


@pytest.mark.slow
def test_a_take_whose_answer_is_lost_with_the_server_is_given_again_as_loaded_already(
    database: str, csv: str, truth: Any, contents: Contents
) -> None:
    run = plan(database, csv)
    stage_left(database, run)
    with losing_the_answer(database) as (url, _), pytest.raises(DatabaseUnavailableError, match="while the server was"):
        take(url, run)
    Path(csv).unlink()
    assert_loaded_already(database, take(database, run))
    assert contents(database) == truth
    assert left_behind(database) == []


def assert_loaded_already(database: str, result: footfall.LoadResult) -> None:
    with psycopg.connect(database) as connection:
        loads = connection.execute("select load_id, digest, status from loads").fetchall()
    assert loads == [(result.load_id, result.digest, "loaded")]
    assert result.status == "already-loaded"


def write_other(csv: str) -> str:
    other = Path(csv).with_name("other.csv")
    other.write_text("interaction_id,user_id,product_id,action,timestamp\n1000,1,1,click,2024-01-01\n")
    return str(other)


def count_held(database: str) -> int:
    """Count the runs that somebody holds."""
    with psycopg.connect(database) as connection:
        query = "select count(distinct objid) from pg_locks where locktype = 'advisory' and classid = %s and granted"
        row = connection.execute(query, [run_tables.RUNS]).fetchone()
        assert row is not None
        return int(row[0])


# Sweeps


def test_a_run_without_a_lease_is_not_swept_while_a_range_is_staged(
    database: str, csv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan(database, csv, lease_hours=0)
    with held_before_note(monkeypatch) as (there, may_go), staging_aside(database, run, 1) as late:
        assert there.wait(WAIT_S)
        assert sweep(database) == 0
        may_go.set()
        assert late.result(WAIT_S) == "staged"
    assert sweep(database) == 1
    assert left_behind(database) == []


def test_a_run_that_its_planner_holds_is_not_swept_while_nobody_stages(database: str, csv: str) -> None:
    with plan_run(csv, load_settings(database_url=database), range_bytes=RANGE_BYTES) as run:
        assert stage(database, run, 0) == "staged"
        assert sweep(database) == 0
        assert stage(database, run, 1) == "staged"
    assert sweep(database) == 1
    assert left_behind(database) == []


def test_a_run_with_a_lease_stays_and_the_next_plan_sweeps_it_when_that_is_over(database: str, csv: str) -> None:
    run = plan(database, csv)
    assert sweep(database) == 0
    with psycopg.connect(database) as connection:
        job = run_tables.name_tables("public", run.token).job
        connection.execute(sql.SQL("update {} set kept_until = now() - interval '1 second'").format(job))
    other = plan(database, csv, lease_hours=0)
    assert all(other.token in name for name in list_left_behind(database))
    assert sweep(database) == 1


# What happens between


@pytest.mark.slow
def test_a_load_of_the_same_file_meanwhile_ends_the_run_in_vain(
    database: str, csv: str, truth: Any, contents: Contents
) -> None:
    run = plan(database, csv)
    stage_left(database, run)
    assert loaded(database, [csv], max_rejected="1.0").statuses == ("loaded",)
    assert take(database, run).status == "already-loaded"
    assert contents(database) == truth
    assert left_behind(database) == []
    assert runs.plan(csv, database_url=database).already_loaded


@pytest.mark.slow
def test_of_two_takes_at_once_one_loads(
    database: str, csv: str, truth: Any, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, both, real = plan(database, csv), threading.Barrier(2), run_tables.read_job
    stage_left(database, run)

    def read_job(*values: Any) -> Any:
        job = real(*values)
        both.wait(WAIT_S)
        return job

    with ThreadPoolExecutor(2) as pool, monkeypatch.context() as patch:
        patch.setattr(run_tables, "read_job", read_job)
        said = sorted(pool.map(lambda _: take(database, run).status, range(2), timeout=WAIT_S))
    assert said == ["already-loaded", "loaded"]
    assert contents(database) == truth
    sweep(database)
    assert left_behind(database) == []


@pytest.mark.slow
def test_a_take_of_a_run_with_a_range_missing_loads_nothing_and_works_when_it_is_there(
    database: str, csv: str, truth: Any, contents: Contents
) -> None:
    run = plan(database, csv)
    before = contents(database)
    for number in range(run.ranges - 1):
        stage(database, run, number)
    with pytest.raises(RunStaleError):
        take(database, run)
    assert contents(database) == before
    stage_left(database, run)
    assert take(database, run).status == "loaded"
    assert contents(database) == truth


@pytest.mark.slow
def test_a_user_who_is_forgotten_meanwhile_does_not_come_in(
    database: str, csv: str, truth: Any, contents: Contents, new_database: Callable[[], str]
) -> None:
    run = plan(database, csv)
    for number in range(run.ranges - 1):
        stage(database, run, number)
    footfall.forget("3", database_url=database)
    with pytest.raises(RunStaleError):
        take(database, run)
    assert runs.left(run.token, database_url=database) == list(range(run.ranges))
    stage_left(database, run)
    taken = take(database, run)
    other = new_database()
    assert loaded(other, [write_other(csv)]).exit_code == 0
    footfall.forget("3", database_url=other)
    (done,) = footfall.load(csv, database_url=other, max_rejected="1.0").loads
    assert (taken.rows_loaded, taken.rows_rejected, taken.groups) == (done.rows_loaded, done.rows_rejected, done.groups)
    assert not any(row[1] == 3 for row in contents(database)["raw"])
    assert contents(database)["raw"] == [row for row in contents(other)["raw"] if row[0] != 1000]


def change(csv: str) -> None:
    with Path(csv).open("a") as file:
        file.write("5000,1,1,click,2024-01-01\n")


@pytest.mark.slow
@pytest.mark.parametrize("when", CHANGES if IS_LONG else CHANGES[:2])
def test_a_file_that_changes_is_refused(
    database: str, csv: str, contents: Contents, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    run = plan(database, csv)
    before = contents(database)
    if when == "before a range is staged":
        change(csv)
        with pytest.raises(SourceChangedError):
            stage(database, run, 0)
    elif when == "while one is staged":
        with monkeypatch.context() as patch, pytest.raises(SourceChangedError):
            change_first(patch, run_tables, "open_staging", csv)
            stage(database, run, 0)
    else:
        stage_left(database, run)
        with monkeypatch.context() as patch, pytest.raises(SourceChangedError):
            if when == "in the take":
                change_first(patch, taking, "complete", csv)
            else:
                change(csv)
            take(database, run)
    assert contents(database) == before
    if "take" not in when:
        assert len(runs.left(run.token, database_url=database)) == run.ranges
    assert loaded(database, [csv], max_rejected="1.0").statuses == ("loaded",)


def change_first(patch: pytest.MonkeyPatch, module: Any, name: str, csv: str) -> None:
    """Let a file change before a function is called."""
    real = getattr(module, name)

    def changing(*values: Any, **named: Any) -> Any:
        change(csv)
        return real(*values, **named)

    patch.setattr(module, name, changing)


# A lost server


@pytest.mark.slow
@pytest.mark.parametrize("emptied", EMPTIED if IS_LONG else EMPTIED[:2], ids=", ".join)
def test_tables_of_a_run_that_are_emptied_load_nothing(
    database: str, csv: str, truth: Any, contents: Contents, emptied: tuple[str, ...]
) -> None:
    run = plan(database, csv)
    stage_left(database, run)
    before, tables = contents(database), run_tables.name_tables("public", run.token)
    with psycopg.connect(database) as connection:
        for part in emptied:
            connection.execute(sql.SQL("truncate {}").format(tables.name(part)))
    with pytest.raises(FootfallError):
        take(database, run)
    if emptied == ("ranges",):  # they would be staged twice
        stage_left(database, run)
        with pytest.raises(FootfallError, match="rows were sent"):
            take(database, run)
    assert contents(database) == before
    again = plan(database, csv)
    stage_left(database, again)
    assert take(database, again).status == "loaded"
    assert contents(database) == truth


@pytest.mark.slow
def test_after_a_crash_of_the_server_a_staged_run_is_void_and_the_next_load_works(
    short_folder: Path, csv: str, truth: Any, contents: Contents
) -> None:
    home = short_folder / "crashed"
    clients.start(home)
    database = clients.find_url(home)
    loaded(database, [write_other(csv)])
    before = contents(database)
    run = plan(database, csv)
    stage_left(database, run)
    postmaster = int((home / "data/postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: is_startable(home))
    with pytest.raises(RunGoneError, match="void"):
        take(database, run)
    with pytest.raises(RunGoneError, match="void"):
        stage(database, run, 0)
    assert contents(database) == before
    again = plan(database, csv, lease_hours=0)  # sweeps what is void
    assert all(again.token in name for name in list_left_behind(database))
    stage_left(database, again)
    assert take(database, again).rows_loaded == len(truth["raw"])
    assert left_behind(database) == []
    assert clients.stop(home)


def is_startable(home: Path) -> bool:
    """Start the server of a home, which may wait until the last process of the killed one is gone."""
    clients.start(home)
    return True
