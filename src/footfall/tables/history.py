"""Read the ledger for people: sums, one load with what became of its rows, who is writing."""

from __future__ import annotations

from typing import Any, Literal

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.results import Table
from footfall.statements import read_statements

SQL = read_statements(__name__)

Listed = Literal["loads", "figures", "overlaps", "problems", "days", "running"]


def find_rights(connection: Connection) -> Any:
    """Say what the role may read beside the counts. Shape: a row with the columns of `rights`."""
    return fetch_one(connection, SQL["rights"])


def summarize(connection: Connection) -> Any:
    """Give the ledger's sums. Shape: a row with the columns of `summary`."""
    return fetch_one(connection, SQL["summary"])


def find_kept(connection: Connection, time_zone: str) -> Any:
    """Say how many interactions the counts hold, and between which days. Shape: a row with the columns of `kept`."""
    return fetch_one(connection, SQL["kept"], time_zone=time_zone)


def find_state(connection: Connection) -> str:
    """Give a digest that is the same as long as no load came or went."""
    return str(fetch_one(connection, SQL["state"]).state)


def find_load(connection: Connection, load_id: int) -> Any:
    """Give one load, or None where the ledger has none of that number."""
    return connection.execute(SQL["load"], {"load_id": load_id}).fetchone()


def list_open_failures(connection: Connection, limit: int) -> list[Any]:
    """List the files of which nothing is loaded, the newest attempt first.

    Shape: rows of `source`, `error` and `files`, the number of all such files.
    """
    return connection.execute(SQL["open_failures"], {"limit": limit}).fetchall()


def count_open_failures(connection: Connection) -> int:
    """Count the files of which nothing is loaded, since their last attempt failed."""
    found = list_open_failures(connection, 1)
    return int(found[0].files) if found else 0


def count_rejected(connection: Connection, load_id: int | None) -> Any:
    """Count rejected rows that are open and closed, of a load or of all. Shape: a row of `rows_open`, `rows_closed`."""
    return fetch_one(connection, SQL["rejected_states"], load_id=load_id)


def list_history(connection: Connection, what: Listed, **values: Any) -> Table:
    """List one kind: loads, their figures without names, overlaps, problems or days of a load, or who writes now."""
    cursor = connection.execute(SQL[what], values)
    columns = tuple(column.name for column in cursor.description or ())
    return Table(columns, tuple(tuple(row) for row in cursor.fetchall()))
