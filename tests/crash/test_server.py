"""The server killed while a load runs: a backend or the whole of it, from COPY to COMMIT, on both paths."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from footfall.postgres.embedded import clients
from footfall.tables import first_load
from trials import IS_LONG, SEED, TRIALS, Contents, Figures, Tables, compare, left_behind, loaded

pytestmark = pytest.mark.crash
ROUNDS = max(1, TRIALS // 400)
LINE = "{},{},{},{},2024-01-01 00:00:{:02}"


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, how and when. `is_direct`: the load fills an empty table, rows first and keys after them."""

    victim: str
    signal: signal.Signals
    moment: str
    is_direct: bool = False

    def __str__(self) -> str:
        return f"{self.signal.name} of the {self.victim}, {self.moment}{', keys last' if self.is_direct else ''}"


WHO = tuple(product(("backend", "postmaster"), (signal.SIGKILL, signal.SIGQUIT)))
MOMENTS = ("during COPY", "during the merge", "with COMMIT on its way", "after COMMIT")
MOMENTS_DIRECT = ("during COPY", "while the keys are built", "with COMMIT on its way")
KILLS = [Kill(*who, moment) for who, moment in product(WHO, MOMENTS)]
KILLS_DIRECT = [Kill(*who, moment, is_direct=True) for who, moment in product(WHO, MOMENTS_DIRECT)]
SHORT = [KILLS[at] for at in (0, 6, 9, 10)] + [KILLS_DIRECT[at] for at in (4, 6, 11)]
IN_COPY = Kill("postmaster", signal.SIGKILL, "during COPY")


@dataclass(slots=True)
class Server:
    """A server of our own, pinned; each trial has its own schema in it. `messages`: by whether the path is direct."""

    home: Path
    csv: str
    truth: Tables
    messages: dict[bool, list[wire.Message]]
    schemas: Iterator[int]


def url_of(proxy: wire.Proxy) -> str:
    where = f"host=127.0.0.1 port={proxy.port} user=footfall dbname=footfall"
    return f"{where} sslmode=disable gssencmode=disable"


def in_schema(conninfo: str, schema: str) -> str:
    return make_conninfo(conninfo, options=f"-c search_path={schema}")


@pytest.fixture(scope="module")
def home(short_folder: Path) -> Iterator[Path]:
    folder = short_folder / "killed"
    clients.start(folder)
    yield folder
    clients.start(folder)
    assert clients.stop(folder)


def take_path(monkeypatch: pytest.MonkeyPatch, *, is_direct: bool) -> None:
    """Let a load of this process fill empty tables directly whatever its size, or never."""
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0 if is_direct else 1 << 40)


@pytest.fixture(scope="module")
def undisturbed(home: Path, tmp_path_factory: pytest.TempPathFactory, contents: Contents) -> Server:
    """Load a file on each path, once for all tests: the tables, and the messages to choose from."""
    rows = [LINE.format(n, n % 97 + 1 if n % 50 else "x", n % 13 + 1, "click", n % 60) for n in range(1, 4_000)]
    rows += [*rows[100:200], *(LINE.format(n, 9, 9, "other", 0) for n in range(30, 40))]
    csv = tmp_path_factory.mktemp("server") / "a.csv"
    csv.write_text("interaction_id,user_id,product_id,action,timestamp\n" + "".join(f"{row}\n" for row in rows))
    messages, truths = {}, []
    with clients.keep_running(home) as conninfo, pytest.MonkeyPatch.context() as patch:
        for is_direct in (False, True):
            take_path(patch, is_direct=is_direct)
            with wire.proxying(str(conninfo_to_dict(conninfo)["host"])) as proxy:
                assert loaded(url_of(proxy), [str(csv)], schema="truth").exit_code == 0
            messages[is_direct] = proxy.messages
            truths.append(contents(in_schema(conninfo, "truth")))
            with psycopg.connect(conninfo) as connection:
                connection.execute("drop schema truth cascade")
    assert truths[0] == truths[1]
    return Server(home, str(csv), truths[0], messages, iter(range(1_000_000)))


@pytest.fixture
def server(undisturbed: Server, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, running, and a folder for temporary files that has to be empty afterwards."""
    clients.start(undisturbed.home)
    take_path(monkeypatch, is_direct=False)
    return undisturbed


def planned(server: Server, kill: Kill, chance: random.Random) -> wire.Message:
    """Choose the message at which to kill: a chunk of COPY, a statement that merges or builds a key, or the COMMIT."""
    messages = server.messages[kill.is_direct]
    if "COMMIT" in kill.moment:
        return [m for m in messages if m.is_commit][-1]  # the first one is that of the tables
    tag, words = {
        "during COPY": ("d", "copy user_interactions_raw " if kill.is_direct else "copy "),
        "during the merge": ("Q", 'insert into "interactions"'),
        "while the keys are built": ("Q", "add constraint"),
    }[kill.moment]
    fit = [m for m in messages if m.tag == tag and words in m.statement]
    return chance.choice(fit)


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


@pytest.mark.slow
@pytest.mark.parametrize("kill", [*KILLS, *KILLS_DIRECT] if IS_LONG else SHORT, ids=str)
@pytest.mark.timeout(1800)
def test_after_a_killed_server_the_same_command_starts_it_and_gives_the_tables_of_an_undisturbed_run(
    server: Server, contents: Contents, figures: Figures, monkeypatch: pytest.MonkeyPatch, kill: Kill
) -> None:
    take_path(monkeypatch, is_direct=kill.is_direct)
    chance = random.Random(f"{SEED} {kill}")
    for _ in range(ROUNDS):
        schema = f"trial_{next(server.schemas)}"
        clients.start(server.home)
        target = planned(server, kill, chance)
        with wire.proxying(str(conninfo_to_dict(clients.find_url(server.home))["host"])) as proxy:
            proxy.fault_at, proxy.fault = target.number, killing(server, kill, chance)
            first = loaded(url_of(proxy), [server.csv], schema=schema)
            assert proxy.struck is not None
            assert proxy.struck.asks == target.asks
            assert first.exit_code in {0, 5}, first
        figures.kills[f"{kill.signal.name} of a {kill.victim}"] += 1
        figures.phases[proxy.struck.phase] += 1
        again = command_with_home(server, schema)
        assert again.returncode == 0, again.stderr
        (status,) = (load["status"] for load in json.loads(again.stdout)["loads"])
        assert status == "already-loaded" if first.exit_code == 0 else status in {"loaded", "already-loaded"}
        with clients.keep_running(server.home) as conninfo:
            there = in_schema(conninfo, schema)
            compare(figures, contents(there), server.truth)
            assert left_behind(there) == []
            with psycopg.connect(conninfo) as connection:
                connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def command_with_home(server: Server, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--schema", schema, "--format", "json"]
    variables = os.environ | {"FOOTFALL_HOME": str(server.home)}
    return subprocess.run(command, env=variables, check=False, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_with_retry_a_load_outlives_a_restart_of_the_database(
    server: Server, contents: Contents, figures: Figures
) -> None:
    target = planned(server, IN_COPY, random.Random(SEED))
    with wire.proxying(str(conninfo_to_dict(clients.find_url(server.home))["host"])) as proxy:
        restarted = threading.Timer(1.5, clients.start, [server.home])

        def kill(link: wire.Link, message: wire.Message) -> None:
            killing(server, IN_COPY, random.Random(SEED))(link, message)
            restarted.start()

        proxy.fault_at, proxy.fault = target.number, kill
        command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--retry", "--database", url_of(proxy)]
        done = subprocess.run(
            [*command, "--schema", "retried"], check=False, capture_output=True, text=True, timeout=600
        )
        restarted.join()
    assert proxy.struck is not None
    assert proxy.struck.asks == target.asks
    figures.kills["SIGKILL of a postmaster, with --retry"] += 1
    assert done.returncode == 0, done.stderr
    assert "trying again in 1 s" in done.stderr
    with clients.keep_running(server.home) as conninfo:
        compare(figures, contents(in_schema(conninfo, "retried")), server.truth)


@pytest.mark.slow
def test_without_retry_a_lost_database_is_exit_5_at_once_with_what_to_do(server: Server) -> None:
    target = planned(server, IN_COPY, random.Random(SEED))
    with wire.proxying(str(conninfo_to_dict(clients.find_url(server.home))["host"])) as proxy:
        proxy.fault_at, proxy.fault = target.number, wire.cut_before
        proxy.is_refusing_after = True
        command = [sys.executable, "-m", "footfall.cli", "load", server.csv, "--database", url_of(proxy)]
        done = subprocess.run([*command, "--schema", "lost"], check=False, capture_output=True, text=True, timeout=600)
    assert proxy.struck is not None
    assert proxy.struck.asks == target.asks
    assert done.returncode == 5
    assert "run the same command again" in done.stderr
    assert "trying again" not in done.stderr
