"""The lock that lets one watcher alone watch a folder for a schema: held in a session of its own.

It is a lock of a transaction, as the writer lock is, so that it works behind a pooler of transactions, too. The
transaction stays open and holds no snapshot, so it keeps vacuum from nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from footfall.errors import DatabaseBusyError
from footfall.postgres.connection import hold_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, describe_lock_holder
from footfall.statements import read_statements

SQL = read_statements(__name__)

WATCHERS = 0x666F6F77  # "foow": the first key of these locks


class WatcherLock:
    """The locks of one watcher, and the session that holds them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """See that the session is still there. Raises: DatabaseUnavailableError, where the locks are gone with it."""
        with translate_driver_errors(self._connection):
            fetch_one(self._connection, SQL["still_there"])


@contextmanager
def hold_watcher_lock(where: Target, folders: Iterable[tuple[str, str]]) -> Iterator[WatcherLock]:
    """Hold the lock of each folder while the block runs. Shape: names to be shown, and what tells a folder from others.

    Effects: a session with an open transaction.
    Raises: DatabaseBusyError with the session that watches a folder already; DatabaseUnavailableError.
    """
    with hold_session(where) as connection:
        begin(connection, where)
        for name, identity in folders:
            key = zlib.crc32(f"{where.schema}\0{identity}".encode("utf-8", "surrogateescape")) - (1 << 31)
            if not fetch_one(connection, SQL["try_watcher_lock"], watchers=WATCHERS, folder=key).is_held:
                holder = describe_lock_holder(connection, WATCHERS, key)
                raise DatabaseBusyError(
                    f"{holder} watches it already for schema {where.schema!r} of this database; end that one first",
                    source=name,
                )
        yield WatcherLock(connection)
