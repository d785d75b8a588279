"""Begin transactions with the settings that Footfall relies on, and take the writer lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from footfall.errors import DatabaseBusyError
from footfall.postgres.faults import to_footfall_error
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Target
from footfall.statements import read_statements

log = logging.getLogger("footfall")

SQL = read_statements(__name__)

LOCK_CLASS = 0x666F6F74  # "foot": the first key of Footfall's advisory locks
NO_WAIT_MS = 1  # ms; the shortest wait that PostgreSQL can set, where 0 would mean to wait for ever
VACUUM_WAIT_MS = 3000  # ms; longer than deadlock_timeout, after which an autovacuum gives way to a waiting session
KEEPS_READERS_OFF = ("AccessExclusiveLock",)
# Vacuum and analyze take the first of these locks, and wait while another session holds any of them.
KEEPS_VACUUM_OFF = (
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
LOCK_POLL_S = 0.2  # seconds between two tries; a try does not wait, so that other sessions never queue behind it
AGAIN = "run the same command again when it is done, or raise FOOTFALL_LOCK_WAIT_SECONDS"


def begin(connection: Connection, target: Target, *, time_zone: str = "UTC", timeout_s: int = 0) -> None:
    """Begin a transaction, and make every setting that Footfall relies on for this transaction only.

    Units: `timeout_s` bounds each statement, in seconds; 0 means no bound.
    """
    lock_wait = f"{target.lock_wait_s * 1000 or NO_WAIT_MS}ms"
    if timeout_s:
        # 10 % below statement_timeout, so that waiting for a lock ends with "lock not available" and is not mistaken
        # for a slow statement.
        lock_wait = f"{timeout_s * 900}ms"
    path = f"{sql.Identifier(target.schema).as_string(connection)}, pg_temp"
    values = {"search_path": path, "time_zone": time_zone, "timeout": f"{timeout_s}s", "lock_wait": lock_wait}
    fetch_one(connection, SQL["session"], **values)


class _Patience:
    """Waits between tries to lock tables until `seconds` are over, and warns at the first wait."""

    def __init__(self, seconds: int) -> None:
        self.until = time.monotonic() + seconds
        self.has_warned = False

    def wait(self, warning: str, busy: str, error: Exception) -> None:
        """Wait for the next try. Raises: DatabaseBusyError with the words `busy` where the time is over."""
        if time.monotonic() >= self.until:
            raise DatabaseBusyError(busy) from error
        if not self.has_warned:
            log.warning(warning)
            self.has_warned = True
        time.sleep(LOCK_POLL_S)


def begin_snapshot(
    connection: Connection, target: Target, lock: Callable[[Connection], None], tables: Sequence[str]
) -> None:
    """Begin a read-only transaction whose snapshot is taken after its locks, and warn if it has to wait for them.

    `lock` locks `tables`, or fails at once. The settings are made after the locks, because the `select` that makes them
    takes the snapshot.
    Effects: the session stays read-only and REPEATABLE READ. Sleeps between tries.
    Raises: DatabaseBusyError where the locks are not granted within `lock_wait_s` of the target.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    patience = _Patience(target.lock_wait_s)
    while True:
        connection.execute(compose(SQL["search_path"], schema=sql.Identifier(target.schema)))
        try:
            lock(connection)
        except psycopg.errors.LockNotAvailable as error:
            connection.rollback()
            holder = _find_holder(connection, target, tables, KEEPS_READERS_OFF)
            patience.wait(
                f"waiting for the tables: {holder} holds one, up to {target.lock_wait_s} s",
                f"{holder} held a table for more than {target.lock_wait_s} s; {AGAIN}",
                error,
            )
        else:
            begin(connection, target)
            return


def begin_without_vacuum(
    connection: Connection, target: Target, lock: Callable[[Connection], None], tables: Sequence[str]
) -> None:
    """Begin a transaction with the writer lock, in which `tables` can be analyzed: nobody vacuums them meanwhile.

    While a session vacuums one, this waits without the writer lock, so that loads go on. `lock` locks the tables.
    Raises: DatabaseBusyError where one of the locks is not granted within `lock_wait_s` of the target.
    """
    patience = _Patience(target.lock_wait_s)
    while True:
        begin(connection, target)
        take_writer_lock(connection, target)
        wait_ms = min(target.lock_wait_s * 1000 or NO_WAIT_MS, VACUUM_WAIT_MS)
        set_lock_timeout(connection, f"{wait_ms}ms")
        try:
            lock(connection)
        except psycopg.errors.LockNotAvailable as error:
            connection.rollback()
            holder = _find_holder(connection, target, tables, KEEPS_VACUUM_OFF)
            patience.wait(
                f"waiting for a table: {holder} holds it, as vacuum does, up to {target.lock_wait_s} s; "
                "loads go on meanwhile",
                f"{holder} held a table, as vacuum does, for more than {target.lock_wait_s} s; nothing was changed; "
                f"{AGAIN}",
                error,
            )
        else:
            begin(connection, target)  # sets the time-outs back
            return


def _find_holder(connection: Connection, target: Target, tables: Sequence[str], modes: Sequence[str]) -> str:
    """Describe the session that holds a lock of one of these modes on one of these tables.

    Effects: a transaction of its own, rolled back.
    """
    begin(connection, target)
    names = {"schema": target.schema, "names": list(tables), "modes": list(modes)}
    holder = connection.execute(SQL["holder"], names).fetchone()
    connection.rollback()
    return _describe_session(holder)


def describe_lock_holder(connection: Connection, first: int, second: int) -> str:
    """Say which other session holds the advisory lock of these two keys."""
    unsigned = {"first": first, "second": second % (1 << 32)}
    return _describe_session(connection.execute(SQL["lock_holder"], unsigned).fetchone())


def _describe_session(session: Any) -> str:
    """Say which session it is: its process, role and name."""
    if session is None:
        return "another session"
    return f"process {session.pid} of role {session.role or '?'} ({session.application or 'no name'})"


def begin_reading(
    connection: Connection, target: Target, time_zone: str, timeout_s: int, *, is_snapshot: bool = False
) -> None:
    """Begin a read-only transaction for one question, or for several that see one snapshot.

    Units: `timeout_s` bounds each question, in seconds; 0 means no bound.

    Effects: the session stays read-only; its time zone is that of the question until the transaction ends.
    """
    connection.read_only = True
    if is_snapshot:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    begin(connection, target, time_zone=time_zone, timeout_s=timeout_s)
    fetch_one(connection, SQL["reading"])


def read_lock_timeout(connection: Connection) -> str:
    """Read how long a statement waits for a lock, in the form that `set_lock_timeout` takes."""
    timeout: str = fetch_one(connection, SQL["lock_timeout"]).lock_timeout
    return timeout


def set_lock_timeout(connection: Connection, timeout: str) -> None:
    """Say how long a statement waits for a lock, until the transaction ends or goes back to an earlier savepoint."""
    fetch_one(connection, SQL["set_lock_timeout"], lock_timeout=timeout)


@contextmanager
def outlive_errors(connection: Connection, *, keeps_locks: bool = True) -> Iterator[None]:
    """Keep the transaction, and with it its snapshot, alive after an error in the block.

    Effects: without `keeps_locks`, all that the block changed and locked is given up at its end, as after an error.
    Raises: the block's own error; FootfallError in place of a driver's error.
    """
    connection.execute(SQL["savepoint"])
    try:
        yield
    except BaseException as error:
        try:
            connection.execute(SQL["back_to_savepoint"])
        except psycopg.Error:
            connection.close()  # the server is gone, or a cancel came only now
        if isinstance(error, psycopg.Error):
            raise to_footfall_error(error) from error
        raise
    if not keeps_locks:
        connection.execute(SQL["back_to_savepoint"])
    connection.execute(SQL["release_savepoint"])


def take_writer_lock(connection: Connection, target: Target) -> None:
    """Take the schema's writer lock; where another writer holds it, warn and wait as long as the target says.

    Effects: the lock is held until the transaction ends. After a client was killed, its backend keeps the lock until
    the server notices that the client is gone.
    Raises: DatabaseBusyError where the lock is not granted in time.
    """
    keys = {"footfall": LOCK_CLASS, "schema": target.lock_key}
    if fetch_one(connection, SQL["try_writer_lock"], **keys).is_held:
        return
    who = describe_lock_holder(connection, LOCK_CLASS, target.lock_key)
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
    """Cancel the running statement and roll the transaction back; close the connection where that fails."""
    try:
        if not connection.closed:
            connection.cancel_safe(timeout=2)
            connection.rollback()
    except psycopg.Error:
        connection.close()
