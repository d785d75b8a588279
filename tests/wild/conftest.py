"""A database for each choice of types of ids, which the tests of a file share: making one takes as long as a load."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from wild_running import EmptyTables

TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'footfall_migrations'"


@pytest.fixture(scope="module")
def empty_tables(new_database_of_module: Callable[[], str]) -> EmptyTables:
    """Give the conninfo of a database whose tables, if it has any, are of these types of ids and hold nothing."""
    made: dict[tuple[str, ...], str] = {}

    def give(types: tuple[str, ...]) -> str:
        if types not in made:
            made[types] = new_database_of_module()
        with psycopg.connect(made[types]) as connection:
            tables = [sql.Identifier(name) for (name,) in connection.execute(TABLES)]
            if tables:
                connection.execute(sql.SQL("truncate {} restart identity").format(sql.SQL(", ").join(tables)))
        return made[types]

    return give
