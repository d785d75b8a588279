"""`footfall serve` as its users start and end it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.settings import Settings

SLOW = "-- Sleeps.\nselect pg_sleep(3000)\n"


def command_of(*words: str) -> list[str]:
    return [sys.executable, "-m", "footfall.cli", "serve", *words]


@contextmanager
def serving(settings: Settings, *words: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `footfall serve` and give its process and address; end it as Ctrl-C does."""
    assert settings.database_url is not None
    environment = os.environ | {"FOOTFALL_DATABASE_URL": settings.database_url.get_secret_value()} | variables
    command = command_of("--port", "0", *words)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split(" ")[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def get(address: str, path: str, **headers: str) -> tuple[int, str]:
    place = address.partition("//")[2].partition("/")[0]
    with closing(http.client.HTTPConnection(place)) as connection:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        answered = connection.getresponse()
        return answered.status, answered.read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_answers_and_ends_when_it_is_told(sample: Settings, end: signal.Signals) -> None:
    with serving(sample) as (process, address):
        assert get(address, "/")[0] == 200
        assert get(address, "/", Host="evil.example")[0] == 400
        process.send_signal(end)
        assert process.wait() in (0, 130, -end)


def test_a_port_that_is_taken_is_said_and_nothing_is_served(settings: Settings) -> None:
    assert settings.database_url is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = command_of("--port", str(taken.getsockname()[1]))
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "take another --port" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--host", "0.0.0.0"), "add --token"),
        (("--host", "0.0.0.0", "--token", "short"), "16 characters at least"),
        (("--host", "no.such.name.invalid", "--token", ""), "cannot be listened on"),
    ],
)
def test_what_would_let_everybody_in_is_refused(words: tuple[str, ...], says: str) -> None:
    done = subprocess.run(command_of("--port", "0", *words), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.slow
def test_a_made_token_is_printed_once_and_asked_for(sample: Settings) -> None:
    with serving(sample, "--token", "") as (_, address):
        token = address.partition("?token=")[2]
        assert len(token) >= 32
        assert get(address, "/")[0] == 401
        assert get(address, "/", Cookie=f"footfall_token={token}")[0] == 200


def test_a_missing_extra_is_said_with_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('starlette', 'uvicorn'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command_of(), capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "pip install 'footfall[page]'" in done.stderr


@pytest.mark.slow
def test_a_question_ends_on_the_server_when_its_reader_goes_away(sample: Settings, tmp_path: Path) -> None:
    assert sample.database_url is not None
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "slow.sql").write_text(SLOW)
    with (
        serving(sample, FOOTFALL_QUERIES_FOLDER=str(folder), FOOTFALL_QUERY_TIMEOUT_SECONDS="0") as (_, address),
        psycopg.connect(sample.database_url.get_secret_value(), autocommit=True) as witness,
    ):
        place = address.partition("//")[2].partition("/")[0]
        reader = http.client.HTTPConnection(place)
        reader.request("GET", "/query/slow.json")
        wait_for(lambda: count_sleeping(witness) == 1)
        reader.close()
        wait_for(lambda: count_sleeping(witness) == 0)
        assert get(address, "/loads")[0] == 200


def count_sleeping(witness: psycopg.Connection[Any]) -> int:
    row = witness.execute(
        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%' "
        "and pid <> pg_backend_pid() and datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 600
    while not is_so():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)
