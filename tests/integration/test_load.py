"""Loads against a real PostgreSQL: exactly once, sequential truth, all or nothing, both merge paths."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.sources import opening
from footfall.tables import first_load
from footfall.tables import quarantine as quarantining
from footfall.verbs import attempts, completing
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from listening import heard_by

pytestmark = pytest.mark.every_server

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
DAY = "2024-01-01"
ALWAYS, NEVER = 0, 1 << 60  # values of EMPTY_PATH_BYTES
Write = Callable[..., str]


def line(number: int, user: int = 1, product: int = 1, action: str = "click", day: str = DAY) -> str:
    return f"{number},{user},{product},{action},{day}"


def load(database: str, *names: str, **more: object) -> tuple[LoadResult, ...]:
    return load_verb.load(list(names), load_settings(database_url=database, **more)).loads


def load_one(database: str, name: str, **more: object) -> LoadResult:
    return load(database, name, **more)[0]


def ask(database: str, query: str, *values: object) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(query, values).fetchall()


def raw_ids(database: str) -> list[int]:
    return [row[0] for row in ask(database, "select interaction_id from user_interactions_raw order by 1")]


def users(database: str) -> dict[int, int]:
    return dict(ask(database, "select interaction_id, user_id from user_interactions_raw"))


def counts(database: str) -> list[Any]:
    return ask(database, "select user_id, product_id, interaction_count from interactions order by 1, 2")


def quarantined(database: str) -> list[Any]:
    """Give (line number, text, codes) of each quarantined row."""
    query = """
        select line_number, raw_line, jsonb_path_query_array(problems, '$[*].code')
        from rejected_interactions order by load_id, line_number"""
    return ask(database, query)


def ledger(database: str) -> list[Any]:
    query = "select status, rows_read, rows_loaded, rows_duplicate, rows_rejected from loads order by load_id"
    return ask(database, query)


def relations(database: str) -> list[str]:
    query = """
        select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname not like 'pg\\_toast%%' and n.nspname not in ('pg_catalog', 'information_schema') order by 1"""
    return [row[0] for row in ask(database, query)]


def key_ids(database: str) -> list[int]:
    """Give the identity of both keys: another one after they were built anew."""
    query = """
        select indexrelid::bigint from pg_index where indrelid in ('user_interactions_raw'::regclass,
        'interactions'::regclass) order by 1"""
    return [row[0] for row in ask(database, query)]


@pytest.fixture
def path_bytes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda size: monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", size)


@pytest.fixture(params=[ALWAYS, NEVER], ids=["empty-path", "ordinary-path"])
def either_path(request: pytest.FixtureRequest, path_bytes: Callable[[int], None]) -> None:
    path_bytes(request.param)


WRITER_RIGHTS = (
    "grant usage on schema public to {role}",
    "grant select, insert, update, delete on all tables in schema public to {role}",
    "grant usage on all sequences in schema public to {role}",
)


# exactly once


def test_a_second_delivery_under_another_name_changes_nothing_and_names_the_first(
    database: str, write_csv: Write
) -> None:
    first = load_one(database, write_csv("a.csv", line(1), line(2), "bad"))
    before = ask(database, "select * from loads")
    second = load_one(database, write_csv("b.csv", line(1), line(2), "bad"))
    assert (second.status, second.load_id, second.exit_code) == ("already-loaded", first.load_id, 0)
    assert ask(database, "select finished_at from loads") == [(second.loaded_at,)]
    assert (second.rows_read, second.rows_loaded, second.rows_duplicate, second.rows_rejected) == (0, 0, 0, 0)
    assert ask(database, "select * from loads") == before
    assert len(quarantined(database)) == 1


def test_the_same_bytes_twice_in_one_command_are_loaded_once(database: str, write_csv: Write) -> None:
    done = load(database, write_csv("a.csv", line(1)), write_csv("b.csv", line(1)))
    assert [each.status for each in done] == ["loaded", "already-loaded"]
    assert counts(database) == [(1, 1, 1)]


def test_the_same_rows_in_other_bytes_are_another_file_whose_rows_are_duplicates(
    database: str, write_csv: Write
) -> None:
    done = load(database, write_csv("a.csv", line(1), line(2)), write_csv("b.csv", line(2), line(1)))
    assert [(each.status, each.rows_loaded, each.rows_duplicate) for each in done] == [
        ("loaded", 2, 0),
        ("loaded", 0, 2),
    ]
    assert counts(database) == [(1, 1, 2)]


def test_the_ledger_keeps_source_digest_and_size(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1))
    done = load_one(database, name)
    assert ask(database, "select source, digest, size_bytes from loads") == [
        (name, done.digest, Path(name).stat().st_size)
    ]


# sequential truth


@pytest.mark.usefixtures("either_path")
def test_an_exact_repeat_in_the_file_is_a_duplicate(database: str, write_csv: Write) -> None:
    done = load_one(database, write_csv("a.csv", line(1), line(2), line(1), line(2), line(2)))
    assert ledger(database) == [("loaded", 5, 2, 3, 0)]
    assert counts(database) == [(1, 1, 2)]
    assert done.rows_duplicate == 3


@pytest.mark.slow
@pytest.mark.usefixtures("either_path")
def test_the_same_content_written_in_another_way_is_a_duplicate(database: str, write_csv: Write) -> None:
    load_one(
        database, write_csv("a.csv", line(1, day=f"{DAY} 00:00:00"), f' +1 ,01,1,"\tclick ",{DAY}T02:00+02:00', line(1))
    )
    assert ledger(database) == [("loaded", 3, 1, 2, 0)]


@pytest.mark.slow
@pytest.mark.usefixtures("either_path")
def test_of_rows_with_one_id_the_first_stays_and_the_others_are_quarantined_with_line_and_text(
    database: str, write_csv: Write
) -> None:
    load_one(database, write_csv("a.csv", line(7, 1), line(8), line(7, 2), line(7, 1), line(7, 3)))
    assert users(database) == {7: 1, 8: 1}
    assert quarantined(database) == [
        (4, line(7, 2), ["conflicting-duplicate"]),
        (6, line(7, 3), ["conflicting-duplicate"]),
    ]
    assert ledger(database) == [("loaded", 5, 2, 1, 2)]
    assert counts(database) == [(1, 1, 2)]


@pytest.mark.usefixtures("either_path")
def test_a_conflict_names_the_id_as_its_problem(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(7, 1), line(7, 2)))
    problem = {"code": "conflicting-duplicate", "field": "interaction_id", "value": "7"}
    assert ask(database, "select problems from rejected_interactions") == [([problem],)]


@pytest.mark.usefixtures("either_path")
def test_conflicting_rows_with_quotes_and_line_breaks_keep_their_own_line_number_and_text(
    database: str, write_csv: Write
) -> None:
    several = f'1,2,1,"put ""this""\nand, that",{DAY}'
    load_one(database, write_csv("a.csv", line(1), several, f'1,3,1,"quoted",{DAY}', "", line(1, 4)))
    assert quarantined(database) == [
        (3, several, ["conflicting-duplicate"]),
        (5, f'1,3,1,"quoted",{DAY}', ["conflicting-duplicate"]),
        (7, line(1, 4), ["conflicting-duplicate"]),
    ]


@pytest.mark.usefixtures("either_path")
def test_line_numbers_count_in_files_of_crlf_and_columns_in_another_order(database: str, write_csv: Write) -> None:
    content = f"timestamp,extra,ACTION,product_id,user_id,interaction_id\r\n{DAY},,a,1,1,5\r\n\r\n{DAY},x,b,1,1,5\r\n"
    load_one(database, write_csv("a.csv", content=content.encode()))
    assert quarantined(database) == [(4, f"{DAY},x,b,1,1,5", ["conflicting-duplicate"])]


def test_rows_that_came_with_an_earlier_load_are_duplicates_or_conflicts(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(1), line(2), line(3)))
    load_one(database, write_csv("b.csv", line(2), line(3, 9), line(4)))
    assert ledger(database)[1] == ("loaded", 3, 1, 1, 1)
    assert users(database) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert quarantined(database) == [(3, line(3, 9), ["conflicting-duplicate"])]
    assert counts(database) == [(1, 1, 4)]


def test_a_repeat_of_a_conflicting_row_conflicts_too(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(1)))
    load_one(database, write_csv("b.csv", line(1, 9), line(1, 9), line(1), line(2)))
    assert ledger(database)[1] == ("loaded", 4, 1, 1, 2)
    assert [row[0] for row in quarantined(database)] == [2, 3]


def test_overlaps_say_by_which_load_each_shared_row_came(database: str, write_csv: Write) -> None:
    first, second, third = load(
        database,
        write_csv("a.csv", line(1), line(2)),
        write_csv("b.csv", line(3)),
        write_csv("c.csv", line(1), line(1), line(2, 9), line(3), line(4), line(4), line(4, 9)),
    )
    assert ask(database, "select * from load_overlaps order by 1, 2") == [
        (third.load_id, first.load_id, 2, 1),
        (third.load_id, second.load_id, 1, 0),
        (third.load_id, third.load_id, 1, 1),
    ]


@pytest.mark.usefixtures("either_path")
def test_a_file_that_repeats_only_itself_overlaps_with_itself_alone(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(2), line(2), line(1), line(1, 9)))
    assert ask(database, "select * from load_overlaps") == [(1, 1, 1, 1)]


@pytest.mark.usefixtures("either_path")
def test_a_file_out_of_order_that_repeats_nothing_overlaps_with_no_load(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(2), line(1), line(4), line(3)))
    assert ask(database, "select * from load_overlaps") == []


@pytest.mark.usefixtures("either_path")
def test_an_invalid_row_never_claims_its_id(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(1, day="never"), line(1, 5), line(1, day="2024-02-30"), line(1, 5)))
    assert users(database) == {1: 5}
    assert ledger(database) == [("loaded", 4, 1, 1, 2)]
    assert [codes for *_, codes in quarantined(database)] == [["not-a-timestamp"], ["not-a-timestamp"]]


def test_a_row_carries_every_problem_it_has(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(1), "-1,x,,click,2024-13-01"))
    problems = ask(database, "select problems from rejected_interactions")[0][0]
    assert {(each["code"], each["field"]) for each in problems} == {
        ("out-of-range", "interaction_id"),
        ("not-an-integer", "user_id"),
        ("missing-value", "product_id"),
        ("not-a-timestamp", "timestamp"),
    }


@pytest.mark.usefixtures("either_path")
def test_descending_ids_come_in_whole(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", *(line(number, number % 3 + 1) for number in range(500, 0, -1))))
    assert raw_ids(database) == list(range(1, 501))
    assert counts(database) == [(1, 1, 166), (2, 1, 167), (3, 1, 167)]


@pytest.mark.usefixtures("either_path")
def test_the_largest_ids_come_in_exactly(database: str, write_csv: Write) -> None:
    top = 2**63 - 1
    load_one(database, write_csv("a.csv", line(top, top, top), line(top - 1, top, top)))
    assert raw_ids(database) == [top - 1, top]
    assert counts(database) == [(top, top, 2)]


# all or nothing


def test_of_several_files_one_may_fail_and_the_others_are_loaded(database: str, write_csv: Write) -> None:
    bad = write_csv("b.csv", content=b"who,what\n1,2\n")
    done = load(database, write_csv("a.csv", line(1)), bad, write_csv("c.csv", line(2)))
    assert [(each.status, each.exit_code) for each in done] == [("loaded", 0), ("failed", 3), ("loaded", 0)]
    assert raw_ids(database) == [1, 2]


def test_a_failed_load_is_in_the_ledger_with_its_error_and_without_numbers(database: str, write_csv: Write) -> None:
    done = load_one(database, write_csv("a.csv", line(1), "bad"), max_rejected="0")
    assert (done.status, done.load_id, done.rows_read, done.exit_code) == ("failed", None, 0, 4)
    rows = ask(
        database, "select status, error, digest, rows_read, rows_loaded, rows_duplicate, rows_rejected from loads"
    )
    assert rows == [("failed", done.error, done.digest, None, None, None, None)]


def test_a_failed_load_leaves_no_rows_no_counts_and_no_quarantine(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", line(1), "bad"), max_rejected="0")
    assert (raw_ids(database), counts(database), quarantined(database)) == ([], [], [])


def test_a_source_that_is_not_there_is_in_the_ledger_too(database: str) -> None:
    done = load_one(database, "nowhere.csv")
    assert (done.status, done.exit_code) == ("failed", 3)
    assert ask(database, "select status, source, digest from loads") == [("failed", "nowhere.csv", "")]


def test_a_failed_file_may_be_loaded_later_unchanged(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1), "bad")
    load_one(database, name, max_rejected="0")
    assert load_one(database, name).status == "loaded"
    assert [row[0] for row in ledger(database)] == ["failed", "loaded"]


def test_a_failed_file_may_be_loaded_when_mended(database: str, write_csv: Write) -> None:
    load_one(database, write_csv("a.csv", content=b""))
    assert load_one(database, write_csv("a.csv", line(1))).status == "loaded"
    assert raw_ids(database) == [1]


@pytest.mark.slow
@pytest.mark.usefixtures("either_path")
def test_a_failure_after_the_rows_were_sent_leaves_the_tables_as_they_were(
    database: str, write_csv: Write, contents: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_one(database, write_csv("none.csv"))
    before, keys = contents(database), relations(database)
    with monkeypatch.context() as patch:
        patch.setattr(completing, "_record_loaded", lambda *_: ask(database, "select 1 / 0"))
        assert load_one(database, write_csv("a.csv", line(2), line(1), line(1, 9), "bad")).status == "failed"
    assert contents(database) == before
    assert relations(database) == keys


@pytest.mark.parametrize(
    ("bound", "status"), [("0.5", "loaded"), ("50%", "loaded"), ("0.4", "failed"), ("2", "loaded"), ("1", "failed")]
)
def test_the_bound_of_rejected_rows_is_a_share_or_a_number(
    database: str, write_csv: Write, bound: str, status: str
) -> None:
    done = load_one(database, write_csv("a.csv", line(1), "bad", line(2), "worse"), max_rejected=bound)
    assert (done.status, done.exit_code) == (status, 0 if status == "loaded" else 4)
    assert raw_ids(database) == ([1, 2] if status == "loaded" else [])


@pytest.mark.usefixtures("either_path")
def test_conflicts_count_against_the_bound(database: str, write_csv: Write) -> None:
    done = load_one(database, write_csv("a.csv", line(1), line(1, 2)), max_rejected="0")
    assert (done.status, done.exit_code) == ("failed", 4)
    assert raw_ids(database) == []


def test_without_a_bound_a_file_fails_whose_rows_are_all_rejected(database: str, write_csv: Write) -> None:
    done = load_one(database, write_csv("a.csv", "bad", "worse"))
    assert (done.status, done.exit_code) == ("failed", 4)
    assert "--max-rejected 1.0" in (done.error or "")


def test_without_a_bound_one_duplicate_is_enough(database: str, write_csv: Write) -> None:
    done = load(database, write_csv("a.csv", line(1)), write_csv("b.csv", "bad", line(1)))
    assert [each.status for each in done] == ["loaded", "loaded"]


def test_a_bound_of_all_rows_takes_a_file_of_rejected_rows(database: str, write_csv: Write) -> None:
    assert load_one(database, write_csv("a.csv", "bad"), max_rejected="1.0").status == "loaded"
    assert len(quarantined(database)) == 1


@pytest.mark.usefixtures("either_path")
def test_a_header_alone_is_a_load_of_no_rows(database: str, write_csv: Write) -> None:
    assert load_one(database, write_csv("a.csv")).status == "loaded"
    assert ledger(database) == [("loaded", 0, 0, 0, 0)]


@pytest.mark.usefixtures("either_path")
def test_a_file_that_changes_while_it_is_read_is_refused(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("a.csv", line(1))
    real = quarantining.quarantine

    def grow(*given: Any) -> int:
        with Path(name).open("a") as file:
            file.write(line(2) + "\n")
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(quarantining, "quarantine", grow)
        done = load_one(database, name)
    assert (done.status, done.exit_code) == ("failed", 3)
    assert raw_ids(database) == []


def test_a_file_that_changed_is_tried_again_where_the_settings_say_so(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("a.csv", line(1))
    real, calls = opening.assert_unchanged, []

    def change_once(file: Any) -> None:
        if not calls:
            calls.append(1)
            Path(name).write_text(HEADER + line(2) + "\n")
        real(file)

    monkeypatch.setattr(opening, "assert_unchanged", change_once)
    monkeypatch.setattr(attempts.time, "sleep", lambda _: None)
    assert load_one(database, name, retry=True).status == "loaded"
    assert raw_ids(database) == [2]


# both paths


def mixed_lines(rows: int, seed: int) -> list[str]:
    """Give rows with late ids, exact repeats, conflicts and bad ones, all of them often."""
    chance = random.Random(seed)
    lines = []
    for number in range(1, rows + 1):
        kind = chance.random()
        if kind < 0.7:
            lines.append(line(number * 2, chance.randint(1, 9), chance.randint(1, 5)))
        elif kind < 0.8 and lines:
            lines.append(chance.choice(lines))
        elif kind < 0.9:
            lines.append(line(chance.randint(1, 2 * number), chance.randint(1, 9)))
        else:
            lines.append(chance.choice([line(number * 2, day="no"), "x", line(2, 1, 0)]))
    return lines


@pytest.mark.slow
def test_both_paths_give_the_same_tables(
    new_database: Callable[[], str], write_csv: Write, contents: Any, path_bytes: Callable[[int], None]
) -> None:
    name = write_csv("a.csv", *mixed_lines(4_000, seed=1))
    tables = []
    for size in (ALWAYS, NEVER):
        path_bytes(size)
        database = new_database()
        load_one(database, name)
        tables.append(contents(database) | {"overlaps": ask(database, "select * from load_overlaps")})
    assert tables[0] == tables[1]
    assert len(tables[0]["raw"]) > 2_000


def shape(database: str) -> dict[str, list[Any]]:
    queries = {
        "constraints": "select conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid) "
        "from pg_constraint "
        "where connamespace = 'public'::regnamespace order by 1, 2",
        "indexes": "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2",
        "columns": "select table_name, column_name, is_nullable, data_type, column_default from "
        "information_schema.columns where table_schema = 'public' order by 1, ordinal_position",
        "comments": "select objoid::regclass::text, objsubid, description from pg_description as d join pg_class as c "
        "on c.oid = d.objoid and d.classoid = 'pg_class'::regclass where relnamespace = 'public'::regnamespace "
        "order by 1, 2",
        "rights": "select relname, relowner::regrole::text, relacl::text from pg_class "
        "where relnamespace = 'public'::regnamespace order by 1",
    }
    return {name: ask(database, query) for name, query in queries.items()}


def test_after_the_empty_path_keys_constraints_and_comments_are_those_of_the_migration(
    database: str, write_csv: Write, path_bytes: Callable[[int], None]
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    before, keys = shape(database), key_ids(database)
    load_one(database, write_csv("a.csv", line(2), line(1), line(1, 9), "bad"))
    assert shape(database) == before
    assert key_ids(database) != keys  # or the empty path was not taken, and this test proves nothing


@pytest.mark.slow
def test_the_empty_path_is_for_empty_tables_alone(
    database: str, write_csv: Write, path_bytes: Callable[[int], None]
) -> None:
    path_bytes(ALWAYS)
    load_one(database, write_csv("a.csv", line(1)))
    keys = key_ids(database)
    load_one(database, write_csv("b.csv", line(1), line(2)))
    assert key_ids(database) == keys
    assert counts(database) == [(1, 1, 2)]


def _loaded_in_silence(database: str, admin: str, name: str) -> None:
    """Load by the ordinary path, without a word but for the notices about the file itself."""
    keys = key_ids(admin)
    words: list[str] = []
    summary = heard_by(words.append, load_verb.load, [name], load_settings(database_url=database))
    notices = [f"{name}: {notice}" for notice in summary.loads[0].notices]
    assert (summary.loads[0].status, words) == ("loaded", notices)
    assert raw_ids(admin) == [1, 2]
    assert counts(admin) == [(1, 1, 2)]
    assert key_ids(admin) == keys


def test_the_empty_path_is_skipped_in_silence_where_the_role_does_not_own_the_tables(
    database: str, write_csv: Write, path_bytes: Callable[[int], None], new_role: Callable[..., str]
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    _loaded_in_silence(new_role(*WRITER_RIGHTS), database, write_csv("a.csv", line(2), line(1), line(1)))


def test_the_empty_path_is_skipped_in_silence_where_someone_reads_the_table(
    database: str, write_csv: Write, path_bytes: Callable[[int], None]
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with psycopg.connect(database) as reader:
        reader.execute("select count(*) from interactions")
        _loaded_in_silence(database, database, write_csv("a.csv", line(2), line(1), line(1)))


@pytest.mark.parametrize(
    "dependent",
    [
        "create table mine (id bigint references user_interactions_raw)",
        "create view mine as select interaction_id, user_id from user_interactions_raw group by interaction_id",
        "alter table interactions cluster on interactions_pkey",
        "alter table interactions replica identity using index interactions_pkey",
    ],
)
def test_the_empty_path_is_skipped_in_silence_where_something_depends_on_the_key(
    database: str, write_csv: Write, path_bytes: Callable[[int], None], dependent: str
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with psycopg.connect(database) as connection:
        connection.execute(dependent)
    _loaded_in_silence(database, database, write_csv("a.csv", line(2), line(1), line(1)))


def test_counts_without_rows_keep_the_empty_path_off(
    database: str, write_csv: Write, path_bytes: Callable[[int], None]
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with psycopg.connect(database) as connection:
        connection.execute("insert into interactions values (8, 8, 8)")
    load_one(database, write_csv("a.csv", line(1)))
    assert counts(database) == [(1, 1, 1), (8, 8, 8)]


def test_a_failed_empty_path_load_leaves_the_keys(
    database: str, write_csv: Write, path_bytes: Callable[[int], None]
) -> None:
    path_bytes(ALWAYS)
    schema_verb.upgrade_schema(load_settings(database_url=database))
    before, keys = shape(database), key_ids(database)
    assert load_one(database, write_csv("a.csv", line(1), "bad"), max_rejected="0").status == "failed"
    assert (shape(database), key_ids(database)) == (before, keys)


# sessions, schemas, staging


@pytest.mark.usefixtures("either_path")
def test_a_load_leaves_no_staging_table(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    before = relations(database)
    load_one(database, write_csv("a.csv", line(2), line(1), line(1, 9), "bad"))
    assert relations(database) == before


def test_a_role_without_temp_stages_in_our_schema_and_leaves_nothing_behind(
    cluster: Any, database: str, write_csv: Write, new_role: Callable[..., str]
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    before = relations(database)
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
        connection.execute(sql.SQL("revoke temporary on database {} from public").format(name))
    role = new_role(*WRITER_RIGHTS, "grant create on schema public to {role}")
    assert ask(role, "select has_database_privilege(current_database(), 'TEMP')") == [(False,)]
    done = load_one(role, write_csv("a.csv", line(2), line(1), line(1, 9), line(2), "bad"))
    assert (done.status, done.error) == ("loaded", None)
    assert ledger(database) == [("loaded", 5, 2, 1, 2)]
    assert relations(database) == before


@pytest.mark.slow
@pytest.mark.usefixtures("either_path")
@pytest.mark.parametrize("schema", ["other", 'A "quoted" näme, $user', "select"])
def test_a_schema_of_any_name_holds_all_tables(database: str, write_csv: Write, schema: str) -> None:
    done = load_one(database, write_csv("a.csv", line(2), line(1), line(1, 9), "bad"), schema=schema)
    assert (done.status, done.error) == ("loaded", None)
    in_schema = "select count(*) from pg_tables where schemaname = %s"
    assert ask(database, in_schema, schema) == [(16,)]
    assert ask(database, in_schema, "public") == [(0,)]
    settings = load_settings(database_url=database, schema=schema)
    assert verify_verb.verify(settings).drift == ()
    assert verify_verb.verify(settings).rows_raw == 2


def test_two_schemas_of_one_database_know_nothing_of_each_other(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1))
    assert load_one(database, name).status == "loaded"
    assert load_one(database, name, schema="other").status == "loaded"


@pytest.mark.usefixtures("either_path")
def test_the_settings_of_a_load_do_not_outlive_its_transaction(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (
        "search_path", "TimeZone", "lock_timeout", "statement_timeout", "work_mem", "maintenance_work_mem",
        "random_page_cost", "idle_in_transaction_session_timeout", "client_connection_check_interval",
        "transaction_timeout", "jit",
    )  # fmt: skip
    seen: list[dict[str, str]] = []
    query = "select name, setting from pg_settings where name = any(%s)"

    real = load_verb._Loader.load_alone

    def look(loader: Any, path: str) -> Any:
        result = real(loader, path)
        connection = loader.session.connection
        seen.append(dict(map(tuple, connection.execute(query, [list(names)]).fetchall())))
        connection.rollback()
        return result

    monkeypatch.setattr(load_verb._Loader, "load_alone", look)
    load(database, write_csv("a.csv", line(2), line(1), line(1, 9), "bad"), "nowhere.csv")
    with psycopg.connect(database) as connection:
        fresh = dict(connection.execute(query, [list(names)]).fetchall())
    assert seen == [fresh, fresh]


def test_a_timezone_of_the_database_does_not_move_timestamps(database: str, write_csv: Write) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
        connection.execute(sql.SQL("alter database {} set timezone to 'Asia/Kathmandu'").format(name))
    load_one(database, write_csv("a.csv", line(1)))
    assert ask(database, "select timestamp::text from user_interactions_raw") == [(f"{DAY} 00:00:00+00",)]


@pytest.mark.slow
@pytest.mark.usefixtures("either_path")
def test_short_timeouts_of_the_role_do_not_end_a_load(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = quarantining.quarantine

    def dawdle(connection: Any, staging: Any) -> int:
        connection.execute("select pg_sleep(2.2)")
        time.sleep(2.2)
        return real(connection, staging)

    monkeypatch.setattr(quarantining, "quarantine", dawdle)
    # Milliseconds; long enough for the statement that switches them off, on a busy machine too.
    options = "-c statement_timeout=2000 -c idle_in_transaction_session_timeout=2000 -c lock_timeout=2000"
    with psycopg.connect(database) as connection:
        if connection.info.server_version >= 170000:
            options += " -c transaction_timeout=4000"
    done = load_one(make_conninfo(database, options=options), write_csv("a.csv", line(1)))
    assert (done.status, done.error) == ("loaded", None)


def test_a_pipe_is_loaded_once_by_its_content(database: str, write_csv: Write, tmp_path: Path) -> None:
    name = write_csv("a.csv", line(1))
    reading, writing = os.pipe()
    os.write(writing, Path(name).read_bytes())
    os.close(writing)
    try:
        done = load(database, f"/dev/fd/{reading}", name)
    finally:
        os.close(reading)
    assert [each.status for each in done] == ["loaded", "already-loaded"]
