"""Ids that are numbers, UUIDs or text: decided when the tables are made, and right in everything that reads them."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from accepted import Row, load_rows
from footfall.answers import files
from footfall.answers.asked import Filters
from footfall.contract.ids import ID_COLUMNS, IdType, IdTypes
from footfall.errors import QueryError, SchemaError, SettingsError
from footfall.postgres.statements import compose
from footfall.settings import Settings, load_settings
from footfall.tables import ids, made, staging
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
TYPES = (
    IdTypes(),
    IdTypes("uuid", "uuid", "uuid"),
    IdTypes("text", "text", "text"),
    IdTypes("uuid", "text", "bigint"),
    IdTypes("text", "bigint", "uuid"),
    IdTypes("bigint", "uuid", "text"),
)
KINDS: tuple[IdType, ...] = ("bigint", "uuid", "text")


def as_id(number: int, id_type: IdType) -> Any:
    """Give the id that stands for a number; the order of the numbers is that of the ids."""
    if id_type == "text":
        return f"id {number:03} ä"
    return number if id_type == "bigint" else UUID(int=number << 96)


def as_rows(rows: list[tuple[int, int, int, str, int]], id_types: IdTypes) -> list[Row]:
    return [(*(as_id(n, t) for n, t in zip(row[:3], id_types, strict=True)), *row[3:]) for row in rows]  # type: ignore[misc]


def settings_of(database: str, id_types: IdTypes, **more: Any) -> Settings:
    return load_settings(
        database_url=database, **{f"{column}_type": id_types.find_type(column) for column in ID_COLUMNS}, **more
    )


def ask(database: str, query: Any) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def do(database: str, *statements: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def answer(settings: Settings, name: str, **filters: Any) -> list[Any]:
    with query_verb.query(settings, name, Filters(**filters)) as given:
        return list(given.rows)


@pytest.fixture(params=TYPES, ids="-".join)
def id_types(request: Any) -> IdTypes:
    types: IdTypes = request.param
    return types


@pytest.fixture
def settings(database: str, id_types: IdTypes) -> Settings:
    """Settings that name the types, of tables that are made with them."""
    given = settings_of(database, id_types)
    schema_verb.upgrade_schema(given)
    return given


FIRST = [(1, 1, 1, "click", 0), (9, 2, 1, "click", 1), (5, 1, 2, "view", 2), (5, 1, 2, "view", 2), (7, 3, 1, "buy", 3)]
SECOND = [(9, 2, 1, "click", 1), (1, 1, 1, "other", 0), (2, 2, 2, "view", 4), (5, 1, 2, "view", 2), (8, 3, 3, "buy", 9)]


# the tables


def test_tables_are_made_with_the_types_and_say_them(settings: Settings, database: str, id_types: IdTypes) -> None:
    with psycopg.connect(database, row_factory=psycopg.rows.namedtuple_row) as connection:
        assert ids.find_id_types(connection) == id_types  # type: ignore[arg-type]
        found = connection.execute(made.compose_found(made.compose_expected(id_types))).fetchall()
        expected = connection.execute(made.compose_expected(id_types)).fetchall()
    assert sorted(tuple(row) for row in found) == sorted(tuple(row) for row in expected)
    words = ", ".join(f"{column} {id_types.find_type(column)}" for column in ID_COLUMNS)
    assert words in schema_verb.show_schema(load_settings(database_url=database))
    assert verify_verb.verify(settings).drift == ()


def test_everything_of_ours_has_a_comment_whatever_the_types(settings: Settings, database: str) -> None:
    silent = """
        select c.relname || coalesce('.' || a.attname, '')
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        union all
        select p.proname from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null"""
    assert ask(database, silent) == []


def test_functions_and_views_that_are_made_anew_are_those_of_the_migrations(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    shape = """
        select p.proname, pg_get_functiondef(p.oid), obj_description(p.oid) from pg_proc as p
        where p.pronamespace = 'public'::regnamespace
        union all
        select c.relname, pg_get_viewdef(c.oid), obj_description(c.oid)
            || coalesce((select string_agg(col_description(c.oid, n), ' ') from generate_series(1, 3) as n), '')
        from pg_class as c where c.relkind = 'v' and c.relnamespace = 'public'::regnamespace
        order by 1"""
    before = ask(database, shape)
    with psycopg.connect(database) as connection:
        connection.execute(ids.SQL["drop_dependents"])
        connection.execute(compose(ids.SQL["create_dependents"], **ids.name_types(IdTypes())))
    assert ask(database, shape) == before
    assert len(before) == 14


def test_an_id_of_text_has_1_to_200_characters(database: str) -> None:
    schema_verb.upgrade_schema(settings_of(database, IdTypes("text", "text", "text")))
    for text in ("", "x" * 201):
        for values in (f"'{text}', 'u', 'p'", f"'i', '{text}', 'p'", f"'i', 'u', '{text}'"):
            with pytest.raises(psycopg.errors.CheckViolation):
                do(database, f"insert into user_interactions_raw values ({values}, 'a', now(), 1)")
    do(database, f"insert into user_interactions_raw values ('{'ä' * 200}', '0', ' ', 'a', now(), 1)")


def test_tables_that_are_there_keep_their_types(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    for column in ID_COLUMNS:
        with pytest.raises(SettingsError, match=rf"{column}_type .*bigint.*leave the setting out") as caught:
            schema_verb.upgrade_schema(load_settings(database_url=database, **{f"{column}_type": "text"}))
        assert caught.value.exit_code == 2
    assert "nothing to do" in schema_verb.upgrade_schema(load_settings(database_url=database, user_id_type="bigint"))


def test_a_load_whose_settings_name_other_types_is_refused_before_the_first_row(
    database: str, write_csv: Write
) -> None:
    file = write_csv("a.csv", "1,1,1,click,2024-01-01")
    schema_verb.upgrade_schema(settings_of(database, IdTypes("bigint", "text", "bigint")))
    with pytest.raises(SettingsError, match="user_id_type"):
        load_verb.load([file], load_settings(database_url=database, user_id_type="uuid"))
    assert ask(database, "select * from loads") == []


def test_tables_that_do_not_agree_about_a_type_are_refused(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    do(database, "alter table interactions_per_user alter column user_id type integer")
    with pytest.raises(SchemaError, match=r"user_id is .*integer in interactions_per_user"):
        load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
    assert not verify_verb.verify(settings).is_recounted


# rows


def test_the_verdicts_are_those_of_taking_rows_one_by_one(settings: Settings, database: str, id_types: IdTypes) -> None:
    first = load_rows(database, id_types, as_rows(FIRST[:3], id_types), as_rows(FIRST[3:], id_types))
    assert (first.rows_loaded, first.rows_duplicate, first.rows_conflict, first.rows_repeated) == (4, 1, 0, 1)
    second = load_rows(database, id_types, as_rows(SECOND, id_types))
    assert (second.rows_loaded, second.rows_duplicate, second.rows_conflict, second.rows_repeated) == (2, 2, 1, 0)
    raw = ask(
        database, "select interaction_id, user_id, product_id, action, load_id from user_interactions_raw order by 1"
    )
    right = sorted({*FIRST, *(row for row in SECOND if row[0] in (2, 8))})
    assert [row[:4] for row in raw] == [row[:4] for row in as_rows(right, id_types)]
    pairs = Counter((row[1], row[2]) for row in right)
    kept = ask(database, "select user_id, product_id, interaction_count from interactions order by 1, 2")
    assert kept == [
        (as_id(u, id_types.user_id), as_id(p, id_types.product_id), count) for (u, p), count in sorted(pairs.items())
    ]
    assert verify_verb.verify(settings).drift == ()


@pytest.mark.slow
def test_the_path_into_empty_tables_gives_the_same_tables(
    settings: Settings, new_database: Callable[[], str], database: str, id_types: IdTypes
) -> None:
    other = new_database()
    schema_verb.upgrade_schema(settings_of(other, id_types))
    rows = as_rows([(n * 7919 % 1009, n % 13, n % 5, "click", n) for n in range(400)] * 2, id_types)
    results = [
        load_rows(where, id_types, rows[:300], rows[300:], is_direct=where == other) for where in (database, other)
    ]
    assert results[0] == results[1]
    assert (results[0].rows_loaded, results[0].rows_duplicate) == (400, 400)
    for table in ("user_interactions_raw", "interactions", "interactions_per_user", "interactions_per_product"):
        query = sql.SQL("select * from {} order by 1, 2").format(sql.Identifier(table))
        assert ask(database, query) == ask(other, query)
    with psycopg.connect(other) as connection:
        shape = (
            "select relname, kind, name, definition from ({}) as f (relname, kind, name, definition) order by 1, 2, 3"
        )
        query = sql.SQL(shape).format(made.compose_found(made.compose_expected(id_types)))  # type: ignore[arg-type]
        assert connection.execute(query).fetchall() == ask(database, query)
    assert verify_verb.verify(settings_of(other, id_types)).drift == ()


@pytest.mark.slow
def test_a_filter_that_takes_every_id_for_seen_changes_nothing(
    database: str, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    types = IdTypes("text", "text", "text")
    rows = as_rows([(n * 31 % 97, n % 5, n % 3, "click", n % 97) for n in range(150)], types)
    schema_verb.upgrade_schema(settings_of(database, types))
    right = load_rows(database, types, rows)
    other = new_database()
    schema_verb.upgrade_schema(settings_of(other, types))
    seen = staging.SeenFilter.find_new
    monkeypatch.setattr(staging.SeenFilter, "find_new", lambda self, hashes: seen(self, hashes) & False)
    assert load_rows(other, types, rows) == right
    for table in ("user_interactions_raw", "interactions"):
        query = sql.SQL("select * from {} order by 1, 2").format(sql.Identifier(table))
        assert ask(database, query) == ask(other, query)


def test_a_crowd_of_loads_gives_each_id_once(settings: Settings, database: str, id_types: IdTypes) -> None:
    numbers = [list(range(60)), list(range(59, 0, -1)), list(range(30, 90)), list(range(0, 90, 2))]
    with ThreadPoolExecutor(len(numbers)) as pool:
        rows = [as_rows([(n, n % 7, n % 3, "click", n) for n in each], id_types) for each in numbers]
        done = list(pool.map(lambda each: load_rows(database, id_types, each), rows))
    assert sum(each.rows_loaded for each in done) == 90
    assert sum(each.rows_duplicate for each in done) == sum(map(len, numbers)) - 90
    assert verify_verb.verify(settings).drift == ()


# verify


def test_damage_is_found_and_counts_are_mended(settings: Settings, database: str, id_types: IdTypes) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    do(
        database,
        "delete from interactions_per_user where interaction_count = 2",
        "update interactions_per_product set interaction_count = interaction_count + 1",
        "delete from interactions where interaction_count = 1",
    )
    found = verify_verb.verify(settings)
    assert {each.check for each in found.drift} == {"interactions", "interactions_per_user", "interactions_per_product"}
    text = str(as_id(1, id_types.user_id))
    assert any(each.key == f"user_id {text}" for each in found.drift)
    assert verify_verb.verify(settings, repair=True).drift == ()


def test_a_row_that_is_there_twice_is_found(settings: Settings, database: str, id_types: IdTypes) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    do(
        database,
        "alter table user_interactions_raw drop constraint user_interactions_raw_pkey",
        "insert into user_interactions_raw select * from user_interactions_raw where action = 'buy'",
    )
    found = verify_verb.verify(settings)
    assert f"rows of interaction_id {as_id(7, id_types.interaction_id)}" in {each.key for each in found.drift}
    (cure,) = [each.cure for each in found.drift if each.cure]
    assert "primary key" in cure


def test_a_check_that_is_gone_is_found_with_its_cure(settings: Settings, database: str, id_types: IdTypes) -> None:
    checked = [column for column in ID_COLUMNS if id_types.find_type(column) != "uuid"]
    for column in checked:
        do(database, f"alter table user_interactions_raw drop constraint user_interactions_raw_{column}_check")
    found = verify_verb.verify(settings)
    assert [each.key for each in found.drift] == [
        f"check user_interactions_raw_{column}_check of user_interactions_raw" for column in sorted(checked)
    ]
    do(database, *(str(each.cure) for each in found.drift))
    assert verify_verb.verify(settings).drift == ()


# questions


def test_every_question_can_be_asked_about_one_user_and_one_product(
    settings: Settings, database: str, id_types: IdTypes
) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    user, product = as_id(1, id_types.user_id), as_id(1, id_types.product_id)
    assert answer(settings, "per-day", user=user) == answer(settings, "per-day", user=str(user))
    assert [row[-1] for row in answer(settings, "per-day", user=user)] == [2]
    assert [row[-1] for row in answer(settings, "per-day", user=user, product=product)] == [1]
    assert answer(settings, "actions", product=product) == [("click", 2), ("buy", 1)]
    assert [row[-1] for row in answer(settings, "user", id=user)] == [2]
    assert [row[-1] for row in answer(settings, "product", id=product)] == [3]
    assert [row[1] for row in answer(settings, "active-users", product=product)] == [3]
    assert [row[-1] for row in answer(settings, "new-users", user=user)] == [1]
    assert answer(settings, "top-users", user=user) == [(user, 2)]
    assert answer(settings, "top-products", user=user, product=product) == [(product, 1)]
    assert answer(settings, "top-users", user=as_id(99, id_types.user_id)) == []


def test_ties_are_broken_by_the_lowest_id(settings: Settings, database: str, id_types: IdTypes) -> None:
    load_rows(database, id_types, as_rows([(n, 20 - n, n * 7 % 11, "click", n) for n in range(1, 11)], id_types))
    users = [as_id(n, id_types.user_id) for n in range(10, 20)]
    assert [row[0] for row in answer(settings, "top-users", limit=20)] == users
    assert [row[0] for row in answer(settings, "top-users", limit=20, action="click")] == users
    products = [as_id(n, id_types.product_id) for n in range(1, 11)]
    assert [row[0] for row in answer(settings, "top-products", limit=20, since="2024-01-01")] == products


def test_text_is_ordered_by_its_bytes(database: str) -> None:
    types = IdTypes(user_id="text")
    settings = settings_of(database, types)
    schema_verb.upgrade_schema(settings)
    words = ["a", "B", "ä", "10", "9", "a b", "Z", "zz"]
    load_rows(database, types, [(n, word, 1, "click", n) for n, word in enumerate(words)])
    assert [row[0] for row in answer(settings, "top-users", limit=9)] == sorted(words, key=str.encode)


def test_an_id_of_another_type_is_exit_2_with_the_option(settings: Settings, id_types: IdTypes) -> None:
    if id_types.user_id == "text":
        assert answer(settings, "top-users", user="anything") == []
        return
    with pytest.raises(QueryError, match="--user: 'x y' is not a") as caught:
        answer(settings, "top-users", user="x y")
    assert caught.value.exit_code == 2


def test_the_sql_of_a_question_runs_as_it_is(settings: Settings, database: str, id_types: IdTypes) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    user = as_id(1, id_types.user_id)
    for name in ("top-users", "per-day", "user"):
        filters: dict[str, Any] = {"id": user} if name == "user" else {"user": user}
        text = query_verb.query_sql(settings, name, Filters(**filters))
        assert ask(database, text.encode()) == answer(settings, name, **filters)


@pytest.mark.parametrize("id_type", KINDS)
def test_ids_are_text_in_csv_json_and_parquet_but_for_numbers(database: str, id_type: IdType) -> None:
    types = IdTypes(user_id=id_type)
    settings = settings_of(database, types)
    schema_verb.upgrade_schema(settings)
    load_rows(database, types, as_rows([(1, 7, 1, "click", 1)], types))
    user = as_id(7, id_type)

    def written(form: Any) -> Any:
        stream: Any = io.BytesIO() if form == "parquet" else io.StringIO()
        with query_verb.query(settings, "top-users", Filters()) as given:
            files.print_answer(given, form, stream)
        return stream.getvalue()

    plain = user if id_type == "bigint" else str(user)
    assert written("csv") == f"user_id,interaction_count\n{user},1\n"
    assert json.loads(written("json")) == [{"user_id": plain, "interaction_count": 1}]
    assert pq.read_table(io.BytesIO(written("parquet"))).to_pylist() == [{"user_id": plain, "interaction_count": 1}]


def test_a_question_of_one_s_own_may_turn_text_into_an_id(
    settings: Settings, database: str, tmp_path: Any, id_types: IdTypes
) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.sql").write_text(
        "-- Mine.\n\\if :{?user_id} \\else \\set user_id '' \\endif\n"
        "select count(*) as n from user_interactions_raw where user_id = to_user_id(:'user_id'::text)\n"
    )
    own = settings_of(database, id_types, queries_folder=tmp_path / "own")
    assert answer(own, "mine", user=as_id(1, id_types.user_id)) == [(2,)]


def test_a_granted_role_may_ask(
    settings: Settings, database: str, new_role: Callable[..., str], id_types: IdTypes
) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types))
    reader = new_role()
    name = psycopg.conninfo.conninfo_to_dict(reader)["user"]
    do(database, "alter default privileges revoke execute on functions from public")
    schema_verb.grant_reading(settings, str(name))
    asked = settings_of(reader, id_types)
    assert [row[-1] for row in answer(asked, "per-day", user=as_id(1, id_types.user_id))] == [2]
    assert answer(asked, "top-users", product=as_id(1, id_types.product_id))


def test_rows_that_are_skipped_are_part_of_the_sum(settings: Settings, database: str, id_types: IdTypes) -> None:
    load_rows(database, id_types, as_rows(FIRST, id_types), rows_skipped=3)
    assert ask(database, "select rows_read, rows_skipped from loads") == [(8, 3)]
    assert verify_verb.verify(settings).drift == ()
    do(database, "alter table loads drop constraint loads_rows_check", "update loads set rows_skipped = 2")
    found = {(each.check, each.key, each.kept, each.recount) for each in verify_verb.verify(settings).drift}
    assert ("ledger", "rows_read of load_id 1", 8, 7) in found
