"""The path into empty tables is for tables that are plainly ours and alone; other loads take the ordinary one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from listening import heard_by

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
LINES = [f"{n},{n % 3 + 1},{n % 2 + 1},click,2024-01-01" for n in (2, 1, 3, 5, 4)]
TRIGGER = """
    create function act() returns trigger language plpgsql as $$ begin {body} end $$;
    create trigger act {when} on {table} {each} execute function act()"""
SHAPE = """
    select c.relname, c.relkind::text, c.relowner::regrole::text, c.relacl::text, c.reloptions::text,
        c.relpersistence::text, c.relreplident::text, pg_get_indexdef(c.oid), obj_description(c.oid, 'pg_class')
    from pg_class as c where c.relnamespace = 'public'::regnamespace order by 1"""
CONSTRAINTS = """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')
    from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2"""
COLUMNS = """
    select a.attrelid::regclass::text, a.attname, a.attstattarget, a.attoptions::text, a.attacl::text
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and c.relkind in ('r', 'i') order by 1, 2"""


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def shape(database: str) -> list[Any]:
    return [ask(database, query) for query in (SHAPE, CONSTRAINTS, COLUMNS)]


def key_ids(database: str) -> list[Any]:
    """Give the identity of every index: another one where it was built anew."""
    return ask(database, "select indexrelid::bigint from pg_index as i where indrelid in (select oid from pg_class "
               "where relnamespace = 'public'::regnamespace) order by 1")  # fmt: skip


@pytest.fixture
def tables(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with empty tables; loads of any size want the path into empty tables."""
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    return database


def load(database: str, write_csv: Write, lines: list[str] = LINES) -> tuple[LoadResult, list[str]]:
    words: list[str] = []
    settings = load_settings(database_url=database)
    return heard_by(words.append, load_verb.load, [write_csv("a.csv", *lines)], settings).loads[0], words


def assert_ordinary(database: str, write_csv: Write) -> None:
    """Load, and see that nothing of the tables was built anew, that nothing was said, and that the counts are right."""
    before, keys = shape(database), key_ids(database)
    done, words = load(database, write_csv)
    assert (done.status, done.error, done.rows_loaded, words) == ("loaded", None, 5, [])
    assert (shape(database), key_ids(database)) == (before, keys)
    drift = verify_verb.verify(load_settings(database_url=database)).drift
    assert [each for each in drift if each.check != "schema"] == []  # of an index that is gone `verify` speaks


OF_THE_OWNER = {
    "a trigger after each row": TRIGGER.format(
        table="user_interactions_raw", when="after insert", each="for each row", body="return null;"
    ),
    "a trigger before each row that changes nothing": TRIGGER.format(
        table="interactions_per_user", when="before insert or update", each="for each row", body="return new;"
    ),
    "a trigger of truncate": TRIGGER.format(
        table="interactions", when="before truncate", each="for each statement", body="raise 'never';"
    ),
    "a trigger that is switched off": TRIGGER.format(
        table="interactions", when="after insert", each="for each row", body="return null;"
    )
    + "; alter table interactions disable trigger act",
    "another index": "create index mine on user_interactions_raw (user_id)",
    "another index of a roll-up": "create index mine on interactions_per_quarter_hour (action)",
    "another key": "alter table interactions_per_user add constraint mine unique (user_id)",
    "an index of ours with another storage parameter": "alter index user_interactions_raw_timestamp_idx set "
    "(pages_per_range = 128)",
    "an index of ours without a storage parameter": "alter index user_interactions_raw_timestamp_idx reset "
    "(autosummarize)",
    "an index of ours in another order": "drop index interactions_per_user_count_idx; "
    "create index interactions_per_user_count_idx on interactions_per_user (interaction_count, user_id)",
    "an index of ours with another column": "drop index interactions_per_product_count_idx; create index "
    "interactions_per_product_count_idx on interactions_per_product (interaction_count desc, product_id) "
    "include (interaction_count)",
    "an index of ours on some rows": "drop index interactions_per_user_count_idx; create index "
    "interactions_per_user_count_idx on interactions_per_user (interaction_count desc, user_id) where user_id > 1",
    "an index of ours that is gone": "drop index user_interactions_raw_timestamp_idx",
    "a fill factor of an index": "alter index interactions_pkey set (fillfactor = 70)",
    "a remark on an index": "comment on index user_interactions_raw_pkey is 'mine'",
    "a remark on a key": "comment on constraint interactions_pkey on interactions is 'mine'",
    "a key with another column": "alter table user_interactions_raw drop constraint user_interactions_raw_pkey; "
    "alter table user_interactions_raw add constraint user_interactions_raw_pkey primary key (interaction_id) "
    "include (user_id)",
    "a table that inherits": "create table mine () inherits (interactions)",
    "a table of which it inherits": "create table mine (interaction_count bigint); "
    "alter table interactions_per_user inherit mine",
    "row security": "alter table user_interactions_raw enable row level security",
    "another replica identity": "alter table interactions replica identity full",
    "an unlogged table": "alter table interactions_per_user set unlogged",
    "a publication of one table": "create publication mine for table interactions_per_product",
}
OF_THE_ADMINISTRATOR = {
    "a publication of all tables": "create publication mine for all tables",
    "a publication of a schema": "create publication mine for tables in schema public",
    "an event trigger": "create function see() returns event_trigger language plpgsql as $$ begin "
    "if session_user = 'owner' then raise 'no change of tables here'; end if; end $$; "
    "create event trigger see on ddl_command_start execute function see()",
}


@pytest.mark.parametrize("statement", OF_THE_OWNER.values(), ids=OF_THE_OWNER)
def test_what_somebody_put_on_the_tables_keeps_the_empty_path_off(
    tables: str, write_csv: Write, statement: str
) -> None:
    with psycopg.connect(tables) as connection:
        connection.execute(statement)
    assert_ordinary(tables, write_csv)


@pytest.mark.parametrize("statement", OF_THE_ADMINISTRATOR.values(), ids=OF_THE_ADMINISTRATOR)
def test_what_an_administrator_put_on_the_database_keeps_the_empty_path_off(
    cluster: Any, tables: str, write_csv: Write, statement: str
) -> None:
    with psycopg.connect(make_conninfo(cluster.admin, dbname=conninfo_to_dict(tables)["dbname"])) as connection:
        if "in schema" in statement and connection.info.server_version < 150000:
            pytest.skip("PostgreSQL 14 publishes no schema")
        connection.execute(statement)
    if "event" in statement:  # temporary tables are tables, too: nothing can be loaded beside such a trigger
        keys = key_ids(tables)
        done, _ = load(tables, write_csv)
        assert (done.status, key_ids(tables)) == ("failed", keys)
        assert "no change of tables here" in (done.error or "")
        return
    assert_ordinary(tables, write_csv)


def test_a_tablespace_of_the_session_keeps_the_empty_path_off(tables: str, write_csv: Write) -> None:
    keys = key_ids(tables)
    done, _ = load(make_conninfo(tables, options="-c default_tablespace=pg_default"), write_csv)
    assert (done.status, key_ids(tables)) == ("loaded", keys)


def test_what_comes_between_the_look_and_the_lock_is_seen(
    tables: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looks = first_load.are_plain, []

    def are_plain(connection: Any) -> bool:
        looks.append(real(connection))
        if len(looks) == 1:
            with psycopg.connect(tables) as other:
                other.execute("create index mine on user_interactions_raw (user_id)")
        return looks[-1]

    monkeypatch.setattr(first_load, "are_plain", are_plain)
    done, words = load(tables, write_csv)
    assert (looks, done.status, words) == ([True, False], "loaded", [])
    assert ask(tables, "select count(*) from pg_indexes where indexname = 'mine'") == [(1,)]


KEPT = (
    "alter table user_interactions_raw set (fillfactor = 80, autovacuum_enabled = off)",
    "alter table interactions add constraint mine check (interaction_count < 1000)",
    "alter table user_interactions_raw alter column action set statistics 10",
    "create statistics mine on user_id, product_id from user_interactions_raw",
    "grant select on interactions to public",
    "grant select (action) on user_interactions_raw to public",
    "comment on table interactions is 'mine'",
    "create view mine_too as select user_id from interactions",
)


def test_what_does_not_hang_on_keys_is_kept_by_the_empty_path(tables: str, write_csv: Write) -> None:
    with psycopg.connect(tables) as connection:
        for statement in KEPT:
            connection.execute(statement)
    before, keys = shape(tables), key_ids(tables)
    statistics = "select stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext"
    defined = ask(tables, statistics)
    assert load(tables, write_csv)[0].status == "loaded"
    assert key_ids(tables) != keys  # or the empty path was not taken, and this test proves nothing
    assert (shape(tables), ask(tables, statistics)) == (before, defined)


# triggers and rules on the ordinary path


SKIPS = "if new.user_id = 2 then return null; end if; return new;"
CHANGES = "new.action := 'seen'; return new;"


def test_a_trigger_that_skips_rows_ends_the_load_and_nothing_is_loaded(tables: str, write_csv: Write) -> None:
    words = {"table": "user_interactions_raw", "when": "before insert", "each": "for each row", "body": SKIPS}
    with psycopg.connect(tables) as connection:
        connection.execute(TRIGGER.format(**words))
    done, _ = load(tables, write_csv)
    assert (done.status, done.exit_code) == ("failed", 1)
    assert "Does something else write these tables?" in (done.error or "")
    assert ask(tables, "select from user_interactions_raw") == ask(tables, "select from interactions") == []


def test_a_rule_ends_the_load_and_nothing_is_loaded(tables: str, write_csv: Write) -> None:
    with psycopg.connect(tables) as connection:
        connection.execute("create rule mine as on insert to user_interactions_raw do instead nothing")
    done, _ = load(tables, write_csv)
    assert done.status == "failed"
    assert 'INSERT RETURNING on relation "user_interactions_raw"' in (done.error or "")
    assert ask(tables, "select from user_interactions_raw") == ask(tables, "select from interactions") == []


def test_a_trigger_that_changes_rows_is_counted_as_it_leaves_them(tables: str, write_csv: Write) -> None:
    words = {"table": "user_interactions_raw", "when": "before insert", "each": "for each row", "body": CHANGES}
    with psycopg.connect(tables) as connection:
        connection.execute(TRIGGER.format(**words))
    assert load(tables, write_csv)[0].status == "failed"  # rows out of order are compared with what is there
    assert ask(tables, "select from user_interactions_raw") == ask(tables, "select from interactions") == []
    assert load(tables, write_csv, sorted(LINES))[0].rows_loaded == 5
    assert ask(tables, "select action, interaction_count from interactions_per_quarter_hour") == [("seen", 5)]
    assert verify_verb.verify(load_settings(database_url=tables)).drift == ()


def test_a_trigger_that_skips_counts_is_found_by_verify(tables: str, write_csv: Write) -> None:
    words = {"table": "interactions", "when": "before insert", "each": "for each row", "body": SKIPS}
    with psycopg.connect(tables) as connection:
        connection.execute(TRIGGER.format(**words))
    assert load(tables, write_csv)[0].status == "loaded"
    assert {each.check for each in verify_verb.verify(load_settings(database_url=tables)).drift} == {"interactions"}
