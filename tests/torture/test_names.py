"""Files whose names hold quotes, spaces, line ends, globs, dashes or bytes that are no text, by the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROW = b"interaction_id,user_id,product_id,action,timestamp\n%d,1,1,click,2024-01-01\n"
NAMES = [
    b"two words.csv", b" leading.csv", b"trailing.csv ", b"it's.csv", b'say "x".csv', b"line\nbreak.csv",
    b"cr\rtab\t.csv",
    b"*.csv", b"[ab].csv", b"what?.csv", b"**.csv", b"-q.csv", b"--help", b"-", b"~.csv", b"$HOME.csv", b"`id`.csv",
    b"back\\slash.csv", b"a;b|c&d.csv", b"100%s{0}.csv", b"caf\xc3\xa9.csv", b"not-utf8-\xff.csv", b"esc\x1b[31m.csv",
    b"bell\x07.csv", b"rtl\xe2\x80\xae.csv", b"[red]x.csv", b"a" * 251 + b".csv", b"http:x.csv",
    b"#.csv", b"a,b.csv", b".csv", b"..csv", b"\x7f.csv",
]  # fmt: skip

HOSTILE = [b"line\nbreak.csv", b"not-utf8-\xff.csv", b"esc\x1b[31m.csv", b"bell\x07.csv", b"[red]x.csv", b"a,b.csv"]


def footfall(folder: Path, database: str, *words: str | bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "footfall.cli", *words]
    variables = os.environ | {"FOOTFALL_DATABASE_URL": database}
    return subprocess.run(command, capture_output=True, cwd=folder, env=variables, timeout=600, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of each name, each with a row of its own."""
    made = tmp_path / "names"
    made.mkdir()
    for number, name in enumerate(NAMES, start=1):
        Path(os.fsdecode(os.path.join(os.fsencode(made), name))).write_bytes(ROW % number)  # noqa: PTH118
    return made


def ids(database: str) -> list[int]:
    with psycopg.connect(database) as connection:
        found: list[Any] = connection.execute(
            "select interaction_id from user_interactions_raw order by interaction_id"
        ).fetchall()
    return [row[0] for row in found]


@pytest.mark.slow
def test_each_name_is_read_as_it_is_given(folder: Path) -> None:
    done = footfall(folder, "", "check", "--format", "json", *(b"./" + name for name in NAMES))
    assert done.returncode == 0, done.stderr
    checks = json.loads(done.stdout)["loads"]
    assert [check["rows_loaded"] for check in checks] == [1] * len(NAMES)
    told = [check["source"] for check in checks]
    assert told[0] == "./two words.csv"
    assert told[NAMES.index(b"line\nbreak.csv")] == "./line\nbreak.csv"
    assert len(set(told)) == len(NAMES)


@pytest.mark.slow
def test_each_hostile_name_is_loaded_and_is_in_the_ledger(folder: Path, database: str) -> None:
    done = footfall(folder, database, "load", *(b"./" + name for name in HOSTILE))
    assert done.returncode == 0, done.stderr
    assert ids(database) == sorted(NAMES.index(name) + 1 for name in HOSTILE)
    with psycopg.connect(database) as connection:
        sources = [row[0] for row in connection.execute("select source from loads order by load_id")]
    told = [os.fsdecode(name).encode("utf-8", "backslashreplace").decode() for name in HOSTILE]
    assert sources == [f"./{name}" for name in told]


@pytest.mark.slow
def test_behind_two_dashes_a_name_may_begin_with_one(folder: Path, database: str) -> None:
    done = footfall(folder, database, "load", "--", "-q.csv", "--help")
    assert done.returncode == 0, done.stderr
    assert ids(database) == [NAMES.index(b"-q.csv") + 1, NAMES.index(b"--help") + 1]


@pytest.mark.slow
def test_a_file_that_is_there_is_no_pattern(folder: Path, database: str) -> None:
    done = footfall(folder, database, "load", "*.csv", "[ab].csv", "what?.csv", "**.csv")
    assert done.returncode == 0, done.stderr
    assert ids(database) == [NAMES.index(name) + 1 for name in (b"*.csv", b"[ab].csv", b"what?.csv", b"**.csv")]


@pytest.mark.slow
def test_of_a_folder_every_name_that_ends_well_is_a_source_and_the_others_are_told(folder: Path) -> None:
    done = footfall(folder, "", "check", "--format", "json", ".")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows_loaded"] == sum(name.endswith(b".csv") for name in NAMES)
    assert b"--help" in done.stderr


@pytest.mark.slow
def test_names_can_be_shown_and_do_not_reach_the_terminal_as_commands(folder: Path, database: str) -> None:
    for number, name in enumerate(HOSTILE):
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))  # noqa: PTH118
        path.write_bytes(ROW % (1000 + number) + b"bad\n")
    loaded = footfall(folder, database, "load", *HOSTILE)
    shown = [footfall(folder, database, verb, "--format", "table") for verb in ("loads", "rejects")]
    for done in (loaded, *shown):
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(b"[red]x.csv") >= 1
        assert not set(done.stdout + done.stderr) & {0x1B, 0x07}


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["loads", "rejects"])
@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_a_name_comes_out_of_csv_and_json_as_it_went_in(folder: Path, database: str, verb: str, fmt: str) -> None:
    name = b'a\nb "c", [d].csv'
    Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(ROW % 1 + b"bad\n")  # noqa: PTH118
    assert footfall(folder, database, "load", "-q", name).returncode == 0
    shown = footfall(folder, database, verb, "--format", fmt).stdout.decode()
    rows = list(csv.DictReader(io.StringIO(shown, newline=""))) if fmt == "csv" else json.loads(shown)
    assert [row["source"] for row in rows] == [name.decode()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        b"absent\n.csv",
        b"[absent].csv",
        b"absent-\xff.csv",
        b"absent[/x].csv",
        b"\x1b[31m",
    ],
)
def test_a_name_that_is_not_there_is_exit_3(folder: Path, database: str, name: bytes) -> None:
    done = footfall(folder, database, "load", name)
    assert done.returncode == 3, done.stderr
    assert done.stderr
    assert b"Traceback" not in done.stderr
    assert b"\x1b[31m" not in done.stderr


@pytest.mark.parametrize(
    "name", [b"two words.csv", b"line\nbreak.csv", b"not-utf8-\xff.csv", b"[red]x.csv", b"esc\x1b[31m.csv"]
)
def test_a_refused_file_of_any_name_is_exit_3_with_a_message(folder: Path, database: str, name: bytes) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(b"")  # noqa: PTH118
    done = footfall(folder, database, "check", b"./" + name)
    assert done.returncode == 3, done.stderr
    assert b"empty" in done.stderr + done.stdout
    assert b"\x1b[31m" not in done.stderr + done.stdout
