"""The upgrade to version 7 of the schema: skipped rows, items, the definition of a load, ids from 0 on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from earlier import load_earlier, make_earlier
from footfall.errors import SchemaError, SettingsError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
BEFORE = 6  # version of the schema
ROWS = ["1,1,1,click,2024-01-01", "2,1,2,view,2024-01-02", "2,1,2,other,2024-01-02", "x,1,1,click,2024-01-01"]


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def do(database: str, *statements: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def upgrade(database: str) -> str:
    return schema_verb.upgrade_schema(load_settings(database_url=database))


def load(database: str, name: str) -> Any:
    (done,) = load_verb.load([name], load_settings(database_url=database)).loads
    assert (done.status, done.error) == ("loaded", None)
    return done


@pytest.mark.slow
def test_loads_and_rejected_rows_of_before_are_kept_and_proven(database: str, write_csv: Write) -> None:
    load_earlier(database, BEFORE, write_csv("a.csv", *ROWS))
    do(
        database,
        "insert into loads (source, digest, size_bytes, status, error, contract, started_at, finished_at,"
        " footfall_version) values ('b', 'd', 0, 'failed', 'why', '', now(), now(), '0')",
    )
    before = ask(database, "select load_id, line_number, raw_line, problems from rejected_interactions order by 1, 2")
    assert len(before) == 2
    assert "0007_ids_and_items.sql" in upgrade(database)
    assert ask(database, "select status, rows_read, rows_skipped, definition from loads order by load_id") == [
        ("loaded", 4, 0, "footfall"),
        ("failed", None, None, "footfall"),
    ]
    kept = "select load_id, line_number, raw_line, problems from rejected_interactions where item = 0 order by 1, 2"
    assert ask(database, kept) == before
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    done = load(database, write_csv("c.csv", "0,0,0,click,2024-01-01"))
    assert done.rows_loaded == 1
    assert ask(database, "select interaction_id, user_id, product_id from user_interactions_raw where user_id = 0") == [
        (0, 0, 0)
    ]
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_no_table_of_rows_or_counts_is_written_anew(database: str, write_csv: Write) -> None:
    load_earlier(database, BEFORE, write_csv("a.csv", *ROWS))
    names = "'user_interactions_raw', 'interactions', 'interactions_per_product', 'rejected_interactions', 'loads'"
    files = f"select relname, relfilenode from pg_class where relname in ({names}) order by 1"
    before = ask(database, files)
    upgrade(database)
    assert ask(database, files) == before
    assert len(before) == 5


@pytest.mark.slow
def test_views_of_others_stay(database: str, write_csv: Write) -> None:
    load_earlier(database, BEFORE, write_csv("a.csv", *ROWS))
    do(
        database,
        "create view mine as select user_id, count(*) as n from user_interactions_raw group by user_id",
        "create view yours as select l.rows_read, r.raw_line from loads as l join rejected_interactions as r"
        " using (load_id)",
    )
    before = [ask(database, f"select * from {view} order by 1, 2") for view in ("mine", "yours")]
    upgrade(database)
    assert [ask(database, f"select * from {view} order by 1, 2") for view in ("mine", "yours")] == before


@pytest.mark.slow
def test_what_depends_on_the_key_of_the_quarantine_is_named_with_the_cure(database: str, write_csv: Write) -> None:
    load_earlier(database, BEFORE, write_csv("a.csv", *ROWS))
    view = "create view mine as select load_id, line_number, raw_line from rejected_interactions group by 1, 2"
    do(database, view)
    with pytest.raises(SchemaError, match=r"view mine.*footfall schema apply"):
        upgrade(database)
    assert ask(database, "select max(version) from footfall_migrations") == [(BEFORE,)]
    do(database, "drop view mine")
    upgrade(database)
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.mark.slow
def test_checks_and_keys_of_other_names_are_replaced(database: str, write_csv: Write) -> None:
    load_earlier(database, BEFORE, write_csv("a.csv", *ROWS))
    do(
        database,
        "alter table user_interactions_raw rename constraint user_interactions_raw_user_id_check to mine",
        "alter table interactions rename constraint interactions_product_id_check to mine",
        "alter table rejected_interactions rename constraint rejected_interactions_pkey to mine",
        "alter table interactions_per_user drop constraint interactions_per_user_user_id_check",
        "alter table interactions_per_product drop constraint interactions_per_product_product_id_check,"
        " add constraint interactions_per_product_product_id_check check (product_id > 0) not valid",
    )
    upgrade(database)
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    assert ask(database, "select count(*) from pg_constraint where conname = 'mine'") == [(0,)]
    load(database, write_csv("c.csv", "0,0,0,click,2024-01-01"))


def test_an_upgraded_schema_is_that_of_a_first_load(new_database: Callable[[], str]) -> None:
    shape = """
        select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            col_description(c.oid, a.attnum)
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        union all
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated, null from pg_constraint
        where connamespace = 'public'::regnamespace and contype <> 'n'
        order by 1, 2"""
    old, new = new_database(), new_database()
    make_earlier(old, BEFORE)
    for database in (old, new):
        upgrade(database)
    assert ask(old, shape) == ask(new, shape)
    assert len(ask(new, shape)) > 60


def test_tables_that_are_upgraded_keep_ids_that_are_numbers(database: str) -> None:
    make_earlier(database, BEFORE)
    with pytest.raises(SettingsError, match="user_id_type"):
        schema_verb.upgrade_schema(load_settings(database_url=database, user_id_type="text"))
    assert ask(database, "select max(version) from footfall_migrations") == [(BEFORE,)]
    upgrade(database)
    assert "user_id bigint" in schema_verb.show_schema(load_settings(database_url=database))
