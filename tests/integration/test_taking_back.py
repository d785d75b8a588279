"""Taking loads back, and loading files again: what is said, refused, recorded and left."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest

import footfall
from command_line import run
from footfall.answers import kept
from footfall.errors import LaterLoadsError, SettingsError
from footfall.postgres.transactions import begin
from footfall.results import describe_outcome
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import session as sessions
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
NAIVE = "{},1,1,click,2024-01-01 12:00"
RAW = "select interaction_id, load_id from user_interactions_raw order by 1"
STATES = "select load_id, status, rows_loaded, rows_duplicate, undone_at is not null from loads order by 1"


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(query.encode()).fetchall()


def load(database: str, *names: str, again: bool = False, with_later: bool = False, **more: Any) -> Any:
    settings = load_settings(database_url=database, **more)
    return load_verb.load(list(names), settings, again=again, with_later=with_later)


def undo(database: str, *loads: int, **how: bool) -> Any:
    return undo_verb.undo(loads, load_settings(database_url=database), **how)


def assert_clean(database: str) -> None:
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()


@pytest.fixture
def three(database: str, write_csv: Write) -> tuple[str, list[str]]:
    """Three loads: the second found a row of the first, and the third has one of the second's with other content."""
    lines = [["1", "2"], ["2", "3"], []]
    names = [write_csv(f"{at}.csv", *map(NAIVE.format, each)) for at, each in enumerate(lines)]
    names[2] = write_csv("2.csv", "3,9,9,buy,2024-01-01", "4,1,1,click,2024-01-01", "x,1,1,click,2024-01-01")
    load(database, *names)
    return database, names


def test_a_load_goes_alone_and_its_rows_pass_to_the_load_that_delivered_them_too(three: tuple[str, list[str]]) -> None:
    database, _ = three
    summary = undo(database, 1)
    [gone] = summary.loads
    assert (gone.load_id, gone.rows_removed, gone.rows_passed, gone.is_later) == (1, 1, 1, False)
    assert ask(database, RAW) == [(2, 2), (3, 2), (4, 3)]
    assert ask(database, STATES) == [
        (1, "undone", 2, 0, True),
        (2, "loaded", 2, 0, False),
        (3, "loaded", 1, 0, False),
    ]
    assert ask(database, "select * from load_duplicates") == []
    [(verb, details)] = ask(database, "select verb, details from operations")
    assert verb == "undo"
    assert details["passed"] == [{"from": 1, "to": 2, "rows": 1}]
    assert_clean(database)


@pytest.mark.slow
def test_a_later_load_that_cannot_stand_is_listed_and_nothing_is_done(three: tuple[str, list[str]]) -> None:
    database, names = three
    before = ask(database, RAW), ask(database, STATES)
    with pytest.raises(LaterLoadsError, match=r"load 3 .*2\.csv\): 1 row had other content[^$]*--with-later") as caught:
        undo(database, 2)
    assert caught.value.exit_code == 2
    assert (ask(database, RAW), ask(database, STATES)) == before
    tried = undo(database, 2, with_later=True, dry_run=True)
    assert (ask(database, RAW), ask(database, STATES)) == before
    done = undo(database, 2, with_later=True)
    assert done.loads == tried.loads
    assert [(each.load_id, each.is_later, each.rows_rejected) for each in done.loads] == [(2, False, 0), (3, True, 2)]
    assert ask(database, RAW) == [(1, 1), (2, 1)]
    assert ask(database, "select count(*) from rejected_interactions") == [(0,)]
    assert_clean(database)
    assert [each.status for each in load(database, *names).loads] == ["already-loaded", "loaded", "loaded"]
    assert ask(database, RAW) == [(1, 1), (2, 1), (3, 4), (4, 5)]


@pytest.mark.slow
def test_rows_of_loads_of_before_version_11_take_the_load_that_met_them_along(three: tuple[str, list[str]]) -> None:
    database, _ = three
    with psycopg.connect(database) as connection:
        connection.execute("delete from load_duplicates")
        connection.execute("update footfall_migrations set applied_at = now() where version = 11")
    assert_clean(database)
    with pytest.raises(LaterLoadsError, match=r"load 2 .*1 row .*not known which\n  load 3 "):
        undo(database, 1)
    assert [each.load_id for each in undo(database, 1, with_later=True).loads] == [1, 2, 3]
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]
    assert_clean(database)


def test_the_same_command_again_changes_nothing(three: tuple[str, list[str]]) -> None:
    database, _ = three
    undo(database, 1)
    again = undo(database, 1)
    assert (again.loads, again.already_undone) == ((), (1,))
    assert str(again) == "load 1 was taken back before, nothing changed"
    assert ask(database, "select count(*) from operations") == [(1,)]


@pytest.mark.slow
def test_a_load_that_cannot_be_taken_back_is_named(three: tuple[str, list[str]], write_csv: Write) -> None:
    database, _ = three
    assert load(database, write_csv("bad.csv", "x,1,1,click,2024-01-01")).exit_code == 4
    [(failed,)] = ask(database, "select load_id from loads where status = 'failed'")
    for load_id, why in ((99, "there is no load 99"), (failed, f"load {failed} failed")):
        with pytest.raises(SettingsError, match=why):
            undo(database, 1, load_id)
    assert ask(database, "select count(*) from loads where status = 'undone'") == [(0,)]


@pytest.mark.slow
def test_a_file_is_loaded_again_by_the_contract_of_today(three: tuple[str, list[str]], write_csv: Write) -> None:
    database, _ = three
    name = write_csv("zone.csv", NAIVE.format(7))
    load(database, name)
    [said] = load(database, name, source_time_zone="Europe/Vienna").loads
    assert "footfall load --again" in said.notices[0]
    assert "footfall undo 4" in said.notices[0]
    summary = load(database, name, again=True, source_time_zone="Europe/Vienna")
    [done] = summary.loads
    assert (done.load_id, done.status, [each.load_id for each in done.undone]) == (5, "loaded", [4])
    assert str(summary).endswith("s)")
    assert "(load 5 in place of load 4, " in str(summary)
    assert ask(database, "select timestamp::text from user_interactions_raw where interaction_id = 7") == [
        ("2024-01-01 11:00:00+00",)
    ]
    assert ask(database, "select verb, details->'load_id' from operations") == [("load --again", 5)]
    assert_clean(database)


@pytest.mark.slow
def test_a_file_that_would_now_be_refused_keeps_the_load_that_it_has(
    three: tuple[str, list[str]], write_csv: Write
) -> None:
    database, _ = three
    name = write_csv("words.csv", NAIVE.format(7))
    load(database, name)
    before = ask(database, RAW)
    [failed] = load(database, name, again=True, actions="buy").loads
    assert failed.exit_code == 4
    assert ask(database, RAW) == before
    assert ask(database, "select status from loads where load_id = 4") == [("loaded",)]
    assert ask(database, "select count(*) from operations") == [(0,)]
    assert_clean(database)


@pytest.mark.slow
def test_later_loads_that_cannot_stand_go_along_with_a_file_that_is_loaded_again(
    three: tuple[str, list[str]],
) -> None:
    database, names = three
    [refused] = load(database, names[1], again=True).loads
    assert isinstance(refused.failure, LaterLoadsError)
    assert ask(database, "select count(*) from loads") == [(3,)]  # the file has its load: nothing of it failed
    [done] = load(database, names[1], again=True, with_later=True).loads
    assert [(each.load_id, each.is_later) for each in done.undone] == [(2, False), (3, True)]
    assert done.notices == (
        f"1 later load was taken back, too, and is not loaded now: load 3 ({names[2]}); load its file again",
    )
    assert "in place of load 2," in describe_outcome(done)
    assert_clean(database)
    with pytest.raises(SettingsError, match="goes with --again"):
        load(database, names[1], with_later=True)


@pytest.mark.slow
def test_files_that_are_loaded_again_together_never_undo_each_other(database: str, write_csv: Write) -> None:
    first, copy = write_csv("a.csv", NAIVE.format(1)), write_csv("copy.csv", NAIVE.format(1))
    second = write_csv("b.csv", NAIVE.format(1), NAIVE.format(2))
    load(database, first, second)
    summary = load(
        database, first, copy, second, again=True, with_later=True, source_time_zone="Asia/Tokyo", max_rejected="1.0"
    )
    # The first meets the row of the second, which is read by another clock; the second cannot take its place then.
    assert [each.status for each in summary.loads] == ["loaded", "already-loaded", "failed"]
    assert "which this command has just made" in str(summary.loads[2].error)
    assert_clean(database)


@pytest.mark.slow
def test_what_python_and_the_command_line_say(three: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    database, names = three
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", database)
    assert footfall.undo(1, dry_run=True).loads[0].rows_removed == 1
    refused = run("undo", "2")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "load 3 (" in refused.stderr
    told = json.loads(run("undo", "1", "--format", "json").stdout)
    assert {name: told[name] for name in ("rows_removed", "rows_passed", "rows_rejected", "is_dry_run")} == {
        "rows_removed": 1,
        "rows_passed": 1,
        "rows_rejected": 0,
        "is_dry_run": False,
    }
    assert run("undo", "1").stdout == "load 1 was taken back before, nothing changed\n"
    told = json.loads(run("load", "--again", "--with-later", "--format", "json", names[1]).stdout)
    assert [each["load_id"] for each in told["loads"][0]["undone"]] == [2, 3]


DAMAGES = [
    ("overlaps", "delete from load_duplicates where load_id = 4"),
    ("overlaps", "update load_duplicates set interaction_ids = interaction_ids || interaction_ids"),
    ("overlaps", "update load_duplicates set interaction_ids = array[999] where load_id = 4"),
    ("overlaps", "update load_duplicates set first_load_id = 3"),
    ("ledger", "update loads set rows_forgotten = rows_forgotten + 1 where load_id = 2"),
    ("operations", "delete from operations"),
    (
        "operations",
        "insert into operations select 77, verb, done_by, now(), now(), '', details from operations "
        "where verb = 'undo'",
    ),
    ("operations", "update loads set status = 'failed', undone_at = null where load_id = 1"),
    ("operations", "update loads set undone_at = null where load_id = 1"),
]


@pytest.mark.slow
def test_verify_finds_what_no_undo_left(three: tuple[str, list[str]], write_csv: Write) -> None:
    database, _ = three
    load(database, write_csv("more.csv", *map(NAIVE.format, (2, 3, 50))))
    undo(database, 1)
    met = "select load_id, first_load_id, unnest(interaction_ids) as i from load_duplicates order by i"
    assert ask(database, met) == [(4, 2, 2), (4, 2, 3)]
    assert_clean(database)
    with psycopg.connect(database) as connection:
        connection.execute("create schema kept")
        for table in ("loads", "load_duplicates", "operations"):
            connection.execute(f"create table kept.{table} as table {table}")
    for check, damage in DAMAGES:
        with psycopg.connect(database) as connection:
            connection.execute(damage.encode())
        found = verify_verb.verify(load_settings(database_url=database))
        assert check in {each.check for each in found.drift}, damage
        with psycopg.connect(database) as connection:
            for table in ("loads", "load_duplicates", "operations"):
                connection.execute(f"delete from {table}")
                connection.execute(f"insert into {table} select * from kept.{table}")
    assert_clean(database)


@pytest.mark.slow
def test_a_forgotten_row_passes_as_forgotten(three: tuple[str, list[str]]) -> None:
    database, _ = three
    with psycopg.connect(database) as connection:  # as forgetting the user of one row leaves it
        connection.execute("delete from user_interactions_raw where interaction_id = 2")
        connection.execute("update loads set rows_forgotten = 1 where load_id = 1")
        for table, key in (
            ("interactions", "user_id = 1"),
            ("interactions_per_user", "user_id = 1"),
            ("interactions_per_product", "product_id = 1"),
            ("interactions_per_quarter_hour", "quarter_hour = '2024-01-01 12:00Z'"),
        ):
            less = f"update {table} set interaction_count = interaction_count - 1 where {key}"
            connection.execute(less.encode())
    assert_clean(database)
    [gone] = undo(database, 1).loads
    assert (gone.rows_removed, gone.rows_passed) == (1, 0)
    assert ask(database, "select rows_loaded, rows_duplicate, rows_forgotten from loads where load_id = 2") == [
        (2, 0, 1)
    ]
    assert_clean(database)


@pytest.mark.slow
def test_an_undo_and_loads_at_once_end_as_one_after_the_other(three: tuple[str, list[str]], write_csv: Write) -> None:
    database, names = three
    more = [write_csv(f"more {n}.csv", *(NAIVE.format(m) for m in range(1, 20 + n))) for n in range(3)]

    def take_back() -> None:
        undo(database, 2, 1, with_later=True)

    acts: list[Callable[[], Any]] = [take_back, *(partial(load, database, name, max_rejected="1.0") for name in more)]
    acts += [partial(load, database, names[0], again=True, with_later=True)] * 2
    with ThreadPoolExecutor(len(acts)) as threads:
        for each in [threads.submit(act) for act in acts]:
            each.result()
    assert_clean(database)
    assert ask(database, "select digest from loads where status = 'loaded' group by 1 having count(*) > 1") == []
    assert ask(database, "select count(*) from user_interactions_raw where interaction_id < 19") == [(18,)]


@pytest.mark.slow
def test_answers_that_are_kept_count_no_more_after_an_undo(three: tuple[str, list[str]]) -> None:
    database, _ = three

    def read_state() -> str:
        with sessions.open_verb_session(load_settings(database_url=database)) as (connection, where):
            begin(connection, where)
            return kept.read_state(connection)

    before = read_state()
    assert before == read_state()
    undo(database, 1, dry_run=True)
    assert before == read_state()
    undo(database, 1)
    assert before != read_state()


@pytest.mark.slow
def test_mended_rows_that_go_along_are_said_with_how_they_come_in_again(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", NAIVE.format(1), "2,x,1,click,2024-01-01", "3,y,1,click,2024-01-01")
    load(database, name)
    mended = write_csv("fix.csv", "2,5,1,click,2024-01-01", "3,y,1,click,2024-01-01")
    load_verb.load([mended], load_settings(database_url=database), replays=1)
    assert f"load 2 (mended rows of load 1), {mended}: 1 row" in str(undo(database, 1, dry_run=True))
    [done] = load(database, name, again=True).loads
    assert [(each.load_id, each.mended) for each in done.undone] == [(1, None), (2, 1)]
    [said] = done.notices
    assert f"load 2 ({mended}) had mended rows of load 1" in said
    assert f"--replays {done.load_id}" in said
    assert "in place of load 1," in describe_outcome(done)
    assert ask(database, "select details->'loads' from operations") == [([1],)]
    [back] = load_verb.load([mended], load_settings(database_url=database), replays=done.load_id).loads
    assert (back.rows_loaded, back.rows_rejected) == (1, 1)
    assert_clean(database)


@pytest.mark.slow
def test_a_file_that_is_refused_does_not_say_that_loads_went_along(three: tuple[str, list[str]]) -> None:
    database, names = three
    [failed] = load(database, names[1], again=True, with_later=True, actions="buy").loads
    assert (failed.exit_code, [notice for notice in failed.notices if "taken back" in notice]) == (4, [])
    assert_clean(database)
