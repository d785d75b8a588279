"""What the migrations make, in one list, and how what is there differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables import counts
from footfall.tables.ids import guess_id_types

SQL = statements(__name__)

# Where the server says another name; text in keys has the order of its bytes.
TYPES_IN_SERVER = {"timestamptz": "timestamp with time zone", "text": 'text COLLATE "C"'}
# The check of an id, by its type; every value of a uuid is one.
CHECKS_IN_SERVER = {
    "bigint": "CHECK (({} >= 0))",
    "text": "CHECK (((char_length({}) >= 1) AND (char_length({}) <= 200)))",
}


def compose_expected(id_types: IdTypes) -> sql.Composed:
    """Give the list of what is made for ids of these types: rows of table, kind, name and definition.

    Shape: a definition is as the server says it.
    """
    return compose(
        SQL["expected"],
        ids=_join_rows(row for column in ID_COLUMNS for row in _list_id(counts.RAW, column, id_types.of(column))),
        kept_counts=_join_rows(row for kept in counts.kept_counts(id_types) for row in _list_made(kept)),
    )


def _join_rows(rows: Iterable[tuple[str, str, str, str]]) -> sql.Composed:
    return sql.SQL(",\n").join(sql.SQL("({}, {}, {}, {})").format(*map(sql.Literal, row)) for row in rows)


def _list_id(table: str, column: str, id_type: str) -> Iterator[tuple[str, str, str, str]]:
    """Give what is made of a column of ids."""
    yield table, "column", column, f"{TYPES_IN_SERVER.get(id_type, id_type)} NOT NULL"
    if id_type in CHECKS_IN_SERVER:
        check = CHECKS_IN_SERVER[id_type].replace("{}", column)
        yield table, "check", f"{table}_{column}_check", check


def _list_made(kept: counts.KeptCount) -> Iterator[tuple[str, str, str, str]]:
    """Give what the migration of a kept count makes."""
    yield kept.table, "table", kept.table, "LOGGED"
    for column in kept.key:
        if column.name in ID_COLUMNS:
            yield from _list_id(kept.table, column.name, column.type)
        else:
            yield kept.table, "column", column.name, f"{TYPES_IN_SERVER.get(column.type, column.type)} NOT NULL"
    yield kept.table, "column", "interaction_count", "bigint NOT NULL"
    yield kept.table, "check", f"{kept.table}_interaction_count_check", "CHECK ((interaction_count > 0))"
    key = ", ".join(column.name for column in kept.key)
    yield kept.table, "index", kept.key_name, f"PRIMARY KEY btree ({key})"
    if kept.has_count_index:
        yield kept.table, "index", kept.count_index_name, f"btree (interaction_count DESC, {key})"


def compose_index_definition() -> sql.Composed:
    """Give the expression of the definition of an index, to be compared with those of the list."""
    return compose(SQL["index_definition"])


def compose_found(expected: sql.Composed) -> sql.Composed:
    """Compose the statement that asks the catalogue for what is there of the tables of the list, in the same shape."""
    return compose(SQL["found"], expected=expected, index_definition=compose_index_definition())


def find_schema_drift(connection: Connection) -> list[Any]:
    """Ask the catalogue for all that the migrations make; give what is missing, invalid or otherwise.

    Shape: rows have key, kept, recount, drift_count, the `cure` where a statement mends it, and `is_unreadable`, the
    same for all: a column is missing or has another type.
    """
    expected = compose_expected(guess_id_types(connection))
    statement = compose(SQL["drift_schema"], expected=expected, found=compose_found(expected))
    return connection.execute(statement).fetchall()
