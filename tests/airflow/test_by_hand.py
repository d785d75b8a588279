"""The DAGs that a person starts: undo, replay, forget; by a real Airflow, on a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from footfall.settings import load_settings
from footfall.verbs import load as load_verb

NAMES = ("footfall_undo", "footfall_replay", "footfall_forget")
Start = Callable[..., Any]
Write = Callable[..., str]


@pytest.fixture
def start(dag_bag: Any, connection: str, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Run one of the DAGs to its end, without a pause between two tries; give the run."""

    def to_its_end(name: str, **params: Any) -> Any:
        found = dag_bag.dags[name]
        for task in found.tasks:
            monkeypatch.setattr(task, "retry_delay", timedelta(0))
        return found.test(run_conf=params)

    return to_its_end


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files with ids, as the worker has it."""
    (place := tmp_path / "forget").mkdir()
    monkeypatch.setenv("FOOTFALL_FORGET_FOLDER", str(place))
    return place


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as session:
        return session.execute(query).fetchall()


def result(run: Any, task_id: str) -> Any:
    (ti,) = [ti for ti in run.get_task_instances() if ti.task_id == task_id]
    return ti.xcom_pull(task_ids=task_id)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


@pytest.mark.parametrize("name", NAMES)
def test_nobody_but_a_person_starts_it_one_at_a_time_and_it_is_recounted(dags: Any, name: str) -> None:
    found = dags.dags[name]
    assert (found.schedule, found.catchup, found.max_active_runs) == (None, False, 1)
    verb = name.removeprefix("footfall_")
    assert {task.task_id: sorted(task.downstream_task_ids) for task in found.tasks} == {verb: ["verify"], "verify": []}
    assert all(task.on_failure_callback and task.retry_policy for task in found.tasks)
    assert found.params["dry_run"] is True


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("footfall_undo", {}),
        ("footfall_undo", {"loads": []}),
        ("footfall_undo", {"loads": [0]}),
        ("footfall_undo", {"loads": ["1"]}),
        ("footfall_undo", {"loads": [1], "with_later": "yes"}),
        ("footfall_replay", {"loads": 1}),
        ("footfall_forget", {}),
        ("footfall_forget", {"file": "../ids.txt"}),
        ("footfall_forget", {"file": "/etc/passwd"}),
        ("footfall_forget", {"file": ".."}),
        ("footfall_forget", {"file": "a b"}),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(dags: Any, name: str, params: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    found = dags.dags[name].params
    with pytest.raises(ParamValidationError):
        copied = found.__class__(found)
        copied.update(params)
        copied.validate()


@pytest.mark.parametrize("name", NAMES)
def test_it_survives_serialisation(dags: Any, name: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.from_dict(DagSerialization.to_dict(dags.dags[name]))
    assert {task.task_id for task in again.tasks} == {task.task_id for task in dags.dags[name].tasks}


def test_no_module_of_the_package_is_imported_but_the_public_ones() -> None:
    import ast

    for path in (Path(__file__).resolve().parents[2] / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "footfall":
                assert node.module == "footfall", path
            if isinstance(node, ast.Import):
                assert not [each.name for each in node.names if each.name.startswith("footfall.")], path


def test_a_load_is_taken_back_when_it_is_not_a_dry_run(start: Start, connection: str, write_csv: Write) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=connection))
    done = start("footfall_undo", loads=[1])
    assert str(done.state) == "success"
    assert result(done, "undo")["rows_removed"] == 1
    assert ask(connection, "select status from loads") == [("loaded",)]
    done = start("footfall_undo", loads=[1], dry_run=False)
    assert states(done) == {"undo": "success", "verify": "success"}
    assert ask(connection, "select status from loads") == [("undone",)]
    assert ask(connection, "select count(*) from user_interactions_raw") == [(0,)]


def test_a_load_that_is_not_there_fails_at_once(start: Start, connection: str, write_csv: Write) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=connection))
    done = start("footfall_undo", loads=[7], dry_run=False)
    assert (str(done.state), states(done)["undo"]) == ("failed", "failed")
    assert [ti.try_number for ti in done.get_task_instances() if ti.task_id == "undo"] == [1]


def test_rejected_rows_come_in_under_the_settings_of_today(
    start: Start, connection: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv("a.csv", "1,1,1,click,2024-01-01", "2,1,1,tap,2024-01-02")
    load_verb.load([source], load_settings(database_url=connection, actions="click"))
    monkeypatch.setenv("FOOTFALL_ACTIONS", "click,tap")
    done = start("footfall_replay", dry_run=False)
    assert states(done) == {"replay": "success", "verify": "success"}
    assert result(done, "replay")["rows_loaded"] == 1
    assert ask(connection, "select count(*) from user_interactions_raw") == [(2,)]


@pytest.mark.skipif(not hasattr(footfall, "forget"), reason="there is no footfall.forget")
class TestForget:
    """Users that are forgotten by the name of a file."""

    def test_the_users_of_the_file_are_forgotten_and_the_file_is_removed(
        self, start: Start, connection: str, write_csv: Write, folder: Path
    ) -> None:
        source = write_csv("a.csv", "1,748392015,1,click,2024-01-01", "2,2,1,click,2024-01-02")
        load_verb.load([source], load_settings(database_url=connection))
        (folder / "request-17.txt").write_text("748392015\n")
        done = start("footfall_forget", file="request-17.txt")
        assert result(done, "forget")["rows_forgotten"] == 1
        assert ask(connection, "select count(*) from user_interactions_raw") == [(2,)]
        assert (folder / "request-17.txt").exists()
        done = start("footfall_forget", file="request-17.txt", dry_run=False)
        assert states(done) == {"forget": "success", "verify": "success"}
        assert ask(connection, "select user_id from user_interactions_raw") == [(2,)]
        assert list(folder.iterdir()) == []

    def test_airflow_keeps_no_id_of_a_user(
        self, start: Start, connection: str, write_csv: Write, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        from airflow.configuration import conf

        load_verb.load([write_csv("a.csv", "1,748392015,1,click,2024-01-01")], load_settings(database_url=connection))
        (folder / "ok.txt").write_text("748392015\n")
        (folder / "bad.txt").write_text("748392015x\n")
        assert str(start("footfall_forget", file="bad.txt", dry_run=False).state) == "failed"
        assert str(start("footfall_forget", file="ok.txt", dry_run=False).state) == "success"
        assert (folder / "bad.txt").exists()
        kept = "\n".join(
            sqlite3.connect(conf.get("database", "sql_alchemy_conn").removeprefix("sqlite:///")).iterdump()
        )
        logs = "".join(path.read_text() for path in Path(conf.get("logging", "base_log_folder")).rglob("*.log"))
        assert "ok.txt" in kept
        assert "748392015" not in kept + logs + caplog.text

    def test_without_the_folder_or_the_file_nothing_is_done(
        self, start: Start, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "elsewhere.txt").write_text("1\n")
        (folder / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
        for name in ("none.txt", "link.txt"):
            assert states(start("footfall_forget", file=name, dry_run=False))["forget"] == "failed"
        assert (tmp_path / "elsewhere.txt").exists()
        monkeypatch.delenv("FOOTFALL_FORGET_FOLDER")
        assert states(start("footfall_forget", file="none.txt"))["forget"] == "failed"
