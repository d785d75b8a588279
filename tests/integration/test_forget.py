"""Forget: the rows of a user go, everywhere, and no load brings the user back."""

from __future__ import annotations

import gzip
import json
import threading
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from command_line import run
from footfall.contract.forgotten import Forgotten, list_fields, read_id
from footfall.errors import DatabaseBusyError, SettingsError
from listening import heard_by

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
GONE = 770011223344
DAY = "2024-01-01"
HIDDEN = [{"code": "forgotten-user", "field": "user_id", "value": None}]


def write_csv(name: str, *rows: str) -> str:
    Path(name).write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return name


def ask(database: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(statement, values).fetchall()


def quarantine(database: str) -> list[Any]:
    return ask(
        database,
        "select load_id, line_number, item, raw_line, raw_bytes, raw_size_bytes, around, problems "
        "from rejected_interactions order by 1, 2, 3",
    )


def hidden(load_id: int, line: int, item: int = 0) -> tuple[Any, ...]:
    return load_id, line, item, "", None, 0, None, HIDDEN


def assert_clean(database: str) -> None:
    assert footfall.verify(database_url=database).drift == ()


def dump(database: str) -> str:
    """Give the text of every row of every table in the schema."""
    with psycopg.connect(database) as connection:
        names = connection.execute(
            "select c.oid::regclass::text from pg_class as c where relkind = 'r' "
            "and relnamespace = 'public'::regnamespace"
        ).fetchall()
        return "\n".join(str(row) for (name,) in names for row in connection.execute(f"select t::text from {name} t"))


@pytest.mark.slow
def test_the_rows_of_a_user_go_from_raw_counts_and_quarantine(database: str) -> None:
    first = write_csv(
        "a.csv",
        f"1,{GONE},5,click,{DAY}",
        f"2,{GONE},5,view,{DAY}",
        f"3,7,5,click,{DAY}",
        f"x,{GONE},5,click,{DAY}",  # rejected: the user reads as the one who goes
        f"4,8,{GONE},click,yesterday",  # rejected: the user is another one
        f"5,{GONE}",  # too few fields: it holds the id
        f'6,"{GONE},5,click,{DAY}',  # bad quoting: it holds the id
        f"7,y,{GONE},click,{DAY}",  # the user cannot be told
        f"8,1{GONE},{DAY}",  # it does not hold the id as a field
    )
    footfall.load(first, database_url=database)
    second = write_csv("b.csv", f"3,{GONE},5,click,{DAY}", f"1,{GONE},5,click,{DAY}", f"9,7,5,click,{DAY}")
    footfall.load(second, database_url=database)  # a conflict of that user, and a duplicate
    receipt = footfall.forget(GONE, database_url=database)
    assert (receipt.users, receipt.users_known, receipt.rows_forgotten, receipt.rows_blanked) == (1, 0, 2, 5)
    assert [(each.load_id, each.rows_forgotten, each.rows_blanked) for each in receipt.loads] == [(1, 2, 4), (2, 0, 1)]
    assert ask(database, "select user_id, product_id, interaction_count from interactions") == [(7, 5, 2)]
    assert ask(database, "select load_id, rows_loaded, rows_forgotten from loads order by 1") == [(1, 3, 2), (2, 1, 0)]
    conflict = [*HIDDEN, {"code": "conflicting-duplicate", "field": "interaction_id", "value": None}]
    found = quarantine(database)
    assert [row for row in found if row[5] == 0] == [
        *(hidden(1, line) for line in (5, 7, 8, 9)),
        (*hidden(2, 2)[:7], conflict),
    ]
    assert [row[1] for row in found if row[5]] == [6, 10]
    assert_clean(database)
    ((verb, details),) = ask(database, "select verb, details from operations where verb = 'forget'")
    assert (verb, details["users"], details["rows_forgotten"], details["rows_blanked"]) == ("forget", 1, 2, 5)
    assert str(GONE) not in str(receipt) and str(GONE) not in str(details)


WAYS = ("the same file anew", "another file", "out of order", "the empty path", "a group of small files")


@pytest.mark.parametrize("way", WAYS)
def test_a_forgotten_user_does_not_come_back(database: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{number},{GONE if number % 5 == 0 else 7},5,click,{DAY}" for number in range(1, 21)]
    name = write_csv("a.csv", *rows)
    if way != "the empty path":
        footfall.load(name, database_url=database)
    else:
        from footfall.tables import first_load

        monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 1)
        footfall.load(write_csv("none.csv"), database_url=database)
    footfall.forget(GONE, database_url=database)
    if way == "the same file anew":
        (done,) = footfall.load(name, database_url=database).loads
        assert done.status == "already-loaded"
        names = [gzip_of(name)]
    elif way == "a group of small files":
        names = [write_csv(f"s{at}.csv", *rows[at::4], f"{100 + at},{GONE},1,click,{DAY}") for at in range(4)]
    elif way == "out of order":
        names = [write_csv("o.csv", *reversed(rows), f"30,{GONE},1,click,{DAY}", f"30,7,1,click,{DAY}")]
    else:
        names = [write_csv("b.csv", *rows, f"21,{GONE},9,click,{DAY}")]
    before = len(quarantine(database))
    summary = footfall.load(*names, database_url=database)
    assert [done.status for done in summary.loads] == ["loaded"] * len(names), summary
    assert ask(database, "select count(*) from user_interactions_raw where user_id <> 7") == [(0,)]
    assert ask(database, "select count(*) from user_interactions_raw") == [(17,) if way == "out of order" else (16,)]
    added = quarantine(database)[before:]
    assert {row[3:] for row in map(str, added)} != set() and all(row[3:] == hidden(0, 0)[3:] for row in added)
    assert len(added) == summary.rows_rejected >= 4
    assert str(GONE) not in dump(database)
    assert [(group.code, group.field) for done in summary.loads for group in done.groups] == [
        ("forgotten-user", "user_id")
    ] * len(names)
    assert str(GONE) not in str(summary)
    assert_clean(database)


def gzip_of(name: str) -> str:
    Path(f"{name}.gz").write_bytes(gzip.compress(Path(name).read_bytes(), mtime=0))
    return f"{name}.gz"


def test_rejected_rows_and_conflicts_of_a_later_load_hold_nothing_of_a_forgotten_user(database: str) -> None:
    footfall.load(write_csv("a.csv", f"1,7,5,click,{DAY}"), database_url=database)
    footfall.forget(GONE, database_url=database)
    name = write_csv(
        "b.csv",
        f"1,{GONE},5,click,{DAY}",  # would be a conflict
        f"1,8,5,click,{DAY}",  # a conflict of another user, read again from the file
        f"x,+0{GONE},5,secret-word,{DAY}",
        f"2,{GONE},secret-word",
        f"3,oops,{GONE},secret-word,{DAY}",
        f"4,8,{GONE},click,never",
        f"5,9,1,click,{DAY}",
    )
    (done,) = footfall.load(name, database_url=database).loads
    assert (done.rows_loaded, done.rows_rejected) == (1, 6)
    found = quarantine(database)
    assert [row for row in found if row[5] == 0] == [hidden(2, line) for line in (2, 4, 5, 6)]
    assert [row[7][0]["code"] for row in found if row[5]] == ["conflicting-duplicate", "not-a-timestamp"]
    assert "secret-word" not in dump(database)
    assert "secret-word" not in str(done)
    assert_clean(database)


@pytest.mark.slow
def test_rows_of_forgotten_users_are_no_fault_of_the_file(database: str) -> None:
    footfall.load(write_csv("a.csv", f"1,7,5,click,{DAY}"), database_url=database)
    footfall.forget(GONE, database_url=database)
    only = write_csv("b.csv", f"2,{GONE},5,click,{DAY}")
    (done,) = footfall.load(only, database_url=database, max_rejected="0").loads
    assert (done.status, done.rows_loaded, done.rows_rejected) == ("loaded", 0, 1)
    bad = write_csv("c.csv", f"3,{GONE},5,click,{DAY}", f"x,7,5,click,{DAY}")
    (done,) = footfall.load(bad, database_url=database).loads
    assert done.exit_code == 4
    assert "all 1 rows are rejected (1 of them not-an-integer" in str(done.error)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uuid", "text"])
def test_users_of_every_type_of_id_are_forgotten(database: str, kind: str) -> None:
    gone = "7b3c1a52-9f7e-4d2a-8c11-0a5b6c7d8e9f" if kind == "uuid" else 'Zoë "Z", 1'
    other = str(uuid.UUID(int=5)) if kind == "uuid" else "Zoë"
    spelled = gone.upper().replace("-", "") if kind == "uuid" else gone
    quoted = '"' + spelled.replace('"', '""') + '"'
    name = write_csv(
        "a.csv", f"1,{quoted},1,click,{DAY}", f"2,{other},1,click,{DAY}", f"3,{quoted},1,click", f"x,{quoted},1,v,{DAY}"
    )
    footfall.load(name, database_url=database, user_id_type=kind)
    receipt = footfall.forget(gone, database_url=database)
    assert (receipt.rows_forgotten, receipt.rows_blanked) == (1, 2)
    again = write_csv("b.csv", f"4,{quoted},1,click,{DAY}", f"5,{other},1,click,{DAY}", f"x,{quoted},1,v,{DAY}")
    (done,) = footfall.load(again, database_url=database).loads
    assert (done.rows_loaded, done.rows_rejected) == (1, 2)
    assert ask(database, "select user_id::text from interactions_per_user") == [(other,)]
    assert [row[5] for row in quarantine(database)] == [0, 0, 0, 0]
    assert_clean(database)


@pytest.mark.slow
def test_rows_of_a_list_in_json_and_what_stands_around_them_are_forgotten(database: str) -> None:
    Path("footfall.toml").write_text(
        '[sources.visits]\nmatch = ["*.jsonl"]\nexplode = "events"\n'
        'interaction_id = "id"\nuser_id = "..user"\nproduct_id = "item"\n'
    )

    def visit(user: int, start: int, *bad: int) -> str:
        events = [
            {"id": start + at, "item": "?" if at in bad else 1, "action": "click", "timestamp": DAY} for at in range(3)
        ]
        return json.dumps({"user": user, "events": events}) + "\n"

    Path("a.jsonl").write_text(visit(GONE, 1, 1) + visit(7, 11, 0))
    (done,) = footfall.load("a.jsonl", database_url=database).loads
    assert (done.rows_loaded, done.rows_rejected) == (4, 2), done
    receipt = footfall.forget(str(GONE), database_url=database)
    assert (receipt.rows_forgotten, receipt.rows_blanked) == (2, 1)
    Path("b.jsonl").write_text(visit(GONE, 21, 2) + visit(7, 31) + f'{{"user": {GONE}, "events": [\n')
    (done,) = footfall.load("b.jsonl", database_url=database).loads
    assert (done.rows_loaded, done.rows_rejected) == (3, 4), done
    assert [row[:3] for row in quarantine(database) if row[5] == 0] == [
        (1, 1, 2),
        (2, 1, 1),
        (2, 1, 2),
        (2, 1, 3),
        (2, 3, 1),
    ]
    assert str(GONE) not in dump(database)
    assert_clean(database)


@pytest.mark.slow
def test_made_ids_of_others_stay_what_they_were(database: str) -> None:
    Path("footfall.toml").write_text('[sources.plain]\nmatch = ["*.csv"]\ninteraction_id = { from = "fields" }\n')
    users = (GONE, 7, 7, GONE, 8)
    lines = "user_id,product_id,action,timestamp\n" + "".join(f"{user},1,click,{DAY}\n" for user in users)
    Path("a.csv").write_text(lines)
    footfall.load("a.csv", database_url=database, interaction_id_type="uuid")
    before = ask(database, "select interaction_id, user_id from user_interactions_raw where user_id < 10 order by 2")
    footfall.forget(GONE, database_url=database)
    Path("b.csv").write_text(lines + f"9,3,click,{DAY}\n")
    (done,) = footfall.load("b.csv", database_url=database).loads
    assert (done.rows_loaded, done.rows_duplicate, done.rows_rejected) == (1, 3, 2)
    after = ask(database, "select interaction_id, user_id from user_interactions_raw where user_id < 9 order by 2")
    assert after == before
    assert_clean(database)


@pytest.mark.parametrize("is_direct", [False, True])
def test_two_loads_that_judge_while_users_are_forgotten_do_not_bring_them_back(
    database: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from footfall.tables import first_load
    from footfall.verbs import turn

    footfall.load(write_csv("none.csv"), database_url=database)
    if is_direct:
        monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 1)
    names = [write_csv(f"{at}.csv", f"{at},{GONE},5,click,{DAY}", f"{at + 10},7,5,click,{DAY}") for at in (1, 2)]
    judged, go_on = threading.Barrier(3, timeout=600), threading.Event()
    take = turn.take_writer_lock
    waited = threading.local()

    def wait_before_the_lock(*arguments: Any) -> None:
        if not getattr(waited, "is_over", False):
            waited.is_over = True
            judged.wait()
            assert go_on.wait(600)
        take(*arguments)

    monkeypatch.setattr(turn, "take_writer_lock", wait_before_the_lock)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda name=name: found.extend(footfall.load(name, database_url=database).loads))
        for name in names
    ]
    for thread in threads:
        thread.start()
    judged.wait()
    footfall.forget(GONE, database_url=database)
    go_on.set()
    for thread in threads:
        thread.join(600)
    assert sorted((done.rows_loaded, done.rows_rejected) for done in found) == [(1, 1), (1, 1)]
    assert ask(database, "select distinct user_id from user_interactions_raw") == [(7,)]
    assert str(GONE) not in dump(database)
    assert_clean(database)


@pytest.mark.slow
def test_a_replay_does_not_bring_a_forgotten_user_back(database: str) -> None:
    Path("footfall.toml").write_text('[sources.a]\nmatch = ["a.csv"]\n')
    Path("a.csv").write_text(
        f"interaction_id,user_id,product_id,action,timestamp,person\n1,?,1,click,{DAY},p{GONE}\n2,7,1,click,{DAY},\n3,?,1,click,{DAY},p8\n"
    )
    footfall.load("a.csv", database_url=database)
    assert footfall.forget(GONE, database_url=database).rows_blanked == 0  # no rule reads the user out of `p...` yet
    Path("footfall.toml").write_text(
        '[sources.a]\nmatch = ["a.csv"]\nuser_id = { column = "person", extract = "p([0-9]+)" }\n'
    )
    (done,) = footfall.replay(database_url=database).loads
    assert (done.rows_read, done.rows_loaded) == (1, 1)
    assert quarantine(database)[0] == hidden(1, 2)
    assert str(GONE) not in dump(database)
    assert_clean(database)


def test_a_dry_run_changes_nothing_and_a_second_forget_finds_nothing(database: str) -> None:
    footfall.load(write_csv("a.csv", f"1,{GONE},5,click,{DAY}", f"2,7,5,click,{DAY}"), database_url=database)
    before = dump(database)
    tried = footfall.forget(GONE, database_url=database, dry_run=True)
    assert (tried.is_dry_run, tried.operation_id, tried.rows_forgotten) == (True, None, 1)
    assert dump(database) == before
    assert footfall.forget(GONE, database_url=database).rows_forgotten == 1
    again = footfall.forget(GONE, 999, database_url=database)
    assert (again.users, again.users_known, again.rows_forgotten) == (2, 1, 0)


def test_the_command_reads_ids_from_a_file_and_prints_a_receipt_that_names_nobody(database: str) -> None:
    footfall.load(
        write_csv("a.csv", f"1,{GONE},5,click,{DAY}", f"2,7,5,click,{DAY}", f"3,8,5,click,{DAY}"), database_url=database
    )
    done = run(
        "forget", "--from-file", "-", "--format", "json", stdin=f"{GONE}\n\n 8 \n", FOOTFALL_DATABASE_URL=database
    )
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert (receipt["users"], receipt["rows_forgotten"], receipt["operation_id"]) == (2, 2, 1)
    assert str(GONE) not in done.stdout + done.stderr
    bad = run("forget", "--from-file", "-", stdin=f"7\n{GONE}x\n", FOOTFALL_DATABASE_URL=database)
    assert (bad.returncode, "line 2 is no id of a user" in bad.stderr, str(GONE) in bad.stderr) == (2, True, False)
    assert run("forget", FOOTFALL_DATABASE_URL=database).returncode == 2
    shown = run("forget", "7", FOOTFALL_DATABASE_URL=database)
    assert "1 user forgotten: 1 row removed" in shown.stdout
    with pytest.raises(SettingsError, match="no id of a user"):
        footfall.forget("seven", database_url=database)


def test_ids_are_read_in_all_their_spellings() -> None:
    assert [read_id(text, "bigint") for text in ("+007", "0", "-1", "9223372036854775808", "1.0", "")] == [
        "7",
        "0",
        None,
        None,
        None,
        None,
    ]
    assert read_id("{}", "uuid") is None
    assert read_id("x" * 201, "text") is None
    forgotten = Forgotten(b"k" * 32, frozenset(), "bigint")
    assert not forgotten.is_among(["7"])
    assert Forgotten(b"k" * 32, frozenset([forgotten.hash("7")]), "bigint").is_among(
        list_fields('{"a": [1, +7]}', None)
    )


def test_a_row_whose_fields_cannot_be_told_apart_is_a_user_s_wherever_the_id_stands(database: str) -> None:
    """Without its first field, the user of such a row stands where another column is read."""
    rows = (f"{GONE},31,click,{DAY}", f"1,2,{GONE},click,{DAY},more", f"1,2,3,click,{DAY}")
    footfall.load(write_csv("before.csv", *rows), database_url=database)
    footfall.forget(GONE, database_url=database)
    footfall.load(write_csv("after.csv", *rows, "9,9,9,click,2024"), database_url=database)
    assert quarantine(database)[:4] == [hidden(load_id, line) for load_id in (1, 2) for line in (2, 3)]
    assert str(GONE) not in dump(database)


@pytest.mark.slow
def test_while_a_table_is_vacuumed_loads_go_on_and_the_users_are_forgotten_after_it(database: str) -> None:
    footfall.load(write_csv("a.csv", f"1,{GONE},1,click,{DAY}"), database_url=database)
    waits = threading.Event()
    found: list[Any] = []

    def forget() -> None:
        found.append(footfall.forget(GONE, database_url=database))

    def hear(said: str) -> None:
        if "waiting for a table: process" in said:
            waits.set()

    with psycopg.connect(database, application_name="the vacuum") as vacuum:
        vacuum.execute("lock table interactions in share update exclusive mode")  # as vacuum does
        with pytest.raises(DatabaseBusyError, match=r"\(the vacuum\) held a table, as vacuum does"):
            footfall.forget(GONE, database_url=database, lock_wait_seconds=0)
        assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]
        forgetting = threading.Thread(target=lambda: heard_by(hear, forget))
        forgetting.start()
        assert waits.wait(600)
        (done,) = footfall.load(write_csv("b.csv", f"2,7,1,click,{DAY}"), database_url=database).loads
        assert (done.rows_loaded, found) == (1, [])
    forgetting.join(600)
    assert found[0].rows_forgotten == 1
    assert str(GONE) not in dump(database)
    assert_clean(database)
