"""Replay: rejected rows are judged again under the contract of today; what is valid comes in as a load of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from command_line import run
from footfall.errors import LaterLoadsError, SettingsError, UnknownNameError


def write_csv(name: str, *rows: str) -> str:
    Path(name).write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return name


HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
RAW = "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw order by 1"
FRESH = RAW.replace("from ", "from fresh.")
GOOD = "1,1,1,click,2024-01-01"


def ask(database: str, statement: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set time zone 'UTC'")
        return connection.execute(statement).fetchall()


def states(database: str) -> list[tuple[int, int, int | None]]:
    return ask(database, "select load_id, line_number, replayed_by from rejected_interactions order by 1, 2, item")


def assert_clean(database: str) -> None:
    assert footfall.verify(database_url=database).drift == ()


def test_what_is_valid_under_the_contract_of_today_comes_in_as_a_load_of_its_own(database: str) -> None:
    name = write_csv("a.csv", GOOD, "2,1,1,buy,2024-01-01", "x,1,1,click,2024-01-01", "3,2,1,buy,2024-01-02")
    footfall.load(name, database_url=database, actions=["click"])
    assert states(database) == [(1, 3, None), (1, 4, None), (1, 5, None)]
    summary = footfall.replay(database_url=database)
    (done,) = summary.loads
    assert (done.source, done.status, done.replay_of) == ("replay of load 1", "loaded", 1)
    assert (done.rows_read, done.rows_loaded, done.rows_duplicate, done.rows_rejected) == (2, 2, 0, 0)
    assert "1 row of load 1 stays open" in done.notices[0]
    assert states(database) == [(1, 3, done.load_id), (1, 4, None), (1, 5, done.load_id)]
    assert [row[0] for row in ask(database, RAW)] == [1, 2, 3]
    ledger = ask(database, "select source, status, rows_read, rows_loaded, replay_of from loads order by load_id")
    assert ledger == [(name, "loaded", 4, 1, None), ("replay of load 1", "loaded", 2, 2, 1)]
    assert_clean(database)


def test_where_nothing_is_valid_nothing_changes_and_that_is_said(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    footfall.load(write_csv("a.csv", GOOD, "x,1,1,click,2024-01-01"), database_url=database)
    with caplog.at_level("INFO", "footfall"):
        summary = footfall.replay(1, database_url=database)
    assert (summary.loads, summary.exit_code) == ((), 0)
    assert "none of its 1 open rows is valid" in caplog.text
    assert ask(database, "select count(*) from loads") == [(1,)]
    (clean,) = footfall.load(write_csv("b.csv", "2,1,1,click,2024-01-01"), database_url=database).loads
    with caplog.at_level("INFO", "footfall"):
        assert footfall.replay(clean.load_id or 0, database_url=database).loads == ()
    assert f"load {clean.load_id} has no open rejected rows" in caplog.text


def test_duplicates_and_skipped_rows_close_and_conflicts_stay_open(database: str) -> None:
    definition = '[sources.a]\nmatch = ["a.csv"]\nwhere = [{column = "action", not_in = ["ping"]}]\n'
    rows = (GOOD, "2,1,1,buy,2024-01-01", "3,1,1,buy,2024-01-01", "4,1,1,ping,2024-01-01", "5,1,1,buy,2024-01-01")
    Path("footfall.toml").write_text('[sources.a]\nmatch = ["a.csv"]\n')
    footfall.load(write_csv("a.csv", *rows), database_url=database, actions=["click"])
    footfall.load(write_csv("b.csv", "2,1,1,buy,2024-01-01", "3,9,9,buy,2024-01-01"), database_url=database)
    Path("footfall.toml").write_text(definition)
    (done,) = footfall.replay(database_url=database).loads
    assert (done.rows_read, done.rows_loaded, done.rows_duplicate, done.rows_skipped) == (3, 1, 1, 1)
    assert states(database) == [(1, 3, 3), (1, 4, None), (1, 5, 3), (1, 6, 3)]
    assert ask(database, "select * from load_overlaps where load_id = 3") == [(3, 2, 1, 0)]
    assert_clean(database)
    assert footfall.replay(database_url=database).loads == ()


@pytest.mark.slow
def test_a_conflict_of_an_id_that_is_made_stays_open_since_others_like_it_may_have_come_in(database: str) -> None:
    Path("footfall.toml").write_text('[sources.log]\nmatch = ["*.csv"]\ninteraction_id = { from = "record" }\n')
    row = "1,1,1,click,2024-01-01 12:00:00"
    utc, vienna = {"source_time_zone": "UTC"}, {"source_time_zone": "Europe/Vienna"}
    types = {"database_url": database, "interaction_id_type": "uuid"}
    first = footfall.load(write_csv("a.csv", row), **types, **utc).loads[0]
    second = footfall.load(write_csv("b.csv", row, row), **types, **vienna).loads[0]
    third = footfall.load(write_csv("c.csv", row, row, row), **types, **utc).loads[0]
    sums = [(each.rows_loaded, each.rows_duplicate, each.rows_rejected) for each in (first, second, third)]
    assert sums == [(1, 0, 0), (1, 0, 1), (1, 1, 1)]
    before = states(database)
    for zone in (utc, vienna):
        assert footfall.replay(database_url=database, **zone).loads == ()
        assert states(database) == before
    assert_clean(database)


def test_a_dry_run_says_what_would_come_in_and_changes_nothing(database: str) -> None:
    name = write_csv("a.csv", GOOD, "2,1,1,buy,2024-01-01")
    footfall.load(name, database_url=database, actions=["click"])
    (done,) = footfall.replay(database_url=database, dry_run=True).loads
    assert (done.status, done.load_id, done.rows_loaded) == ("checked", None, 1)
    assert states(database) == [(1, 3, None)]
    assert ask(database, "select count(*) from loads") == [(1,)]


@pytest.mark.slow
def test_each_load_is_replayed_on_its_own_and_one_that_cannot_be_does_not_stop_the_others(database: str) -> None:
    Path("footfall.toml").write_text('[sources.gone]\nmatch = ["a.csv"]\n')
    for at, name in enumerate(("a.csv", "b.csv", "c.csv"), 1):
        rows = [f"{10 * at},1,1,click,2024-01-01", f"{10 * at + 1},1,1,buy,2024-01-01"]
        footfall.load(write_csv(name, *rows), database_url=database, actions=["click"])
    Path("footfall.toml").unlink()
    summary = footfall.replay(database_url=database)
    assert [(done.status, done.replay_of) for done in summary.loads] == [("failed", None), ("loaded", 2), ("loaded", 3)]
    assert "read by the source definition 'gone', and there is none of this name today" in str(summary.loads[0].error)
    assert summary.exit_code == 2
    (done,) = footfall.replay(1, database_url=database, source="footfall").loads
    assert done.rows_loaded == 1
    assert_clean(database)


def test_a_load_that_is_not_there_or_did_not_come_in_is_refused(database: str) -> None:
    footfall.load(write_csv("a.csv", "x,1,1,click,2024-01-01"), database_url=database)
    with pytest.raises(UnknownNameError, match="there is no load 7"):
        footfall.replay(7, database_url=database)
    ((failed,),) = ask(database, "select load_id from loads")
    with pytest.raises(SettingsError, match=f"load {failed} is failed"):
        footfall.replay(failed, database_url=database)


@pytest.mark.slow
def test_equal_records_keep_their_numbers_where_ids_are_made(database: str) -> None:
    Path("footfall.toml").write_text('[sources.a]\nmatch = ["*.csv"]\ninteraction_id = { from = "record" }\n')
    rows = ("1,1,1,buy,2024-01-01",) * 3 + ("1,1,1,click,2024-01-01",)
    options: Any = {"database_url": database, "interaction_id_type": "uuid"}
    footfall.load(write_csv("a.csv", *rows), actions=["click"], **options)
    with psycopg.connect(database) as connection:
        connection.execute("update rejected_interactions set replayed_by = 1 where line_number = 2")
    (done,) = footfall.replay(**options).loads
    assert done.rows_loaded == 2
    fresh = footfall.load("a.csv", schema="fresh", **options)
    assert fresh.rows_loaded == 4
    there = {row[0] for row in ask(database, RAW)}
    assert len(there) == 3
    assert there < {row[0] for row in ask(database, FRESH)}


@pytest.mark.slow
def test_the_tables_are_those_of_a_fresh_load_under_the_new_contract(database: str) -> None:
    rows = [f"{at},{at % 7},{at % 5},{'buy' if at % 3 else 'click'},2024-01-{1 + at % 28:02d}" for at in range(1, 4000)]
    name = write_csv("a.csv", *rows)
    footfall.load(name, database_url=database, actions=["click"])
    footfall.replay(database_url=database)
    footfall.load(name, database_url=database, schema="fresh")
    assert ask(database, RAW) == ask(database, FRESH)
    assert_clean(database)


@pytest.mark.slow
def test_the_result_as_json_says_which_load_it_mends(database: str) -> None:
    Path("a.csv").write_text(HEADER + GOOD + "\n2,1,1,buy,2024-01-01\n")
    assert run("load", "a.csv", "--database", database, FOOTFALL_ACTIONS="click").returncode == 0
    done = run("replay", "--database", database, "--format", "json")
    assert done.returncode == 0
    (found,) = json.loads(done.stdout)["loads"]
    assert (found["replay_of"], found["rows_loaded"], found["source"]) == (1, 1, "replay of load 1")
    again = run("replay", "--database", database)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to replay" in again.stderr


def test_undoing_a_replay_opens_again_what_it_closed(database: str) -> None:
    footfall.load(write_csv("a.csv", GOOD, "2,1,1,buy,2024-01-01"), database_url=database, actions=["click"])
    (done,) = footfall.replay(database_url=database).loads
    footfall.undo(done.load_id or 0, database_url=database)
    assert states(database) == [(1, 3, None)]
    assert [row[0] for row in ask(database, RAW)] == [1]
    assert_clean(database)
    (again,) = footfall.replay(database_url=database).loads
    assert again.rows_loaded == 1
    assert_clean(database)


@pytest.mark.slow
def test_undoing_a_load_takes_its_replays_and_mended_files_along(database: str) -> None:
    rows = (GOOD, "2,1,1,buy,2024-01-01", "x,1,1,buy,2024-01-01")
    footfall.load(write_csv("a.csv", *rows), database_url=database, actions=["click"])
    footfall.replay(database_url=database)
    footfall.load(write_csv("fix.csv", "3,1,1,buy,2024-01-01"), database_url=database, replays=1)
    footfall.load(write_csv("b.csv", "2,1,1,buy,2024-01-01", "9,9,9,view,2024-01-01"), database_url=database)
    assert [row[0] for row in ask(database, RAW)] == [1, 2, 3, 9]
    assert_clean(database)
    undone = footfall.undo(1, database_url=database)
    assert [load.load_id for load in undone.loads] == [1, 2, 3]
    assert [row[0] for row in ask(database, RAW)] == [2, 9]
    assert states(database) == []
    assert_clean(database)


@pytest.mark.slow
def test_undoing_a_load_takes_the_replays_of_later_loads_along(database: str) -> None:
    footfall.load(write_csv("a.csv", GOOD), database_url=database)
    rows = (GOOD.replace("click", "view"), "2,1,1,buy,2024-01-01", "3,1,1,click,2024-01-01")
    footfall.load(write_csv("b.csv", *rows), database_url=database, actions=["click", "view"], max_rejected="1.0")
    (replay,) = footfall.replay(2, database_url=database).loads
    assert (replay.replay_of, replay.rows_loaded) == (2, 1)
    with pytest.raises(LaterLoadsError, match=r"load 3 .*: it mends rows that load 2 rejected"):
        footfall.undo(1, database_url=database)
    undone = footfall.undo(1, database_url=database, with_later=True)
    assert [load.load_id for load in undone.loads] == [1, 2, 3]
    assert (ask(database, RAW), states(database)) == ([], [])
    assert_clean(database)


def test_what_a_replay_found_there_passes_to_it_when_it_is_taken_back(database: str) -> None:
    footfall.load(write_csv("a.csv", GOOD, "2,1,1,buy,2024-01-01"), database_url=database, actions=["click"])
    (b,) = footfall.load(write_csv("b.csv", "2,1,1,buy,2024-01-01"), database_url=database).loads
    (done,) = footfall.replay(database_url=database).loads
    assert done.rows_duplicate == 1
    footfall.undo(b.load_id or 0, database_url=database)
    assert ask(database, "select interaction_id, load_id from user_interactions_raw order by 1") == [
        (1, 1), (2, done.load_id)
    ]  # fmt: skip
    assert_clean(database)


@pytest.mark.slow
def test_the_report_says_how_many_are_open_and_closed(database: str) -> None:
    rows = (GOOD, "2,1,1,buy,2024-01-01", "x,1,1,buy,2024-01-01")
    footfall.load(write_csv("a.csv", *rows), database_url=database, actions=["click"])
    assert "closed by" not in footfall.report(database_url=database)
    footfall.replay(database_url=database)
    assert "2 rejected = 1 open + 1 closed by a replay or a mended file" in footfall.report(database_url=database)
