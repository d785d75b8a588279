"""Ask how the tables are: rights on them, size, statistics, age, objects that others made, and when loads came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements

SQL = read_statements(__name__)


def list_rights(connection: Connection, schema: str, names: list[str]) -> list[Any]:
    """List what the role may do with tables. Shape: rows with the columns of `rights`, for tables that are there."""
    return connection.execute(SQL["rights"], {"schema": schema, "names": names}).fetchall()


def read_schema(connection: Connection, schema: str) -> Any:
    """Say whether the schema is there, and what the role may do in it. Shape: a row, or None."""
    return connection.execute(SQL["schema"], {"schema": schema}).fetchone()


def list_other_schemas(connection: Connection, schema: str) -> list[str]:
    """List the other schemas of this database that hold tables of Footfall."""
    return [row.name for row in connection.execute(SQL["other_schemas"], {"schema": schema}).fetchall()]


def list_states(connection: Connection, schema: str, names: list[str]) -> list[Any]:
    """List sizes, statistics and ages of tables. Shape: rows with the columns of `states`.

    Units: `wasted_bytes` is an estimate of what vacuum full would give back, null where statistics are missing.
    """
    return connection.execute(SQL["states"], {"schema": schema, "names": names}).fetchall()


def list_invalid_indexes(connection: Connection, schema: str, names: list[str]) -> list[str]:
    """List the indexes of tables that the server does not use, or does not keep up to date."""
    rows = connection.execute(SQL["invalid_indexes"], {"schema": schema, "names": names}).fetchall()
    return [row.name for row in rows]


def list_triggers(connection: Connection, schema: str, names: list[str]) -> list[str]:
    """List triggers, rules and foreign keys that others put on tables: each load runs them."""
    rows = connection.execute(SQL["triggers"], {"schema": schema, "names": names}).fetchall()
    return [row.words for row in rows]


def list_staging_tables(connection: Connection, schema: str, alive: Iterable[str] = ()) -> list[str]:
    """List the staging tables in the schema that no transaction owns, and none of the runs with these tokens.

    Shape: names, quoted and with their schema.
    """
    values = {"schema": schema, "alive": list(alive)}
    return [row.name for row in connection.execute(SQL["staging"], values).fetchall()]


def read_rhythm(connection: Connection) -> Any:
    """Say when loads came: the age of the newest, and the gaps between runs. Shape: a row. Units: seconds."""
    return fetch_one(connection, SQL["rhythm"])


def read_quarantine(connection: Connection) -> Any:
    """Say how many rejected rows are open, and how old the oldest load with some is. Shape: a row. Units: seconds."""
    return fetch_one(connection, SQL["quarantine"])
