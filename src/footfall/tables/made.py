"""List everything that the migrations make, and find where a database differs from that list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.ids import guess_id_types

SQL = read_statements(__name__)

# Types for which the server has another name than the kept counts. Text in keys is sorted by its bytes.
TYPES_IN_SERVER = {"timestamptz": "timestamp with time zone", "text": 'text COLLATE "C"'}
# The check of an id, by its type. A uuid needs none: every value of the type is valid.
CHECKS_IN_SERVER = {
    "bigint": "CHECK (({} >= 0))",
    "text": "CHECK (((char_length({}) >= 1) AND (char_length({}) <= 200)))",
}


def compose_expected(id_types: IdTypes) -> sql.Composed:
    """Compose the list of everything that the migrations make for ids of these types.

    Shape: rows of table, kind, name and definition, the definition in the server's own words.
    """
    return compose(
        SQL["expected"],
        ids=_join_rows(
            row for column in ID_COLUMNS for row in _list_id(counts.RAW, column, id_types.find_type(column))
        ),
        ids_of_duplicates=sql.Literal(_name_array(id_types.interaction_id)),
        kept_counts=_join_rows(row for kept in counts.list_kept_counts(id_types) for row in _list_made(kept)),
    )


def _name_array(id_type: str) -> str:
    """Name the column of lists of ids as the server does."""
    return {"text": 'text[] COLLATE "C"'}.get(id_type, f"{id_type}[]") + " NOT NULL"


def _join_rows(rows: Iterable[tuple[str, str, str, str]]) -> sql.Composed:
    return sql.SQL(",\n").join(sql.SQL("({}, {}, {}, {})").format(*map(sql.Literal, row)) for row in rows)


def _list_id(table: str, column: str, id_type: str) -> Iterator[tuple[str, str, str, str]]:
    """List the column and the check that a column of ids has."""
    yield table, "column", column, f"{TYPES_IN_SERVER.get(id_type, id_type)} NOT NULL"
    if id_type in CHECKS_IN_SERVER:
        check = CHECKS_IN_SERVER[id_type].replace("{}", column)
        yield table, "check", f"{table}_{column}_check", check


def _list_made(kept: counts.KeptCount) -> Iterator[tuple[str, str, str, str]]:
    """List everything that the migration of a kept count makes."""
    yield kept.table, "table", kept.table, "LOGGED"
    for column in kept.key:
        if column.name in ID_COLUMNS:
            yield from _list_id(kept.table, column.name, column.type)
        else:
            yield kept.table, "column", column.name, f"{TYPES_IN_SERVER.get(column.type, column.type)} NOT NULL"
    yield kept.table, "column", "interaction_count", "bigint NOT NULL"
    yield kept.table, "check", f"{kept.table}_interaction_count_check", "CHECK ((interaction_count > 0))"
    for measure in kept.measures:
        yield kept.table, "column", measure.name, f"{TYPES_IN_SERVER.get(measure.type, measure.type)} NOT NULL"
    key = ", ".join(column.name for column in kept.key)
    yield kept.table, "index", kept.key_name, f"PRIMARY KEY btree ({key})"
    if kept.has_count_index:
        yield kept.table, "index", kept.count_index_name, f"btree (interaction_count DESC, {key})"


def compose_index_definition() -> sql.Composed:
    """Compose the SQL expression for the definition of an index, in the words of `compose_expected`."""
    return compose(SQL["index_definition"])


def compose_found(expected: sql.Composed) -> sql.Composed:
    """Compose the statement that reads what the catalogue has of these tables, in the shape of the expected list."""
    return compose(SQL["found"], expected=expected, index_definition=compose_index_definition())


def find_schema_drift(connection: Connection) -> list[Any]:
    """Compare the catalogue with everything that the migrations make; give what is missing, invalid or different.

    Shape: rows of key, kept, recount, drift_count, `cure` (the statement that mends it, if there is one) and
    `is_unreadable` (the same in all rows: some column is missing or has another type).
    """
    expected = compose_expected(guess_id_types(connection))
    statement = compose(SQL["drift_schema"], expected=expected, found=compose_found(expected))
    return connection.execute(statement).fetchall()
