"""`footfall query` as its users meet it: shape of the answer, formats, files, refusals, a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import run

UNREACHABLE = {"FOOTFALL_DATABASE_URL": "postgresql://me@127.0.0.1:1/x"}
PER_DAY = "day,interaction_count\n2024-03-01,2\n2024-03-02,1\n"
ROWS = [
    "1,1,1,click,2024-03-01 08:00",
    "2,10,2,buy,2024-03-01 23:30",
    "3,1,2,click,2024-03-02 09:00:00.25",
]
HANG_S = 600  # seconds; a question of these few rows takes less than two, on a busy machine some more
Write = Callable[..., str]
Footfall = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "footfall.cli", "query"]


def query(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("query", *words, **variables)


@pytest.fixture(scope="module")
def asked_database(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that has three rows, and that no question changes."""
    from footfall.settings import load_settings
    from footfall.verbs import load as load_verb

    database, path = new_database_of_module(), tmp_path_factory.mktemp("asked") / "a.csv"
    path.write_text("\n".join(["interaction_id,user_id,product_id,action,timestamp", *ROWS, ""]))
    load_verb.load([str(path)], load_settings(database_url=database))
    return database


@pytest.fixture
def asked(asked_database: str) -> Footfall:
    """Ask the database of three rows."""
    return lambda *words, **more: query(*words, **({"FOOTFALL_DATABASE_URL": asked_database} | more))


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Write an own query `mine`; give the variables that name its folder."""

    def write(text: str) -> dict[str, str]:
        (tmp_path / "own").mkdir()
        (tmp_path / "own/mine.sql").write_text(text)
        return {"FOOTFALL_QUERIES_FOLDER": "own"}

    return write


# the answer as CSV


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["per-day"], PER_DAY),
        (["top-users"], "user_id,interaction_count\n1,2\n10,1\n"),
        (["top-products"], "product_id,interaction_count\n2,2\n1,1\n"),
        (["actions"], "action,interaction_count\nclick,2\nbuy,1\n"),
        (["per-month"], "month,interaction_count\n2024-03-01,3\n"),
        (["active-users", "--per", "week"], "day,user_count,is_complete,previous_user_count\n2024-02-26,2,false,\n"),
        (["per-day", "--since", "2024-03-02"], "day,interaction_count\n2024-03-02,1\n"),
        (["per-day", "--until", "2024-03-02"], "day,interaction_count\n2024-03-01,2\n"),
        (["per-day", "--action", "buy"], "day,interaction_count\n2024-03-01,1\n"),
        (["top-users", "--limit", "1"], "user_id,interaction_count\n1,2\n"),
        (["per-day", "--reporting-time-zone", "Europe/Vienna"], "day,interaction_count\n2024-03-01,1\n2024-03-02,2\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_answer_is_a_header_the_key_first_and_the_count_last(asked: Footfall, words: list[str], answer: str) -> None:
    done = asked(*words)
    assert (done.returncode, done.stdout) == (0, answer), done.stderr


def test_an_answer_about_one_user_has_its_last_interaction(asked: Footfall) -> None:
    lines = asked("user", "1").stdout.splitlines()
    assert lines == [
        "day,actions,last_action,last_product_id,last_at,interaction_count",
        "2024-03-02,click 1,click,2,2024-03-02T09:00:00.250000+00:00,1",
        "2024-03-01,click 1,click,1,2024-03-01T08:00:00+00:00,1",
    ]


def test_an_hour_that_the_clock_repeats_is_two_rows_with_their_offsets(write_csv: Write, database: str) -> None:
    from footfall.settings import load_settings
    from footfall.verbs import load as load_verb

    rows = ["11,1,1,click,2024-10-27T00:30Z", "12,1,1,click,2024-10-27T01:30Z", "13,1,1,click,2024-10-27T01:31Z"]
    load_verb.load([write_csv("b.csv", *ROWS, *rows)], load_settings(database_url=database))
    words = ["per-hour", "--since", "2024-10-01", "--reporting-time-zone", "Europe/Vienna"]
    done = query(*words, FOOTFALL_DATABASE_URL=database)
    assert done.stdout == "hour,interaction_count\n2024-10-27T02:00:00+02:00,1\n2024-10-27T02:00:00+01:00,2\n"


def test_the_zone_is_said_on_stderr(asked: Footfall) -> None:
    assert "Asia/Kathmandu" in asked("per-day", "--reporting-time-zone", "Asia/Kathmandu").stderr


def test_with_q_nothing_is_said(asked: Footfall) -> None:
    assert asked("per-day", "-q").stderr == ""


def test_an_empty_answer_is_a_header_and_exit_0(asked: Footfall) -> None:
    done = asked("per-day", "--since", "2030-01-01")
    assert (done.returncode, done.stdout) == (0, "day,interaction_count\n")


# refusals


def test_an_unknown_name_is_exit_2_with_the_list(asked: Footfall) -> None:
    done = asked("per-dya")
    assert (done.returncode, done.stdout) == (2, "")
    assert "per-day" in done.stderr
    assert "top-products" in done.stderr


def test_no_name_is_exit_2(asked: Footfall) -> None:
    done = asked()
    assert (done.returncode, done.stdout) == (2, "")
    assert "--list" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["per-day", "--since", "2024-03-02", "--until", "2024-03-01"], "--since"),
        (["per-day", "--since", "yesterday"], "--since"),
        (["per-day", "--until", "2024-02-30"], "--until"),
        (["per-day", "--user", "-1"], "--user"),
        (["per-day", "--product", "x"], "--product"),
        (["per-day", "--limit", "0"], "--limit"),
        (["per-day", "--action", ""], "--action"),
        (["per-day", "--per", "week"], "--per"),
        (["active-users", "--per", "year"], "--per"),
        (["per-day", "42"], "--user"),
        (["user"], "query user 42"),
        (["product"], "query product 42"),
        (["user", "x"], "--user"),
        (["per-day", "--format", "xml"], "--format"),
        (["per-day", "--reporting-time-zone", "Mars/Olympus"], "--reporting-time-zone"),
        (["per-day", "--output", "nowhere/a.csv"], "--output"),
        (["per-day", "--output", "a.dat"], "--format"),
        (["per-day", "--output", "a.xlsx"], "--format"),
        (["per-day", "--reporting-time-zone", "CET"], "Europe/Brussels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_question_that_makes_no_sense_is_exit_2_and_names_what_to_mend(
    asked: Footfall, words: list[str], says: str
) -> None:
    done = asked(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_database_without_tables_is_exit_6(database: str) -> None:
    done = query("per-day", FOOTFALL_DATABASE_URL=database)
    assert (done.returncode, done.stdout) == (6, "")
    assert "footfall load" in done.stderr


def test_a_database_that_is_not_there_is_exit_5() -> None:
    assert query("per-day", **UNREACHABLE).returncode == 5


# formats and files


def test_json_is_a_list_of_objects(asked: Footfall) -> None:
    assert json.loads(asked("per-day", "--format", "json").stdout) == [
        {"day": "2024-03-01", "interaction_count": 2},
        {"day": "2024-03-02", "interaction_count": 1},
    ]


def test_an_empty_answer_as_json_is_an_empty_list(asked: Footfall) -> None:
    assert json.loads(asked("per-day", "--until", "2000-01-01", "--format", "json").stdout) == []


def test_a_table_in_a_pipe_has_no_bars(asked: Footfall) -> None:
    lines = [line.split() for line in asked("per-day", "--format", "table").stdout.splitlines()]
    assert lines == [["day", "interaction_count"], ["2024-03-01", "2"], ["2024-03-02", "1"]]


@pytest.mark.parametrize(
    ("words", "schema", "first"),
    [
        (["per-day"], {"day": pa.date32(), "interaction_count": pa.int64()}, [date(2024, 3, 1), 2]),
        (
            ["per-hour"],
            {"hour": pa.timestamp("us", tz="UTC"), "interaction_count": pa.int64()},
            [datetime(2024, 3, 1, 8, tzinfo=UTC), 1],
        ),
        (["top-users"], {"user_id": pa.int64(), "interaction_count": pa.int64()}, [1, 2]),
        (["actions"], {"action": pa.string(), "interaction_count": pa.int64()}, ["click", 2]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and len(value) == 1 else "",
)
def test_parquet_has_the_types_of_the_answer(
    asked: Footfall, words: list[str], schema: dict[str, Any], first: list[Any]
) -> None:
    assert asked(*words, "--output", "a.parquet").returncode == 0
    table = pq.read_table("a.parquet")
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == schema
    assert list(table.to_pylist()[0].values()) == first


def test_an_empty_answer_as_parquet_has_its_columns(asked: Footfall) -> None:
    assert asked("per-day", "--since", "2030-01-01", "--output", "a.parquet").returncode == 0
    table = pq.read_table("a.parquet")
    assert (table.schema.names, table.num_rows) == (["day", "interaction_count"], 0)


@pytest.mark.parametrize(("name", "begins"), [("a.csv", "day,"), ("a.json", "["), ("a.JSON", "["), ("a.txt", "day  ")])
def test_a_file_is_written_as_its_name_ends(asked: Footfall, name: str, begins: str) -> None:
    done = asked("per-day", "--output", name)
    assert (done.returncode, done.stdout) == (0, "")
    assert Path(name).read_text().startswith(begins)


def test_a_format_that_is_asked_for_goes_before_the_name_of_the_file(asked: Footfall) -> None:
    asked("per-day", "--output", "a.json", "--format", "csv")
    assert Path("a.json").read_text() == PER_DAY


@pytest.mark.parametrize("name", ["kept.csv", "kept.parquet", "kept.json"])
def test_a_file_stays_as_it_was_where_the_question_fails_half_way(
    asked: Footfall, own: Callable[[str], dict[str, str]], name: str
) -> None:
    Path(name).write_text("before")
    variables = own("select n, 10 / (5000 - n) as x from generate_series(1, 6000) as n")
    done = asked("mine", "--output", name, **variables)
    assert done.returncode == 2, done.stderr
    assert Path(name).read_text() == "before"
    assert sorted(path.name for path in Path().iterdir()) == sorted([name, "own"])


def test_a_file_is_replaced_by_an_answer(asked: Footfall) -> None:
    Path("a.csv").write_text("before" * 100)
    assert asked("per-day", "--output", "a.csv").returncode == 0
    assert Path("a.csv").read_text() == PER_DAY


# early ends


def test_a_reader_who_has_seen_enough_ends_a_long_answer_well(
    database: str, own: Callable[[str], dict[str, str]]
) -> None:
    variables = own("select n from generate_series(1, 300000) as n") | {"FOOTFALL_DATABASE_URL": database}
    with subprocess.Popen(
        [*COMMAND, "mine"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | variables
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"n\n"
        process.stdout.close()
        try:
            assert process.wait(HANG_S) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""
        finally:
            process.kill()


def test_columns_twice_are_exit_2_where_rows_are_still_to_come(
    database: str, own: Callable[[str], dict[str, str]]
) -> None:
    variables = own("select n as a, n as a from generate_series(1, 5000) as n")
    done = query("mine", FOOTFALL_DATABASE_URL=database, **variables)
    assert done.returncode == 2
    assert "two columns are called 'a'" in done.stderr


@pytest.mark.parametrize(
    "text", ["select 1 as one fro x", "select no_such_column from interactions", "select 1 as one; select 2 as two"]
)
def test_a_mistake_in_an_own_query_is_exit_2_with_file_and_line(
    asked: Footfall, own: Callable[[str], dict[str, str]], text: str
) -> None:
    done = asked("mine", **own(text))
    assert (done.returncode, done.stdout) == (2, "")
    assert "mine.sql" in done.stderr


def test_a_reader_in_python_who_leaves_early_is_let_go(database: str, own: Callable[[str], dict[str, str]]) -> None:
    text = """
from footfall.answers.asked import Filters
from footfall.settings import load_settings
from footfall.verbs.query import query
with query(load_settings(), "mine", Filters()) as answer:
    print(next(answer.rows))
"""
    variables = own("select n from generate_series(1, 50000) as n") | {"FOOTFALL_DATABASE_URL": database}
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, env=os.environ | variables, timeout=HANG_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"(1,)\n")


# the environment's twins


def test_the_filters_have_twins_in_the_environment(asked: Footfall) -> None:
    variables = {"FOOTFALL_SINCE": "2024-03-01", "FOOTFALL_UNTIL": "2024-03-02", "FOOTFALL_ACTION": "click"}
    assert asked("per-day", **variables).stdout == "day,interaction_count\n2024-03-01,1\n"


@pytest.mark.parametrize(
    ("variable", "value", "answer"),
    [
        ("FOOTFALL_USER", "10", "day,interaction_count\n2024-03-01,1\n"),
        ("FOOTFALL_PRODUCT", "1", "day,interaction_count\n2024-03-01,1\n"),
        ("FOOTFALL_LIMIT", "1", "day,interaction_count\n2024-03-01,2\n"),
        ("FOOTFALL_REPORTING_TIME_ZONE", "Europe/Vienna", "day,interaction_count\n2024-03-01,1\n2024-03-02,2\n"),
        ("FOOTFALL_FORMAT", "json", '[\n  {"day": "2024-03-01", "interaction_count": 2},\n'),
    ],
)
def test_an_option_has_its_twin_in_the_environment(asked: Footfall, variable: str, value: str, answer: str) -> None:
    assert asked("per-day", **{variable: value}).stdout.startswith(answer)


def test_an_option_goes_before_its_twin(asked: Footfall) -> None:
    done = asked("per-day", "--since", "2024-03-02", FOOTFALL_SINCE="2024-03-01")
    assert done.stdout == "day,interaction_count\n2024-03-02,1\n"


def test_a_twin_that_makes_no_sense_is_exit_2(asked: Footfall) -> None:
    done = asked("per-day", FOOTFALL_SINCE="soon")
    assert done.returncode == 2
    assert "soon" in done.stderr


# a terminal


def on_a_terminal(*words: str, **variables: str) -> str:
    """Run with a terminal as stdout; give what it shows."""
    ours, theirs = pty.openpty()
    shown = b""
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"} | variables
    with subprocess.Popen([*COMMAND, *words], stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:
            pass  # Linux says so where the other end was closed
        assert process.wait(HANG_S) == 0
    os.close(ours)
    return shown.decode()


def test_on_a_terminal_an_answer_is_a_table_with_bars(asked_database: str) -> None:
    lines = on_a_terminal("per-day", FOOTFALL_DATABASE_URL=asked_database).splitlines()
    assert lines[0].split() == ["day", "interaction_count"]
    assert [line.count("█") for line in lines[1:]] == [24, 12]


# what needs no database


def test_the_list_needs_no_database() -> None:
    done = query("--list", **UNREACHABLE)
    assert done.returncode == 0
    assert done.stdout.startswith("name,answers,group\n")
    assert "per-day" in done.stdout
    shown = query("--list", "--format", "table", **UNREACHABLE).stdout.splitlines()
    assert shown[0] == "How much"
    assert "  per-day" in {line[:9] for line in shown}


def test_the_sql_needs_no_database() -> None:
    done = query("top-users", "--sql", "--action", "it's", **UNREACHABLE)
    assert done.returncode == 0
    assert "'it''s'" in done.stdout


def test_the_sql_that_is_shown_is_what_is_asked(asked: Footfall, asked_database: str) -> None:
    text = asked("top-users", "--sql", "--since", "2024-03-01").stdout
    with psycopg.connect(asked_database) as connection:
        assert connection.execute(text.encode()).fetchall() == [(1, 2), (10, 1)]


def test_the_sql_of_a_question_without_its_id_is_exit_2() -> None:
    assert query("user", "--sql", **UNREACHABLE).returncode == 2
