"""`make airflow` as a user has it: started, asked by REST, stopped; the tables and the processes are the witness."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from footfall import embedded

ROOT = Path(__file__).resolve().parents[2]
START_WAIT_S = 240  # seconds; 40 are usual on two cores
RUN_WAIT_S = 240
STOP_WAIT_S = 60
pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def processes_of(home: Path) -> list[str]:
    """Give what runs in the home or names it, PostgreSQL included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            if str(home) in words or Path(process.cwd()).is_relative_to(home):
                found.append(f"{process.pid} {words}")
    return found


@contextmanager
def rest(of: Any) -> Iterator[httpx.Client]:
    """Give a client of the REST interface that has signed in."""
    with httpx.Client(base_url=f"http://127.0.0.1:{of.port}", trust_env=False, timeout=60) as client:
        answer = client.post("/auth/token", json={"username": of.said["user"], "password": of.said["password"]})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client


def ask(of: Any, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(embedded.url(of.home / "postgresql")) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def place(new_standalone: Callable[[str], Any]) -> Any:
    return new_standalone("live")


@pytest.fixture
def standalone(place: Any) -> Any:
    """One that runs."""
    place.start()
    return place


def wait_for_the_end(client: httpx.Client, run: str) -> str:
    until = time.monotonic() + RUN_WAIT_S
    while time.monotonic() < until:
        state = client.get(run).raise_for_status().json()["state"]
        if state in {"success", "failed"}:
            return str(state)
        time.sleep(1)
    return "not done in time"


def test_a_run_that_is_triggered_by_rest_brings_the_inbox_into_the_tables(standalone: Any) -> None:
    dag = "/api/v2/dags/user_interactions"
    with rest(standalone) as client:
        until = time.monotonic() + RUN_WAIT_S
        while client.get(dag).status_code == httpx.codes.NOT_FOUND and time.monotonic() < until:
            time.sleep(1)
        client.patch(dag, json={"is_paused": False}).raise_for_status()
        run = client.post(f"{dag}/dagRuns", json={"logical_date": None}).raise_for_status().json()["dag_run_id"]
        assert wait_for_the_end(client, f"{dag}/dagRuns/{run}") == "success"

    assert ask(standalone, "select rows_read, rows_loaded, rows_rejected from loads order by rows_read desc") == [
        (10, 7, 3),
        (3, 3, 0),
    ]
    assert ask(standalone, "select sum(interaction_count) from interactions") == [(10,)]


def test_a_command_of_airflow_runs_beside_it(standalone: Any) -> None:
    command = standalone.script("pools", "get", "footfall", "--output=json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_WAIT_S, check=True)
    assert '"slots": "2"' in done.stdout


def test_a_second_one_in_the_same_home_is_refused(standalone: Any, new_standalone: Callable[[str], Any]) -> None:
    second = replace(new_standalone("second"), home=standalone.home)
    done = subprocess.run(second.script(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Airflow is running in {standalone.home} already; ")


def test_a_taken_port_is_refused_before_anything_is_started(new_standalone: Callable[[str], Any]) -> None:
    found = new_standalone("taken")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        done = subprocess.run(
            replace(found, port=port).script(), capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Port {port} is taken by another program; name a free one with --port\n"
    assert [path.name for path in found.home.iterdir()] == ["lock"]


def test_a_command_beside_nothing_says_what_to_start(new_standalone: Callable[[str], Any]) -> None:
    command = new_standalone("nothing").script("pools", "list")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "start it with `make airflow`" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_it_and_the_next_start_knows_the_password(
    standalone: Any, number: signal.Signals
) -> None:
    password = standalone.said["password"]
    assert len(processes_of(standalone.home)) > 5

    assert standalone.stop(number) == 0
    assert processes_of(standalone.home) == []

    standalone.start()
    assert standalone.said["password"] == password
