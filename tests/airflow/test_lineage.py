"""What OpenLineage is told about each load, by the provider's own file transport; the tables are the witness."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
PASSWORD = "a-password-that-nobody-may-see"
GOOD, REPEATED, BAD = "1,1,1,click,2024-03-01", "1,1,1,click,2024-03-01", "x,,1,click,2024-03-01"
Run = Callable[..., Any]
Events = Callable[[], list[dict[str, Any]]]
RUN_THE_DAG = """
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag

bag = BundleDagBag(sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
run = bag.dags["user_interactions"].test(run_conf={"folder": sys.argv[2], "wait_minutes": 0})
sys.exit(str(run.state) != "success")
"""


@pytest.fixture
def send_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give OpenLineage a transport, for this test alone: the provider reads its settings once a process."""
    from airflow.providers.openlineage import conf
    from airflow.providers.openlineage.plugins.listener import get_openlineage_listener

    def forget() -> None:
        for each in (*vars(conf).values(), get_openlineage_listener):
            if hasattr(each, "cache_clear"):
                each.cache_clear()

    def send(transport: dict[str, Any]) -> None:
        monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
        forget()

    yield send
    forget()


@pytest.fixture
def events(tmp_path: Path, send_to: Callable[[dict[str, Any]], None]) -> Events:
    """Read the events with datasets that were sent so far."""
    file = tmp_path / "events.jsonl"
    send_to({"type": "file", "log_file_path": str(file), "append": True})

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [event for event in found if event["inputs"]]

    return read


@pytest.fixture
def site_without_provider(tmp_path: Path) -> Path:
    """All installed packages but OpenLineage's, as links: hidden by half, Airflow would find its entry points."""

    installed = Path(sysconfig.get_path("purelib"))

    def hidden(folder: str, names: list[str]) -> set[str]:
        is_looked_at = Path(folder) in {installed, installed / "airflow/providers"}
        return {name for name in names if is_looked_at and "openlineage" in name}

    return shutil.copytree(installed, tmp_path / "site", copy_function=os.symlink, ignore=hidden, symlinks=True)


def deliver(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / "inbox" / name
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def failed_assertions(event: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    asserted = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    return sorted((a["assertion"], a.get("column"), a.get("actual")) for a in asserted if not a["success"])


def test_a_load_reports_its_file_with_digest_and_rows(
    run: Run, tmp_path: Path, connection: str, events: Events
) -> None:
    path = deliver(tmp_path, "a.csv", GOOD, REPEATED, BAD)
    run()
    [event] = events()
    [(digest, rows_read)] = ask(connection, "select digest, rows_read from loads")
    [found] = event["inputs"]
    assert (event["eventType"], event["job"]["name"]) == ("RUNNING", "user_interactions.load")
    assert (found["namespace"], found["name"]) == ("file", str(path))
    assert found["facets"]["version"]["datasetVersion"] == digest
    metrics = found["inputFacets"]["dataQualityMetrics"]
    assert (metrics["rowCount"], metrics["fileCount"]) == (rows_read, 1)
    assert found["inputFacets"]["inputStatistics"]["rowCount"] == rows_read


def test_a_load_reports_every_table_that_it_changed_and_the_rows_that_it_added(
    run: Run, tmp_path: Path, connection: str, events: Events
) -> None:
    deliver(tmp_path, "a.csv", GOOD, REPEATED, BAD)
    run()
    [event] = events()
    words = conninfo_to_dict(connection)
    added = {}
    for each in event["outputs"]:
        assert each["namespace"] == f"postgres://{quote(str(words['host']), safe='')}:{words['port']}"
        database, schema, table = each["name"].split(".")
        assert (database, schema) == (words["dbname"], "public")
        added[table] = each["outputFacets"].get("outputStatistics", {}).get("rowCount")

    tables = [name for (name,) in ask(connection, "select tablename from pg_tables where schemaname = 'public'")]
    counts = {name: ask(connection, f"select count(*) from {name}")[0][0] for name in tables}
    # What Footfall notes for itself: repeats within a file, for one, are noted as an overlap with itself.
    own_notes = {"footfall_migrations", "footfall_options", "source_files", "load_overlaps", "load_duplicates"}
    # The DAG's next task, verify, notes in operations that it ran.
    own_notes |= {"forgotten_users_key", "operations"}
    changed = {name for name, count in counts.items() if count} - own_notes
    assert set(added) == changed
    with_rows = {"user_interactions_raw", "rejected_interactions", "loads"}
    assert {name: rows for name, rows in added.items() if rows is not None} == {
        name: counts[name] for name in with_rows
    }


def test_each_kind_of_rejected_row_is_a_failed_assertion_with_its_number(
    run: Run, tmp_path: Path, connection: str, events: Events
) -> None:
    deliver(tmp_path, "a.csv", GOOD, REPEATED, BAD, BAD, "2,1,1,click,yesterday", "1,9,9,click,2024-03-01")
    run()
    [event] = events()
    kept = ask(
        connection,
        "select p->>'code', p->>'field', count(*)::text from rejected_interactions, jsonb_array_elements(problems) p"
        " group by 1, 2",
    )
    [(duplicate,)] = ask(connection, "select rows_duplicate::text from loads")
    assert failed_assertions(event) == sorted([*kept, ("duplicate", None, duplicate)])
    assert duplicate == "1"
    assert len(kept) == 4


def test_a_clean_file_fails_no_assertion(run: Run, tmp_path: Path, connection: str, events: Events) -> None:
    from footfall.contract.problems import PROBLEM_CODES

    deliver(tmp_path, "a.csv", GOOD)
    run()
    [event] = events()
    assert failed_assertions(event) == []
    asserted = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {each["assertion"] for each in asserted} == {"loadable", "duplicate", *PROBLEM_CODES}


def test_a_file_that_cannot_be_loaded_is_reported_without_tables(
    run: Run, tmp_path: Path, connection: str, events: Events
) -> None:
    path = tmp_path / "inbox" / "b.csv"
    path.write_text("date,visits\n2024-03-01,12\n")
    assert str(run().state) == "failed"
    [event] = events()
    assert (event["inputs"][0]["name"], event["outputs"]) == (str(path), [])
    assert failed_assertions(event) == [("loadable", None, None)]


def test_no_event_holds_the_password(
    run: Run, tmp_path: Path, connection: str, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = json.loads(os.environ["AIRFLOW_CONN_FOOTFALL"])
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL", json.dumps(words | {"password": PASSWORD}))
    deliver(tmp_path, "a.csv", GOOD)
    (tmp_path / "inbox" / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    run()
    assert len(events()) == 2
    assert PASSWORD not in (tmp_path / "events.jsonl").read_text()


def test_a_lineage_server_that_is_away_fails_no_load(
    run: Run, tmp_path: Path, connection: str, send_to: Callable[[dict[str, Any]], None]
) -> None:
    send_to({"type": "http", "url": "http://127.0.0.1:9", "retry": {"total": 0}})
    deliver(tmp_path, "a.csv", GOOD)
    assert str(run().state) == "success"
    assert ask(connection, "select rows_loaded from loads") == [(1,)]


def test_without_the_provider_the_dag_loads_all_the_same(
    metadata: None, tmp_path: Path, connection: str, site_without_provider: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    deliver(tmp_path, "a.csv", GOOD)
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.jsonl"), "append": True}
    env = os.environ | {
        "PYTHONPATH": f"{site_without_provider}{os.pathsep}{ROOT / 'src'}",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }
    command = [sys.executable, "-S", "-c", RUN_THE_DAG, str(ROOT / "dags"), str(tmp_path / "inbox")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert ask(connection, "select rows_loaded from loads") == [(1,)]
    assert not (tmp_path / "events.jsonl").exists()


@pytest.mark.parametrize(
    ("source", "namespace", "name"),
    [
        ("/inbox/a b.csv", "file", "/inbox/a b.csv"),
        ("s3://bucket/2024/a.csv", "s3://bucket", "2024/a.csv"),
        ("https://user:secret@host:8443/a.csv", "https://host:8443", "a.csv"),
    ],
)
def test_a_source_is_named_as_openlineage_names_it(dag_bag: Any, source: str, namespace: str, name: str) -> None:
    from footfall_lineage import source_name

    assert source_name(source) == (namespace, name)
