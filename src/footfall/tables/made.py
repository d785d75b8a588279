"""What the migrations make, in one list, and how what is there differs from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables import counts

SQL = statements(__name__)

TYPES_IN_SERVER = {"timestamptz": "timestamp with time zone"}  # where the server says another name


def compose_expected() -> sql.Composed:
    """Give the list of what the migrations make: rows of table, kind, name and definition, as the server says it."""
    rows = (row for kept in counts.KEPT for row in _list_made(kept))
    kept_counts = sql.SQL(",\n").join(sql.SQL("({}, {}, {}, {})").format(*map(sql.Literal, row)) for row in rows)
    return compose(SQL["expected"], kept_counts=kept_counts)


def _list_made(kept: counts.KeptCount) -> Iterator[tuple[str, str, str, str]]:
    """Give what the migration of a kept count makes."""
    numbers = [column.name for column in kept.key if column.type == "bigint"] + ["interaction_count"]
    yield kept.table, "table", kept.table, "LOGGED"
    for column in kept.key:
        order = f' COLLATE "{column.collation}"' if column.collation else ""
        server_type = TYPES_IN_SERVER.get(column.type, column.type)
        yield kept.table, "column", column.name, f"{server_type}{order} NOT NULL"
    yield kept.table, "column", "interaction_count", "bigint NOT NULL"
    for name in numbers:
        yield kept.table, "check", f"{kept.table}_{name}_check", f"CHECK (({name} > 0))"
    key = ", ".join(column.name for column in kept.key)
    yield kept.table, "index", kept.key_name, f"PRIMARY KEY btree ({key})"
    if kept.has_count_index:
        yield kept.table, "index", kept.count_index_name, f"btree (interaction_count DESC, {key})"


def compose_index_definition() -> sql.Composed:
    """Give the expression of the definition of an index, to be compared with those of the list."""
    return compose(SQL["index_definition"])


def compose_found() -> sql.Composed:
    """Compose the statement that asks the catalogue for what is there of the tables of the list, in the same shape."""
    return compose(SQL["found"], expected=compose_expected(), index_definition=compose_index_definition())


def find_schema_drift(connection: Connection) -> list[Any]:
    """Ask the catalogue for all that the migrations make; give what is missing, invalid or otherwise.

    Shape: rows have key, kept, recount, drift_count, the `cure` where a statement mends it, and `is_unreadable`, the
    same for all: a column is missing or has another type.
    """
    statement = compose(SQL["drift_schema"], expected=compose_expected(), found=compose_found())
    return connection.execute(statement).fetchall()
