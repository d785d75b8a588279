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
        early = schema.list_migrations()[:version]
        if version < USER_DAYS:
            patch.setattr(counts, "KEPT", tuple(kept for kept in counts.KEPT if kept.option is None))
            patch.setattr(ids, "SQL", {name: WITHOUT_USER_PERIODS.sub("", text) for name, text in ids.SQL.items()})
        patch.setattr(schema, "list_migrations", lambda: early)
        patch.setattr(schema_verb, "list_migrations", lambda: early)
        schema_verb.upgrade_schema(load_settings(database_url=database, **settings))


def load_earlier(database: str, version: int, *files: str, **settings: Any) -> None:
    """Make the tables of a version in the schema public, and fill them with what a load of today gives."""
    make_earlier(database, version, **settings)
    _load_aside(database, *files, **settings)
    with psycopg.connect(database) as connection:
        for table in schema.list_tables():
            columns = [row[0] for row in connection.execute(COLUMNS, [table])]
            if columns:
                words = {"table": sql.Identifier(table), "columns": sql.SQL(", ").join(map(sql.Identifier, columns))}
                statement = (
                    "insert into public.{table} ({columns}) select {columns} from now.{table} on conflict do nothing"
                )
                connection.execute(sql.SQL(statement).format(**words))
        connection.execute(
            "select setval(pg_get_serial_sequence('public.loads', 'load_id'), max(load_id)) from public.loads"
        )
        connection.execute("set client_min_messages to warning")
        connection.execute("drop schema now cascade")


def count_earlier(database: str, *files: str) -> None:
    """Add the rows of files to tables of an earlier version, as a merge of then did: a key that is not found is new.

    The rows belong to load 1, whose row of the ledger counts them.
    """
    _load_aside(database, *files)
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "insert into public.user_interactions_raw "
            "select interaction_id, user_id, product_id, action, timestamp, 1 from now.user_interactions_raw"
        ).rowcount
        connection.execute(
            "update public.loads set rows_read = rows_read + %(rows)s, rows_loaded = rows_loaded + %(rows)s",
            {"rows": rows},
        )
        for kept in counts.KEPT:
            if kept.option is None:
                statement = (
                    "insert into public.{table} as k ({key}, interaction_count) "
                    "select {key}, interaction_count from now.{table} order by {key} "
                    "on conflict ({key}) do update "
                    "set interaction_count = k.interaction_count + excluded.interaction_count"
                )
                words = {"table": sql.Identifier(kept.table)}
                words["key"] = sql.SQL(", ").join(sql.Identifier(column.name) for column in kept.key)
                connection.execute(sql.SQL(statement).format(**words))
        connection.execute("set client_min_messages to warning")
        connection.execute("drop schema now cascade")


def _load_aside(database: str, *files: str, **settings: Any) -> None:
    """Load files into tables of today in the schema now."""
    done: Any = load_verb.load(list(files), load_settings(database_url=database, schema="now", **settings))
    assert [one.error for one in done.loads] == [None] * len(files)
