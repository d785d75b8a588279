"""The DAG on real files, into a real PostgreSQL, by a real Airflow; the tables are the witness."""

from __future__ import annotations

import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall import errors
from footfall.errors import FootfallError
from footfall.sources import finding

ROOT = Path(__file__).resolve().parents[2]
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
Run = Callable[..., Any]


def deliver(tmp_path: Path, name: str, *lines: str) -> None:
    (tmp_path / "inbox" / name).write_text(HEADER + "".join(f"{line}\n" for line in lines))


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def loaded(database: str) -> list[Any]:
    query = (
        "select rows_read, rows_loaded, rows_duplicate, rows_rejected from loads where status = 'loaded' order by 1, 2"
    )
    return ask(database, query)


def states(run: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ti in run.get_task_instances():
        found.setdefault(ti.task_id, []).append(str(ti.state))
    return {name: sorted(each) for name, each in found.items()}


def tries(run: Any, task_id: str) -> list[int]:
    return sorted(ti.try_number for ti in run.get_task_instances() if ti.task_id == task_id)


# what it is


def test_the_dag_is_read_without_an_error(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == {"user_interactions", "footfall_undo", "footfall_replay", "footfall_forget"}


def test_its_tasks_stand_in_the_order_of_the_story(dag: Any) -> None:
    assert {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks} == {
        "wait_for_files": ["discover"],
        "discover": ["check", "summarize"],
        "check": ["load"],
        "load": ["summarize", "verify"],
        "verify": ["report", "summarize"],
        "report": [],
        "summarize": [],
    }


def test_it_runs_daily_with_an_interval_and_does_not_catch_up(dag: Any) -> None:
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 0 * * *", "UTC")


def test_each_file_is_a_load_named_in_the_grid_and_held_by_the_pool(dag: Any) -> None:
    load = dag.get_task("load")
    assert (load.pool, load.map_index_template) == ("footfall", "{{ file_name }}")


def test_every_task_has_an_owner_a_bound_of_time_and_a_notifier(dag: Any) -> None:
    for task in dag.tasks:
        assert task.owner == "footfall"
        assert task.execution_timeout == timedelta(hours=2)
        assert task.on_failure_callback


def test_what_is_tried_again_is_what_is_retryable(dag: Any) -> None:
    rules = dag.get_task("discover").retry_policy.rules
    retried = {kind.rpartition(".")[2] for rule in rules for kind in rule.exception}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FootfallError)]
    assert {kind.__name__ for kind in kinds if kind.retryable} == retried


def test_the_dag_survives_serialisation(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert {task.task_id for task in again.tasks} == {task.task_id for task in dag.tasks}


@pytest.mark.parametrize(
    "params", [{"max_rejected": "many"}, {"wait_minutes": -1}, {"folder": ""}, {"pattern": ""}, {"connection": 1}]
)
def test_a_parameter_that_makes_no_sense_is_refused(dag: Any, params: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.deep_merge(params) if hasattr(dag.params, "deep_merge") else None
        copied = dag.params.__class__(dag.params)
        copied.update(params)
        copied.validate()


# what it does


def test_the_files_of_a_folder_are_loaded_and_counted(run: Run, tmp_path: Path, connection: str) -> None:
    shutil.copy(ROOT / "data/sample.csv", tmp_path / "inbox")
    deliver(tmp_path, "b.csv", "100,1,1,click,2024-03-06")
    done = run()
    assert str(done.state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0), (10, 7, 0, 3)]
    assert ask(connection, "select sum(interaction_count) from interactions") == [(8,)]


def test_what_is_left_out_is_named_and_fails_nothing(
    run: Run, tmp_path: Path, connection: str, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(tmp_path, "A.CSV", "1,1,1,click,2024-03-01")
    deliver(tmp_path, "._A.CSV", "2,1,1,click,2024-03-01")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inbox/b.csv").symlink_to(tmp_path / "elsewhere")
    done = run()
    assert str(done.state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0)]
    (discover,) = [ti for ti in done.get_task_instances() if ti.task_id == "discover"]
    ignored = [str(tmp_path / "inbox" / name) for name in ("._A.CSV", "b.csv")]
    assert discover.xcom_pull(task_ids="discover", key="ignored") == ignored
    assert "ignored 2 names" in caplog.text


def test_a_second_run_loads_nothing(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01")
    run()
    before = ask(connection, "select * from loads")
    done = run()
    assert str(done.state) == "success"
    assert states(done)["load"] == ["skipped"]
    assert ask(connection, "select * from loads") == before


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


def test_a_bad_file_fails_at_once_and_the_others_are_loaded(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01")
    (tmp_path / "inbox" / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    deliver(tmp_path, "c.csv", "2,1,1,click,2024-03-01")
    done = run()
    assert str(done.state) == "failed"
    assert states(done)["load"] == ["failed", "success", "success"]
    assert tries(done, "load") == [1, 1, 1]
    assert states(done)["verify"] == ["success"]
    assert loaded(connection) == [(1, 1, 0, 0), (1, 1, 0, 0)]


def test_too_many_rejected_rows_fail_that_file(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01", "x,1,1,click,2024-03-01")
    assert str(run(max_rejected="20%").state) == "failed"
    assert loaded(connection) == []
    assert str(run(max_rejected="50%").state) == "success"
    assert loaded(connection) == [(2, 1, 0, 1)]


def test_a_database_that_is_away_is_tried_again(
    dag: Any, run: Run, tmp_path: Path, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json
    import os

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
    run()
    with psycopg.connect(connection) as change:
        change.execute("update interactions set interaction_count = 5")
    done = run()
    assert (states(done)["verify"], str(done.state)) == (["failed"], "failed")
    assert tries(done, "verify") == [1]


def test_a_backfill_takes_the_file_of_each_day(run: Run, tmp_path: Path, connection: str) -> None:
    for day in (1, 2, 3):
        deliver(tmp_path, f"interactions-2024-03-0{day}.csv", f"{day},1,1,click,2024-03-0{day}")
    for day in (1, 2, 3):
        ends = datetime(2024, 3, day + 1, tzinfo=UTC)  # a run by hand has the interval that ended last
        done = run(logical_date=ends, pattern="interactions-%Y-%m-%d.csv")
        assert str(done.state) == "success"
        assert len(loaded(connection)) == day


def test_a_run_without_a_date_takes_the_day_on_which_it_runs(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path, f"{datetime.now(UTC):%Y-%m-%d}.csv", "1,1,1,click,2024-03-01")
    assert str(run(logical_date=None, pattern="%Y-%m-%d.csv").state) == "success"
    assert loaded(connection) == [(1, 1, 0, 0)]


def test_the_figures_go_to_the_asset(run: Run, tmp_path: Path) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    deliver(tmp_path, "a.csv", "1,1,1,click,2024-03-01", "x,1,1,click,2024-03-01")
    done = run()
    with create_session() as session:
        events = session.query(AssetEvent).filter(AssetEvent.source_run_id == done.run_id).all()
    assert [event.extra for event in events] == [
        {
            "files": 1,
            "rows_read": 2,
            "rows_loaded": 1,
            "rows_duplicate": 0,
            "rows_rejected": 1,
            "rows_skipped": 0,
            "rows_raw": 1,
            "pairs": 1,
        }
    ]


def test_no_row_passes_through_xcom(run: Run, tmp_path: Path) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    deliver(tmp_path, "a.csv", "987654321,1,1,click,2024-03-01")
    done = run()
    with create_session() as session:
        values = [str(each.value) for each in session.query(XComModel).filter(XComModel.run_id == done.run_id)]
    assert values
    assert not any("987654321" in value for value in values)


# failures are told


class Mailbox(socketserver.StreamRequestHandler):
    """An SMTP server that keeps what it is sent."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        in_data = False
        for line in self.rfile:
            self.server.lines.append(line.decode().rstrip())  # type: ignore[attr-defined]
            if in_data:
                if line == b".\r\n":
                    in_data = False
                    self.wfile.write(b"250 kept\r\n")
            elif line.upper().startswith(b"DATA"):
                in_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 yes\r\n")


@pytest.fixture
def mailbox() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.lines = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_failure_is_mailed_where_a_server_for_it_is_set(
    run: Run, tmp_path: Path, mailbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    port = mailbox.server_address[1]
    alerts = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"to": "team@example.org"}}
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL_ALERTS", json.dumps(alerts))
    (tmp_path / "inbox" / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    run()
    text = "\n".join(mailbox.lines)
    assert "To: team@example.org" in text
    assert "Subject: Footfall: user_interactions.load failed" in text
    assert "the header has no column" in text.replace("=\n", "")


def test_no_report_is_written_unless_a_file_is_named(run: Run, tmp_path: Path) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,view,2024-03-01")
    ended = run()
    assert (str(ended.state), states(ended)["report"]) == ("success", ["skipped"])


def test_a_report_is_written_for_the_date_of_the_run_and_mailed(
    run: Run, tmp_path: Path, mailbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import json
    import re

    port = mailbox.server_address[1]
    server = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"to": "team@example.org"}}
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL_REPORTS", json.dumps(server))
    deliver(tmp_path, "a.csv", "1,1,1,view,2024-03-01T10:00", "2,1,,view,2024-03-01T10:00")
    day = datetime(2024, 3, 2, tzinfo=UTC)
    ended = run(logical_date=day, report=f"{tmp_path}/reports/shop-%Y-%m-%d.html")
    assert str(ended.state) == "success"
    (place,) = (tmp_path / "reports").iterdir()
    page = place.read_text()
    assert re.fullmatch(r"shop-2024-03-0[12]\.html", place.name)
    assert "Verified for this report: 1 interactions" in page
    text = "\n".join(mailbox.lines)
    assert "To: team@example.org" in text and f"Subject: Footfall: {place.stem}" in text
    attached = text[text.index(f'filename="{place.name}"') :].split("\n\n", 2)[1].partition("\n--")[0]
    assert base64.b64decode(attached).decode().replace("\r\n", "\n") == page


def test_a_report_is_written_of_a_run_that_fails_and_the_run_fails_all_the_same(run: Run, tmp_path: Path) -> None:
    deliver(tmp_path, "a.csv", "1,1,1,view,2024-03-01")
    (tmp_path / "inbox" / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    ended = run(report=f"{tmp_path}/report.html")
    assert (str(ended.state), states(ended)["report"]) == ("failed", ["success"])
    assert "b.csv" in (tmp_path / "report.html").read_text()


def test_a_report_has_no_secret_of_its_connection(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    import json
    import os

    words = json.loads(os.environ["AIRFLOW_CONN_FOOTFALL"]) | {"password": "hunter2"}
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL", json.dumps(words))
    deliver(tmp_path, "a.csv", "1,1,1,view,2024-03-01")
    run(report=f"{tmp_path}/report.html")
    assert "hunter2" not in (tmp_path / "report.html").read_text()
