"""Measure the tables for metrics: each part is one cheap statement, and all see one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.postgres.transactions import set_lock_timeout
from footfall.statements import read_statements

SQL = read_statements(__name__)

LOCK_WAIT = "100ms"  # who has a table of rows for himself keeps it for long, and no scrape should wait for him


def measure_ledger(connection: Connection) -> Any:
    """Give the sums of the ledger. Shape: a row with the columns of the statement `ledger`."""
    return fetch_one(connection, SQL["ledger"])


def count_forgotten(connection: Connection) -> float:
    """Count the rows of standing loads that are no longer there, because their user was forgotten."""
    return float(fetch_one(connection, SQL["forgotten"]).rows_forgotten)


def find_newest_interaction(connection: Connection) -> float | None:
    """Give the instant of the newest interaction, None without one. Units: seconds since 1970.

    Effects: the transaction of the caller waits for locks no longer than this allows. A load into empty tables needs
    the tables of rows and counts for itself, so that the caller gives their locks up when it has the answer.
    Raises: psycopg.errors.LockNotAvailable where somebody, such as that load, has one of these tables for himself.
    """
    set_lock_timeout(connection, LOCK_WAIT)
    found: float | None = fetch_one(connection, SQL["latest"]).newest_interaction_s
    return found


def find_newest_file(connection: Connection) -> float | None:
    """Give when the newest local file that was loaded was written. Units: seconds since 1970."""
    found: float | None = fetch_one(connection, SQL["newest_file"]).newest_file_s
    return found


def count_problems(connection: Connection) -> list[Any]:
    """Count the rows of the quarantine by problem.

    Shape: rows of `code` and three numbers. `rows_rejected` counts the open rows that have this problem. `rows_open`
    and `rows_closed` count only rows of which it is the first problem, so that their sums count every row once.
    """
    return connection.execute(SQL["quarantine"]).fetchall()


def find_quarantine_key(connection: Connection) -> tuple[Any, ...]:
    """Give a key that stays the same while the quarantine does: only loads and operations change it."""
    return tuple(fetch_one(connection, SQL["quarantine_key"]))


def find_verification(connection: Connection) -> Any:
    """Give what the last recount found, or None where there was none. Shape: `drift_count` and `verified_s`."""
    return connection.execute(SQL["verification"]).fetchone()


def measure_lock(connection: Connection, lock_class: int, lock_key: int) -> Any:
    """Give who waits for the writer lock, and how long it is held. Shape: a row with the columns of `lock`."""
    return fetch_one(connection, SQL["lock"], footfall=lock_class, schema=lock_key % (1 << 32))


def measure_sizes(connection: Connection, tables: Sequence[str]) -> list[Any]:
    """Give the size of each table that nobody has locked exclusively. Shape: rows of `name` and `size_bytes`."""
    return connection.execute(SQL["sizes"], {"names": list(tables)}).fetchall()
