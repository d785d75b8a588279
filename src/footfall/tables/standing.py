"""How the ledger stands: its sums, what is open, which problems rejected rows have, and a digest of its state."""

from __future__ import annotations

from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements

SQL = statements(__name__)


def sum_ledger(connection: Connection) -> Any:
    """Give the ledger in one row. Shape: the columns of the statement `sums`."""
    return fetch_one(connection, SQL["sums"])


def find_kept(connection: Connection, time_zone: str) -> Any:
    """Say what the counts hold, and where the data end. Shape: the columns of the statement `kept`."""
    return fetch_one(connection, SQL["kept"], time_zone=time_zone)


def list_open_failures(connection: Connection, limit: int) -> list[Any]:
    """List the files of which nothing is loaded, the newest attempt first."""
    return connection.execute(SQL["open_failures"], {"limit": limit}).fetchall()


def list_problems(connection: Connection, limit: int) -> list[Any]:
    """List the problems of rejected rows, the most frequent first."""
    return connection.execute(SQL["problems"], {"limit": limit}).fetchall()
