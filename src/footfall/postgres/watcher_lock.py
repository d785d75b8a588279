"""The lock that lets only one watcher watch a folder for a schema. A session of its own holds it.

Like the writer lock, it belongs to a transaction, so that it also works behind a pooler of transactions. The
transaction stays open but holds no snapshot, so that it does not hold vacuum back.
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
        """Check that the session is still there. Raises: DatabaseUnavailableError where it and its locks are gone."""
        with translate_driver_errors(self._connection):
            fetch_one(self._connection, SQL["still_there"])


@contextmanager
def hold_watcher_lock(where: Target, folders: Iterable[tuple[str, str]]) -> Iterator[WatcherLock]:
    """Hold the lock of each folder while the block runs. Shape: pairs of a name to show and a text that identifies it.

    Effects: a session with an open transaction.
    Raises: DatabaseBusyError naming the session that watches a folder already; DatabaseUnavailableError.
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
