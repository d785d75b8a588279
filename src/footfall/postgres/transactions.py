"""Begin a transaction with all that Footfall relies on; the writer lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from footfall.errors import DatabaseBusyError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Target
from footfall.statements import statements

log = logging.getLogger("footfall")

SQL = statements(__name__)

LOCK_CLASS = 0x666F6F74  # "foot": the first key of Footfall's advisory locks
NO_WAIT_MS = 1  # the shortest wait that PostgreSQL has: its 0 is a wait without end
LOCK_POLL_S = 0.2  # between two looks whether tables are free; nobody queues behind one that only looks


def begin(connection: Connection, target: Target, *, time_zone: str = "UTC", timeout_s: int = 0) -> None:
    """Begin a transaction, and set for it alone everything that Footfall relies on; each of ours begins here.

    Units: `timeout_s` in seconds for each statement; 0 is no bound.
    """
    lock_wait = f"{target.lock_wait_s * 1000 or NO_WAIT_MS}ms"
    if timeout_s:  # less than the bound, so that a wait for a lock is known for what it is
        lock_wait = f"{timeout_s * 900}ms"
    path = f"{sql.Identifier(target.schema).as_string(connection)}, pg_temp"
    values = {"search_path": path, "time_zone": time_zone, "timeout": f"{timeout_s}s", "lock_wait": lock_wait}
    fetch_one(connection, SQL["session"], **values)


def begin_snapshot(
    connection: Connection, target: Target, lock: Callable[[Connection], None], tables: Sequence[str]
) -> None:
    """Begin a read-only transaction whose snapshot is taken after its locks; say what it waits for.

    `lock` locks `tables`, or fails at once.
    Effects: the session stays read-only and REPEATABLE READ. The settings come after the locks: a `select` takes the
    snapshot.
    Raises: DatabaseBusyError where the locks are not to be had within the setting.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    until = time.monotonic() + target.lock_wait_s
    has_warned = False
    while True:
        connection.execute(compose(SQL["search_path"], schema=sql.Identifier(target.schema)))
        try:
            lock(connection)
        except psycopg.errors.LockNotAvailable as error:
            connection.rollback()
            holder = _find_holder(connection, target, tables)
            if time.monotonic() >= until:
                raise DatabaseBusyError(
                    f"{holder} held a table for more than {target.lock_wait_s} s; "
                    "run the same command again when it is done, or raise FOOTFALL_LOCK_WAIT_SECONDS"
                ) from error
            if not has_warned:
                log.warning(f"waiting for the tables: {holder} holds one, up to {target.lock_wait_s} s")
                has_warned = True
            time.sleep(LOCK_POLL_S)
        else:
            begin(connection, target)
            return


def _find_holder(connection: Connection, target: Target, tables: Sequence[str]) -> str:
    """Say in words who holds one of these tables for itself alone. Effects: a transaction of its own."""
    begin(connection, target)
    names = {"schema": target.schema, "names": list(tables)}
    holder = connection.execute(SQL["holder"], names).fetchone()
    connection.rollback()
    return _who(holder)


def _who(session: Any) -> str:
    if session is None:
        return "another session"
    return f"process {session.pid} of role {session.role or '?'} ({session.application or 'no name'})"


def begin_reading(connection: Connection, target: Target, time_zone: str, timeout_s: int) -> None:
    """Begin a read-only transaction for one question of at most `timeout_s` seconds; 0 is no bound.

    Effects: the session stays read-only; its time zone is that of the question until the transaction ends.
    """
    connection.read_only = True
    begin(connection, target, time_zone=time_zone, timeout_s=timeout_s)
    fetch_one(connection, SQL["reading"])


def take_writer_lock(connection: Connection, target: Target) -> None:
    """Wait for the schema's writer lock, up to the setting; say what it waits for.

    Effects: held to the end of the transaction; a killed client's backend holds it until the server has noticed.
    Raises: DatabaseBusyError.
    """
    keys = {"footfall": LOCK_CLASS, "schema": target.lock_key}
    if fetch_one(connection, SQL["try_writer_lock"], **keys).is_held:
        return
    unsigned = {"footfall": LOCK_CLASS, "schema": target.lock_key % (1 << 32)}
    writer = connection.execute(SQL["writer"], unsigned).fetchone()
    who = _who(writer)
    if not target.lock_wait_s:
        raise DatabaseBusyError(
            f"another writer ({who}) holds the lock, and FOOTFALL_LOCK_WAIT_SECONDS = 0 says not to wait; "
            "run the same command again when it is done"
        )
    log.warning(f"waiting for another writer: {who}, up to {target.lock_wait_s} s")
    try:
        connection.execute(SQL["writer_lock"], keys)
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseBusyError(
            f"another writer ({who}) held the lock for more than {target.lock_wait_s} s; "
            "run the same command again when it is done, or raise FOOTFALL_LOCK_WAIT_SECONDS"
        ) from error


def roll_back(connection: Connection) -> None:
    """End the transaction; end the session where the transaction cannot be ended."""
    try:
        if not connection.closed:
            connection.cancel_safe(timeout=2)
            connection.rollback()
    except psycopg.Error:
        connection.close()
