"""The server killed while a load runs: a backend or the whole of it, during COPY and around COMMIT."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from footfall import embedded
from trials import IS_LONG, SEED, TRIALS, Contents, Figures, Tables, compare, left_behind, loaded

pytestmark = pytest.mark.crash
ROUNDS = max(1, TRIALS // 400)
LINE = "{},{},{},{},2024-01-01 00:00:{:02}"


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, how and when."""

    victim: str
    signal: signal.Signals
    moment: str

    def __str__(self) -> str:
        return f"{self.signal.name} of the {self.victim}, {self.moment}"


MOMENTS = ("during COPY", "during the merge", "with COMMIT on its way", "after COMMIT")
KILLS = [Kill(*each) for each in product(("backend", "postmaster"), (signal.SIGKILL, signal.SIGQUIT), MOMENTS)]
SHORT = [kill for at, kill in enumerate(KILLS) if at in {0, 6, 10, 13}]


@dataclass(slots=True)
class Server:
    """A server of our own, pinned; each trial has its own schema in it."""

    home: Path
    csv: str
    truth: Tables
    messages: list[wire.Message]
    schemas: Iterator[int]


def url_of(proxy: wire.Proxy) -> str:
    where = f"host=127.0.0.1 port={proxy.port} user=footfall dbname=footfall"
    return f"{where} sslmode=disable gssencmode=disable"


def in_schema(conninfo: str, schema: str) -> str:
    return make_conninfo(conninfo, options=f"-c search_path={schema}")


@pytest.fixture(scope="module")
def home(short_folder: Path) -> Iterator[Path]:
    folder = short_folder / "killed"
    embedded.start(folder)
    yield folder
    embedded.start(folder)
    assert embedded.stop(folder)


@pytest.fixture
def server(home: Path, write_csv: Callable[..., str], contents: Contents, temporary_folder: Path) -> Server:
    rows = [LINE.format(n, n % 97 + 1 if n % 50 else "x", n % 13 + 1, "click", n % 60) for n in range(1, 4_000)]
    csv = write_csv("a.csv", *rows, *rows[100:200], *(LINE.format(n, 9, 9, "other", 0) for n in range(30, 40)))
    embedded.start(home)
    with embedded.running(home) as conninfo, wire.proxying(str(conninfo_to_dict(conninfo)["host"])) as proxy:
        assert loaded(url_of(proxy), [csv], schema="truth").exit_code == 0
        truth = contents(in_schema(conninfo, "truth"))
        with psycopg.connect(conninfo) as connection:
            connection.execute("drop schema truth cascade")
    return Server(home, csv, truth, proxy.messages, iter(range(1_000_000)))


def message_at(server: Server, kill: Kill, chance: random.Random) -> int:
    """Choose the message at which to kill: any chunk, any statement between COPY and COMMIT, or the COMMIT."""
    chunks = [m.number for m in server.messages if m.tag == "d"]
    commit = max(m.number for m in server.messages if m.is_commit)
    merge = [m.number for m in server.messages if m.tag in "QS" and chunks[-1] < m.number < commit]
    return {"during COPY": chance.choice(chunks), "during the merge": chance.choice(merge)}.get(kill.moment, commit)


def killing(server: Server, kill: Kill, chance: random.Random) -> wire.Fault:
    def fault(link: wire.Link, message: wire.Message) -> None:
        pid = link.pid
        if kill.victim == "postmaster":
            pid = int((server.home / "data/postmaster.pid").read_text().splitlines()[0])
        if kill.moment == "after COMMIT":
            link.execute(message)
            os.kill(pid, kill.signal)
            link.cut()
        else:
            link.send(message.data)
            time.sleep(chance.uniform(0, 0.003))  # the server may be at it, or done
            os.kill(pid, kill.signal)

    return fault


@pytest.mark.parametrize("kill", KILLS if IS_LONG else SHORT, ids=str)
@pytest.mark.timeout(1800 if IS_LONG else 120)
def test_after_a_killed_server_the_same_command_starts_it_and_gives_the_tables_of_an_undisturbed_run(
    server: Server, contents: Contents, figures: Figures, kill: Kill
) -> None:
    chance = random.Random(f"{SEED} {kill}")
    for _ in range(ROUNDS):
        schema = f"trial_{next(server.schemas)}"
        embedded.start(server.home)
        with wire.proxying(str(conninfo_to_dict(embedded.url(server.home))["host"])) as proxy:
            proxy.fault_at, proxy.fault = message_at(server, kill, chance), killing(server, kill, chance)
            first = loaded(url_of(proxy), [server.csv], schema=schema)
            assert proxy.struck is not None
            assert first.exit_code in {0, 5}, first
        figures.kills[f"{kill.signal.name} of a {kill.victim}"] += 1
        figures.phases[proxy.struck.phase] += 1
        again = command_with_home(server, schema)
        assert again.returncode == 0, again.stderr
        (status,) = (load["status"] for load in json.loads(again.stdout)["loads"])
        assert status == "already-loaded" if first.exit_code == 0 else status in {"loaded", "already-loaded"}
        with embedded.running(server.home) as conninfo:
            there = in_schema(conninfo, schema)
            compare(figures, contents(there), server.truth)
            assert left_behind(there) == []
            with psycopg.connect(conninfo) as connection:
                connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def command_with_home(server: Server, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--schema", schema, "--format", "json"]
    variables = os.environ | {"FOOTFALL_HOME": str(server.home)}
    return subprocess.run(command, env=variables, check=False, capture_output=True, text=True, timeout=120)


def test_with_retry_a_load_outlives_a_restart_of_the_database(
    server: Server, contents: Contents, figures: Figures
) -> None:
    with wire.proxying(str(conninfo_to_dict(embedded.url(server.home))["host"])) as proxy:
        restarted = threading.Timer(1.5, embedded.start, [server.home])

        def kill(link: wire.Link, message: wire.Message) -> None:
            killing(server, KILLS[8], random.Random(SEED))(link, message)
            restarted.start()

        proxy.fault_at, proxy.fault = message_at(server, KILLS[8], random.Random(SEED)), kill
        command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--retry", "--database", url_of(proxy)]
        done = subprocess.run(
            [*command, "--schema", "retried"], check=False, capture_output=True, text=True, timeout=120
        )
        restarted.join()
    figures.kills["SIGKILL of a postmaster, with --retry"] += 1
    assert done.returncode == 0, done.stderr
    assert "trying again in 1 s" in done.stderr
    with embedded.running(server.home) as conninfo:
        compare(figures, contents(in_schema(conninfo, "retried")), server.truth)


def test_without_retry_a_lost_database_is_exit_5_at_once_with_what_to_do(server: Server) -> None:
    with wire.proxying(str(conninfo_to_dict(embedded.url(server.home))["host"])) as proxy:
        proxy.fault_at, proxy.fault = message_at(server, KILLS[8], random.Random(SEED)), wire.cut_before
        proxy.is_refusing_after = True
        command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--database", url_of(proxy)]
        began = time.monotonic()
        done = subprocess.run([*command, "--schema", "lost"], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 5
    assert "run the same command again" in done.stderr
    assert time.monotonic() - began < 10
