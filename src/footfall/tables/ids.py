"""The types of the id columns: chosen when the tables are made, and read from the tables from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from psycopg import sql

from footfall.contract.ids import ID_COLUMNS, IdType, IdTypes
from footfall.errors import SchemaError
from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts

SQL = read_statements(__name__)

# The type names for arguments of functions. A column of text also names its collation (COLUMN_TYPES).
TYPES: dict[IdType, LiteralString] = {"bigint": "bigint", "uuid": "uuid", "text": "text"}
COLUMN_TYPES: dict[IdType, LiteralString] = TYPES | {"text": 'text collate "C"'}
LIST_TYPES: dict[IdType, LiteralString] = {"bigint": "bigint[]", "uuid": "uuid[]", "text": 'text[] collate "C"'}
TYPES_OF_SERVER: dict[str, IdType] = {"bigint": "bigint", "uuid": "uuid", 'text COLLATE "C"': "text"}
WORDS: dict[IdType, str] = {"bigint": "0 to 2^63-1", "uuid": "a UUID", "text": "text of 1 to 200 characters"}


def list_id_columns() -> Iterator[tuple[str, str]]:
    """List every column of ids as (table, column)."""
    yield from ((counts.RAW, column) for column in ID_COLUMNS)
    yield from ((kept.table, column.name) for kept in counts.KEPT for column in kept.key if column.name in ID_COLUMNS)


def find_id_types(connection: Connection) -> IdTypes:
    """Read the types of ids from the tables.

    Raises: SchemaError where the tables are missing, two tables disagree, or a type is not one that Footfall makes.
    """
    found = _read_types(connection)
    if not found:
        raise SchemaError("the tables are missing; `footfall load` makes them")
    types: dict[str, IdType] = {}
    for column in ID_COLUMNS:
        of_tables = {table: its_type for (table, name), its_type in found.items() if name == column}
        first, *others = dict.fromkeys(of_tables.values()) or [""]
        if others or first not in TYPES_OF_SERVER:
            said = ", ".join(f"{its_type} in {table}" for table, its_type in sorted(of_tables.items())) or "missing"
            raise SchemaError(f"the column {column} is {said}; Footfall did not make it so; see `footfall verify`")
        types[column] = TYPES_OF_SERVER[first]
    return IdTypes(**types)


def assert_types(connection: Connection, id_types: IdTypes) -> None:
    """Check, under the writer lock, that the tables still have the types by which the rows were judged.

    Otherwise PostgreSQL would cast in silence, for example numbers to text where the tables were made again with text.
    Raises: SchemaError.
    """
    found = find_id_types(connection)
    if found != id_types:
        raise SchemaError(
            f"the tables were made again with other ids during this load ({', '.join(found)}, and before "
            f"{', '.join(id_types)}); nothing was loaded; run the same command again"
        )


def guess_id_types(connection: Connection) -> IdTypes:
    """Guess the types of ids that the tables were made with: the first valid type of each column, else bigint."""
    found = _read_types(connection)
    types: dict[str, IdType] = {}
    for column in ID_COLUMNS:
        server_types = [found.get((table, name), "") for table, name in list_id_columns() if name == column]
        types[column] = next((TYPES_OF_SERVER[name] for name in server_types if name in TYPES_OF_SERVER), "bigint")
    return IdTypes(**types)


def _read_types(connection: Connection) -> dict[tuple[str, str], str]:
    tables, columns = zip(*list_id_columns(), strict=True)
    rows = connection.execute(SQL["types"], {"tables": list(tables), "columns": list(columns)}).fetchall()
    return {(row.relname, row.attname): row.type for row in rows}


def set_id_types(connection: Connection, id_types: IdTypes) -> None:
    """Change the id columns of new tables to these types, and make the functions and views that use them again.

    Effects: in the transaction that makes the tables. Nothing where all ids are bigint, as the migrations make them.
    """
    if id_types == IdTypes():
        return
    connection.execute(SQL["drop_dependents"])
    for table, column in list_id_columns():
        id_type = id_types.find_type(column)
        if id_type != "bigint":
            connection.execute(_compose_column("set_type", table, column, id_type))
        if id_type == "text":
            connection.execute(_compose_column("add_length_check", table, column, id_type))
        if table == counts.RAW:
            connection.execute(_compose_column("comment", table, column, id_type))
    if id_types.interaction_id != "bigint":
        its_type = sql.SQL(LIST_TYPES[id_types.interaction_id])
        connection.execute(compose(SQL["set_type_of_lists"], type=its_type))
    connection.execute(compose(SQL["create_dependents"], **name_types(id_types)))


def name_types(id_types: IdTypes) -> dict[str, sql.Composable]:
    """Give the types of ids by column, as casts and arguments of functions name them."""
    return {column: sql.SQL(TYPES[id_types.find_type(column)]) for column in ID_COLUMNS}


def name_column_types(id_types: IdTypes) -> dict[str, sql.Composable]:
    """Give the types of ids by column, as `create table` names them: text with its collation."""
    return {column: sql.SQL(COLUMN_TYPES[id_types.find_type(column)]) for column in ID_COLUMNS}


def _compose_column(statement: str, table: str, column: str, id_type: IdType) -> sql.Composed:
    end = ": the key." if column == "interaction_id" else "."
    return compose(
        SQL[statement],
        table=sql.Identifier(table),
        column=sql.Identifier(column),
        check=sql.Identifier(f"{table}_{column}_check"),
        type=sql.SQL(COLUMN_TYPES[id_type]),
        plain_type=sql.SQL(TYPES[id_type]),
        words=sql.Literal(f"Id of the {column.removesuffix('_id')}, {WORDS[id_type]}{end}"),
    )
