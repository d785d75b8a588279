"""Every damage that the catalogue and the sums allow: `verify` finds it, and names a cure that is true."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from itertools import permutations
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from earlier import load_earlier
from footfall.answers.cures import list_cures
from footfall.contract.ids import IdTypes
from footfall.errors import DriftError
from footfall.results import Verification
from footfall.settings import load_settings
from footfall.tables import counts, made
from footfall.tables.schema import VERSIONS_TABLE, list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from sampling import share_of

Write = Callable[..., str]
TABLES = list_tables()
COUNTS = tuple(kept.table for kept in counts.KEPT)
LEDGER = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
BEFORE_OWN_REPEATS = 5  # version of the schema


def ask(conninfo: str, query: Any) -> list[Any]:
    with psycopg.connect(conninfo) as connection:
        # No index: it may be the one that is broken.
        connection.execute("set timezone to 'UTC'; set enable_indexscan to off; set enable_bitmapscan to off")
        connection.execute("set enable_indexonlyscan to off")
        return connection.execute(query).fetchall()


def do(conninfo: str, *statements: Any) -> None:
    with psycopg.connect(conninfo) as connection:
        for statement in statements:
            connection.execute(statement)


def verified(conninfo: str, *, repair: bool = False) -> Verification:
    return verify_verb.verify(load_settings(database_url=conninfo), repair=repair)


def names(found: Verification) -> str:
    return " ".join(f"{each.check} {each.key}" for each in found.drift)


def counted(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*key, count) for key, count in Counter(keys).items()]


def is_lawful(conninfo: str) -> bool:
    """Say whether the tables keep the law, by plain Python: what `verify` has to say, stated apart from it."""
    columns, numbers = "interaction_id, user_id, product_id, action, timestamp, load_id", ", ".join(LEDGER)
    raw = ask(conninfo, f"select {columns} from user_interactions_raw")
    loads = ask(conninfo, f"select load_id, digest, {numbers} from loads where status = 'loaded'")
    failed = f"select from loads where status = 'failed' and coalesce({numbers}) >= 0"
    rejected = ask(conninfo, "select load_id, line_number, problems from rejected_interactions")
    overlaps = ask(conninfo, "select load_id, first_load_id, rows_duplicate, rows_conflict from load_overlaps")
    quarters = [at.astimezone(UTC).replace(minute=at.minute // 15 * 15, second=0, microsecond=0) for *_, at, _ in raw]
    users, days = defaultdict(list), defaultdict(list)
    for row in raw:
        at = row[4].astimezone(UTC)
        users[row[1]].append(at)
        days[at.date(), row[1]].append(at.hour * 4 + at.minute // 15)
    recounts: tuple[list[Any], ...] = (
        counted((row[1], row[2]) for row in raw),
        counted((quarter, row[3]) for quarter, row in zip(quarters, raw, strict=True)),
        [(user, len(ats), min(ats), max(ats)) for user, ats in users.items()],
        counted((row[2],) for row in raw),
        [
            (*day, "".join("1" if n in numbers else "0" for n in range(96)), len(numbers))
            for day, numbers in days.items()
        ],
    )
    of_raw, of_rejected = Counter(row[5] for row in raw), Counter(row[0] for row in rejected)
    conflicts = Counter(row[0] for row in rejected if "conflicting-duplicate" in {each["code"] for each in row[2]})
    met: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for load_id, _, duplicates, of_others in overlaps:
        met[load_id][0] += duplicates
        met[load_id][1] += of_others
    load_ids = {row[0] for row in loads}
    return all(
        (
            *(
                sorted(recount) == sorted(ask(conninfo, f"select * from {table}"))
                for table, recount in zip(COUNTS, recounts, strict=True)
            ),
            *(
                len(keys) == len(set(keys))
                for keys in (
                    [row[0] for row in raw],
                    [row[0] for row in loads],
                    [row[1] for row in loads],
                    [row[:2] for row in rejected],
                    [row[:2] for row in overlaps],
                )
            ),
            all(
                (read, loaded, duplicate, refused, met[load_id][1])
                == (
                    of_raw[load_id] + met[load_id][0] + of_rejected[load_id],
                    of_raw[load_id],
                    met[load_id][0],
                    of_rejected[load_id],
                    conflicts[load_id],
                )
                for load_id, _, read, loaded, duplicate, refused in loads
            ),
            {*of_raw, *of_rejected, *(row[0] for row in overlaps)} <= load_ids,
            all(of_raw[row[1]] for row in overlaps),
            ask(conninfo, failed) == [],
        )
    )


@pytest.fixture(scope="module")
def shared(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with loads of every kind of row, and a copy of its tables in the schema `kept`."""
    made = new_database_of_module()
    schema_verb.upgrade_schema(load_settings(database_url=made), with_options=["user-days"])
    folder = tmp_path_factory.mktemp("files")
    lines = {
        "a": [
            "1,1,1,click,2024-01-01",
            "2,1,2,view,2024-01-01",
            "3,2,1,click,2024-02-01",
            "3,2,1,click,2024-02-01",
            "x",
        ],
        "b": [
            "9,1,1,click,2024-01-01",
            "1,1,1,click,2024-01-01",
            "2,9,9,view,2024-01-01",
            "5,1,1,a,2024-01-01",
            "5,1,1,a,2024-01-01",
            "5,2,1,a,2024-01-01",
        ],
        "c": ["3,2,1,click,2024-02-01", "9,1,1,click,2024-01-01", "1,1,7,click,2024-01-01"],
        "none": [],
    }
    for name, some in lines.items():
        path = folder / f"{name}.csv"
        path.write_text("interaction_id,user_id,product_id,action,timestamp\n" + "".join(f"{line}\n" for line in some))
        (done,) = load_verb.load([str(path)], load_settings(database_url=made)).loads
        assert done.status == "loaded"
    load_verb.load([str(folder / "not-there.csv")], load_settings(database_url=made))
    do(made, "create schema kept", *(f"create table kept.{table} as table public.{table}" for table in TABLES))
    return made


@pytest.fixture
def loaded(shared: str) -> Iterator[str]:
    yield shared
    do(shared, f"truncate {', '.join(TABLES)}", *(f"insert into {table} table kept.{table}" for table in TABLES))
    assert verified(shared).drift == ()


@pytest.fixture
def as_admin(cluster: Any, shared: str) -> str:
    return make_conninfo(cluster.admin, dbname=conninfo_to_dict(shared)["dbname"])


@pytest.mark.slow
def test_the_sums_hold_where_only_footfall_wrote(loaded: str) -> None:
    assert is_lawful(loaded)
    assert verified(loaded).drift == ()
    assert ask(
        loaded, "select rows_duplicate, rows_conflict from load_overlaps where load_id = first_load_id order by load_id"
    ) == [
        (1, 0),
        (1, 1),
    ]


# what the migrations made

OURS = ", ".join(f"'{name}'::regclass" for name in (*TABLES, VERSIONS_TABLE))
DAMAGES = f"""
    select
        conrelid::regclass::text, conname::text,
        'alter table ' || conrelid::regclass || ' drop constraint ' || conname
    from pg_constraint where conrelid in ({OURS}) and contype in ('p', 'u', 'c')
    union all
    select
        conrelid::regclass::text, conname,
        'alter table ' || conrelid::regclass || ' drop constraint ' || conname || ', add constraint ' || conname
        || ' ' || pg_get_constraintdef(oid) || ' not valid'
    from pg_constraint where conrelid in ({OURS}) and contype = 'c'
    union all
    select
        conrelid::regclass::text, conname,
        'alter table ' || conrelid::regclass || ' drop constraint ' || conname || ', add constraint ' || conname
        || ' ' || pg_get_constraintdef(oid) || ' deferrable'
    from pg_constraint where conrelid in ({OURS}) and contype = 'p'
    union all
    select
        conrelid::regclass::text, conname,
        'alter table ' || conrelid::regclass || ' drop constraint ' || conname
        || '; create unique index ' || conname || ' on ' || conrelid::regclass || ' '
        || replace(pg_get_constraintdef(oid), 'PRIMARY KEY', '')
    from pg_constraint where conrelid in ({OURS}) and contype = 'p'
    union all
    select indrelid::regclass::text, indexrelid::regclass::text, 'drop index ' || indexrelid::regclass
    from pg_index where indrelid in ({OURS}) and not indisprimary
    union all
    select
        indrelid::regclass::text, indexrelid::regclass::text,
        'drop index ' || indexrelid::regclass || '; create index ' || indexrelid::regclass || ' on '
        || indrelid::regclass
        || ' (' || (select min(attname) from pg_attribute where attrelid = indrelid and attnum > 1) || ')'
    from pg_index where indrelid in ({OURS}) and not indisprimary and indisunique
    union all
    select
        attrelid::regclass::text, attname,
        'alter table ' || attrelid::regclass || ' alter ' || quote_ident(attname) || ' drop not null'
    from pg_attribute as a
    where
        attrelid in ({OURS}) and attnum > 0 and attnotnull
        and not exists (select from pg_index where indrelid = attrelid and indisprimary and attnum = any(indkey))
    union all
    select c::text, c::text, 'alter table ' || c || ' set unlogged' from unnest(array[{OURS}]) as c
    where c <> 'loads'::regclass
    order by 1, 2, 3"""
MORE_DAMAGES = [
    ("loads", "load_id", "alter table loads alter load_id drop identity"),
    ("loads", "load_id", "alter table loads alter load_id set generated always"),
    ("loads", "source", "alter table loads alter source type varchar"),
    ("loads", "digest", 'alter table loads alter digest type text collate "POSIX"'),
    ("rejected_interactions", "raw_size_bytes", "alter table rejected_interactions alter raw_size_bytes type numeric"),
    ("load_overlaps", "rows_conflict", "alter table load_overlaps alter rows_conflict type integer"),
]


@pytest.mark.slow
def test_whatever_of_the_schema_is_gone_or_otherwise_is_found_and_its_cure_mends_it(shared: str) -> None:
    damages = [*ask(shared, DAMAGES), *MORE_DAMAGES]
    assert len(damages) > 90
    damages = share_of(damages)
    wrong = []
    for table, name, damage in damages:
        do(shared, damage)
        found = verified(shared)
        expected = {name, table} if name.endswith("pkey") else {name}
        if (
            not found.drift
            or {each.check for each in found.drift} != {"schema"}
            or not any(word in names(found) for word in expected)
        ):
            wrong.append((damage, "found", found))
        if "--repair` mends" in " ".join(list_cures(found)):
            wrong.append((damage, "said", found))
        if table == "interactions" and verified(shared, repair=True).drift != found.drift:
            wrong.append((damage, "repair", found))
        do(shared, *(each.cure for each in found.drift if each.cure))
        if drift := verified(shared).drift:
            wrong.append((damage, "cure", drift))
            break
    assert wrong == []


@pytest.mark.slow
def test_an_index_that_is_not_valid_or_not_ready_is_found_and_its_cure_mends_it(shared: str, as_admin: str) -> None:
    indexes = ask(
        shared, f"select indexrelid::regclass::text, indrelid::regclass::text from pg_index where indrelid in ({OURS})"
    )
    assert len(indexes) > 12
    for index, table in share_of(indexes):
        for damage in ("indisvalid", "indisready"):
            do(as_admin, f"update pg_index set {damage} = false where indexrelid = '{index}'::regclass")
            found = verified(shared)
            assert [each.check for each in found.drift] == ["schema"]
            assert index in names(found) or f"primary key of {table}" in names(found)
            do(shared, found.drift[0].cure)
            assert verified(shared).drift == ()


def test_names_storage_and_indexes_of_the_owner_are_no_drift(shared: str) -> None:
    do(
        shared,
        "alter table interactions rename constraint interactions_pkey to mine",
        "alter index interactions_per_user_pkey set (fillfactor = 70)",
        "create index mine_too on user_interactions_raw (user_id)",
        "drop index user_interactions_raw_timestamp_idx",
        "create index user_interactions_raw_timestamp_idx on user_interactions_raw (timestamp)",
        "alter table interactions add constraint small check (interaction_count < 1000000)",
    )
    assert verified(shared).drift == ()
    do(
        shared,
        "alter table interactions rename constraint mine to interactions_pkey",
        "alter index interactions_per_user_pkey reset (fillfactor)",
        "drop index mine_too, user_interactions_raw_timestamp_idx",
        "create index user_interactions_raw_timestamp_idx on user_interactions_raw using brin (timestamp)"
        " with (pages_per_range = 32, autosummarize = on)",
        "alter table interactions drop constraint small",
    )


def test_a_column_that_is_gone_is_found_before_anything_asks_for_it(database: str, write_csv: Write) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=database))
    do(database, "alter table interactions drop column interaction_count")
    for repair in (False, True):
        found = verified(database, repair=repair)
        assert "column interaction_count of interactions" in names(found)
        assert not found.is_recounted
    assert "restore" in " ".join(list_cures(found))


def test_what_is_expected_is_what_the_migrations_make(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database, schema="else where"))
    with psycopg.connect(database) as connection:
        connection.execute('set search_path to "else where"')
        found = connection.execute(made.compose_found(made.compose_expected(IdTypes()))).fetchall()
        expected = connection.execute(made.compose_expected(IdTypes())).fetchall()
        tables = connection.execute(
            """select relname::text from pg_class where relkind = 'r' and relnamespace = '"else where"'::regnamespace"""
        ).fetchall()
    assert sorted(found) == sorted(expected)
    assert {row[0] for row in expected} == {row[0] for row in tables}


# what the tables hold

DAMAGED_ROWS = [
    *(
        "alter table loads drop constraint loads_rows_check;"
        f"update loads set {one} = {one} {step} where load_id = {load}"
        for one in LEDGER
        for step in ("+ 1", "- 1")
        for load in (1, 2)
    ),
    *(
        f"update loads set rows_read = rows_read {step} 1, {one} = {one} {step} 1 where load_id = {load}"
        for one in LEDGER[1:]
        for step in "+-"
        for load in (1, 2)
    ),
    *(
        f"update loads set {one} = {one} + 1, {other} = {other} - 1 where load_id = 2"
        for one, other in permutations(LEDGER[1:], 2)
    ),
    *(
        f"update load_overlaps set {one} = {one} {step} where {one} > 0 and load_id = {load}"
        for one in ("rows_duplicate", "rows_conflict")
        for step in ("+ 1", "- 1")
        for load in (2, 3)
    ),
    "update load_overlaps set load_id = 77 where load_id = 3",
    "update load_overlaps set first_load_id = 77 where load_id = 3 and first_load_id = 1",
    "update load_overlaps set first_load_id = 4 where load_id = 3 and first_load_id = 1",
    "insert into load_overlaps values (77, 1, 0, 0)",
    "delete from load_overlaps where load_id = first_load_id",
    "delete from load_overlaps where load_id = 3",
    "delete from load_overlaps",
    "delete from rejected_interactions where load_id = 1",
    "delete from rejected_interactions",
    "update rejected_interactions set load_id = 77 where load_id = 2",
    "update rejected_interactions set load_id = 4 where load_id = 2",
    """update rejected_interactions set problems = '[{"code": "bad-quoting"}]' where load_id = 3""",
    "delete from user_interactions_raw where interaction_id = 1",
    "update user_interactions_raw set load_id = 77 where interaction_id = 1",
    "update user_interactions_raw set load_id = 2 where interaction_id = 1",
    "update user_interactions_raw set user_id = 77 where interaction_id = 1",
    "update user_interactions_raw set timestamp = '2020-01-01', action = 'x' where interaction_id = 1",
    "insert into user_interactions_raw values (99, 1, 1, 'click', now(), 1)",
    "delete from loads where load_id = 1",
    "update loads set status = 'failed' where load_id = 1",
    "update loads set status = 'failed' where load_id = 4",
    "update loads set status = 'undone' where load_id = 2",
    *(f"update {table} set interaction_count = interaction_count + 1" for table in COUNTS),
    *(f"delete from {table}" for table in COUNTS),
    "insert into interactions values (77, 77, 1)",
    "insert into interactions_per_quarter_hour values (now(), 'x', 1)",
    "insert into interactions_per_user values (77, 1, now(), now())",
    "update interactions_per_user set first_at = first_at - interval '1 second'",
    "update interactions_per_user set last_at = last_at + interval '1 second' where user_id = 1",
    "update user_days set quarters = quarters << 1",
    "update user_days set day = day + 1 where user_id = 2",
    "insert into interactions_per_product values (77, 1)",
]
MENDED = "counts: `footfall verify --repair` mends them"


def judge(conninfo: str) -> list[str]:
    """Compare `verify`, its words and its repair with the law as plain Python says it; say what was wrong."""
    wrong = []
    found = verified(conninfo)
    if is_lawful(conninfo) or not found.drift:
        wrong.append(f"law {is_lawful(conninfo)}, found {found.drift}")
    said = list_cures(found)
    after = verified(conninfo, repair=True)
    if bool(after.drift) != (not said[0].startswith(MENDED)):
        wrong.append(f"said {said}, after its repair {after.drift}")
    if any(each.is_of_counts for each in after.drift):
        wrong.append(f"not mended: {after.drift}")
    if not after.drift and not is_lawful(conninfo):
        wrong.append("ok after the repair, and the law is broken")
    return wrong


@pytest.mark.matrix
@pytest.mark.parametrize("damage", DAMAGED_ROWS)
def test_a_changed_number_or_row_is_found_and_a_repair_is_advised_only_where_it_mends(loaded: str, damage: str) -> None:
    do(loaded, damage)
    wrong = judge(loaded)
    do(loaded, "truncate loads", *(each.cure for each in verified(loaded).drift if each.cure))
    assert wrong == []


@pytest.mark.matrix
@pytest.mark.parametrize("table", [*COUNTS, "user_interactions_raw", "rejected_interactions", "loads", "load_overlaps"])
@pytest.mark.parametrize("is_key_there", [True, False])
def test_a_row_that_is_there_twice_is_found_with_a_broken_key_and_without_one(
    loaded: str, as_admin: str, table: str, is_key_there: bool
) -> None:
    key = ask(
        loaded, f"select indexrelid::regclass::text from pg_index where indrelid = '{table}'::regclass and indisunique"
    )
    only = f"indrelid = '{table}'::regclass and indisunique"
    before = {name: sorted(ask(loaded, f"table {name}"), key=str) for name in COUNTS}
    do(as_admin, f"update pg_index set indisready = false where {only}")  # rows come past the key
    do(loaded, f"insert into {table} select * from kept.{table} limit 1")
    if is_key_there:
        do(as_admin, f"update pg_index set indisready = true where {only}")
    else:
        do(as_admin, f"update pg_index set indisready = true where {only}")
        do(loaded, *(f"alter table {table} drop constraint {name}" for (name,) in key if name.endswith("pkey")))
    found = verified(loaded)
    assert any(each.key.startswith("rows of ") and (each.kept, each.recount) == (2, 1) for each in found.drift)
    if is_key_there:
        assert judge(loaded) == []
    else:
        assert "schema" in names(found)
        after = verified(loaded, repair=True)
        assert not any(each.is_of_counts for each in after.drift)
    if table in COUNTS:
        assert {name: sorted(ask(loaded, f"table {name}"), key=str) for name in COUNTS} == before
    do(
        loaded,
        f"truncate {table}",
        *(each.cure for each in verified(loaded).drift if each.cure),
        f"reindex table {table}",
    )


def test_one_digest_loaded_twice_is_found_past_its_index(loaded: str) -> None:
    do(
        loaded,
        "drop index loads_digest_key",
        "insert into loads (load_id, source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate,"
        " rows_rejected, rows_skipped, definition, contract, started_at, finished_at, footfall_version)"
        " select 70, source, digest, size_bytes, status, 0, 0, 0, 0, 0, definition, contract, started_at, finished_at,"
        " footfall_version"
        " from loads where load_id = 1",
    )
    found = verified(loaded)
    assert not is_lawful(loaded)
    assert "rows of the loaded digest" in names(found)
    assert "index loads_digest_key of loads" in names(found)
    do(loaded, "delete from loads where load_id = 70", *(each.cure for each in found.drift if each.cure))


def test_a_repair_that_the_server_refuses_says_so_and_changes_nothing(loaded: str) -> None:
    do(
        loaded,
        "delete from interactions",
        "alter table interactions add constraint mine check (interaction_count > 1000)",
    )
    with pytest.raises(DriftError, match="reindex table interactions"):
        verified(loaded, repair=True)
    assert ask(loaded, "table interactions") == []
    do(loaded, "alter table interactions drop constraint mine")


# loads of before


@pytest.mark.slow
def test_loads_of_before_are_proven_from_the_upgrade_on(database: str, write_csv: Write) -> None:
    rows = ["1,1,1,click,2024-01-01", "2,1,1,click,2024-01-01", "2,1,1,click,2024-01-01", "2,1,2,click,2024-01-01"]
    settings = load_settings(database_url=database)
    files = [write_csv("a.csv", *rows), write_csv("b.csv", *rows[1:], "7,1,1,click,2024-01-01")]
    load_earlier(database, BEFORE_OWN_REPEATS, *files)
    right = ask(database, "select * from load_overlaps order by 1, 2")
    assert [row[:2] for row in right] == [(1, 1), (2, 1)]
    do(database, "delete from load_overlaps where load_id = first_load_id")  # as the Footfall of then left it
    assert "applied 0006_own_repeats.sql" in schema_verb.upgrade_schema(settings)
    assert ask(database, "select * from load_overlaps order by 1, 2") == right
    assert verified(database).drift == ()
    do(database, "update loads set rows_read = rows_read + 1, rows_duplicate = rows_duplicate + 1 where load_id = 1")
    assert names(verified(database)) == "overlaps rows_duplicate of load_id 1"
