"""A real Airflow, in a home of its own; the DAG's tests need the environment of `make test-airflow`.

The core is tested without Airflow: there these tests are not collected.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
STOP_WAIT_S = 600
HAS_AIRFLOW = find_spec("airflow") is not None
collect_ignore_glob = [] if HAS_AIRFLOW else ["test_*.py"]

# Airflow reads these when it is first imported.
AIRFLOW_HOME = tempfile.TemporaryDirectory(prefix="footfall-airflow-")
AIRFLOW_SETTINGS = {
    "AIRFLOW_HOME": AIRFLOW_HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}
if HAS_AIRFLOW:
    os.environ.update(AIRFLOW_SETTINGS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of ours are errors here as everywhere; those inside Airflow are not ours to mend."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default"))
            item.add_marker(pytest.mark.filterwarnings("error:::footfall"))


@pytest.fixture(scope="session")
def metadata() -> Iterator[None]:
    """A new metadata database."""
    from airflow.utils.db import initdb

    initdb()
    yield
    AIRFLOW_HOME.cleanup()


def read_dags() -> Any:
    """Read every DAG of the project anew: a run leaves its parameters in the DAG that it was given."""
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(str(ROOT / "dags"), bundle_path=ROOT / "dags", bundle_name="dags-folder")


@pytest.fixture
def dag_bag(metadata: None) -> Any:
    """Every DAG of the project, to run it."""
    return read_dags()


@pytest.fixture(scope="session")
def dags(metadata: None) -> Any:
    """Every DAG of the project, to look at it."""
    return read_dags()


@pytest.fixture
def dag(dag_bag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The DAG, with no pause between two tries, and an inbox of its own."""
    (tmp_path / "inbox").mkdir()
    found = dag_bag.dags["user_interactions"]
    for task in found.tasks:
        monkeypatch.setattr(task, "retry_delay", timedelta(0))
    return found


@pytest.fixture(scope="module")
def run_of_module(metadata: None) -> Callable[..., Any]:
    """Run the DAG to its end for several tests: into a database that they share, with a password nobody asks for."""

    def to_its_end(database: str, password: str, env: dict[str, str] | None = None, **params: Any) -> Any:
        found = read_dags().dags["user_interactions"]
        for task in found.tasks:
            task.retry_delay = timedelta(0)
        words = json.loads(connection_of(database)) | {"password": password}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ({"AIRFLOW_CONN_FOOTFALL": json.dumps(words)} | (env or {})).items():
                patch.setenv(name, value)
            return found.test(run_conf={"wait_minutes": 0} | params, logical_date=None)

    return to_its_end


def connection_of(conninfo: str) -> str:
    """Give a conninfo as Airflow's connection in JSON, as the environment takes it."""
    words = conninfo_to_dict(conninfo)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": words["host"],
            "port": int(str(words.get("port", 5432))),
            "login": words["user"],
            "schema": words["dbname"],
        }
    )


@pytest.fixture
def connection(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Airflow's connection `footfall` to the test's database."""
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL", connection_of(database))
    return database


@pytest.fixture
def run(dag: Any, tmp_path: Path, connection: str) -> Callable[..., Any]:
    """Run the DAG to its end; give the run."""

    def to_its_end(logical_date: Any = None, **params: Any) -> Any:
        conf = {"folder": str(tmp_path / "inbox"), "wait_minutes": 0} | params
        return dag.test(run_conf=conf, logical_date=logical_date)

    return to_its_end


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@dataclass
class Standalone:
    """A home, and the Airflow that runs in it at times."""

    home: Path
    port: int
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    said: dict[str, str] = field(default_factory=dict)

    def script(self, *words: str) -> list[str]:
        """Give the command that starts it, or with words the one that runs beside it."""
        command = [sys.executable, str(ROOT / "scripts/airflow"), f"--home={self.home}", f"--port={self.port}"]
        return [*command, *words]

    def start(self, until: str = "Ctrl-C") -> None:
        """Start it where it does not run; wait for its last line, or another one that begins like this."""
        if self.process:
            return
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                self.script(), env=os.environ | self.env, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout
        for line in self.process.stdout:
            name, _, value = line.strip().partition(" ")
            self.said[name] = value.strip()
            if line.startswith(until):
                return
        pytest.fail(f"it did not start ({self.stop(signal.SIGINT)}): {self.errors.read_text()}")

    @property
    def errors(self) -> Path:
        """What it says on stderr."""
        return self.home.parent / "stderr"

    def ends_by_itself(self) -> tuple[int, str]:
        """Wait for an end that nobody asked for; give the exit code and what was said on stderr."""
        assert self.process
        process, self.process = self.process, None
        try:
            return process.wait(STOP_WAIT_S), self.errors.read_text()
        finally:
            process.kill()
            process.communicate()

    def stop(self, number: signal.Signals) -> int:
        """Send the signal; give the exit code."""
        assert self.process
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(STOP_WAIT_S)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def new_standalone(short_folder: Path) -> Iterator[Callable[[str], Standalone]]:
    """Make homes of Airflow; what still runs in them is stopped at the end."""
    made = []

    def make(name: str) -> Standalone:
        (short_folder / name).mkdir(mode=0o711)
        made.append(Standalone(short_folder / name / "home", free_port()))
        return made[-1]

    yield make
    for each in made:
        if each.process:
            each.stop(signal.SIGINT)


@pytest.fixture(scope="session")
def place(new_standalone: Callable[[str], Standalone]) -> Standalone:
    """The home of the Airflow that all tests share which need one that runs: a start takes a minute."""
    found = new_standalone("live")
    events = {"type": "file", "log_file_path": str(found.home.parent / "events.jsonl"), "append": True}
    found.env = {"OPENLINEAGE__TRANSPORT": json.dumps(events)}
    return found


@pytest.fixture
def standalone(place: Standalone) -> Standalone:
    """One that runs."""
    place.start()
    return place
