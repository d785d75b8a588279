"""What OpenLineage is told about each load, by the provider's own file transport; the tables are the witness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
RUN_THE_DAG = """
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag

bag = BundleDagBag(sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
run = bag.dags["user_interactions"].test(run_conf={"folder": sys.argv[2], "wait_minutes": 0})
sys.exit(str(run.state) != "success")
"""


@contextmanager
def transport(settings: dict[str, Any]) -> Iterator[None]:
    """Give OpenLineage a transport while the block runs: the provider reads its settings once a process."""
    from airflow.providers.openlineage import conf
    from airflow.providers.openlineage.plugins.listener import get_openlineage_listener

    def forget() -> None:
        for each in (*vars(conf).values(), get_openlineage_listener):
            if hasattr(each, "cache_clear"):
                each.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(settings))
        forget()
        yield
    forget()


@dataclass(frozen=True)
class Told:
    """What was told of one run: of a file with rows of every kind, a clean one, one by ranges, and one that is bad."""

    folder: Path
    database: str
    state: str
    text: str

    def of(self, name: str) -> dict[str, Any]:
        """Give the one event that names this file."""
        [found] = [event for event in self.events if event["inputs"][0]["name"] == str(self.folder / name)]
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """Give the events with datasets."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [event for event in found if event["inputs"]]


@pytest.fixture(scope="module")
def told(
    run_of_module: Callable[..., Any],
    new_database_of_module: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Told:
    place = tmp_path_factory.mktemp("told")
    folder, file, database = place / "inbox", place / "events.jsonl", new_database_of_module()
    folder.mkdir()
    repeated = "1,9,9,click,2024-03-01"
    deliver(folder, "a.csv", GOOD, REPEATED, BAD, BAD, "2,1,1,click,yesterday", repeated)
    deliver(folder, "clean.csv", "3,1,1,click,2024-03-01")
    deliver(folder, "large.csv", BAD, *(f"{number},1,1,click,2024-03-01" for number in range(10, 40)))
    (folder / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    with transport({"type": "file", "log_file_path": str(file), "append": True}):
        done = run_of_module(database, PASSWORD, folder=str(folder), stage_bytes=500)
    return Told(folder, database, str(done.state), file.read_text())


@pytest.fixture
def site_without_provider(tmp_path: Path) -> Path:
    """All installed packages but OpenLineage's, as links: hidden by half, Airflow would find its entry points."""
    installed, site = Path(sysconfig.get_path("purelib")), tmp_path / "site"
    # The folder that holds the provider, and those that hold that one, are made; all beside them is one link each.
    for folder in ("", "airflow", "airflow/providers"):
        (site / folder).mkdir()
        for path in (installed / folder).iterdir():
            if "openlineage" not in path.name and path.relative_to(installed).as_posix() not in {
                "airflow",
                "airflow/providers",
            }:
                (site / folder / path.name).symlink_to(path)
    return site


def deliver(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def failed_assertions(event: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    asserted = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    return sorted((a["assertion"], a.get("column"), a.get("actual")) for a in asserted if not a["success"])


@pytest.mark.parametrize(("name", "job"), [("a.csv", "load"), ("large.csv", "take")])
def test_a_load_reports_its_file_with_digest_and_rows(told: Told, name: str, job: str) -> None:
    event = told.of(name)
    [(digest, rows_read)] = ask(told.database, f"select digest, rows_read from loads where source like '%/{name}'")
    [found] = event["inputs"]
    assert (event["eventType"], event["job"]["name"]) == ("RUNNING", f"user_interactions.{job}")
    assert (found["namespace"], found["name"]) == ("file", str(told.folder / name))
    assert found["facets"]["version"]["datasetVersion"] == digest
    metrics = found["inputFacets"]["dataQualityMetrics"]
    assert (metrics["rowCount"], metrics["fileCount"]) == (rows_read, 1)
    assert found["inputFacets"]["inputStatistics"]["rowCount"] == rows_read


def test_a_load_reports_every_table_that_it_changed_and_the_rows_that_it_added(told: Told) -> None:
    words = conninfo_to_dict(told.database)
    added: dict[str, list[int]] = {}
    for each in (output for event in told.events for output in event["outputs"]):
        assert each["namespace"] == f"postgres://{quote(str(words['host']), safe='')}:{words['port']}"
        database, schema, table = each["name"].split(".")
        assert (database, schema) == (words["dbname"], "public")
        rows = each["outputFacets"].get("outputStatistics", {}).get("rowCount")
        added.setdefault(table, []).extend([] if rows is None else [rows])

    tables = [name for (name,) in ask(told.database, "select tablename from pg_tables where schemaname = 'public'")]
    counts = {name: ask(told.database, f"select count(*) from {name}")[0][0] for name in tables}
    # What Footfall notes for itself: repeats within a file, for one, are noted as an overlap with itself.
    own_notes = {"footfall_migrations", "footfall_options", "source_files", "load_overlaps", "load_duplicates"}
    # The DAG's next task, verify, notes in operations that it ran.
    own_notes |= {"forgotten_users_key", "operations"}
    changed = {name for name, count in counts.items() if count} - own_notes
    assert set(added) == changed
    [(failed,)] = ask(told.database, "select count(*) from loads where status = 'failed'")
    with_rows = {"user_interactions_raw", "rejected_interactions", "loads"}
    # A file that failed is in the ledger, and is no output.
    assert {name: sum(rows) for name, rows in added.items() if rows} == {
        name: counts[name] - (failed if name == "loads" else 0) for name in with_rows
    }


def test_each_kind_of_rejected_row_is_a_failed_assertion_with_its_number(told: Told) -> None:
    event = told.of("a.csv")
    kept = ask(
        told.database,
        "select p->>'code', p->>'field', count(*)::text from rejected_interactions, jsonb_array_elements(problems) p"
        " where load_id = (select load_id from loads where source like '%/a.csv') group by 1, 2",
    )
    [(duplicate,)] = ask(told.database, "select rows_duplicate::text from loads where source like '%/a.csv'")
    assert failed_assertions(event) == sorted([*kept, ("duplicate", None, duplicate)])
    assert duplicate == "1"
    assert len(kept) == 4


def test_a_clean_file_fails_no_assertion(told: Told) -> None:
    from footfall.contract.problems import PROBLEM_CODES

    event = told.of("clean.csv")
    assert failed_assertions(event) == []
    asserted = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {each["assertion"] for each in asserted} == {"loadable", "duplicate", *PROBLEM_CODES}


def test_a_file_that_cannot_be_loaded_is_reported_without_tables(told: Told) -> None:
    event = told.of("b.csv")
    assert (told.state, event["outputs"]) == ("failed", [])
    assert failed_assertions(event) == [("loadable", None, None)]


def test_no_event_holds_the_password(told: Told) -> None:
    assert len(told.events) == 4
    assert PASSWORD not in told.text


def test_a_lineage_server_that_is_away_fails_no_load(run: Run, tmp_path: Path, connection: str) -> None:
    deliver(tmp_path / "inbox", "a.csv", GOOD)
    with transport({"type": "http", "url": "http://127.0.0.1:9", "retry": {"total": 0}}):
        assert str(run().state) == "success"
    assert ask(connection, "select rows_loaded from loads") == [(1,)]


def test_without_the_provider_the_dag_loads_all_the_same(
    metadata: None, tmp_path: Path, connection: str, site_without_provider: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    deliver(tmp_path / "inbox", "a.csv", GOOD)
    to_file = {"type": "file", "log_file_path": str(tmp_path / "events.jsonl"), "append": True}
    env = os.environ | {
        "PYTHONPATH": f"{site_without_provider}{os.pathsep}{ROOT / 'src'}",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(to_file),
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
def test_a_source_is_named_as_openlineage_names_it(dags: Any, source: str, namespace: str, name: str) -> None:
    from footfall_lineage import source_name

    assert source_name(source) == (namespace, name)
