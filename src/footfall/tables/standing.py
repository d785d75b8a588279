"""How the tables stand: a digest of the ledger's state, where the data end, and which files are not loaded yet."""

from __future__ import annotations

from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements

SQL = statements(__name__)


def find_state(connection: Connection) -> str:
    """Give a digest that is the same as long as no load came or went."""
    return str(fetch_one(connection, SQL["state"]).state)


def find_ends(connection: Connection, time_zone: str) -> Any:
    """Say where the data begin and end. Shape: `first_at` and `last_at`, local times, None without interactions."""
    return fetch_one(connection, SQL["ends"], time_zone=time_zone)


def list_open_failures(connection: Connection, limit: int) -> list[Any]:
    """List the files of which nothing is loaded, the newest attempt first. Shape: rows of `source` and `error`."""
    return connection.execute(SQL["open_failures"], {"limit": limit}).fetchall()
