"""Fixtures of the properties: tables that are empty again for each example."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from footfall.settings import load_settings
from footfall.tables.schema import list_tables
from footfall.verbs import schema as schema_verb


@pytest.fixture(scope="module")
def emptied_database(new_database_of_module: Callable[[], str]) -> Callable[[], str]:
    """Empty the tables of one database of the module: a new database for each example would take most of the time."""
    conninfo = new_database_of_module()
    schema_verb.schema_apply(load_settings(database_url=conninfo))
    tables = sql.SQL(", ").join(map(sql.Identifier, list_tables()))

    def empty() -> str:
        with psycopg.connect(conninfo) as connection:
            connection.execute(sql.SQL("truncate {} restart identity").format(tables))
        return conninfo

    return empty
