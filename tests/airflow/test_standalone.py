"""`make airflow` as a user has it: started, asked by REST, stopped; the tables and the processes are the witness."""

from __future__ import annotations

import json
import os
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

from footfall.postgres.embedded import clients

DAG = "/api/v2/dags/user_interactions"
ROOT = Path(__file__).resolve().parents[2]
START_WAIT_S = 900  # seconds; 40 are usual on two cores
RUN_WAIT_S = 900
STOP_WAIT_S = 600
pytestmark = [pytest.mark.live, pytest.mark.timeout(1800)]


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
    with httpx.Client(base_url=f"http://127.0.0.1:{of.port}", trust_env=False, timeout=600) as client:
        answer = client.post("/auth/token", json={"username": of.said["user"], "password": of.said["password"]})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client


def ask(of: Any, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(clients.find_url(of.home / "postgresql")) as connection:
        return connection.execute(query).fetchall()


def leader_of(home: Path) -> int:
    return int(json.loads((home / "session.json").read_text())["session"])


@contextmanager
def other_process_in(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else in a session of its own, in that folder."""
    with subprocess.Popen(["sleep", "600"], cwd=folder, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_the_end(client: httpx.Client, run: str) -> str:
    until = time.monotonic() + RUN_WAIT_S
    while time.monotonic() < until:
        state = client.get(run).raise_for_status().json()["state"]
        if state in {"success", "failed"}:
            return str(state)
        time.sleep(1)
    return "not done in time"


def switch_on(client: httpx.Client) -> None:
    """Switch the DAG on, once Airflow has read it."""
    until = time.monotonic() + RUN_WAIT_S
    while client.get(DAG).status_code == httpx.codes.NOT_FOUND and time.monotonic() < until:
        time.sleep(1)
    client.patch(DAG, json={"is_paused": False}).raise_for_status()


def run(client: httpx.Client, **params: Any) -> str:
    """Trigger a run, wait for its end; give its state."""
    asked = {"logical_date": None, "conf": params}
    found = client.post(f"{DAG}/dagRuns", json=asked).raise_for_status().json()["dag_run_id"]
    return wait_for_the_end(client, f"{DAG}/dagRuns/{found}")


def deliver(folder: Path, name: str, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("interaction_id,user_id,product_id,action,timestamp\n" + "".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def delivered(place: Any) -> Path:
    """A folder with a small and a large file, loaded by a run that REST triggers; the inbox is loaded, too."""
    folder: Path = place.home / "delivered"
    place.start()
    deliver(folder, "small.csv", "71,1,1,click,2024-03-01", "x,1,1,click,2024-03-01")
    lines = [f"{number},1,1,click,2024-03-01" for number in range(100, 200)]
    large = deliver(folder, "large.csv", "x,1,1,click,2024-03-01", *lines)
    with rest(place) as client:
        switch_on(client)
        assert run(client, folder=str(folder), stage_bytes=large.stat().st_size) == "success"
        assert wait_for_the_end(client, f"{DAG}/dagRuns/{first_scheduled(client)}") == "success"
    return folder


def first_scheduled(client: httpx.Client) -> str:
    """Wait for the run that Airflow makes when the DAG is switched on; give its id."""
    until = time.monotonic() + RUN_WAIT_S
    while time.monotonic() < until:
        found = client.get(f"{DAG}/dagRuns?run_type=scheduled").raise_for_status().json()["dag_runs"]
        if found:
            return str(found[0]["dag_run_id"])
        time.sleep(1)
    raise AssertionError("Airflow makes no run of a DAG that is switched on")


def test_a_dag_that_is_switched_on_brings_the_inbox_into_the_tables(standalone: Any, delivered: Path) -> None:
    inbox = f"from loads where source like '{standalone.home}/inbox/%'"
    assert ask(standalone, f"select rows_read, rows_loaded, rows_rejected {inbox} order by 1") == [
        (3, 3, 0),
        (10, 7, 3),
    ]
    [(raw,)] = ask(standalone, f"select count(*) from user_interactions_raw where load_id in (select load_id {inbox})")
    assert raw == 10


def test_a_run_that_is_triggered_by_rest_brings_its_folder_into_the_tables(standalone: Any, delivered: Path) -> None:
    folder = f"from loads where source like '{delivered}/%'"
    assert ask(standalone, f"select rows_read, rows_loaded, rows_rejected {folder} order by 1") == [
        (2, 1, 1),
        (101, 100, 1),
    ]
    [(raw,)] = ask(standalone, f"select count(*) from user_interactions_raw where load_id in (select load_id {folder})")
    assert raw == 101
    assert ask(standalone, "select tablename from pg_tables where tablename like 'staging%'") == []


@pytest.mark.parametrize(("name", "job"), [("small.csv", "load"), ("large.csv", "take")])
def test_a_load_is_one_run_of_openlineage_from_its_start_to_its_end(
    standalone: Any, delivered: Path, name: str, job: str
) -> None:
    path = delivered / name
    events = [json.loads(line) for line in (standalone.home.parent / "events.jsonl").read_text().splitlines()]
    [told] = [event for event in events if [each["name"] for each in event["inputs"]] == [str(path)]]
    assert told["job"]["name"] == f"user_interactions.{job}"
    of_the_load = [event for event in events if event["run"]["runId"] == told["run"]["runId"]]
    assert [event["eventType"] for event in of_the_load] == ["START", "RUNNING", "COMPLETE"]

    added = {
        each["name"].rpartition(".")[2]: each["outputFacets"]["outputStatistics"]["rowCount"]
        for each in told["outputs"]
        if each["outputFacets"]
    }
    [(load_id, digest, read)] = ask(standalone, f"select load_id, digest, rows_read from loads where source = '{path}'")
    [file] = told["inputs"]
    assert file["facets"]["version"]["datasetVersion"] == digest
    assert file["inputFacets"]["dataQualityMetrics"]["rowCount"] == read
    for table, rows in added.items():
        assert [(rows,)] == ask(standalone, f"select count(*) from {table} where load_id = {load_id}")
    assert set(added) == {"user_interactions_raw", "rejected_interactions", "loads"}


def test_a_backfill_takes_the_file_of_each_day(standalone: Any) -> None:
    days = standalone.home / "days"
    for day in range(1, 5):  # two more than are asked for
        deliver(days, f"interactions-2024-03-0{day}.csv", f"{80 + day},1,1,click,2024-03-0{day}")
    conf = {"folder": str(days), "pattern": "interactions-%Y-%m-%d.csv", "wait_minutes": 0}
    words = ["--from-date=2024-03-02", "--to-date=2024-03-03", f"--dag-run-conf={json.dumps(conf)}"]
    command = standalone.script("backfill", "create", "--dag-id=user_interactions", *words)
    with rest(standalone) as client:
        switch_on(client)
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_WAIT_S, check=False)
        assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
        of_the_backfill = f"{DAG}/dagRuns?run_type=backfill"
        runs = [each["dag_run_id"] for each in client.get(of_the_backfill).raise_for_status().json()["dag_runs"]]
        assert [wait_for_the_end(client, f"{DAG}/dagRuns/{each}") for each in runs] == ["success"] * 2

    taken = ask(standalone, f"select source, rows_loaded from loads where source like '{days}/%' order by source")
    assert taken == [(str(days / f"interactions-2024-03-0{day}.csv"), 1) for day in (2, 3)]
    ids = ask(
        standalone, "select interaction_id from user_interactions_raw where interaction_id between 80 and 90 order by 1"
    )
    assert ids == [(82,), (83,)]
    assert ask(
        standalone, "select sum(interaction_count) = (select count(*) from user_interactions_raw) from interactions"
    ) == [(True,)]


def test_a_command_of_airflow_runs_beside_it(standalone: Any) -> None:
    command = standalone.script("pools", "list", "--output=json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_WAIT_S, check=True)
    pools = {each["pool"]: int(each["slots"]) for each in json.loads(done.stdout[done.stdout.index("[") :])}
    assert {name: slots for name, slots in pools.items() if name != "default_pool"} == {
        "footfall": 1,
        "footfall_stage": 2,
    }


def test_a_second_one_in_the_same_home_is_refused(standalone: Any, new_standalone: Callable[[str], Any]) -> None:
    second = replace(new_standalone("second"), home=standalone.home)
    done = subprocess.run(second.script(), capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Airflow is running in {standalone.home} already; ")


def test_a_taken_port_is_refused_before_anything_is_started(new_standalone: Callable[[str], Any]) -> None:
    found = new_standalone("taken")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        done = subprocess.run(
            replace(found, port=port).script(), capture_output=True, text=True, timeout=600, check=False
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Port {port} is taken by another program; name a free one with --port\n"
    assert [path.name for path in found.home.iterdir()] == ["lock"]


def test_a_command_beside_nothing_says_what_to_start(new_standalone: Callable[[str], Any]) -> None:
    command = new_standalone("nothing").script("pools", "list")
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "start it with `make airflow`" in done.stderr


def test_after_a_kill_the_next_start_stops_what_is_left_and_nothing_else(standalone: Any) -> None:
    left = set(processes_of(standalone.home))
    with other_process_in(standalone.home) as other:
        assert standalone.stop(signal.SIGKILL) == -signal.SIGKILL
        assert len(left & set(processes_of(standalone.home))) > 5

        standalone.start()
        assert other.poll() is None
    airflow = {process for process in left if "postgres" not in process and "scripts/airflow" not in process}
    assert airflow
    assert not airflow & set(processes_of(standalone.home))


def test_a_signal_stops_all_of_it_and_the_next_start_knows_the_password(standalone: Any) -> None:
    password = standalone.said["password"]
    assert len(processes_of(standalone.home)) > 5
    assert standalone.stop(signal.SIGINT) == 0
    assert processes_of(standalone.home) == []

    # The other signal while it starts: what is half there goes, too.
    standalone.start(until="Starting Airflow")
    assert standalone.stop(signal.SIGTERM) == 0
    assert processes_of(standalone.home) == []

    standalone.start()
    assert standalone.said["password"] == password


def test_a_number_of_a_process_that_is_somebody_elses_by_now_is_left_alone(
    new_standalone: Callable[[str], Any],
) -> None:
    found = new_standalone("others")
    found.home.mkdir()
    with other_process_in(found.home) as other, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        noted = {"session": other.pid, "started": psutil.Process(other.pid).create_time() - 60}
        (found.home / "session.json").write_text(json.dumps(noted))
        command = replace(found, port=server.getsockname()[1]).script()
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert other.poll() is None
    assert not (found.home / "session.json").exists()


def test_a_part_that_dies_is_named_and_all_is_stopped(standalone: Any) -> None:
    [pid] = [
        child.pid
        for child in psutil.process_iter()
        if child.ppid() == leader_of(standalone.home) and "scheduler" in " ".join(child.cmdline())
    ]
    os.kill(pid, signal.SIGKILL)
    code, said = standalone.ends_by_itself()
    assert code == 1
    assert "Airflow's scheduler died" in said
    assert processes_of(standalone.home) == []
