"""Load into empty tables: send the rows first, and build keys and counts after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg
import pyarrow as pa
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.postgres.transactions import read_lock_timeout, set_lock_timeout
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.made import compose_expected, compose_index_definition
from footfall.tables.staging import Staging, copy_table, prepare_server

SQL = read_statements(__name__)

EMPTY_PATH_BYTES = 4_000_000  # bytes of the files; from this size on, it is faster to build the key after the rows
EMPTY_PATH_LOCK_WAIT = "200ms"  # if the lock takes longer, somebody reads; the ordinary path then blocks no readers


def is_empty(connection: Connection) -> bool:
    """Say whether the table of rows and all tables of counts are empty."""
    return bool(fetch_one(connection, _compose_is_empty()).is_empty)


def _compose_is_empty() -> sql.Composed:
    return compose(SQL["is_empty"], are_empty=counts.join_tables("not exists (select from {})", "\n    and "))


def are_plain(connection: Connection) -> bool:
    """Say whether the tables are as the migrations made them, and no other object depends on them."""
    row = connection.execute(_compose_are_plain()).fetchone()
    return bool(row and row.are_plain)


def _compose_are_plain() -> sql.Composed:
    return compose(
        SQL["are_plain"],
        tables=counts.join_names("{}::pg_catalog.regclass::oid"),
        table_count=sql.Literal(len(counts.list_tables())),
        expected=compose_expected(IdTypes()),  # indexes are the same whatever the ids are
        index_definition=compose_index_definition(),
    )


def _compose_open_empty() -> sql.Composed:
    indexes = ["user_interactions_raw_timestamp_idx"]
    indexes += [kept.count_index_name for kept in counts.KEPT if kept.has_count_index]
    return compose(
        SQL["open_empty"],
        tables=counts.join_tables(),
        drop_keys=_compose_each("drop_key", (kept for kept in counts.KEPT if kept.is_large)),
        indexes=sql.SQL(", ").join(map(sql.Identifier, indexes)),
    )


def _compose_each(statement: str, kept_counts: Iterable[counts.KeptCount]) -> sql.Composed:
    """Compose one statement for each of these kept counts, to be sent together."""
    return sql.SQL(";\n").join(kept.compose(SQL[statement]) for kept in kept_counts)


def open_empty_table(connection: Connection, staging: Staging) -> bool:
    """Drop the keys and indexes of the empty tables, so that rows can be sent fast; say whether that was possible.

    It is not possible where the role does not own the tables, where the exclusive lock is not granted at once, or where
    the tables have something that Footfall did not make (a trigger, a rule, another index, a publication).
    Effects: under the writer lock and in the transaction of the caller, locks raw, counts and roll-ups exclusively,
    truncates them, and drops the keys of raw and counts and our other indexes. Nothing if it gives False.
    """
    if not are_plain(connection):
        return False
    connection.execute(SQL["savepoint"])
    try:
        lock_timeout = read_lock_timeout(connection)
        set_lock_timeout(connection, EMPTY_PATH_LOCK_WAIT)
        connection.execute(compose(SQL["lock_empty"], tables=counts.join_tables()))
        # Check both again, since only now, under the exclusive lock, nobody else can change them.
        if not (is_empty(connection) and are_plain(connection)):
            connection.execute(SQL["back_to_savepoint"])
            return False
        connection.execute(_compose_open_empty())
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DeadlockDetected,  # another load read the tables and waits for our writer lock
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.DependentObjectsStillExist,
        psycopg.errors.FeatureNotSupported,
    ):
        connection.execute(SQL["back_to_savepoint"])
        return False
    connection.execute(SQL["release_savepoint"])
    set_lock_timeout(connection, lock_timeout)
    staging.is_direct = True
    return True


def build_raw_indexes(connection: Connection) -> None:
    """Build the key and the index of the rows that went to the empty table."""
    prepare_server(connection)
    connection.execute(SQL["build_raw_key"])
    connection.execute(SQL["build_raw_index"])


def copy_counts(connection: Connection, counted: Iterator[tuple[str, Iterator[pa.RecordBatch]]]) -> None:
    """Send the counts of the rows that went to the empty table, table by table, then build their keys and indexes."""
    kept_by_table = {kept.table: kept for kept in counts.KEPT}
    for table, batches in counted:
        for batch in batches:
            copy_table(connection, kept_by_table[table].compose(SQL["copy"]), pa.Table.from_batches([batch]))
    connection.execute(compose_keys())
    connection.execute(compose_count_indexes())


def compose_keys() -> sql.Composed:
    """Compose the statements that build the keys of the large tables of counts, after their rows."""
    return _compose_each("build_key", (kept for kept in counts.KEPT if kept.is_large))


def compose_count_indexes() -> sql.Composed:
    """Compose the statements that build the indexes by which the highest counts are found."""
    return _compose_each("build_count_index", (kept for kept in counts.KEPT if kept.has_count_index))
