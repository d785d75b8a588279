"""Tables without rows for each test, in one database: to make a database and its tables takes longer than a load."""

from __future__ import annotations

import psycopg
from psycopg import sql

# What making the tables writes into them stays.
TABLES = """
    select tablename from pg_tables
    where schemaname = 'public'
    and tablename not in ('footfall_migrations', 'footfall_options', 'forgotten_users_key')"""
SCHEMAS = "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')"


def empty_tables(conninfo: str) -> str:
    """Empty the tables of a database, if it has any, number loads from 1 again, and drop schemas that were added."""
    with psycopg.connect(conninfo) as connection:
        tables = [sql.Identifier(name) for (name,) in connection.execute(TABLES)]
        if tables:
            connection.execute(sql.SQL("truncate {} restart identity").format(sql.SQL(", ").join(tables)))
        for (schema,) in connection.execute(SCHEMAS).fetchall():
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
    return conninfo
