"""Tables of an earlier version with the rows of files, as the Footfall of then left them."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from psycopg import sql

from footfall.settings import load_settings
from footfall.tables import counts, ids, schema
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

USER_DAYS = 9  # version of the schema
WITHOUT_USER_PERIODS = re.compile(
    r"^create function user_periods\(.*?^comment on function user_periods.*?;$|^ +user_periods\(.*?\),$",
    re.MULTILINE | re.DOTALL,
)
COLUMNS = """
    select column_name from information_schema.columns
    where table_name = %s and table_schema in ('public', 'now') group by 1 having count(*) = 2"""


def make_earlier(database: str, version: int, **settings: Any) -> None:
    """Make the tables of a version in the schema public; `settings` may name types of ids."""
    with pytest.MonkeyPatch.context() as patch:
        early = schema.migrations()[:version]
        if version < USER_DAYS:
            patch.setattr(counts, "KEPT", tuple(kept for kept in counts.KEPT if kept.option is None))
            patch.setattr(ids, "SQL", {name: WITHOUT_USER_PERIODS.sub("", text) for name, text in ids.SQL.items()})
        patch.setattr(schema, "migrations", lambda: early)
        patch.setattr(schema_verb, "migrations", lambda: early)
        schema_verb.schema_apply(load_settings(database_url=database, **settings))


def load_earlier(database: str, version: int, *files: str, **settings: Any) -> None:
    """Make the tables of a version in the schema public, and fill them with what a load of today gives."""
    make_earlier(database, version, **settings)
    done: Any = load_verb.load(list(files), load_settings(database_url=database, schema="now", **settings))
    assert [one.error for one in done.loads] == [None] * len(files)
    with psycopg.connect(database) as connection:
        for table in schema.list_tables():
            columns = [row[0] for row in connection.execute(COLUMNS, [table])]
            if columns:
                words = {"table": sql.Identifier(table), "columns": sql.SQL(", ").join(map(sql.Identifier, columns))}
                statement = "insert into public.{table} ({columns}) select {columns} from now.{table}"
                connection.execute(sql.SQL(statement).format(**words))
        connection.execute(
            "select setval(pg_get_serial_sequence('public.loads', 'load_id'), max(load_id)) from public.loads"
        )
        connection.execute("set client_min_messages to warning")
        connection.execute("drop schema now cascade")
