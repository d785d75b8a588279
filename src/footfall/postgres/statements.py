"""Fill identifiers into statements, and run statements that give one row."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import sql

from footfall.errors import FootfallError
from footfall.postgres.target import Connection


def compose(statement: LiteralString, /, **identifiers: sql.Composable) -> sql.Composed:
    """Put identifiers, quoted by psycopg, into a statement."""
    return sql.SQL(statement).format(**identifiers)


def fetch_one(connection: Connection, statement: LiteralString | sql.Composed, /, **values: Any) -> Any:
    """Run a statement that gives one row, and give that row. Raises: FootfallError where it gives none."""
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise FootfallError(f"this statement gave no row: {statement}")
    return row
