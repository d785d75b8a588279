"""Large files on Airflow: planned, staged by mapped tasks, taken; the tables are the witness."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import footfall
from footfall import errors, runs
from footfall.verbs.runs import planning
from runs_of_airflow import HEADER, ask, deliver, states

LINES = [f"{number % 90},{number % 7},{number % 3},click,2024-03-01" for number in range(1, 100)]
LINES[40], LINES[70], LINES[80] = 'x,1,1,"cl\nick",2024-03-01', "7,1,1,click,2024-03-02", LINES[1]
Run = Callable[..., Any]
Contents = Callable[[str], dict[str, list[Any]]]


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some hundred lines have several ranges."""
    monkeypatch.setattr(planning, "choose_range_bytes", lambda *_: 700)


def result(run: Any, task_id: str) -> Any:
    ti = next(ti for ti in run.get_task_instances() if ti.task_id == task_id)
    return ti.xcom_pull(task_ids=task_id)


def left_over(database: str) -> list[Any]:
    """List the tables of runs."""
    return ask(database, "select tablename from pg_tables where tablename like 'staging%'")


def test_the_tables_are_those_of_a_load_and_tasks_that_stage_may_do_no_more(
    run: Run,
    tmp_path: Path,
    connection: str,
    contents: Contents,
    new_role: Callable[..., str],
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = conninfo_to_dict(new_role())
    stager = {"conn_type": "postgres", "host": words["host"], "login": words["user"], "schema": words["dbname"]}
    stager |= {"port": words["port"]}
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL_STAGER", json.dumps(stager))
    given: list[dict[str, Any]] = []
    stage = runs.stage

    def stage_and_note(token: str, number: int, **settings: Any) -> Any:
        given.append(settings)
        return stage(token, number, **settings)

    monkeypatch.setattr(runs, "stage", stage_and_note)
    large = deliver(tmp_path, "large.csv", *LINES)
    small = deliver(tmp_path, "small.csv", "500,1,1,hover,2024-03-01", "y,1,1,hover,2024-03-01")
    done = run(stage_bytes=large.stat().st_size)

    assert str(done.state) == "success"
    found = states(done)
    assert [found[name] for name in ("load", "plan", "take")] == [["success"]] * 3
    assert len(found["stage"]) >= 3
    assert {str(each.get("stager_url")) for each in given} == {
        make_conninfo("", **{name: words[name] for name in ("host", "port", "user", "dbname")})
    }
    other = new_database()
    summary = footfall.load(str(large), str(small), database_url=other)
    assert contents(connection) == contents(other)
    assert left_over(connection) == []
    figures = result(done, "summarize")
    assert (figures["files"], figures["rows_read"], figures["rows_rejected"]) == (
        2,
        summary.rows_read,
        summary.rows_rejected,
    )
    assert figures["rows_duplicate"] == summary.rows_duplicate > 0


def test_a_range_that_is_lost_or_staged_twice_and_a_take_without_an_answer_end_as_one_load(
    run: Run, tmp_path: Path, connection: str, contents: Contents, new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = deliver(tmp_path, "large.csv", *LINES)
    first = tmp_path / "first.csv"
    first.write_text(f"{HEADER}9,3,1,click,2024-03-01\n")
    footfall.load(str(first), database_url=connection)
    stage, take = runs.stage, runs.take
    outcomes: dict[int, list[str]] = {}
    taken: list[Any] = []

    def stage_badly(token: str, number: int, **settings: Any) -> Any:
        tried = outcomes.setdefault(number, [])
        if number == 2 and not tried:
            tried.append("lost")
            raise errors.SettingsError("another Footfall is installed here")
        tried.append(stage(token, number, **settings))
        if number == 1 and len(tried) == 1:
            raise errors.DatabaseUnavailableError("no answer")
        return tried[-1]

    def take_badly(token: str, **settings: Any) -> Any:
        if not taken:
            footfall.forget(3, database_url=connection)
        taken.append(None)
        taken[-1] = take(token, **settings)
        if len(taken) == 2:
            raise errors.DatabaseUnavailableError("no answer")
        return taken[-1]

    monkeypatch.setattr(runs, "stage", stage_badly)
    monkeypatch.setattr(runs, "take", take_badly)
    done = run(stage_bytes=1)

    assert str(done.state) == "success"
    assert states(done)["stage"].count("failed") == 1
    # All were staged anew when a user was forgotten; the answer of the second take was lost; the third one was told.
    assert outcomes[1] == ["staged", "staged-already", "staged"]
    assert outcomes[2] == ["lost", "staged", "staged"]
    assert [each and each.status for each in taken] == [None, "loaded", "already-loaded"]
    other = new_database()
    footfall.load(str(first), database_url=other)
    footfall.forget(3, database_url=other)
    footfall.load(str(large), database_url=other)
    assert contents(connection) == contents(other)
    assert left_over(connection) == []


def test_a_large_file_fails_alone_and_a_run_that_is_cleared_loads_it(run: Run, tmp_path: Path, connection: str) -> None:
    from datetime import UTC, datetime

    deliver(tmp_path, "a.csv", *LINES)
    bad = tmp_path / "inbox" / "b.csv"
    bad.write_text("date,visits\n" + "2024-03-01,12\n" * 200)
    deliver(tmp_path, "c.csv", "600,1,1,hover,2024-03-01")
    day = datetime(2024, 3, 2, tzinfo=UTC)
    done = run(logical_date=day, stage_bytes=500, max_rejected="0")
    found = states(done)
    assert str(done.state) == "failed"
    assert (found["plan"], found["take"], found["load"]) == (["failed", "success"], ["failed"], ["success"])
    assert {ti.try_number for ti in done.get_task_instances() if ti.task_id in {"plan", "take"}} == {1}
    ended = "select status, count(*) from loads group by 1 order by 1"
    assert ask(connection, ended) == [("failed", 2), ("loaded", 1)]

    bad.unlink()
    assert str(run(logical_date=day, stage_bytes=500, max_rejected=None).state) == "success"
    assert ask(connection, ended) == [("failed", 2), ("loaded", 2)]
    done = run(logical_date=day, stage_bytes=500, max_rejected=None)
    assert str(done.state) == "success"
    assert [states(done)[name] for name in ("plan", "ranges", "stage", "take")] == [["skipped"]] * 4


def test_a_run_that_is_gone_is_said_with_what_to_clear(
    run: Run, tmp_path: Path, connection: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(tmp_path, "a.csv", *LINES)
    plan = runs.plan

    def plan_and_lose(path: str, **settings: Any) -> Any:
        found = plan(path, lease_hours=0, **settings)
        assert runs.sweep(database_url=connection) == 1
        return found

    monkeypatch.setattr(runs, "plan", plan_and_lose)
    done = run(stage_bytes=1)
    assert (str(done.state), states(done)["take"]) == ("failed", ["failed"])
    assert set(states(done)["stage"]) == {"skipped"}
    assert "clear the task `plan` of this file" in capsys.readouterr().out


@pytest.mark.parametrize(("ranges", "limit"), [([3, 1], 10), ([40, 1, 7], 10), ([1000, 1000], 1000), ([1] * 10, 10)])
def test_each_range_is_dealt_once_and_to_no_more_tasks_than_airflow_takes(
    dags: Any, ranges: list[int], limit: int
) -> None:
    from footfall_runs import deal

    planned = [
        {"token": f"t{at}", "source": f"{at}.csv", "schema": "public", "ranges": n} for at, n in enumerate(ranges)
    ]
    parts = deal([*planned, {"token": "", "source": "known.csv", "schema": "public", "ranges": 0}], limit)
    assert len(parts) <= limit
    dealt = sorted((part["token"], number) for part in parts for number in part["numbers"])
    assert dealt == sorted((each["token"], number) for each in planned for number in range(each["ranges"]))


def test_a_file_of_the_size_is_staged_wherever_it_is_and_none_where_no_size_is_given(dags: Any) -> None:
    from footfall_runs import pick_large

    found = [footfall.Delivery(name, None, size, None) for name, size in (("a.csv", 10), ("b.csv", 9), ("s3://c", 11))]
    assert pick_large(found, 10) == ["a.csv", "s3://c"]
    assert pick_large(found, None) == []
