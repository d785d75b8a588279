"""A database that somebody named: rights, passwords, conninfo of every kind, tables in the way, the schema verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from command_line import run
from footfall.errors import DatabaseUnavailableError, SchemaError, SettingsError
from footfall.postgres.addresses import spell_out
from footfall.settings import load_settings
from footfall.tables import schema
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

LATEST = len(schema.list_migrations())
ROW = "1,1,1,click,2024-01-01"
Write = Callable[..., str]


def ask(database: str, query: str, *values: object) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query, values).fetchall()


def apply(database: str) -> str:
    return schema_verb.upgrade_schema(load_settings(database_url=database))


@pytest.fixture
def asks_for_password(cluster: Any) -> Iterator[Callable[[str], None]]:
    """Make the server want a password of one role, until the test ends."""
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        row = connection.execute("show hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text()

        def reload() -> None:
            """Let the server read its files again, and wait until a new session shows that it did."""
            when = "select pg_conf_load_time()"
            (earlier,) = connection.execute(when).fetchone() or (None,)
            connection.execute("select pg_reload_conf()")
            loaded = earlier
            while loaded == earlier:
                with psycopg.connect(cluster.admin) as fresh:
                    (loaded,) = fresh.execute(when).fetchone() or (None,)

        def protect(role: str) -> None:
            rules.write_text(f"local all {role} scram-sha-256\n{before}")
            reload()

        yield protect
        rules.write_text(before)
        connection.execute("select pg_reload_conf()")


# rights and passwords


def test_a_role_that_may_not_create_tables_is_told_who_can_help(
    database: str, new_role: Callable[..., str], write_csv: Write
) -> None:
    conninfo = new_role()
    with psycopg.connect(database) as connection:
        connection.execute("create schema closed")
    with pytest.raises(SchemaError, match="footfall schema apply") as caught:
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=conninfo, schema="closed"))
    assert caught.value.exit_code == 6


def test_a_role_that_may_only_read_gets_a_failed_load_with_a_cure(
    database: str, new_role: Callable[..., str], write_csv: Write
) -> None:
    apply(database)
    conninfo = new_role(
        "grant usage on schema public to {role}", "grant select on all tables in schema public to {role}"
    )
    (done,) = load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=conninfo)).loads
    assert (done.status, done.exit_code) == ("failed", 6)
    assert "ask its owner" in (done.error or "")
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]


def test_a_role_that_may_not_even_see_the_tables_is_told_so(
    database: str, new_role: Callable[..., str], write_csv: Write
) -> None:
    apply(database)
    with pytest.raises(SchemaError, match="lacks a right"):
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=new_role()))


def test_a_wrong_password_is_exit_5_and_never_shown(
    new_role: Callable[..., str], asks_for_password: Callable[[str], None], write_csv: Write
) -> None:
    known = conninfo_to_dict(new_role())
    asks_for_password(str(known["user"]))
    wrong = make_conninfo("", **(known | {"password": "wr0ng-secret"}))
    done = run("load", write_csv("a.csv", ROW), "--database", wrong, "-v")
    assert done.returncode == 5
    assert "refused the connection" in done.stderr
    assert "wr0ng-secret" not in done.stdout + done.stderr


def test_a_right_password_opens_the_database(
    database: str, new_role: Callable[..., str], asks_for_password: Callable[[str], None]
) -> None:
    apply(database)
    known = conninfo_to_dict(new_role("grant select on all tables in schema public to {role}"))
    asks_for_password(str(known["user"]))
    right = make_conninfo("", **(known | {"password": "hunter2"}))
    assert verify_verb.verify(load_settings(database_url=right)).drift == ()


# where the server is


@pytest.mark.parametrize("conninfo", ["postgresql://me:s3cret@127.0.0.1:1/x", "host=/nowhere dbname=x password=s3cret"])
def test_a_server_that_is_not_there_is_exit_5_without_the_password(conninfo: str, write_csv: Write) -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=conninfo))
    assert caught.value.exit_code == 5
    assert "s3cret" not in caught.value.message


def test_a_database_that_is_not_there_is_exit_5(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=make_conninfo(database, dbname="nowhere"))
    with pytest.raises(DatabaseUnavailableError, match="database name"):
        load_verb.load([write_csv("a.csv", ROW)], settings)


def test_a_conninfo_that_libpq_cannot_read_is_exit_2() -> None:
    with pytest.raises(SettingsError, match="--database"):
        verify_verb.verify(load_settings(database_url="hos=x"))


def test_a_database_that_is_not_utf8_is_refused(cluster: Any, write_csv: Write) -> None:
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute("create database test_latin1 encoding 'LATIN1' locale 'C' template template0")
        try:
            settings = load_settings(database_url=make_conninfo(cluster.admin, dbname="test_latin1"))
            with pytest.raises(SettingsError, match="needs UTF8"):
                load_verb.load([write_csv("a.csv", ROW)], settings)
        finally:
            connection.execute("drop database test_latin1 with (force)")


def test_a_url_with_a_socket_folder_is_passed_on_unparsed(database: str, write_csv: Write) -> None:
    known = conninfo_to_dict(database)
    url = f"postgresql:///{known['dbname']}?host={known['host']}&user={known['user']}"
    if known.get("port"):
        url += f"&port={known['port']}"
    assert load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=url)).rows_loaded == 1


def test_key_value_conninfo_is_passed_on_unparsed(database: str, write_csv: Write) -> None:
    done = run("load", write_csv("a.csv", ROW), "--database", database, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


def test_without_a_setting_the_variables_of_libpq_name_the_database(database: str, write_csv: Write) -> None:
    known = {name: str(text) for name, text in conninfo_to_dict(database).items() if text}
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    variables = {names[name]: text for name, text in known.items() if name in names}
    done = run("load", write_csv("a.csv", ROW), "-q", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


def test_without_a_setting_a_service_names_the_database(database: str, write_csv: Write, tmp_path: Path) -> None:
    lines = "".join(f"{name}={text}\n" for name, text in conninfo_to_dict(database).items() if text)
    (tmp_path / "services").write_text(f"[here]\n{lines}")
    done = run("load", write_csv("a.csv", ROW), "-q", PGSERVICE="here", PGSERVICEFILE=str(tmp_path / "services"))
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


def test_an_address_by_service_means_the_same_where_there_is_no_service_file(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"{name}={text}\n" for name, text in conninfo_to_dict(database).items() if text)
    (tmp_path / "services").write_text(f"[here]\n{lines}")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    asked = "select current_database(), current_user::text"
    found = ask("service=here", asked)
    spelled_out = spell_out("service=here")
    (tmp_path / "services").unlink()
    assert ask(spelled_out, asked) == found == ask(database, asked)


def test_the_option_comes_before_the_variables_of_libpq(database: str, write_csv: Write) -> None:
    done = run("load", write_csv("a.csv", ROW), "-q", "--database", database, PGDATABASE="nowhere")
    assert done.returncode == 0


# tables in the way


@pytest.mark.parametrize("verb", ["load", "schema apply", "verify"])
def test_tables_of_our_names_that_are_not_ours_are_refused_and_left_alone(
    database: str, write_csv: Write, verb: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table interactions (user_id int, product_id int, interaction_count int)")
        connection.execute("insert into interactions values (1, 2, 3)")
    settings = load_settings(database_url=database)
    with pytest.raises(SchemaError, match="choose another schema") as caught:
        if verb == "load":
            load_verb.load([write_csv("a.csv", ROW)], settings)
        elif verb == "verify":
            verify_verb.verify(settings)
        else:
            schema_verb.upgrade_schema(settings)
    assert caught.value.exit_code == 6
    assert ask(database, "select * from interactions") == [(1, 2, 3)]
    assert ask(database, "select tablename from pg_tables where schemaname = 'public'") == [("interactions",)]


def test_another_schema_is_free_where_public_is_taken(database: str, write_csv: Write) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table interactions (user_id int)")
    settings = load_settings(database_url=database, schema="footfall")
    assert load_verb.load([write_csv("a.csv", ROW)], settings).rows_loaded == 1


def test_tables_of_a_later_footfall_are_refused(database: str, write_csv: Write) -> None:
    apply(database)
    with psycopg.connect(database) as connection:
        connection.execute("insert into footfall_migrations values (999, '0999_later.sql')")
    with pytest.raises(SchemaError, match="later Footfall"):
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=database))


def test_a_table_that_somebody_dropped_is_missed(database: str, write_csv: Write) -> None:
    apply(database)
    with psycopg.connect(database) as connection:
        connection.execute("drop table load_overlaps")
    with pytest.raises(SchemaError, match="load_overlaps is missing"):
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=database))


# schema show, apply, grant


def test_verify_without_tables_is_exit_6(database: str) -> None:
    with pytest.raises(SchemaError, match="run `footfall schema apply`"):
        verify_verb.verify(load_settings(database_url=database))


def test_show_says_whether_the_tables_are_there_and_creates_nothing(database: str) -> None:
    settings = load_settings(database_url=database)
    assert "not there yet" in schema_verb.show_schema(settings)
    assert ask(database, "select count(*) from pg_tables where schemaname = 'public'") == [(0,)]
    apply(database)
    shown = schema_verb.show_schema(settings)
    assert f"at version {len(schema.list_migrations())}" in shown
    assert "create table user_interactions_raw" in shown


def test_apply_twice_changes_nothing_the_second_time(database: str) -> None:
    assert "0001_tables.sql" in apply(database)
    before = ask(database, "select * from footfall_migrations")
    assert "nothing to do" in apply(database)
    assert ask(database, "select * from footfall_migrations") == before


def test_apply_creates_the_schema_where_there_is_none(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database, schema="new one"))
    assert ask(database, "select count(*) from pg_tables where schemaname = 'new one'") == [(16,)]


def test_tables_out_of_date_are_exit_6_for_a_load(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(database)
    later = (*schema.list_migrations(), (LATEST + 1, "more.sql", "create table more (id int)"))
    monkeypatch.setattr(schema, "list_migrations", lambda: later)
    with pytest.raises(SchemaError, match="footfall schema apply"):
        load_verb.load([write_csv("a.csv", ROW)], load_settings(database_url=database))


def test_apply_upgrades_tables_that_are_out_of_date(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(database)
    later = (*schema.list_migrations(), (LATEST + 1, "more.sql", "create table more (id int)"))
    monkeypatch.setattr(schema, "list_migrations", lambda: later)
    monkeypatch.setattr(schema_verb, "list_migrations", lambda: later)
    assert apply(database).endswith("applied more.sql")
    assert ask(database, "select max(version) from footfall_migrations") == [(LATEST + 1,)]


@pytest.mark.slow
def test_eight_first_loads_at_once_make_the_tables_once(database: str, write_csv: Write) -> None:
    names = [write_csv(f"{n}.csv", f"{n},1,1,click,2024-01-01") for n in range(1, 9)]
    settings = load_settings(database_url=database, schema="new")
    with ThreadPoolExecutor(8) as crowd:
        done = list(crowd.map(lambda name: load_verb.load([name], settings).rows_loaded, names))
    assert done == [1] * 8
    assert ask(database, "select max(version), count(*) from new.footfall_migrations") == [(LATEST, LATEST)]
    assert ask(database, "select * from new.interactions") == [(1, 1, 8)]


def test_a_granted_role_reads_counts_and_raw_rows(database: str, new_role: Callable[..., str]) -> None:
    reader = new_role()
    apply(database)
    schema_verb.grant_reading(load_settings(database_url=database), str(conninfo_to_dict(reader)["user"]))
    assert ask(reader, "select count(*) from interactions") == [(0,)]
    assert ask(reader, "select count(*) from user_interactions_raw") == [(0,)]
    assert ask(reader, "select count(*) from loads where finished_at is not null") == [(0,)]


@pytest.mark.parametrize("statement", ["select * from rejected_interactions", "delete from interactions"])
def test_a_granted_role_may_neither_see_the_quarantine_nor_write(
    database: str, new_role: Callable[..., str], statement: str
) -> None:
    reader = new_role()
    apply(database)
    schema_verb.grant_reading(load_settings(database_url=database), str(conninfo_to_dict(reader)["user"]))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(reader) as connection:
        connection.execute(statement)


def test_a_grant_to_a_role_that_is_not_there_says_so(database: str) -> None:
    apply(database)
    done = run("schema", "grant", "nobody here", "--database", database)
    assert done.returncode != 0
    assert 'role "nobody here" does not exist' in done.stderr


def test_every_table_and_column_has_a_comment(database: str) -> None:
    apply(database)
    bare = """
        select c.relname, a.attname from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum >= 0
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)"""
    assert ask(database, bare) == []


def test_every_column_of_raw_and_counts_is_not_null(database: str) -> None:
    apply(database)
    loose = """
        select table_name, column_name from information_schema.columns
        where table_name in ('user_interactions_raw', 'interactions') and is_nullable = 'YES'"""
    assert ask(database, loose) == []


@pytest.mark.parametrize(
    "statement",
    [
        "insert into user_interactions_raw values (-1, 1, 1, 'a', now(), 1)",
        "insert into user_interactions_raw values (1, -1, 1, 'a', now(), 1)",
        "insert into user_interactions_raw values (1, 1, -1, 'a', now(), 1)",
        "insert into interactions values (1, 1, 0)",
        "insert into interactions values (-1, 1, 1)",
        "insert into loads (source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, "
        "rows_skipped, definition, contract, started_at, finished_at, footfall_version) "
        "values ('', '', 0, 'loaded', 3, 1, 1, 0, 0, '', '', now(), now(), '')",
        "insert into loads (source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, "
        "definition, contract, started_at, finished_at, footfall_version) "
        "values ('', '', 0, 'loaded', 2, 1, 1, 0, '', '', now(), now(), '')",
        "insert into loads (source, digest, size_bytes, status, definition, contract, started_at, finished_at, "
        "footfall_version) values ('', '', 0, 'other', '', '', now(), now(), '')",
        "insert into rejected_interactions values (1, 1, '', null, 0, '[]', -1)",
    ],
)
def test_the_tables_refuse_numbers_that_cannot_be(database: str, statement: str) -> None:
    apply(database)
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(database) as connection:
        connection.execute(statement)


def test_the_ledger_refuses_a_digest_loaded_twice(database: str) -> None:
    apply(database)
    row = """
        insert into loads (source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate, rows_rejected,
            rows_skipped, definition, contract, started_at, finished_at, footfall_version)
        values ('a', 'same', 0, 'loaded', 0, 0, 0, 0, 0, '', '', now(), now(), '')"""
    with pytest.raises(psycopg.errors.UniqueViolation), psycopg.connect(database) as connection:
        connection.execute(row)
        connection.execute(row)
