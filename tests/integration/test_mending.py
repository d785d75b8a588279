"""Rejected rows are written as a file in their original form; mended and loaded, it closes what it mended."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import footfall
from command_line import run
from footfall.errors import SettingsError
from footfall.settings import load_settings
from footfall.verbs.mending import write_file

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
ROWS = "1,1,1,click,2024-01-01\nx,1,1,click,2024-01-01\n3,y,1,click,2024-01-01\n4,1,1,,2024-01-01\n"


def ask(database: str, statement: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(statement).fetchall()


def states(database: str) -> list[tuple[int, int, int | None]]:
    return ask(database, "select load_id, line_number, replayed_by from rejected_interactions order by 1, 2, item")


def ids(database: str) -> list[Any]:
    return [row[0] for row in ask(database, "select interaction_id from user_interactions_raw order by 1")]


def write_fix(database: str, name: str = "fix.csv", load_id: int | None = None) -> str:
    written = write_file(load_settings(database_url=database), Path(name), load_id=load_id, source=None, code=None)
    assert written.rows
    return Path(name).read_bytes().decode("utf-8", "replace")


def mend(database: str, text: str, replays: int = 1, name: str = "fix.csv", **settings: Any) -> footfall.LoadResult:
    Path(name).write_text(text)
    (done,) = footfall.load(name, replays=replays, database_url=database, **settings).loads
    assert footfall.verify(database_url=database).drift == ()
    return done


@pytest.fixture
def loaded(database: str) -> str:
    Path("a.csv").write_text(HEADER + ROWS)
    footfall.load("a.csv", database_url=database)
    return database


def test_rejected_rows_are_written_as_they_were_with_their_header(loaded: str) -> None:
    done = run("rejects", "--as-file", "fix.csv", "--database", loaded)
    assert (done.returncode, "3 rows of load 1; mend them, then" in done.stderr) == (0, True)
    assert Path("fix.csv").read_text() == HEADER + ROWS.partition("\n")[2]
    assert Path("fix.csv").stat().st_mode & 0o777 == 0o600


def test_a_file_that_could_not_be_written_leaves_nothing_behind_and_one_that_was_there_stays(
    loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("footfall.answers.replacing.os.fsync", fill)
        with pytest.raises(SettingsError, match="No space left"):
            write_fix(loaded)
    assert [each.name for each in Path().iterdir() if "fix.csv" in each.name] == []
    text = write_fix(loaded)
    with monkeypatch.context() as late:  # somebody else makes the file between the look and the writing
        late.setattr("footfall.verbs.mending.Path.exists", lambda _: False)
        with pytest.raises(SettingsError, match="File exists"):
            write_fix(loaded)
    assert Path("fix.csv").read_text() == text


def test_a_mended_file_closes_what_it_mended(loaded: str) -> None:
    text = write_fix(loaded).replace("x,1,1", "2,1,1").replace("3,y,", "3,5,").replace("1,,2024", "1,buy,2024")
    done = mend(loaded, text)
    assert (done.status, done.replay_of, done.rows_loaded, done.rows_rejected) == ("loaded", 1, 3, 0)
    assert states(loaded) == [(1, 3, 2), (1, 4, 2), (1, 5, 2)]
    assert ids(loaded) == [1, 2, 3, 4]
    assert ask(loaded, "select source, replay_of from loads where load_id = 2") == [("fix.csv", 1)]
    assert (footfall.rejects(database_url=loaded), done.notices) == ((), ())
    assert [row.replayed_by for row in footfall.rejects(database_url=loaded, closed=True)] == [2, 2, 2]


def test_a_row_that_is_still_wrong_stays_open_in_the_load_that_it_came_from(loaded: str) -> None:
    done = mend(loaded, write_fix(loaded).replace("x,1,1", "2,1,1").replace("3,y,", "3,why,"))
    assert (done.rows_read, done.rows_loaded, done.rows_rejected) == (3, 1, 2)
    assert [(row.load_id, row.line_number) for row in footfall.rejects(database_url=loaded)] == [(1, 4), (1, 5)]
    assert states(loaded) == [(1, 3, 2), (1, 4, None), (1, 5, None), (2, 3, 2), (2, 4, 2)]
    assert "2 rows stay open in load 1" in done.notices[0]


def test_a_row_that_was_deleted_stays_open_whichever_it_was(loaded: str) -> None:
    header, *rows = write_fix(loaded).splitlines(keepends=True)
    mended = [rows[0].replace("x,", "2,"), rows[2].replace(",,", ",buy,")]
    done = mend(loaded, header + "".join(mended))
    assert done.rows_loaded == 2
    assert states(loaded) == [(1, 3, 2), (1, 4, None), (1, 5, 2)]


@pytest.mark.slow
def test_the_same_file_mended_further_closes_the_rest_and_finds_what_it_mended_before(loaded: str) -> None:
    text = write_fix(loaded).replace("x,1,1", "2,1,1")
    mend(loaded, text)
    done = mend(loaded, text.replace("3,y,", "3,5,").replace("1,,2024", "1,buy,2024"))
    assert (done.rows_read, done.rows_loaded, done.rows_duplicate) == (3, 2, 1)
    assert [state for state in states(loaded) if state[0] == 1] == [(1, 3, 2), (1, 4, 3), (1, 5, 3)]


def test_a_row_that_nobody_rejected_comes_in_and_closes_none(loaded: str) -> None:
    done = mend(loaded, write_fix(loaded).replace("x,1,1", "2,1,1") + "9,9,9,view,2024-05-05\n")
    assert (done.rows_loaded, ids(loaded)) == (2, [1, 2, 9])
    assert [state for state in states(loaded) if state[0] == 1] == [(1, 3, 2), (1, 4, None), (1, 5, None)]
    assert "1 of its rows are none of load 1" in done.notices[-1]


@pytest.mark.slow
def test_a_conflict_that_is_mended_closes_and_one_that_is_none_stays(database: str) -> None:
    Path("a.csv").write_text(HEADER + "1,1,1,click,2024-01-01\n1,2,2,click,2024-01-01\n1,3,3,click,2024-01-01\n")
    footfall.load("a.csv", database_url=database)
    done = mend(database, write_fix(database).replace("1,2,2", "2,2,2"))
    assert (done.rows_loaded, done.rows_rejected) == (1, 1)
    assert states(database) == [(1, 3, 2), (1, 4, None), (2, 3, 2)]


@pytest.mark.slow
def test_a_file_that_is_there_is_not_written_over_and_several_loads_are_not_mixed(loaded: str) -> None:
    write_fix(loaded)
    with pytest.raises(SettingsError, match="may hold what somebody mended"):
        write_fix(loaded)
    with pytest.raises(SettingsError, match="not stdout"):
        write_fix(loaded, "-")
    Path("b.csv").write_text(HEADER + "7,1,1,click,2024-01-01\nz,1,1,click,2024-01-01\n")
    footfall.load("b.csv", database_url=loaded)
    with pytest.raises(SettingsError, match="choose it with --load"):
        write_fix(loaded, "other.csv")
    assert write_fix(loaded, "other.csv", load_id=2) == HEADER + "z,1,1,click,2024-01-01\n"
    with pytest.raises(SettingsError, match="there is no load 99"):
        footfall.load("fix.csv", replays=99, database_url=loaded)


def row(number: Any, **more: Any) -> dict[str, Any]:
    return {"interaction_id": number, "user_id": 1, "product_id": 1, "action": "a", "timestamp": "2024-01-01"} | more


OBJECTS = [row(1), row("x"), row(3, action="größe", user_id="y")]
EXPLODED = """[sources.a]
match = ["a.jsonl"]
explode = "rows"
user_id = "..user"
"""
FORMS: dict[str, tuple[str, bytes, str]] = {
    "tabs": ("a.tsv", (HEADER + ROWS).replace(",", "\t").encode(), ""),
    "quotes over several lines": (
        "a.csv", (HEADER + '1,1,1,a,2024-01-01\nx,1,1,"a\nb",2024-01-01\n3,y,1,c,2024-01-01\n').encode(), ""
    ),
    "latin-1": (
        "a.csv", (HEADER + ROWS.replace("click", "größe")).encode("latin-1"),
        '[sources.a]\nmatch = ["a.csv"]\nencoding = "latin-1"\n',
    ),
    "utf-16": (
        "a.csv", (HEADER + ROWS.replace("click", "größe")).encode("utf-16"),
        '[sources.a]\nmatch = ["a.csv"]\nencoding = "utf-16"\n',
    ),
    "lines before, no header": (
        "a.csv", ("one\ntwo\n" + ROWS).encode(),
        '[sources.a]\nmatch = ["a.csv"]\nskip_lines = 2\nheader = false\n'
        "interaction_id = 1\nuser_id = 2\nproduct_id = 3\naction = 4\ntimestamp = 5\n",
    ),
    "lines of JSON": ("a.jsonl", "\n".join(map(json.dumps, OBJECTS)).encode(), ""),
    "a document": ("a.json", json.dumps(OBJECTS, indent=1, ensure_ascii=False).encode(), ""),
    "a document with records": (
        "a.json", json.dumps({"rows": OBJECTS}).encode(), '[sources.a]\nmatch = ["a.json"]\nrecords = "rows"\n'
    ),
    "exploded": ("a.jsonl", json.dumps({"user": 5, "rows": OBJECTS}).encode(), EXPLODED),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_mended_and_read_again(form: str, database: str) -> None:
    name, content, config = FORMS[form]
    Path(name).write_bytes(content)
    Path("footfall.toml").write_text(config)
    footfall.load(name, database_url=database)
    before = len(footfall.rejects(database_url=database))
    assert before
    write_fix(database, "fix")
    encoding = next((each for each in ("latin-1", "utf-16") if each in form), "utf-8")
    text = Path("fix").read_bytes().decode(encoding)
    for wrong, right in (('"x"', "2"), ("x,", "2,"), ("x\t", "2\t"), ('"y"', "5"), (",y,", ",5,"), ("\ty\t", "\t5\t")):
        text = text.replace(wrong, right)
    text = text.replace("1,,2024", "1,buy,2024").replace("1\t\t2024", "1\tbuy\t2024")
    Path("fix").write_bytes(text.encode(encoding))
    (mended,) = footfall.load("fix", replays=1, database_url=database).loads
    assert (mended.status, mended.rows_loaded, mended.rows_rejected) == ("loaded", before, 0), mended.error
    assert footfall.rejects(database_url=database) == ()
    assert footfall.verify(database_url=database).drift == ()
    if form == "exploded":
        assert ask(database, "select distinct user_id from user_interactions_raw") == [(5,)]


def test_rows_of_parquet_are_an_object_a_line(database: str) -> None:
    columns: dict[str, list[Any]] = {name: [str(each[name]) for each in OBJECTS] for name in OBJECTS[0]}
    pq.write_table(pa.table(columns), "a.parquet")
    footfall.load("a.parquet", database_url=database)
    text = write_fix(database, name="fix.jsonl")
    assert [json.loads(line)["user_id"] for line in text.splitlines()] == ["1", "y"]
    done = mend(database, text.replace('"x"', '"2"').replace('"y"', '"5"'), name="fix.jsonl")
    assert (done.rows_loaded, footfall.rejects(database_url=database)) == (2, ())
