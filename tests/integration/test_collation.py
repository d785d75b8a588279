"""The order of text in keys is that of its bytes: an upgrade of the system that sorts otherwise changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from earlier import count_earlier, load_earlier, make_earlier
from footfall.answers.asked import Filters
from footfall.contract.ids import IdTypes
from footfall.errors import SchemaError
from footfall.postgres import connection as connecting
from footfall.postgres import target as targets
from footfall.postgres import transactions
from footfall.settings import load_settings
from footfall.tables import staging as staged
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
ACTIONS = ("a", "A", "b", "B", "ä", "Z", "co-op", "coop", "c", "z")
BEFORE_TEXT_IN_KEYS = 3  # version of the schema
QUARTER_HOURS = "select quarter_hour, action, interaction_count from interactions_per_quarter_hour"


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def lines(first: int) -> list[str]:
    """Give one row an action, in this order."""
    return [f"{first + n},1,1,{action},2024-01-01" for n, action in enumerate(ACTIONS)]


def load(database: str, name: str) -> None:
    (done,) = load_verb.load([name], load_settings(database_url=database)).loads
    assert (done.status, done.error) == ("loaded", None)


def assert_exact(database: str) -> None:
    """See that no count differs from its recount, and that no key of the roll-up is there twice."""
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    twice = f'select quarter_hour, action collate "C" from ({QUARTER_HOURS}) as q group by 1, 2 having count(*) > 1'
    assert ask(database, twice) == []


@pytest.fixture
def of_version_3() -> Callable[[str], None]:
    """Make the tables as they were before text in keys was ordered by its bytes."""
    return partial(make_earlier, version=BEFORE_TEXT_IN_KEYS)


@pytest.fixture
def at_version_3() -> Callable[[str, str], None]:
    """Load into tables of version 3, as the Footfall of then did."""

    def load_early(database: str, name: str) -> None:
        load_earlier(database, BEFORE_TEXT_IN_KEYS, name)

    return load_early


@pytest.mark.parametrize("schema", ["public", "other"])
def test_no_key_index_or_unique_constraint_orders_text_by_anything_but_its_bytes(database: str, schema: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database, schema=schema))
    columns = f"""
        select c.relname, x.relname, o.collname
        from pg_index as i
        join pg_class as c on c.oid = i.indrelid
        join pg_class as x on x.oid = i.indexrelid
        cross join lateral unnest(i.indcollation) as u (collation_id)
        left join pg_collation as o on o.oid = u.collation_id
        where c.relnamespace = '{schema}'::regnamespace and u.collation_id <> 0
        order by 1, 2"""
    assert ask(database, columns) == [
        ("footfall_options", "footfall_options_pkey", "C"),
        ("interactions_per_quarter_hour", "interactions_per_quarter_hour_pkey", "C"),
        ("loads", "loads_digest_key", "C"),
    ]


@pytest.mark.parametrize("part", ["rows", "out_of_order", "rejected", "matched"])
def test_staged_text_that_is_sorted_or_compared_has_the_order_of_its_bytes(database: str, part: str) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    target = targets.Target(database, "public", 10)
    with connecting.connect(target) as connection:
        transactions.begin(connection, target)
        staging = staged.open_staging(target, targets.Server(has_temp=True), [1], IdTypes())
        staged.create_table(
            connection, staging, part, "create_rows" if part in {"rows", "out_of_order"} else f"create_{part}"
        )
        table = getattr(staging, part).as_string(connection)
        rows = connection.execute(
            "select a.attname from pg_attribute as a join pg_collation as c on c.oid = a.attcollation "
            "where a.attrelid = %s::regclass and c.collname <> 'C' order by 1",
            [table],
        ).fetchall()
        connection.rollback()
    # What is only carried into the quarantine is neither sorted nor compared.
    assert [row[0] for row in rows] == (["around", "problems", "raw_line"] if part == "rejected" else [])


# upgrades of tables that hold rows


@pytest.mark.slow
def test_an_upgrade_in_place_keeps_rows_rights_and_views_of_others(
    database: str, write_csv: Write, at_version_3: Callable[[str, str], None], new_role: Callable[..., str]
) -> None:
    at_version_3(database, write_csv("a.csv", *lines(1)))
    reader = new_role()
    with psycopg.connect(database) as connection:
        name = sql.Identifier(str(conninfo_to_dict(reader)["user"]))
        for table in ("interactions_per_action", "interactions_per_quarter_hour"):
            connection.execute(sql.SQL("grant select on {} to {}").format(sql.Identifier(table), name))
        connection.execute("create view mine as select max(interaction_count) as most from interactions_per_action")
        connection.execute("create view yours as select action from user_interactions_raw")
    before = ask(database, f'{QUARTER_HOURS} order by 1, action collate "C"')
    version = schema_verb.upgrade_schema(load_settings(database_url=database))
    assert "applied 0004_text_in_keys.sql" in version
    assert ask(database, f"{QUARTER_HOURS} order by 1, 2") == before
    assert len(ask(reader, "select * from interactions_per_action")) == len(ACTIONS)
    assert len(ask(reader, "select * from interactions_per_quarter_hour")) == len(ACTIONS)
    assert ask(database, "select most from mine") == [(1,)]
    load(database, write_csv("b.csv", *lines(100)))
    assert ask(database, "select most from mine") == [(2,)]
    assert_exact(database)


@pytest.mark.slow
def test_an_upgraded_schema_is_that_of_a_first_load(
    new_database: Callable[[], str], write_csv: Write, at_version_3: Callable[[str, str], None]
) -> None:
    shape = """
        select c.relname, a.attname, o.collname, c.reloptions::text, pg_get_indexdef(c.oid), pg_get_viewdef(c.oid)
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        left join pg_collation as o on o.oid = a.attcollation
        where c.relnamespace = 'public'::regnamespace order by 1, a.attnum"""
    old, new = new_database(), new_database()
    at_version_3(old, write_csv("a.csv", *lines(1)))
    for database in (old, new):
        schema_verb.upgrade_schema(load_settings(database_url=database))
    assert ask(old, shape) == ask(new, shape)
    assert len(ask(new, shape)) > 50


def test_an_upgrade_mends_a_roll_up_whose_keys_are_there_twice(
    cluster: Any, database: str, write_csv: Write, at_version_3: Callable[[str, str], None]
) -> None:
    at_version_3(database, write_csv("a.csv", *lines(1)))
    before = ask(database, f'{QUARTER_HOURS} order by 1, action collate "C"')
    key = "update pg_index set indisready = {} where indexrelid = 'interactions_per_quarter_hour_pkey'::regclass"
    with psycopg.connect(make_conninfo(cluster.admin, dbname=conninfo_to_dict(database)["dbname"])) as connection:
        connection.execute(key.format("false"))  # what a changed order does: rows come past the key
    with psycopg.connect(database) as connection:
        connection.execute(f"insert into interactions_per_quarter_hour {QUARTER_HOURS}")
    with psycopg.connect(make_conninfo(cluster.admin, dbname=conninfo_to_dict(database)["dbname"])) as connection:
        connection.execute(key.format("true"))
    assert len(ask(database, QUARTER_HOURS)) == 2 * len(before)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    assert ask(database, f"{QUARTER_HOURS} order by 1, 2") == before
    assert_exact(database)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("create view mine as select action from interactions_per_quarter_hour", "view mine"),
        ("create view mine as select digest from loads", "view mine"),
        (
            "create function mine() returns bigint language sql begin atomic "
            "select count(*) from interactions_per_quarter_hour where action = 'a'; end",
            "function mine()",
        ),
    ],
)
def test_what_others_made_of_the_columns_is_named_with_the_cure_and_nothing_is_changed(
    database: str, of_version_3: Callable[[str], None], statement: str, name: str
) -> None:
    of_version_3(database)
    with psycopg.connect(database) as connection:
        connection.execute(statement)
    settings = load_settings(database_url=database)
    with pytest.raises(SchemaError, match="footfall schema apply") as caught:
        schema_verb.upgrade_schema(settings)
    assert name in caught.value.message
    assert ask(database, "select max(version) from footfall_migrations") == [(BEFORE_TEXT_IN_KEYS,)]
    with psycopg.connect(database) as connection:
        connection.execute(f"drop {name}")
    schema_verb.upgrade_schema(settings)


def test_the_owner_s_own_fillfactor_stays(database: str, of_version_3: Callable[[str], None]) -> None:
    of_version_3(database)
    with psycopg.connect(database) as connection:
        connection.execute("alter table interactions set (fillfactor = 70)")
    schema_verb.upgrade_schema(load_settings(database_url=database))
    assert ask(database, "select reloptions from pg_class where relname = 'interactions'") == [(["fillfactor=70"],)]


# a database whose order changes, as after an upgrade of the operating system


@pytest.fixture
def icu_database(cluster: Any, database: str) -> Iterator[tuple[str, Callable[[str], None]]]:
    """A database that sorts by ICU, and a way to change its order; the tests that need it are skipped without ICU."""
    name = f"{conninfo_to_dict(database)['dbname']}_icu"
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        version = connection.info.server_version
        if version < 150000:
            pytest.skip("the server cannot make a database that sorts by ICU")
        try:
            connection.execute(
                f"create database {name} owner {cluster.owner} template template0 locale_provider icu "
                "icu_locale 'en-u-kf-lower' locale 'C' encoding 'UTF8'"
            )
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("the server was built without ICU")
        column = "datlocale" if version >= 170000 else "daticulocale"

        def change(locale: str) -> None:
            connection.execute(f"update pg_database set {column} = %s where datname = %s", [locale, name])

        yield make_conninfo(cluster.admin, dbname=name, user=cluster.owner), change
        connection.execute(f"drop database {name} with (force)")


OTHER_ORDER = "sv-u-kf-upper-kr-digit"  # upper case before lower case


def test_loads_stay_exact_when_the_order_of_the_database_changes(
    icu_database: tuple[str, Callable[[str], None]], write_csv: Write
) -> None:
    database, change = icu_database
    load(database, write_csv("a.csv", *lines(1)))
    order = ask(database, "select string_agg(a, ' ' order by a) from unnest(array['a', 'A', 'z', 'ä']) as a")
    change(OTHER_ORDER)
    assert order != ask(database, "select string_agg(a, ' ' order by a) from unnest(array['a', 'A', 'z', 'ä']) as a")
    load(database, write_csv("b.csv", *lines(100)))
    assert_exact(database)
    assert verify_verb.verify(load_settings(database_url=database), repair=True).drift == ()
    assert {row[2] for row in ask(database, QUARTER_HOURS)} == {2}
    with query_verb.query(load_settings(database_url=database), "actions", Filters()) as answer:
        assert [row[0] for row in answer.rows] == sorted(ACTIONS)


def test_an_upgrade_mends_what_a_changed_order_did_to_the_tables_of_before(
    icu_database: tuple[str, Callable[[str], None]],
    write_csv: Write,
    at_version_3: Callable[[str, str], None],
) -> None:
    database, change = icu_database
    many, again = (
        [f"{first + n},1,1,{chr((97 if n % 2 else 65) + n // 2 % 26)}{n % 7},2024-01-01" for n in range(1, 3000)]
        for first in (0, 9000)
    )
    at_version_3(database, write_csv("a.csv", *many))
    change(OTHER_ORDER)
    count_earlier(database, write_csv("b.csv", *again))
    twice = 'select count(*) - count(distinct (quarter_hour, action collate "C")) from interactions_per_quarter_hour'
    assert ask(database, twice) > [(0,)]  # or this test proves nothing
    schema_verb.upgrade_schema(load_settings(database_url=database))
    assert_exact(database)
