"""The path into empty tables: rows first, keys and counts after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg
import pyarrow as pa
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables import counts
from footfall.tables.made import compose_expected, compose_index_definition
from footfall.tables.staging import Staging, copy_table, prepare_server

SQL = statements(__name__)

EMPTY_PATH_BYTES = 4_000_000  # size of a file from which building the key after the rows pays
EMPTY_PATH_LOCK_WAIT = "200ms"  # past that somebody reads the tables, and the ordinary path does not disturb them


def is_empty(connection: Connection) -> bool:
    """Say whether there is no row in the table of rows nor in those of their counts."""
    return bool(fetch_one(connection, _compose_is_empty()).is_empty)


def _compose_is_empty() -> sql.Composed:
    return compose(SQL["is_empty"], are_empty=counts.join_tables("not exists (select from {})", "\n    and "))


def _are_plain(connection: Connection) -> bool:
    """Say whether the tables of rows and counts are as the migrations made them, and nothing else hangs on them."""
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


def _compose_each(statement: str, of: Iterable[counts.KeptCount]) -> sql.Composed:
    """Compose one statement for each of these kept counts, to be sent together."""
    return sql.SQL(";\n").join(kept.compose(SQL[statement]) for kept in of)


def open_empty_table(connection: Connection, staging: Staging) -> bool:
    """Prepare the empty tables for rows without their keys, where that can be had; say whether it was.

    Effects: under the writer lock: locks raw, counts and roll-ups exclusively, truncates them, drops the keys of raw
    and counts and the other indexes of ours, all in the transaction. Where we do not own them, do not get the lock at
    once, or they are not plainly ours alone (a trigger, a rule, another index, a publication): nothing.
    """
    if not _are_plain(connection):
        return False
    connection.execute(SQL["savepoint"])
    try:
        lock_timeout = fetch_one(connection, SQL["lock_timeout"]).lock_timeout
        fetch_one(connection, SQL["set_lock_timeout"], lock_timeout=EMPTY_PATH_LOCK_WAIT)
        connection.execute(compose(SQL["lock_empty"], tables=counts.join_tables()))
        # Both again: only now nobody can change either.
        if not (is_empty(connection) and _are_plain(connection)):
            connection.execute(SQL["back_to_savepoint"])
            return False
        connection.execute(_compose_open_empty())
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DeadlockDetected,  # another load has looked at the tables, and waits for our lock
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.DependentObjectsStillExist,
        psycopg.errors.FeatureNotSupported,
    ):
        connection.execute(SQL["back_to_savepoint"])
        return False
    connection.execute(SQL["release_savepoint"])
    fetch_one(connection, SQL["set_lock_timeout"], lock_timeout=lock_timeout)
    staging.is_direct = True
    return True


def build_raw_indexes(connection: Connection) -> None:
    """Build the key and the index of the rows that went to the empty table."""
    prepare_server(connection)
    connection.execute(SQL["build_raw_key"])
    connection.execute(SQL["build_raw_index"])


def copy_counts(connection: Connection, counted: Iterator[tuple[str, Iterator[pa.RecordBatch]]]) -> None:
    """Send the counts of the rows that went to the empty table, table by table, then build their key and indexes."""
    kept_by_table = {kept.table: kept for kept in counts.KEPT}
    for table, batches in counted:
        for batch in batches:
            copy_table(connection, kept_by_table[table].compose(SQL["copy"]), pa.Table.from_batches([batch]))
    connection.execute(compose_keys())
    connection.execute(compose_count_indexes())


def compose_keys() -> sql.Composed:
    """Compose what builds the keys that are built after their rows."""
    return _compose_each("build_key", (kept for kept in counts.KEPT if kept.is_large))


def compose_count_indexes() -> sql.Composed:
    """Compose what builds the indexes that find the highest counts."""
    return _compose_each("build_count_index", (kept for kept in counts.KEPT if kept.has_count_index))
