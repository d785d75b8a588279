"""The DAG on real files, into a real PostgreSQL, by a real Airflow; the tables are the witness."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from footfall import errors
from footfall.errors import FootfallError
from footfall.sources import finding
from runs_of_airflow import Shared, ask, deliver, loaded, states, tries

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]


# what it is


@pytest.fixture
def looked_at(dags: Any) -> Any:
    """The DAG, which is not run."""
    return dags.dags["user_interactions"]


def test_the_dag_is_read_without_an_error(dags: Any) -> None:
    assert dags.import_errors == {}
    assert set(dags.dags) == {"user_interactions", "footfall_undo", "footfall_replay", "footfall_forget"}


def test_its_tasks_stand_in_the_order_of_the_story(looked_at: Any) -> None:
    assert {task.task_id: sorted(task.downstream_task_ids) for task in looked_at.tasks} == {
        "wait_for_files": ["discover"],
        "discover": ["check", "large_files", "summarize"],
        "large_files": ["check", "plan"],
        "check": ["load"],
        "load": ["summarize", "verify"],
        "plan": ["ranges", "take"],
        "ranges": ["stage"],
        "stage": ["take"],
        "take": ["summarize", "verify"],
        "verify": ["report", "summarize"],
        "report": [],
        "summarize": [],
    }


def test_it_runs_daily_with_an_interval_and_does_not_catch_up(looked_at: Any) -> None:
    assert (looked_at.catchup, looked_at.max_active_runs) == (False, 1)
    assert type(looked_at.timetable).__name__ == "CronDataIntervalTimetable"
    assert (looked_at.timetable.expression, str(looked_at.timetable.timezone)) == ("0 0 * * *", "UTC")


def test_each_file_is_a_load_named_in_the_grid_and_held_by_the_pool(looked_at: Any) -> None:
    load = looked_at.get_task("load")
    assert (load.pool, load.map_index_template) == ("footfall", "{{ file_name }}")
    take = looked_at.get_task("take")
    assert (take.pool, take.map_index_template) == ("footfall", "{{ file_name }}")


def test_every_task_has_an_owner_a_bound_of_time_and_a_notifier(looked_at: Any) -> None:
    for task in looked_at.tasks:
        assert task.owner == "footfall"
        assert task.execution_timeout == timedelta(hours=2)
        assert task.on_failure_callback


def test_what_is_tried_again_is_what_is_retryable(looked_at: Any) -> None:
    rules = looked_at.get_task("discover").retry_policy.rules
    retried = {kind.rpartition(".")[2] for rule in rules for kind in rule.exception}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FootfallError)]
    assert {kind.__name__ for kind in kinds if kind.retryable} == retried


def test_the_dag_survives_serialisation(looked_at: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.from_dict(DagSerialization.to_dict(looked_at))
    assert {task.task_id for task in again.tasks} == {task.task_id for task in looked_at.tasks}


@pytest.mark.parametrize(
    "params",
    [
        {"max_rejected": "many"},
        {"wait_minutes": -1},
        {"folder": ""},
        {"pattern": ""},
        {"connection": 1},
        {"stage_bytes": 0},
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(looked_at: Any, params: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        looked_at.params.deep_merge(params) if hasattr(looked_at.params, "deep_merge") else None
        copied = looked_at.params.__class__(looked_at.params)
        copied.update(params)
        copied.validate()


# what it does


@pytest.fixture(scope="module")
def usual(run_of_module: Run, new_database_of_module: Any, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A run of four files and of names that are left out."""
    place = tmp_path_factory.mktemp("usual")
    folder, database = place / "inbox", new_database_of_module()
    (place / "elsewhere").mkdir()
    folder.mkdir()
    shutil.copy(ROOT / "data/sample.csv", folder)
    deliver(place, "b.csv", "100,1,1,click,2024-03-06")
    deliver(place, "A.CSV", "987654321,1,1,click,2024-03-01", "x,1,1,click,2024-03-01")
    deliver(place, "._A.CSV", "2,1,1,click,2024-03-01")
    (folder / "c.csv").symlink_to(place / "elsewhere")
    lines: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("footfall").addHandler(listener)
    try:
        done = run_of_module(database, "", folder=str(folder))
    finally:
        logging.getLogger("footfall").removeHandler(listener)
    return Shared(done, folder, database, "\n".join(lines))


def test_the_files_of_a_folder_are_loaded_and_counted(usual: Shared) -> None:
    assert str(usual.run.state) == "success"
    assert loaded(usual.database) == [(1, 1, 0, 0), (2, 1, 0, 1), (10, 7, 0, 3)]
    assert ask(usual.database, "select sum(interaction_count) from interactions") == [(9,)]


def test_nothing_is_staged_unless_a_size_is_given(usual: Shared) -> None:
    found = states(usual.run)
    assert [found[name] for name in ("plan", "ranges", "stage", "take")] == [["skipped"]] * 4


def test_what_is_left_out_is_named_and_fails_nothing(usual: Shared) -> None:
    (discover,) = [ti for ti in usual.run.get_task_instances() if ti.task_id == "discover"]
    ignored = [str(usual.folder / name) for name in ("._A.CSV", "c.csv")]
    assert discover.xcom_pull(task_ids="discover", key="ignored") == ignored
    assert "ignored 2 names" in usual.seen


def test_the_figures_go_to_the_asset(usual: Shared) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.query(AssetEvent).filter(AssetEvent.source_run_id == usual.run.run_id).all()
    assert [event.extra for event in events] == [
        {
            "files": 3,
            "rows_read": 13,
            "rows_loaded": 9,
            "rows_duplicate": 0,
            "rows_rejected": 4,
            "rows_skipped": 0,
            "rows_raw": 9,
            "pairs": ask(usual.database, "select count(*) from interactions")[0][0],
        }
    ]


def test_no_row_passes_through_xcom(usual: Shared) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        query = session.query(XComModel).filter(XComModel.run_id == usual.run.run_id)
        values = [str(each.value) for each in query]
    assert values
    assert not any("987654321" in value for value in values)


def test_no_report_is_written_unless_a_file_is_named(usual: Shared) -> None:
    assert states(usual.run)["report"] == ["skipped"]


def test_a_second_run_loads_nothing(usual: Shared, run_of_module: Run) -> None:
    before = ask(usual.database, "select * from loads")
    done = run_of_module(usual.database, "", folder=str(usual.folder))
    assert str(done.state) == "success"
    assert states(done)["load"] == ["skipped"]
    assert ask(usual.database, "select * from loads") == before


def test_a_folder_without_files_is_a_failure_at_once_where_nothing_is_waited_for(run: Run) -> None:
    done = run()
    assert str(done.state) == "failed"
    assert (states(done)["wait_for_files"], tries(done, "wait_for_files")) == (["failed"], [1])


def test_a_file_that_is_late_is_waited_for_and_stays_where_it_is(
    dag: Any, run: Run, tmp_path: Path, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dag.get_task("wait_for_files"), "poke_interval", 0.2)
    late = threading.Timer(3, lambda: deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01"))
    late.start()
    assert str(run(wait_minutes=5).state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0)]
    assert (tmp_path / "inbox/a.csv").is_file()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for s3://bucket where Footfall looks for files; the DAG itself must not look."""
    folder = tmp_path / "inbox"

    def find(names: list[str], also: Sequence[str] = ()) -> finding.FoundSources:
        return find_local([name.replace("s3://bucket/", f"{folder}/") for name in names])

    find_local = finding.find_sources
    monkeypatch.setattr(finding, "find_sources", find)
    return folder


def test_the_files_of_a_store_are_those_of_its_url_and_the_pattern(
    run: Run, tmp_path: Path, connection: str, store: Path
) -> None:
    for day in (1, 2):
        deliver(tmp_path, f"2024-03-0{day}.csv", f"{day},1,1,click,2024-03-01")
    done = run(logical_date=datetime(2024, 3, 2, tzinfo=UTC), folder="s3://bucket/", pattern="%Y-%m-%d.csv")
    assert str(done.state) == "success"
    assert ask(connection, "select source from loads") == [(str(store / "2024-03-01.csv"),)]


def test_a_store_without_files_is_a_failure_at_once_where_nothing_is_waited_for(run: Run, store: Path) -> None:
    done = run(folder="s3://bucket")
    assert (states(done)["wait_for_files"], tries(done, "wait_for_files")) == (["failed"], [1])


def test_a_file_that_comes_late_to_a_store_is_waited_for(
    dag: Any, run: Run, tmp_path: Path, connection: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dag.get_task("wait_for_files"), "poke_interval", 0.5)
    late = threading.Timer(3, lambda: deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01"))
    late.start()
    assert str(run(folder="s3://bucket", wait_minutes=5).state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0)]


def test_a_file_that_never_comes_to_a_store_fails_the_run(
    dag: Any, run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dag.get_task("wait_for_files"), "poke_interval", 0.2)
    monkeypatch.setattr(dag.get_task("wait_for_files"), "minute", timedelta(seconds=1))
    assert states(run(folder="s3://bucket", wait_minutes=2))["wait_for_files"] == ["failed"]


def test_a_store_that_is_away_is_tried_again(
    dag: Any, run: Run, tmp_path: Path, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01")
    tried = []
    find_local = finding.find_sources

    def find(names: list[str], also: Sequence[str] = ()) -> finding.FoundSources:
        tried.append(names)
        if len(tried) == 1:
            raise errors.SourceChangedError
        return find_local([str(tmp_path / "inbox/*.csv")])

    monkeypatch.setattr(finding, "find_sources", find)
    done = run(folder="s3://bucket")
    assert str(done.state) == "success"
    assert tries(done, "wait_for_files") == [2]


def test_too_many_rejected_rows_fail_that_file(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01", "x,1,1,click,2024-03-01")
    assert str(run(max_rejected="20%").state) == "failed"
    assert loaded(connection) == []
    assert str(run(max_rejected="50%").state) == "success"
    assert loaded(connection) == [(2, 1, 0, 1)]


def test_a_database_that_is_away_is_tried_again(
    dag: Any, run: Run, tmp_path: Path, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01")
    words = json.loads(os.environ["AIRFLOW_CONN_FOOTFALL"])
    folder = tmp_path / "socket"  # there is no server behind it, until the first try has failed
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL", json.dumps(words | {"host": str(folder)}))
    monkeypatch.setattr(dag.get_task("discover"), "on_retry_callback", [lambda _: folder.symlink_to(words["host"])])
    done = run()
    assert str(done.state) == "success"
    assert tries(done, "discover") == [2]
    assert loaded(connection) == [(1, 1, 0, 0)]


def test_drift_fails_the_run(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01")
    footfall.load(str(tmp_path / "inbox"), database_url=connection)
    with psycopg.connect(connection) as change:
        change.execute("update interactions set interaction_count = 5")
    done = run()
    assert (states(done)["verify"], str(done.state)) == (["failed"], "failed")
    assert tries(done, "verify") == [1]


def test_a_backfill_takes_the_file_of_each_day(run: Run, tmp_path: Path, connection: str) -> None:
    for day in (1, 2, 3, 4):
        deliver(tmp_path, f"interactions-2024-03-0{day}.csv", f"{day},1,1,click,2024-03-0{day}")
    for day in (2, 3):
        ends = datetime(2024, 3, day + 1, tzinfo=UTC)  # a run by hand has the interval that ended last
        done = run(logical_date=ends, pattern="interactions-%Y-%m-%d.csv")
        assert str(done.state) == "success"
        taken = ask(connection, "select source from loads order by load_id desc")
        assert (len(taken), Path(*taken[0]).name) == (day - 1, f"interactions-2024-03-0{day}.csv")


def test_a_run_without_a_date_takes_the_day_on_which_it_runs(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, f"{datetime.now(UTC):%Y-%m-%d}.csv", "1,1,1,click,2024-03-01")
    assert str(run(logical_date=None, pattern="%Y-%m-%d.csv").state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0)]
