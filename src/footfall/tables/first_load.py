"""The path into empty tables: rows first, keys and counts after them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pyarrow as pa

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables.staging import Staging, copy_table, prepare_server

SQL = statements(__name__)

EMPTY_PATH_BYTES = 4_000_000  # size of a file from which building the key after the rows pays
EMPTY_PATH_LOCK_WAIT = "200ms"  # past that somebody reads the tables, and the ordinary path does not disturb them


def open_empty_table(connection: Connection, staging: Staging) -> bool:
    """Prepare the empty tables for rows without their keys, where that can be had; say whether it was.

    Effects: under the writer lock: locks raw, counts and roll-ups exclusively, truncates them, drops the keys of raw
    and counts and the other indexes of ours, all in the transaction. Where we do not own them, do not get the lock at
    once, or they are not plainly ours alone (a trigger, a rule, another index, a publication): nothing.
    """
    if not fetch_one(connection, SQL["are_plain"]).are_plain:
        return False
    connection.execute(SQL["savepoint"])
    try:
        lock_timeout = fetch_one(connection, SQL["lock_timeout"]).lock_timeout
        fetch_one(connection, SQL["set_lock_timeout"], lock_timeout=EMPTY_PATH_LOCK_WAIT)
        connection.execute(SQL["lock_empty"])
        # Both again: only now nobody can change either.
        if not (fetch_one(connection, SQL["is_empty"]).is_empty and fetch_one(connection, SQL["are_plain"]).are_plain):
            connection.execute(SQL["back_to_savepoint"])
            return False
        connection.execute(SQL["open_empty"])
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


def copy_counts(connection: Connection, counts: Iterator[tuple[str, Iterator[pa.RecordBatch]]]) -> None:
    """Send the counts of the rows that went to the empty table, table by table, then build their key and indexes."""
    for table, batches in counts:
        for batch in batches:
            copy_table(connection, SQL[f"copy_{table}"], pa.Table.from_batches([batch]))
    connection.execute(SQL["build_interactions_key"])
    connection.execute(SQL["build_count_indexes"])
