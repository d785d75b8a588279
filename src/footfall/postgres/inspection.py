"""The questions of `doctor` to a server: its settings for this role, its clock, poolers in between, lock holders."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from footfall.errors import FootfallError
from footfall.postgres.connection import connect, parse_conninfo
from footfall.postgres.faults import to_footfall_error
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import LOCK_CLASS
from footfall.statements import read_statements

SQL = read_statements(__name__)

ADDRESS_WORDS = ("service", "host", "hostaddr", "port", "dbname", "user", "sslmode")  # none of them is a secret


def describe_address(conninfo: str) -> str:
    """Say where an address leads, without anything that may be a secret. Raises: SettingsError."""
    given = parse_conninfo(conninfo)
    words = [f"{name}={given[name]}" for name in ADDRESS_WORDS if given.get(name)]
    return " ".join(words) or "libpq's defaults"


def describe_session(connection: Connection) -> str:
    """Say where a session leads, with the parts that libpq filled in."""
    about = connection.info
    place = f"{about.host} (a socket)" if about.host.startswith(("/", "@")) else f"{about.host}:{about.port}"
    tls = "" if about.host.startswith(("/", "@")) else ", by TLS" if connection.pgconn.ssl_in_use else ", without TLS"
    return f"database {about.dbname} at {place} as {about.user}{tls}"


@contextmanager
def cut_off(connection: Connection, seconds: float) -> Iterator[None]:
    """End the session where the block takes longer, even if the server or a pooler does not react.

    Raises: FootfallError in place of the driver's error.
    """
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error as error:
        if was_cut.is_set():
            raise FootfallError(f"no answer came within {seconds:.0f} s") from error
        raise to_footfall_error(error) from error
    finally:
        timer.cancel()


def read_server(connection: Connection) -> Any:
    """Read encoding, role and limits. Shape: a row with the columns of `server`."""
    return fetch_one(connection, SQL["server"])


def list_settings(connection: Connection) -> list[Any]:
    """List the settings of a new session of this role. Shape: rows of `name`, `value`, `unit`, `origin`, `number`."""
    return connection.execute(SQL["settings"]).fetchall()


def list_old_transactions(connection: Connection, seconds: int) -> list[str]:
    """Describe unused replication slots, and transactions older than `seconds`, that keep old rows or the log."""
    return [row.words for row in connection.execute(SQL["old_transactions"], {"seconds": seconds}).fetchall()]


def find_writer(connection: Connection, target: Target) -> Any:
    """Find who holds the writer lock, and for how long. Shape: a row with the columns of `writer`, or None."""
    keys = {"footfall": LOCK_CLASS, "schema": target.lock_key % (1 << 32)}
    return connection.execute(SQL["writer"], keys).fetchone()


def measure_clock(connection: Connection) -> tuple[float, float]:
    """Measure how far the server's clock is ahead of ours, and how long the answer took. Units: seconds."""
    before_s = time.time()
    server_s = float(fetch_one(connection, SQL["clock"]).now_s)
    after_s = time.time()
    return server_s - (before_s + after_s) / 2, after_s - before_s


def is_pooled(connection: Connection) -> bool:
    """Say whether a pooler stands between us and the server.

    A pooler gives a client an invented process id at the start; a statement shows the server's own.
    Effects: a transaction of its own, rolled back.
    """
    pid = fetch_one(connection, SQL["pid"]).pid
    connection.rollback()
    return bool(pid != connection.info.backend_pid)


def has_shared_sessions(first: Connection, target: Target, seconds: float) -> bool | None:
    """Say whether a pooler lends one session of the server to several clients, a transaction at a time.

    The second client asks while the first is connected and idle. If transactions are pooled, one process answers
    both; if sessions are pooled, two do.
    Shape: None where the second client was not answered in time.
    Effects: opens a session; a transaction in each, rolled back.
    """
    pid = fetch_one(first, SQL["pid"]).pid
    first.rollback()
    with suppress(FootfallError), connect(target) as second, cut_off(second, seconds):
        return bool(fetch_one(second, SQL["pid"]).pid == pid)
    return None
