"""Loads whose ranges others stage: a file for them, and how to hold all who stage at one place."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

PATIENCE_S = 600
RANGE_MB = 1  # the least; a file of some megabytes has several
STAGING_TABLES = "select relname::text from pg_class where relname like 'staging%' order by 1"
OTHER_SESSIONS = """
    select pid from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"""
# Whoever stages a range looks first who was forgotten, in the transaction of the range.
HELD_STAGERS = "select pid from pg_locks where relation = 'forgotten_users'::regclass and not granted"


def write_large_file(path: Path, rows: int, seed: int = 1) -> str:
    """Write rows most of which are clean, some repeated, contradicted or bad, with records over several lines."""
    chance = random.Random(seed)
    lines = ["\ufefftimestamp,note,user_id,interaction_id,action,product_id"]
    for number in range(1, rows + 1):
        at = chance.randrange(1, rows) if chance.random() < 0.02 else number
        user = at % 997 + (0 if chance.random() < 0.98 else 5_000)
        cells = [f"2024-0{at % 9 + 1}-1{at % 9} 10:{at % 60:02d}:00", "", str(user), str(at), "click", str(at % 31 + 1)]
        oddity = chance.random()
        if oddity < 0.01:
            cells[1] = '"a note\nover ""three""\r\nlines, 1,2,3"'
        elif oddity < 0.015:
            cells[3] = chance.choice(("", "x", "-1", "1.5", '"open'))
        elif oddity < 0.016:
            cells = ["", " \t", "\x00", '"', "more"][: chance.randrange(1, 6)]
        lines.append(",".join(cells) + chance.choice(("\n", "\n", "\r\n"))[:-1])
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    return str(path)


def ask(database: str, query: str) -> list[Any]:
    """Ask a database for rows."""
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def start_load(database: str, name: str, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Start `footfall load` in a process of its own."""
    command = [sys.executable, "-m", "footfall.cli", "load", name, "--database", database, "--format", "json", *options]
    environment = os.environ | {"FOOTFALL_RANGE_MB": str(RANGE_MB)} | variables
    return subprocess.Popen(command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(is_so: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """Wait until something is so, and give it; fail at once where the process has ended before."""
    until = time.monotonic() + PATIENCE_S
    while not (found := is_so()):
        assert process is None or process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@contextmanager
def all_stagers_held(database: str) -> Iterator[None]:
    """Keep everybody who begins to stage a range where he looks who was forgotten, while the block runs."""
    with psycopg.connect(database) as connection:
        connection.execute("lock table forgotten_users in access exclusive mode")
        yield


def list_children(pid: int) -> list[int]:
    """List the processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def find_free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
