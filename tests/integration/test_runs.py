"""A file that is staged range by range: the database is the witness, and no visible table is written meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

import footfall
from diagnosing import diagnose
from footfall import runs
from footfall.errors import RunGoneError, SettingsError, SourceChangedError, SourceError
from footfall.settings import load_settings
from footfall.sources import file_systems
from footfall.tables import known_files
from footfall.tables import runs as tables_of_runs
from footfall.tables import staging as staged
from footfall.verbs.runs import planning, staging

Write = Callable[..., str]
# Ids that rise, one that comes late, one that comes twice, lines that quotes join, and rows of each kind of problem.
ROWS = [f"{number},{number % 7},{number % 3},click,2024-01-01T00:00:{number % 60:02}Z" for number in range(1, 400)]
ROWS[200:200] = ["7,0,1,click,2024-01-01T00:00:07Z", '"5000","1","1","a', 'b","2024-01-01"', "x,1,1,click,2024-01-01"]
ROWS[100:100] = ["900,1,1,click,2024-01-01", "900,1,1,click,yesterday", "901,1,1,,2024-01-01"]
SMALL = 1_000  # bytes of a range

# A stager that stops just before its last statement, tells it, and waits to be killed.
STOPPING = """
import sys
from footfall import runs
from footfall.tables import runs as tables
def stop(*_):
    print("here", flush=True)
    sys.stdin.read()
tables.note_range = stop
runs.stage(sys.argv[1], int(sys.argv[2]))
"""


@pytest.fixture
def source(write_csv: Write) -> str:
    return write_csv("a.csv", *ROWS)


def ask(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def change(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())


def tables_left(database: str) -> list[str]:
    return [name for (name,) in ask(database, "select tablename from pg_tables where tablename like 'staging%'")]


def staged_rows(database: str, token: str) -> list[tuple[Any, ...]]:
    """Give the accepted rows that are staged of a run, in the order of its lines."""
    found = ask(database, f"select content from staging_{token}_rows order by range, part")
    tables = [pa.ipc.open_stream(content).read_all() for (content,) in found]
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


def judged_rows(database: str, monkeypatch: pytest.MonkeyPatch, source: str) -> tuple[list[Any], list[Any], Any]:
    """Give the accepted and the rejected rows of an ordinary load, by line, and its result."""
    taken: dict[str, list[Any]] = {"accepted": [], "rejected": []}
    real = staged.stage_accepted, staged.stage_rejected

    def note(part: str, at: int) -> Callable[..., Any]:
        def noted(connection: Any, staging: Any, rows: Any) -> Any:
            taken[part] += [tuple(row.values()) for row in rows.to_pylist()]
            return real[at](connection, staging, rows)

        return noted

    monkeypatch.setattr(staged, "stage_accepted", note("accepted", 0))
    monkeypatch.setattr(staged, "stage_rejected", note("rejected", 1))
    result = footfall.load(source, database_url=database, schema="ordinary").loads[0]
    monkeypatch.undo()
    return taken["accepted"], taken["rejected"], result


def test_a_range_is_staged_once_and_nothing_is_visible(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    assert (run.ranges, run.already_loaded, run.source) == (1, None, source)
    assert json.loads(json.dumps(asdict(run)))["token"] == run.token
    assert runs.left(run.token, database_url=database) == [0]
    assert runs.stage(run.token, 0, database_url=database) == "staged"
    assert runs.stage(run.token, 0, database_url=database) == "staged-already"
    assert runs.left(run.token, database_url=database) == []
    for table in ("user_interactions_raw", "interactions", "rejected_interactions", "loads", "source_files"):
        assert ask(database, f"select count(*) from {table}") == [(0,)]


@pytest.mark.slow
def test_ranges_together_are_the_file_with_its_lines_verdicts_and_sums(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted, rejected, result = judged_rows(database, monkeypatch, source)
    run = runs.plan(source, range_bytes=SMALL, database_url=database)
    assert run.ranges > 5
    for number in reversed(range(run.ranges)):
        assert runs.stage(run.token, number, database_url=database) == "staged"
    found = staged_rows(database, run.token)
    assert found == accepted
    kept = ask(database, f"select line_number, raw_line, problems from staging_{run.token}_rejected order by 1")
    assert [tuple(row) for row in kept] == [(row[0], row[1], row[4]) for row in rejected]
    sums = [each for (each,) in ask(database, f"select sums from staging_{run.token}_ranges order by range")]
    assert sum(each["rows_rejected"] for each in sums) == result.rows_rejected == 3
    assert sum(each["rows_accepted"] for each in sums) == len(accepted)


def test_of_two_attempts_at_once_one_stages_and_the_other_leaves_nothing(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.plan(source, range_bytes=SMALL, database_url=database)
    both = threading.Barrier(2, timeout=600)
    looked = tables_of_runs.is_staged

    def look_together(*values: Any) -> bool:
        found = looked(*values)
        both.wait()
        return found

    monkeypatch.setattr(tables_of_runs, "is_staged", look_together)
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(runs.stage, run.token, 1, database_url=database) for _ in range(2)]
        assert sorted(each.result() for each in outcomes) == ["staged", "staged-already"]
    [(rows,)] = ask(database, f"select rows_accepted from staging_{run.token}_ranges")
    assert len(staged_rows(database, run.token)) == rows > 0


@pytest.mark.slow
def test_a_stager_that_is_killed_leaves_nothing_and_its_range_is_staged_again(
    database: str, source: str, tmp_path: Path
) -> None:
    run = runs.plan(source, range_bytes=SMALL, database_url=database)
    (tmp_path / "stopping.py").write_text(STOPPING)
    command = [sys.executable, str(tmp_path / "stopping.py"), run.token, "2"]
    environment = os.environ | {"FOOTFALL_DATABASE_URL": database}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as stager:
        assert stager.stdout is not None
        assert stager.stdout.readline() == b"here\n"
        assert runs.sweep(database_url=database) == 0
        stager.kill()
    with psycopg.connect(database) as connection:  # waits until its session is gone
        key = tables_of_runs.name_tables("public", run.token).lock_key
        connection.execute("select pg_advisory_xact_lock(%s::integer, %s::integer)", [tables_of_runs.RUNS, key])
    assert staged_rows(database, run.token) == []
    assert runs.left(run.token, database_url=database) == list(range(run.ranges))
    assert runs.stage(run.token, 2, database_url=database) == "staged"


def test_a_stager_that_fails_leaves_nothing(database: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.plan(source, range_bytes=SMALL, database_url=database)

    def fail(*_: Any) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(tables_of_runs, "note_range", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        runs.stage(run.token, 0, database_url=database)
    assert staged_rows(database, run.token) == []


@pytest.mark.parametrize("number", [-1, 1, 99])
def test_a_range_that_the_run_has_not_is_refused(database: str, source: str, number: int) -> None:
    run = runs.plan(source, database_url=database)
    with pytest.raises(SettingsError, match="numbered 0 to 0"):
        runs.stage(run.token, number, database_url=database)


# what becomes of a run


def test_a_run_with_a_lease_stays_and_one_without_is_swept(database: str, source: str) -> None:
    kept = runs.plan(source, database_url=database)
    gone = planning.plan(source, load_settings(database_url=database), planning.Plan(lease_s=0))
    assert runs.sweep(database_url=database) == 1
    assert runs.left(kept.token, database_url=database) == [0]
    for ask_it in (lambda: runs.stage(gone.token, 0, database_url=database), lambda: _left(gone.token, database)):
        with pytest.raises(RunGoneError, match="load it again"):
            ask_it()
    assert runs.sweep(database_url=database) == 0


def _left(token: str, database: str) -> str:
    return str(runs.left(token, database_url=database))


def test_a_run_is_held_while_its_driver_lives(database: str, source: str) -> None:
    with planning.plan_run(source, load_settings(database_url=database), range_bytes=SMALL) as run:
        assert runs.sweep(database_url=database) == 0
        assert runs.stage(run.token, 0, database_url=database) == "staged"
    assert runs.sweep(database_url=database) == 1
    assert tables_left(database) == []


def test_the_next_load_sweeps_what_a_driver_left(database: str, source: str, write_csv: Write) -> None:
    planning.plan(source, load_settings(database_url=database), planning.Plan(lease_s=0))
    assert len(tables_left(database)) == 4
    assert footfall.load(write_csv("b.csv", "1,1,1,click,2024-01-01"), database_url=database).exit_code == 0
    assert tables_left(database) == []


def test_a_sweep_waits_for_nobody(database: str, source: str) -> None:
    run = planning.plan(source, load_settings(database_url=database), planning.Plan(lease_s=0))
    with psycopg.connect(database) as backup:
        backup.execute(f"lock table staging_{run.token}_rows in access share mode".encode())
        assert runs.sweep(database_url=database) == 0
    assert runs.sweep(database_url=database) == 1


def test_staging_renews_a_lease_of_which_half_is_over(database: str, source: str) -> None:
    run = runs.plan(source, range_bytes=SMALL, lease_hours=1, database_url=database)
    until = f"select kept_until > now() + interval '59 minutes' from staging_{run.token}_job"
    change(database, f"update staging_{run.token}_job set kept_until = now() + interval '31 minutes'")
    runs.stage(run.token, 0, database_url=database)
    assert ask(database, until) == [(False,)]
    change(database, f"update staging_{run.token}_job set kept_until = now() + interval '29 minutes'")
    runs.stage(run.token, 1, database_url=database)
    assert ask(database, until) == [(True,)]


def test_a_run_whose_tables_a_crash_emptied_is_void_and_swept(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    change(database, f"truncate staging_{run.token}_job, staging_{run.token}_ranges, staging_{run.token}_rows")
    with pytest.raises(RunGoneError, match="the server crashed"):
        runs.stage(run.token, 0, database_url=database)
    assert runs.sweep(database_url=database) == 1


def test_the_tables_of_a_run_are_not_logged(database: str, source: str) -> None:
    runs.plan(source, database_url=database)
    kinds = ask(database, "select distinct relpersistence from pg_class where relname ~ '^staging' and relkind = 'r'")
    assert kinds == [("u",)]


@pytest.mark.parametrize("token", ["", "x", "0" * 31, '"; drop table loads; --', "0" * 33])
def test_what_is_no_token_is_refused(database: str, token: str) -> None:
    with pytest.raises(RunGoneError, match="no token"):
        runs.stage(token, 0, database_url=database)


def test_a_token_of_nothing_is_a_run_that_is_not_there(database: str, source: str) -> None:
    with pytest.raises(RunGoneError, match="is not there"):
        runs.stage("0" * 32, 0, database_url=database)


@pytest.mark.slow
def test_doctor_tells_runs_that_are_alive_from_tables_that_were_left(database: str, source: str) -> None:
    kept = runs.plan(source, database_url=database)
    found = diagnose(database)["staging"]
    assert (found.state, "kept for their stagers: 1" in found.found) == ("ok", True)
    gone = planning.plan(source, load_settings(database_url=database), planning.Plan(lease_s=0))
    found = diagnose(database)["staging"]
    assert (found.state, gone.token in found.cure, kept.token in found.cure) == ("warning", True, False)
    with planning.hold_run(_where(database), gone.token):
        assert diagnose(database)["staging"].state == "ok"
    change(database, found.cure)
    assert diagnose(database)["staging"].state == "ok"
    assert runs.left(kept.token, database_url=database) == [0]


def _where(database: str) -> Any:
    return staging.Target(database, "public", 0)


# the file, and who is forgotten


def test_a_file_that_changed_since_it_was_planned_is_refused(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    with Path(source).open("a") as file:
        file.write("5,5,5,click,2024-01-01\n")
    with pytest.raises(SourceChangedError, match="changed since it was planned"):
        runs.stage(run.token, 0, database_url=database)
    assert staged_rows(database, run.token) == []


def test_a_file_that_changes_while_a_range_is_read_is_not_staged(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.plan(source, database_url=database)
    real = staging.open_range

    def change(*values: Any) -> Any:
        with Path(source).open("a") as file:
            file.write("5,5,5,click,2024-01-01\n")
        return real(*values)

    monkeypatch.setattr(staging, "open_range", change)
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        runs.stage(run.token, 0, database_url=database)
    assert staged_rows(database, run.token) == []
    assert runs.left(run.token, database_url=database) == [0]


def test_another_file_of_that_name_is_refused(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    content = Path(source).read_bytes()
    Path(source).rename(f"{source}.old")
    Path(source).write_bytes(content)
    with pytest.raises(SourceChangedError):
        runs.stage(run.token, 0, database_url=database)


def test_a_file_that_changes_while_it_is_staged_is_refused(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.plan(source, range_bytes=SMALL, database_url=database)
    real = staging.open_range

    def change_it(*values: Any) -> Any:
        opened = real(*values)
        with Path(source).open("a") as file:
            file.write("5,5,5,click,2024-01-01\n")
        return opened

    monkeypatch.setattr(staging, "open_range", change_it)
    with pytest.raises(SourceChangedError):
        runs.stage(run.token, 0, database_url=database)
    assert staged_rows(database, run.token) == []


def test_a_file_that_is_gone_says_so(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    Path(source).unlink()
    with pytest.raises(SourceError, match="No such file"):
        runs.stage(run.token, 0, database_url=database)


def test_a_relative_name_is_found_from_elsewhere(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(Path(source).parent)
    run = runs.plan("a.csv", database_url=database)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert runs.stage(run.token, 0, database_url=database) == "staged"
    [(job,)] = ask(database, f"select job from staging_{run.token}_job")
    assert (run.source, job["source"], job["place"]) == ("a.csv", "a.csv", source)


def test_a_name_that_is_no_text_is_carried(database: str, source: str) -> None:
    named = os.fsdecode(os.fsencode(source) + b"\xff.csv")
    os.rename(source, named)  # noqa: PTH104
    run = runs.plan(named, database_url=database)
    assert runs.stage(run.token, 0, database_url=database) == "staged"


def test_forgotten_users_are_hidden_and_what_was_known_of_them_is_noted(database: str, write_csv: Write) -> None:
    source = write_csv("a.csv", "1,7,1,click,2024-01-01", "2,8,1,click,2024-01-01", "x,7,1,click,2024-01-01")
    run = runs.plan(source, range_bytes=30, database_url=database)
    runs.stage(run.token, 0, database_url=database)
    assert footfall.forget(7, database_url=database).users == 1
    for number in range(1, run.ranges):
        runs.stage(run.token, number, database_url=database)
    [(first,), *others] = ask(database, f"select memory from staging_{run.token}_ranges order by range")
    assert first == "0 -"
    assert {memory.partition(" ")[0] for (memory,) in others} == {"1"}
    assert 7 not in {row[2] for row in staged_rows(database, run.token) if row[0] > 2}
    kept = ask(database, f"select raw_line, problems from staging_{run.token}_rejected where line_number = 4")
    assert [(line, json.loads(problems)[0]["code"]) for line, problems in kept] == [("", "forgotten-user")]


def test_who_forgets_is_told_of_runs_that_hold_rows_and_sweeps_those_that_are_over(
    database: str, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    runs.plan(source, database_url=database)
    planning.plan(source, load_settings(database_url=database), planning.Plan(lease_s=0))
    footfall.forget(7, database_url=database)
    assert "runs at work, or kept for their stagers: 1" in caplog.text
    assert len(tables_left(database)) == 4


# what is planned


def test_a_file_that_is_loaded_has_its_result_and_no_run(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", file_systems.WITH_CHANGE_TIMES | {"overlay"})
    (loaded,) = footfall.load(source, database_url=database).loads
    for how in ({"rehash": True}, {}):
        run = runs.plan(source, database_url=database, **how)
        assert (run.token, run.ranges) == ("", 0)
        assert run.already_loaded is not None
        assert (run.already_loaded.status, run.already_loaded.load_id) == ("already-loaded", loaded.load_id)
    assert tables_left(database) == []


def test_a_role_of_stagers_that_is_not_there_is_said(database: str, source: str) -> None:
    with pytest.raises(SettingsError, match="FOOTFALL_STAGER_ROLE"):
        runs.plan(source, database_url=database, stager_role="nobody's")
    assert tables_left(database) == []


def test_no_session_idles_while_a_file_is_read_to_be_planned(
    database: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    read = planning._read_once
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"

    def look(*values: Any) -> Any:
        while ask(database, others) != [(0,)]:  # a session that was closed ends a moment later
            pass
        seen.append(values)
        return read(*values)

    monkeypatch.setattr(planning, "_read_once", look)
    assert runs.plan(source, database_url=database).ranges == len(seen) == 1


def test_a_file_without_a_usable_head_is_refused_when_it_is_planned_and_recorded(
    database: str, write_csv: Write
) -> None:
    source = write_csv("a.csv", content=b"a,b,c\n1,2,3\n")
    with pytest.raises(SourceError, match="interaction_id"):
        runs.plan(source, database_url=database)
    [(status, digest)] = ask(database, "select status, digest from loads")
    assert (status, len(digest)) == ("failed", 64)
    assert tables_left(database) == []


@pytest.mark.parametrize("name", ["-", "pipe", "https://me:hunter2@example.org/a.csv"])
def test_what_cannot_be_read_several_times_or_without_a_secret_is_refused(
    database: str, name: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="`footfall load`") as refused:
        runs.plan(name, database_url=database)
    assert "hunter2" not in refused.value.message


def test_a_run_is_planned_with_the_settings_and_definition_of_its_file(database: str, write_csv: Write) -> None:
    Path("footfall.toml").write_text(
        'source_time_zone = "Europe/Vienna"\n[sources.shop]\nmatch = ["*.csv"]\n'
        'interaction_id = { from = "position" }\nuser_id = "who"\n'
    )
    source = write_csv("a.csv", content=b"who,product_id,action,timestamp\n1,1,click,2024-07-01 12:00:00\n")
    run = runs.plan(source, database_url=database, interaction_id_type="uuid", max_future_seconds=60)
    Path("footfall.toml").unlink()  # whoever stages has other settings
    assert runs.stage(run.token, 0, database_url=database) == "staged"
    [(_, made, *_, when)] = staged_rows(database, run.token)
    assert (len(made), str(when)) == (16, "2024-07-01 10:00:00+00:00")


# the handshake


@pytest.mark.parametrize("name", ["footfall", "kernel", "duckdb", "pyarrow"])
def test_another_version_stages_nothing_and_says_which(database: str, source: str, name: str) -> None:
    run = runs.plan(source, database_url=database)
    _change_job(database, run.token, lambda job: job["versions"].update({name: "0.0.1"}))
    with pytest.raises(SettingsError, match=rf"{name} 0\.0\.1 there") as refused:
        runs.stage(run.token, 0, database_url=database)
    assert refused.value.exit_code == 2
    assert staged_rows(database, run.token) == []


def test_another_contract_stages_nothing(database: str, source: str) -> None:
    run = runs.plan(source, database_url=database)
    _change_job(database, run.token, lambda job: job["contract"].update(actions=["view"]))
    with pytest.raises(SettingsError, match="the contract"):
        runs.stage(run.token, 0, database_url=database)


def _change_job(database: str, token: str, change_it: Callable[[dict[str, Any]], None]) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute(f"select job from staging_{token}_job".encode()).fetchone()
        assert row is not None
        change_it(row[0])
        connection.execute(f"update staging_{token}_job set job = %s".encode(), [json.dumps(row[0])])
