"""Small files share a transaction: the tables are those of loading each alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.postgres.target import Target
from footfall.postgres.transactions import LOCK_CLASS
from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.sources import opening
from footfall.tables import first_load, ledger
from footfall.tables import merge as merging
from footfall.tables import staging as staged
from footfall.verbs import groups
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.attempts import CommitOutcome
from listening import heard_by

Write = Callable[..., str]
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"


def line(number: int, user: int = 1) -> str:
    return f"{number},{user},{number % 5 + 1},click,2024-01-01"


def mixed_files(write_csv: Write, files: int, seed: int) -> list[str]:
    """Write files whose rows repeat and contradict those of the same and of other files, and bad ones."""
    chance = random.Random(seed)
    names = []
    for number in range(files):
        lines = []
        for _ in range(chance.randint(0, 30)):
            kind = chance.random()
            if kind < 0.8:
                lines.append(line(chance.randint(1, 40 * files)))
            elif kind < 0.9:
                lines.append(line(chance.randint(1, 40 * files), chance.randint(1, 3)))
            else:
                lines.append(chance.choice(["x", f"{number},,1,click,2024-01-01"]))
        lines.append(line(10_000 + number))  # else a file of bad rows alone would fail
        names.append(write_csv(f"many/{number:03}.csv", *lines))
    return names


def load(database: str, *names: str, **more: object) -> tuple[LoadResult, ...]:
    return load_verb.load(list(names), load_settings(database_url=database, **more)).loads


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def transactions(database: str) -> int:
    return int(ask(database, "select count(distinct xmin::text) from loads where status = 'loaded'")[0][0])


def facts(result: LoadResult) -> tuple[Any, ...]:
    groups = [(each.code, each.field, each.rows, each.sample_line_number, each.sample_value) for each in result.groups]
    numbers = (result.rows_read, result.rows_loaded, result.rows_duplicate, result.rows_rejected)
    return result.source, result.digest, result.status, numbers, groups


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("size", [0, 1 << 60], ids=["empty-path", "ordinary-path"])
@pytest.mark.parametrize("seed", [1, 2])
def test_files_that_share_a_transaction_leave_what_each_alone_would(
    new_database: Callable[[], str],
    write_csv: Write,
    contents: Any,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    seed: int,
) -> None:
    names = mixed_files(write_csv, 20, seed)
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", size)
    together, alone = new_database(), new_database()
    results = load(together, *names)
    with monkeypatch.context() as patch:
        patch.setattr(groups, "TOGETHER_FILES", 1)
        expected = load(alone, *names)
    assert (transactions(together), transactions(alone)) == (1, 20)
    assert [facts(each) for each in results] == [facts(each) for each in expected]
    assert contents(together) == contents(alone)
    for query in (
        "select * from load_overlaps order by 1, 2",
        "select interaction_id, load_id from user_interactions_raw order by 1",
        "select load_id, source, digest, size_bytes, rows_loaded from loads order by 1",
        "select load_id, line_number, raw_line, problems from rejected_interactions order by 1, 2",
    ):
        assert ask(together, query) == ask(alone, query)
    assert verify_verb.verify(load_settings(database_url=together)).drift == ()


def test_a_file_that_cannot_be_read_keeps_none_of_its_neighbours_out(database: str, write_csv: Write) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 8)]
    names[3] = write_csv("4.csv", content=b"no,header\n1,2\n")
    results = load(database, *names)
    assert [each.source for each in results] == names
    assert [each.status for each in results] == ["loaded"] * 3 + ["failed"] + ["loaded"] * 3
    assert results[3].exit_code == 3
    assert ask(database, "select interaction_id from user_interactions_raw order by 1") == [
        (n,) for n in (1, 2, 3, 5, 6, 7)
    ]


@pytest.mark.slow
def test_a_file_with_too_many_bad_rows_keeps_none_of_its_neighbours_out(database: str, write_csv: Write) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 21)]
    names[12] = write_csv("13.csv", line(13), "bad", "bad")
    results = load(database, *names, max_rejected="50%")
    assert [each.exit_code for each in results] == [0] * 12 + [4] + [0] * 7
    assert len(ask(database, "select from user_interactions_raw")) == 19
    assert ask(database, "select source from loads where status = 'failed'") == [(names[12],)]
    assert ask(database, "select from rejected_interactions") == []


def test_the_same_bytes_twice_in_one_command_are_loaded_once(database: str, write_csv: Write) -> None:
    names = [write_csv("a.csv", line(1)), write_csv("b.csv", line(2)), write_csv("c.csv", line(1))]
    results = load(database, *names)
    assert [each.status for each in results] == ["loaded", "loaded", "already-loaded"]
    assert results[2].load_id == results[0].load_id


def test_files_with_other_headers_stand_beside_each_other(database: str, write_csv: Write) -> None:
    turned = b"user_id,interaction_id,product_id,action,timestamp\n7,5,1,click,2024-01-01\n"
    names = [
        write_csv("a.csv", line(1)),
        write_csv("b.csv", content=turned),
        write_csv("c.csv", content=turned.replace(b"7,5", b"7,6")),
    ]
    assert [each.status for each in load(database, *names)] == ["loaded"] * 3
    assert ask(database, "select interaction_id, user_id from user_interactions_raw order by 1") == [
        (1, 1),
        (5, 7),
        (6, 7),
    ]
    assert transactions(database) == 2


def test_new_and_known_files_share_a_transaction(database: str, write_csv: Write) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 6)]
    load(database, *names[1:4:2])
    results = load(database, *names)
    assert [each.status for each in results] == ["loaded", "already-loaded", "loaded", "already-loaded", "loaded"]
    assert transactions(database) == 2


def test_what_another_load_brought_in_the_meantime_is_found_under_the_lock(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 6)]
    real, calls = staged.open_staging, []

    def meanwhile(*given: Any) -> Any:
        if not calls:
            calls.append(1)
            load(database, names[2])
        return real(*given)

    monkeypatch.setattr(staged, "open_staging", meanwhile)
    results = load(database, *names)
    assert [each.status for each in results] == ["loaded", "loaded", "already-loaded", "loaded", "loaded"]
    assert len(ask(database, "select from user_interactions_raw")) == 5


@pytest.mark.parametrize("retry", [True, False], ids=["with --retry", "without"])
@pytest.mark.parametrize("really", [True, False], ids=["it had happened", "it had not"])
def test_a_lost_commit_of_several_files_is_found_in_the_ledger(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch, really: bool, retry: bool
) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 6)]
    real_record, real_commit = ledger.record, psycopg.Connection.commit
    state = {"rows": 0, "broken": False}

    def record(connection: Any, entry: Any) -> None:
        real_record(connection, entry)
        state["rows"] += 1

    def commit(self: psycopg.Connection[Any]) -> None:
        if state["broken"] or state["rows"] < 5:
            return real_commit(self)
        state["broken"] = True
        if really:
            real_commit(self)
        self.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ledger, "record", record)
    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    if not really and not retry:
        (only,) = load(database, *names)
        assert (only.source, only.status, only.exit_code) == (names[0], "failed", 5)
        assert ask(database, "select from user_interactions_raw") == []
    assert [each.status for each in load(database, *names, retry=retry)] == ["loaded"] * 5
    assert len(ask(database, "select from user_interactions_raw")) == 5
    assert len(ask(database, "select from loads where status = 'loaded'")) == 5


def test_a_lost_database_ends_the_run_at_the_first_file(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 6)]

    def lose(*_: Any) -> Any:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(merging, "merge", lose)
    results = load(database, *names)
    assert [(each.source, each.status, each.exit_code) for each in results] == [(names[0], "failed", 5)]


def test_compressed_small_files_share_a_transaction_too(database: str, write_csv: Write) -> None:
    import gzip

    names = [
        write_csv(f"{n}.csv.gz", content=gzip.compress((HEADER + line(n) + "\n").encode(), mtime=0))
        for n in range(1, 6)
    ]
    assert [each.status for each in load(database, *names)] == ["loaded"] * 5
    assert transactions(database) == 1


@pytest.fixture
def lose_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit the first files, lose the answer, and let nobody ask the ledger about it."""
    real_commit, real_ask, real_record = psycopg.Connection.commit, load_verb.find_commit_outcome, ledger.record
    recorded: list[int] = []
    asked: list[int] = []

    def record(connection: Any, entry: Any) -> None:
        real_record(connection, entry)
        recorded.append(1)

    def commit(self: psycopg.Connection[Any]) -> None:
        real_commit(self)
        if recorded and not asked:
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def nobody_answers(*given: Any) -> CommitOutcome:
        asked.append(1)
        return CommitOutcome.UNKNOWN if len(asked) == 1 else real_ask(*given)

    monkeypatch.setattr(ledger, "record", record)
    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    monkeypatch.setattr(load_verb, "find_commit_outcome", nobody_answers)


@pytest.mark.usefixtures("lose_one_answer")
def test_with_retry_what_was_committed_is_reported_as_loaded_however_late_that_is_known(
    database: str, write_csv: Write
) -> None:
    results = load(database, *[write_csv(f"{n}.csv", line(n)) for n in range(1, 4)], retry=True)
    assert [(each.status, each.rows_loaded) for each in results] == [("loaded", 1)] * 3
    assert len(ask(database, "select from loads")) == 3


@pytest.mark.usefixtures("lose_one_answer")
def test_a_file_whose_commit_was_unsure_is_reported_as_loaded_and_its_copy_as_already_loaded(
    database: str, write_csv: Write
) -> None:
    names = [write_csv("a.csv", line(1)), write_csv("b.csv", line(1))]
    results = load(database, *names, retry=True)
    assert [(each.source, each.status, each.rows_loaded) for each in results] == [
        (names[0], "loaded", 1),
        (names[1], "already-loaded", 0),
    ]


@pytest.mark.usefixtures("lose_one_answer")
def test_a_commit_that_nobody_can_be_asked_about_is_said_to_be_unsure(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1))
    (result,) = load(database, name)
    assert (result.status, result.exit_code) == ("failed", 5)
    assert "whole, or not at all, and the same command says which" in str(result.error)
    assert [each.status for each in load(database, name)] == ["already-loaded"]


def test_a_lost_database_is_not_the_failure_of_a_file_that_is_there_already(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 5)]
    load(database, names[0])

    def cancelled(*_: Any) -> Any:
        raise psycopg.errors.QueryCanceled("canceling statement due to user request")

    monkeypatch.setattr(merging, "merge", cancelled)
    results = load(database, *names)
    assert [(each.source, each.status, each.exit_code) for each in results] == [
        (names[0], "already-loaded", 0),
        (names[1], "failed", 5),
    ]
    assert ask(database, "select source, status from loads order by load_id") == [
        (names[0], "loaded"),
        (names[1], "failed"),
    ]


def test_a_file_of_a_group_that_changes_while_it_is_read_is_not_recorded(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 4)]
    real = merging.merge
    changes: list[int] = []

    def merge(*given: Any) -> Any:
        if not changes:
            changes.append(1)
            Path(names[1]).write_bytes((HEADER + line(9) + "\n").encode())
        return real(*given)

    monkeypatch.setattr(merging, "merge", merge)
    assert [each.status for each in load(database, *names)] == ["loaded"] * 3
    assert [row[0] for row in ask(database, "select interaction_id from user_interactions_raw order by 1")] == [1, 3, 9]


def test_an_upgrade_that_comes_while_a_file_is_read_ends_the_load(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = staged.open_staging

    def meanwhile(*given: Any) -> Any:
        with psycopg.connect(database) as other:
            other.execute("insert into footfall_migrations (version, name) values (9999, 'later')")
        return real(*given)

    monkeypatch.setattr(staged, "open_staging", meanwhile)
    (result,) = load(database, write_csv("a.csv", line(1)))
    assert (result.status, result.exit_code) == ("failed", 6)
    assert ask(database, "select from user_interactions_raw") == []


@pytest.mark.slow
def test_a_lock_that_is_not_to_be_had_is_waited_for_once(database: str, write_csv: Write) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 4)]
    settings = load_settings(database_url=database, lock_wait_seconds=1)
    schema_verb.upgrade_schema(settings)
    said: list[str] = []
    with psycopg.connect(database) as other:
        key = Target("", "public", 0).lock_key
        other.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, key])
        results = heard_by(said.append, load_verb.load, names, settings).loads
    assert [(each.source, each.exit_code) for each in results] == [(names[0], 5)]
    assert len(said) == 1


@pytest.mark.slow
def test_alternating_headers_open_each_file_a_few_times_at_most(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = "user_id,interaction_id,product_id,action,timestamp\n7,{},1,click,2024-01-01\n"
    names = [
        write_csv(f"{n:02}.csv", line(n)) if n % 2 else write_csv(f"{n:02}.csv", content=turned.format(n).encode())
        for n in range(1, 31)
    ]
    real, opened = opening.open_source, []

    def open_source(source: str) -> Any:
        opened.append(source)
        return real(source)

    monkeypatch.setattr(opening, "open_source", open_source)
    assert [each.status for each in load(database, *names)] == ["loaded"] * 30
    assert len(opened) <= 4 * 30
