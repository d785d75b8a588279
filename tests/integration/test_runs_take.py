"""A run that is taken leaves the tables of an ordinary load, row by row, or nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

import footfall
from footfall import runs
from footfall.contract.ids import IdTypes
from footfall.errors import (
    DatabaseUnavailableError,
    FootfallError,
    RunGoneError,
    RunStaleError,
    SourceChangedError,
    TooManyRejectedError,
)
from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.tables import first_load, large, ledger
from footfall.tables.staged_run import make_schema, write_rows
from footfall.verbs import conflicts
from footfall.verbs import forget as forget_verb
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.attempts import CommitOutcome
from footfall.verbs.runs import taking

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
TABLES = {
    "raw": "select * from user_interactions_raw order by interaction_id",
    "pairs": "select * from interactions order by 1, 2",
    "users": "select * from interactions_per_user order by 1",
    "products": "select * from interactions_per_product order by 1",
    "quarter hours": "select * from interactions_per_quarter_hour order by 1, 2",
    "days": "select * from user_days order by 1, 2",
    "overlaps": "select * from load_overlaps order by 1, 2",
    "duplicates": "select load_id, first_load_id, part, array(select unnest(interaction_ids) order by 1)"
    " from load_duplicates order by 1, 2, 3",
    "rejected": "select * from rejected_interactions order by 1, 2, 3",
    "loads": "select load_id, source, digest, size_bytes, status, error, contract, definition, header, rows_read,"
    " rows_loaded, rows_duplicate, rows_rejected, rows_skipped from loads order by 1",
}
IDS = {
    "numbers": {},
    "uuids": {"interaction_id_type": "uuid"},
    "texts": {"interaction_id_type": "text", "user_id_type": "text", "product_id_type": "uuid"},
}


def content(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}


def write_id(number: int, kind: str) -> str:
    """Write a number as an id of a kind; those that are no numbers do not rise with it."""
    if kind == "uuid":
        return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)))
    return f"ü{number * 7919 % 10_007}" if kind == "text" else str(number)


def deliveries(id_types: dict[str, str], chance: random.Random) -> list[list[str]]:
    """Give files whose rows rise, then lie above, among and below those before; some repeat, contradict, or are bad."""
    rows: dict[int, str] = {}

    def row(number: int) -> str:
        instant = f"2024-0{chance.randint(1, 9)}-0{chance.randint(1, 9)} {chance.randint(0, 23):02}:{number % 60:02}:01"
        user = write_id(chance.randint(1, 40), id_types.get("user_id_type", ""))
        product = write_id(chance.randint(1, 9), id_types.get("product_id_type", ""))
        line = (
            f"{write_id(number, id_types.get('interaction_id_type', ''))},{user},{product},{'ab'[number % 2]},{instant}"
        )
        return rows.setdefault(number, line)

    def contradict(number: int) -> str:
        return row(number).replace(",a,", ",c,").replace(",b,", ",c,")

    first = [row(number) for number in [*range(100, 300), *range(310, 300, -1), 120, 305]]
    mixed = [
        *range(200, 330),
        *range(400, 500),
        *range(50, 80),
        *range(520, 500, -1),
        *range(600, 680),
        *range(515, 590),
    ]
    second = [row(number) for number in mixed]
    # Conflicts with an earlier load, with an earlier range of the file, and with the range itself.
    second += [contradict(120), contradict(405), contradict(589), row(588), "x,1,1,a,2024-01-01", ",,,", '"a""b",2,3']
    chance.shuffle(rest := [row(number) for number in [*range(640, 760), *range(10, 30)]])
    return [first, second, [*(row(number) for number in range(700, 900)), *rest, contradict(899), "y,1"]]


def take_all(database: str, source: str, range_bytes: int, **settings: Any) -> LoadResult:
    """Load a file by a run whose ranges are staged in no order."""
    options: dict[str, Any] = {"database_url": database, **settings}
    run = runs.plan(source, range_bytes=range_bytes, **options)
    assert run.already_loaded is None
    numbers = list(range(run.ranges))
    random.Random(5).shuffle(numbers)
    for number in numbers:
        assert runs.stage(run.token, number, database_url=database) == "staged"
    return runs.take(run.token, **options)


def leave_seconds(result: LoadResult) -> LoadResult:
    return replace(result, seconds=0)


def staging_tables(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("select relname from pg_class where relname like 'staging%'").fetchall()


WAYS = {
    "numbers, empty path and large": (IDS["numbers"], 1, 1),
    "numbers, row by row": (IDS["numbers"], 1 << 40, 1 << 40),
    "uuids, empty path": (IDS["uuids"], 1, 1),
    "uuids, row by row": (IDS["uuids"], 1 << 40, 1 << 40),
    "texts, empty path": (IDS["texts"], 1, 1),
}


# Tables that are empty at first are not empty for the files after: the fourth way differs in the first file alone.
LONG = {"uuids, row by row"}


@pytest.mark.slow
@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.long] * (way in LONG)) for way in WAYS])
def test_the_tables_are_those_of_ordinary_loads(
    new_database: Callable[[], str], write_csv: Write, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    id_types, empty_bytes, large_rows = WAYS[way]
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", empty_bytes)
    monkeypatch.setattr(large, "LARGE_ROWS", large_rows)
    monkeypatch.setattr(large, "KEYS_PER_PAGE", 0)
    ordinary, by_runs = new_database(), new_database()
    for each in (ordinary, by_runs):
        settings = load_settings(database_url=each, **id_types)
        schema_verb.upgrade_schema(settings, with_options=("user-days",))
    for number, lines in enumerate(deliveries(id_types, random.Random(7))):
        source = write_csv(f"{number}.csv", *lines)
        (done,) = load_verb.load([source], load_settings(database_url=ordinary, **id_types)).loads
        taken = take_all(by_runs, source, len("".join(lines)) // 4, **id_types)
        assert leave_seconds(taken) == leave_seconds(done)
        assert (done.status, done.rows_duplicate > 0) == ("loaded", True)
    assert content(by_runs) == content(ordinary)
    assert staging_tables(by_runs) == []
    verify_verb.verify(load_settings(database_url=by_runs, **id_types))


ROWS = [f"{n},{n % 7},{n % 3},click,2024-01-01T00:00:{n % 60:02}Z" for n in range(1, 101)]
WRONG = [f"x{n},1,1,click,2024-01-01" for n in range(5)]


@pytest.fixture
def staged(database: str, write_csv: Write) -> Callable[..., str]:
    """Stage a file in three ranges; give the token of its run."""

    def stage(*lines: str, name: str = "a.csv", leave: int | None = None) -> str:
        source = write_csv(name, *lines)
        run = runs.plan(source, database_url=database, range_bytes=Path(source).stat().st_size // 3 + 1)
        assert run.ranges == 3
        for number in range(3):
            if number != leave:
                runs.stage(run.token, number, database_url=database)
        return run.token

    return stage


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_a_run_with_a_range_missing_is_refused_and_taken_when_it_is_there(
    database: str, staged: Callable[..., str]
) -> None:
    token = staged(*ROWS, leave=1)
    with pytest.raises(RunStaleError, match=r"1 of its 3 ranges are not staged \(1\); nothing was loaded"):
        runs.take(token, database_url=database)
    assert ask(database, "select status from loads") == []
    assert runs.left(token, database_url=database) == [1]
    runs.stage(token, 1, database_url=database)
    assert runs.take(token, database_url=database).rows_loaded == len(ROWS)


def test_a_run_is_taken_once_and_every_later_take_names_that_load(
    database: str, staged: Callable[..., str], tmp_path: Path
) -> None:
    token = staged(*ROWS)
    first = runs.take(token, database_url=database)
    for is_there in (True, False):
        if not is_there:
            (tmp_path / "a.csv").unlink()
        again = runs.take(token, database_url=database)
        assert (again.status, again.load_id, again.digest) == ("already-loaded", first.load_id, first.digest)
        assert again.source == str(tmp_path / "a.csv")
        assert again.loaded_at is not None
    assert ask(database, "select status, rows_loaded from loads") == [("loaded", len(ROWS))]
    with pytest.raises(RunGoneError, match="`footfall loads` says whether the file is loaded"):
        runs.left(token, database_url=database)


def test_a_run_whose_tables_could_not_be_dropped_is_taken_once_too_when_its_file_is_gone(
    database: str, staged: Callable[..., str], tmp_path: Path
) -> None:
    token = staged(*ROWS)
    with psycopg.connect(database) as backup:
        backup.execute(f"lock table staging_{token}_rows in access share mode".encode())
        first = runs.take(token, database_url=database)
    assert ask(database, f"select count(*) from staging_{token}_job") == [(1,)]
    (tmp_path / "a.csv").unlink()
    again = runs.take(token, database_url=database)
    assert (again.status, again.load_id) == ("already-loaded", first.load_id)


def test_a_run_that_is_gone_and_whose_load_was_taken_back_says_so(database: str, staged: Callable[..., str]) -> None:
    token = staged(*ROWS)
    first = runs.take(token, database_url=database)
    assert first.load_id is not None
    footfall.undo(first.load_id, database_url=database)
    with pytest.raises(RunGoneError, match="its file is not loaded"):
        runs.take(token, database_url=database)


@pytest.mark.slow
def test_the_run_of_another_database_is_none_that_was_taken_here(
    database: str, staged: Callable[..., str], new_database: Callable[[], str]
) -> None:
    token, other = staged(*ROWS), new_database()
    with pytest.raises(RunGoneError):
        runs.take(token, database_url=other)
    runs.take(token, database_url=database)
    with pytest.raises(RunGoneError, match="its file is not loaded"):
        runs.take(token, database_url=other)


@pytest.mark.parametrize("part", ["rows", "rejected"])
def test_rows_that_are_gone_are_missed_and_nothing_is_loaded(
    database: str, staged: Callable[..., str], part: str
) -> None:
    token = staged(*ROWS, "100,9,9,click,2024-01-01", "30,1,1,click,2024-01-01", *WRONG)
    ask(database, f"delete from staging_{token}_{part} where range = 2 returning 1")
    with pytest.raises(
        FootfallError, match=r"rows were sent to a table of this run, \d+ are there; nothing was loaded"
    ):
        runs.take(token, database_url=database)
    assert ask(database, "select 1 from user_interactions_raw union all select 1 from rejected_interactions") == []
    assert ask(database, "select status from loads") == [("failed",)]


FORGED = {
    "no table": b"x",
    "other columns": write_rows(pa.table({"load_id": [1] * 33})),
    "fewer rows": write_rows(make_schema(IdTypes()).empty_table()),
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_a_batch_that_is_not_what_was_sent_is_refused(
    database: str, staged: Callable[..., str], content: bytes
) -> None:
    token = staged(*ROWS)
    with psycopg.connect(database) as connection:
        rows = sql.Identifier(f"staging_{token}_rows")
        connection.execute(sql.SQL("update {} set content = %s where range = 1").format(rows), [content])
    with pytest.raises(FootfallError, match=r"rows that were staged cannot be read \(.+\); nothing was loaded"):
        runs.take(token, database_url=database)
    assert ask(database, "select 1 from user_interactions_raw") == []


def test_too_many_rejected_rows_are_a_failure_of_the_ledger_and_another_bound_takes_them(
    database: str, staged: Callable[..., str]
) -> None:
    token = staged(*ROWS, *WRONG)
    with pytest.raises(TooManyRejectedError, match="5 of 105 rows are rejected"):
        runs.take(token, database_url=database, max_rejected="4")
    assert ask(database, "select status from loads") == [("failed",)]
    assert ask(database, "select 1 from user_interactions_raw") == []
    assert runs.take(token, database_url=database, max_rejected="5").rows_rejected == 5


@pytest.mark.slow
def test_users_who_were_forgotten_meanwhile_are_not_loaded(
    database: str, new_database: Callable[[], str], write_csv: Write, staged: Callable[..., str]
) -> None:
    before = write_csv("before.csv", "1,3,1,click,2024-01-01")
    ordinary = new_database()
    for each in (database, ordinary):
        load_verb.load([before], load_settings(database_url=each))
    token = staged(*ROWS[1:])
    forget_verb.forget(["3"], load_settings(database_url=database))
    with pytest.raises(RunStaleError, match="users were forgotten"):
        runs.take(token, database_url=database)
    assert runs.left(token, database_url=database) == [0, 1, 2]
    for number in range(3):
        runs.stage(token, number, database_url=database)
    taken = runs.take(token, database_url=database)
    assert (taken.rows_loaded, taken.rows_rejected) == (85, 14)
    assert ask(database, "select 1 from user_interactions_raw where user_id = 3") == []


def test_a_file_that_another_load_brought_meanwhile_is_loaded_already(
    database: str, staged: Callable[..., str], tmp_path: Path
) -> None:
    token = staged(*ROWS)
    (done,) = load_verb.load([str(tmp_path / "a.csv")], load_settings(database_url=database)).loads
    taken = runs.take(token, database_url=database)
    assert (taken.status, taken.load_id, taken.digest) == ("already-loaded", done.load_id, done.digest)
    assert staging_tables(database) == []
    assert ask(database, "select count(*) from user_interactions_raw") == [(len(ROWS),)]


def test_of_two_takes_at_once_the_second_finds_the_file_loaded(
    database: str, staged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = staged(*ROWS)
    real = taking.read_job
    first: list[LoadResult] = []

    def read_late(written: Any) -> Any:
        monkeypatch.setattr(taking, "read_job", real)
        first.append(runs.take(token, database_url=database))
        return real(written)

    monkeypatch.setattr(taking, "read_job", read_late)
    second = runs.take(token, database_url=database)
    assert [first[0].status, second.status] == ["loaded", "already-loaded"]
    assert first[0].load_id == second.load_id
    assert ask(database, "select status from loads") == [("loaded",)]
    assert staging_tables(database) == []


def test_a_file_that_changed_after_it_was_staged_is_not_loaded(
    database: str, staged: Callable[..., str], tmp_path: Path
) -> None:
    token = staged(*ROWS)
    with (tmp_path / "a.csv").open("a") as file:
        file.write("7,7,7,click,2024-01-01\n")
    with pytest.raises(SourceChangedError, match="changed since it was planned"):
        runs.take(token, database_url=database)
    assert ask(database, "select 1 from user_interactions_raw") == []
    assert ask(database, "select status from loads") == [("failed",)]


@pytest.mark.slow
def test_only_the_ranges_that_hold_conflicts_are_read_again(
    database: str, staged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = staged(*ROWS, "99,5,5,view,2024-01-01T00:00:00Z")
    opened: list[int] = []
    real = conflicts.open_range

    def note(file: Any, contract: Any, memory_limit_mb: int, part: Any) -> Any:
        opened.append(part.line_number)
        return real(file, contract, memory_limit_mb, part)

    monkeypatch.setattr(conflicts, "open_range", note)
    assert runs.take(token, database_url=database).rows_rejected == 1
    assert len(set(opened)) == 1
    assert opened[0] > 50
    assert ask(database, "select line_number, raw_line from rejected_interactions") == [
        (len(ROWS) + 2, "99,5,5,view,2024-01-01T00:00:00Z")
    ]


@pytest.mark.slow
def test_a_table_with_a_trigger_gets_its_rows_by_the_merge(
    database: str, new_database: Callable[[], str], write_csv: Write
) -> None:
    ordinary = new_database()
    trigger = (
        "create function seen() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger seen before insert on user_interactions_raw for each row execute function seen()"
    )
    files = [write_csv(f"{n}.csv", *lines) for n, lines in enumerate(deliveries({}, random.Random(3))[:2])]
    for each in (database, ordinary):
        schema_verb.upgrade_schema(load_settings(database_url=each))
        with psycopg.connect(each) as connection:
            connection.execute(trigger)
    load_verb.load(files, load_settings(database_url=ordinary))
    for file in files:
        take_all(database, file, Path(file).stat().st_size // 2 + 1)
    assert content(database) == content(ordinary)


@dataclass
class StagesWhenAsked:
    """Stages each range when the take waits for it, under the writer lock of the take."""

    database: str
    token: str
    staged: list[int] = field(default_factory=list)

    def wait(self, number: int) -> None:
        if number not in self.staged:
            runs.stage(self.token, number, database_url=self.database)
            self.staged.append(number)


@pytest.mark.slow
@pytest.mark.parametrize("empty_bytes", [1, 1 << 40], ids=["empty path", "row by row"])
def test_ranges_that_are_staged_while_the_run_is_taken_are_those_of_an_ordinary_load(
    database: str,
    new_database: Callable[[], str],
    write_csv: Write,
    monkeypatch: pytest.MonkeyPatch,
    empty_bytes: int,
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", empty_bytes)
    monkeypatch.setattr(large, "LARGE_ROWS", 1)
    monkeypatch.setattr(large, "KEYS_PER_PAGE", 0)
    ordinary = new_database()
    for number, lines in enumerate(deliveries({}, random.Random(11))):
        source = write_csv(f"{number}.csv", *lines)
        (done,) = load_verb.load([source], load_settings(database_url=ordinary)).loads
        token = runs.plan(source, database_url=database, range_bytes=len("".join(lines)) // 4).token
        stager = StagesWhenAsked(database, token)
        taken = taking.take(token, load_settings(database_url=database), stager.wait)
        assert leave_seconds(taken) == leave_seconds(done)
        assert stager.staged == sorted(stager.staged) != []
    assert content(database) == content(ordinary)
    assert staging_tables(database) == []


@pytest.mark.slow
@pytest.mark.parametrize("empty_bytes", [1, 1 << 40], ids=["empty path", "row by row"])
def test_where_staging_fails_while_the_run_is_taken_nothing_is_loaded_and_the_rest_can_be_staged(
    database: str, staged: Callable[..., str], monkeypatch: pytest.MonkeyPatch, empty_bytes: int
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", empty_bytes)
    token = staged(*ROWS, leave=1)
    settings = load_settings(database_url=database)

    def fail(number: int) -> None:
        if number == 1:
            raise ValueError("of the one who stages")

    with pytest.raises(ValueError, match="of the one who stages"):
        taking.take(token, settings, fail)
    with pytest.raises(RunStaleError, match="range 1 of 3 is not staged"):
        taking.take(token, settings, lambda _: None)
    assert ask(database, "select 1 from user_interactions_raw") == []
    assert ask(database, "select status from loads") == []
    runs.stage(token, 1, database_url=database)
    assert runs.take(token, database_url=database).rows_loaded == len(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize("really", [True, False], ids=["it had happened", "it had not"])
@pytest.mark.parametrize("can_be_asked", [True, False], ids=["the ledger answers", "it answers later"])
def test_a_lost_answer_to_commit_is_asked_of_the_ledger(
    database: str, staged: Callable[..., str], monkeypatch: pytest.MonkeyPatch, really: bool, can_be_asked: bool
) -> None:
    token = staged(*ROWS)
    lose_commit(monkeypatch, really=really)
    real = taking.find_commit_outcome
    asked: list[int] = []

    def find(*given: Any) -> CommitOutcome:
        asked.append(1)
        return real(*given) if can_be_asked or len(asked) > 1 else CommitOutcome.UNKNOWN

    monkeypatch.setattr(taking, "find_commit_outcome", find)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    taken = runs.take(token, database_url=database, retry=True)
    assert (taken.status, taken.rows_loaded) == ("loaded", len(ROWS))
    assert ask(database, "select status, rows_loaded from loads") == [("loaded", len(ROWS))]
    assert staging_tables(database) == []


@pytest.mark.slow
def test_without_retry_a_commit_that_did_not_happen_leaves_what_is_staged(
    database: str, staged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = staged(*ROWS)
    lose_commit(monkeypatch, really=False)
    with pytest.raises(DatabaseUnavailableError):
        runs.take(token, database_url=database)
    assert runs.take(token, database_url=database).rows_loaded == len(ROWS)


def lose_commit(monkeypatch: pytest.MonkeyPatch, *, really: bool) -> None:
    """Break the connection at the first COMMIT of a load: after it, or before."""
    real_record, real_commit = ledger.record, psycopg.Connection.commit
    state = {"has_rows": False, "is_broken": False}

    def record(connection: Any, entry: Any) -> None:
        real_record(connection, entry)
        state["has_rows"] = True

    def commit(self: psycopg.Connection[Any]) -> None:
        if state["is_broken"] or not state["has_rows"]:
            return real_commit(self)
        state["is_broken"] = True
        if really:
            real_commit(self)
        self.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ledger, "record", record)
    monkeypatch.setattr(psycopg.Connection, "commit", commit)


def test_a_stager_that_comes_late_keeps_nobody_from_taking_the_run(database: str, staged: Callable[..., str]) -> None:
    token = staged(*ROWS)
    with psycopg.connect(database) as late:
        rows = sql.Identifier(f"staging_{token}_rows")
        again = "insert into {} select range, 9, row_count, content from {} limit 1"
        late.execute(sql.SQL(again).format(rows, rows))
        assert runs.take(token, database_url=database).rows_loaded == len(ROWS)
        late.rollback()
    assert ask(database, "select count(*) from user_interactions_raw") == [(len(ROWS),)]
    assert runs.sweep(database_url=database) == 1
    assert staging_tables(database) == []
