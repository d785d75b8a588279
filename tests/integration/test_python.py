"""What the command line shows, from Python: the same words and the same rows."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import footfall
from listening import heard_by

Write = Callable[..., str]
GOOD, AGAIN, BAD = "1,1,1,click,2024-03-01", "1,1,1,click,2024-03-01", "x,,1,click,2024-03-01"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def loaded(database: str, write_csv: Write) -> str:
    write_csv("a.csv", GOOD, AGAIN, BAD)
    write_csv("b.csv", "3,2,1,view,2024-03-02")
    footfall.load("a.csv", "b.csv", database_url=database)
    return database


def test_rejected_rows_come_with_their_problems_and_by_load_source_and_code(loaded: str) -> None:
    (row,) = footfall.rejects(database_url=loaded)
    assert (row.source, row.line_number, row.raw_line) == ("a.csv", 4, BAD)
    assert {problem.code for problem in row.problems} == {"not-an-integer", "missing-value"}
    assert footfall.rejects(load=row.load_id, source="a.csv", code="missing-value", limit=1, database_url=loaded) == (
        row,
    )
    assert footfall.rejects(source="b.csv", database_url=loaded) == ()
    assert footfall.rejects(code="bad-quoting", database_url=loaded) == ()


def test_a_problem_that_is_none_is_refused_with_the_list(database: str) -> None:
    with pytest.raises(footfall.errors.UnknownNameError, match="missing-value: a required value is empty"):
        footfall.rejects(code="missing", database_url=database)


@pytest.mark.parametrize("ask", [footfall.rejects, footfall.loads])
def test_a_limit_below_one_is_refused(database: str, ask: Callable[..., object]) -> None:
    with pytest.raises(footfall.errors.SettingsError, match="--limit: 0 is not a number of rows"):
        ask(limit=0, database_url=database)


def test_the_ledger_comes_with_the_newest_load_first(loaded: str) -> None:
    table = footfall.loads(database_url=loaded)
    at = table.columns.index("source")
    assert [row[at] for row in table.rows] == ["b.csv", "a.csv"]
    assert footfall.loads(limit=1, database_url=loaded) == footfall.Table(table.columns, table.rows[:1])


def test_a_question_is_there_as_an_answer_and_as_sql(loaded: str) -> None:
    table = footfall.query("user", id=1, since=date(2024, 3, 1), database_url=loaded)
    assert [row[-1] for row in table.rows] == [1]
    text = footfall.query_sql("user", id=1, since=date(2024, 3, 1), schema="of people")
    assert '"of people"' in text
    assert "2024-03-01" in text


def test_an_answer_and_the_ledger_are_frames_in_one_call(loaded: str) -> None:
    table = footfall.query("per-day", database_url=loaded)
    assert [str(kind) for kind in table.to_arrow().schema.types] == ["date32[day]", "int64"]
    assert table.to_polars().rows() == list(table.rows)
    assert list(table.to_pandas()["interaction_count"]) == [1, 1]
    ledger = footfall.loads(database_url=loaded).to_arrow()
    assert ledger.column("rows_loaded").to_pylist() == [1, 1]
    assert str(ledger.schema.field("finished_at").type) == "timestamp[us, tz=UTC]"


def test_threads_ask_at_once_and_each_gets_its_own_answer(database: str, write_csv: Write) -> None:
    write_csv("a.csv", *(f"{n},{n % 7},{n % 5},click,2024-03-{n % 28 + 1:02}" for n in range(1, 400)))
    footfall.load("a.csv", database_url=database)
    asked: list[dict[str, Any]] = [{"name": "per-day", "user": user} for user in range(7)]
    asked += [{"name": "top-users", "product": product, "limit": 3} for product in range(5)]
    alone = [footfall.query(**each, database_url=database).rows for each in asked]
    all_at_once = threading.Barrier(len(asked))

    def ask(each: dict[str, Any]) -> object:
        all_at_once.wait()
        return footfall.query(**each, database_url=database).rows

    with ThreadPoolExecutor(len(asked)) as pool:
        for _ in range(3):
            assert list(pool.map(ask, asked)) == alone


def test_a_question_is_awaited_in_a_thread_of_its_own(loaded: str) -> None:
    async def ask() -> list[footfall.Table]:
        questions = (asyncio.to_thread(footfall.query, name, database_url=loaded) for name in ("actions", "per-day"))
        return await asyncio.gather(*questions)

    actions, per_day = asyncio.run(ask())
    assert actions.rows == (("click", 1), ("view", 1))
    assert per_day.rows == ((date(2024, 3, 1), 1), (date(2024, 3, 2), 1))


def test_every_question_is_listed_the_own_ones_with_their_file(tmp_path: Path) -> None:
    assert footfall.questions().columns == ("name", "answers", "group")
    (tmp_path / "mine.sql").write_text("-- How many there are.\n-- Grain: one row.\nselect 1 as one")
    table = footfall.questions(queries_folder=tmp_path)
    assert table.columns == ("name", "answers", "group", "file")
    assert table.rows[-1] == ("mine", "How many there are.", "Your own", str(tmp_path / "mine.sql"))


def test_files_are_found_without_a_database(write_csv: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", "host=/nowhere")
    write_csv("a.csv", GOOD)
    Path("notes.txt").write_text("no data")
    found = footfall.find(".")
    assert found.paths == ("./a.csv",)
    assert [(str(each), each.reason.name) for each in found.ignored] == [("./notes.txt", "ENDING")]
    with pytest.raises(footfall.errors.SourceError) as caught:
        footfall.find("none*.csv")
    assert (caught.value.source, caught.value.reason) == ("none*.csv", "no file matches")


def test_discover_says_what_it_leaves_out_as_load_does(database: str, write_csv: Write) -> None:
    write_csv("a.csv", GOOD)
    Path("notes.txt").write_text("no data")
    said: list[str] = []
    heard_by(said.append, footfall.discover, ".", database_url=database)
    endings = "*.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet, plain or compressed"
    assert said == [f"ignored 1 name: ./notes.txt (not named {endings})"]


def test_a_summary_and_a_verification_are_the_words_of_the_command_line(database: str, write_csv: Write) -> None:
    write_csv("a.csv", GOOD, BAD)
    summary = footfall.load("a.csv", database_url=database)
    assert str(summary).startswith("a.csv: 2 read, 1 loaded, 0 duplicate, 1 rejected (load 1, ")
    assert summary.schema == "public"
    assert str(footfall.verify(database_url=database)) == "ok: 1 interaction, 1 count, no drift"
    checked = footfall.check("a.csv")
    assert str(checked).startswith("a.csv: 2 read, 1 accepted, 0 duplicate, 1 rejected (checked, ")
    assert checked.schema is None


def test_a_failure_tells_its_reason_apart_from_its_source() -> None:
    Path("a.csv").write_text("")
    (result,) = footfall.check("a.csv").loads
    assert result.failure is not None
    assert (result.failure.source, result.failure.reason.partition(";")[0]) == ("a.csv", "the file is empty")
    assert result.error == f"a.csv: {result.failure.reason}"


def test_progress_is_told_to_a_python_caller(write_csv: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv("a.csv", GOOD)
    told: list[footfall.Progress] = []
    monkeypatch.setattr(time, "monotonic", itertools.count(0.0).__next__)  # a second passes at each look
    footfall.check("a.csv", progress=told.append)
    assert [(each.source, each.rows_read) for each in told] == [("a.csv", 1)]
