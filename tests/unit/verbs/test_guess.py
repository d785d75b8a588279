"""Guesses of whole files: what is proposed for shapes that exports and data sets have, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import footfall
from footfall.contract.built_in import is_time_zone
from footfall.contract.parsing import parse_definition
from footfall.errors import SettingsError, SourceError
from footfall.results import Problem
from footfall.results.guessing import FirstRow
from guessed import DAYS, MADE, ROWS, SHAPES, lines


def write(name: str, text: str | bytes) -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_guessed(name: str) -> None:
    text, wanted = SHAPES[name]
    made = footfall.guess(write(name, text))
    assert {key: made.definition.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("name", SHAPES)
def test_a_guess_is_toml_that_a_definition_is_read_from(name: str) -> None:
    made = footfall.guess(write(name, SHAPES[name][0]), name="mine")
    found = tomllib.loads(str(made))
    assert found.pop("sources") == {"mine": made.definition}
    assert found == made.settings
    parse_definition("mine", made.definition, "a", is_time_zone=is_time_zone)


@pytest.mark.parametrize("name", SHAPES)
def test_each_field_has_a_reason_and_each_doubt_a_comment_of_its_own(name: str) -> None:
    made = footfall.guess(write(name, SHAPES[name][0]))
    keys = {part.key for part in made.parts}
    assert {"interaction_id", "user_id", "product_id", "action", "timestamp"} <= keys
    assert str(made).count("# NOT SURE:") == len(made.doubts)
    for part in made.doubts:
        assert f"# NOT SURE: {part.key}: " in str(made) or not part.key


@pytest.mark.parametrize("name", SHAPES)
def test_the_first_rows_are_shown_without_a_missing_value(name: str) -> None:
    made = footfall.guess(write(name, SHAPES[name][0]))
    assert len(made.rows) == 5
    assert [row.problems for row in made.rows if row.values is None or not all(row.values)] == []


def test_rows_that_a_load_would_reject_are_shown_with_their_problems_in_their_place() -> None:
    header = "event_id,user_id,product_id,action,time"
    write("a.csv", lines(lambda n: f"{n},{n % 3 if n != 1 else ''},{n % 7},view,{DAYS[n]}T10:00:00+02:00", header))
    first, second, third, *_ = footfall.guess("a.csv").rows
    assert first == FirstRow(2, None, ("0", "0", "0", "view", "2024-03-01 08:00:00 UTC"))
    assert second == FirstRow(3, None, None, (Problem("missing-value", "user_id", ""),))
    assert third.line_number == 4


def test_records_that_a_load_would_skip_are_counted_up_to_the_last_row_that_is_shown() -> None:
    made = footfall.guess(write("calls.jsonl", SHAPES["calls.jsonl"][0]))  # every sixth is no event
    assert [row.line_number for row in made.rows] == [2, 3, 4, 5, 6]
    assert made.rows_skipped == 1


def test_rows_of_a_list_are_shown_with_their_items_and_text_and_made_ids_as_they_are_stored() -> None:
    made = footfall.guess(write("orders.json", SHAPES["orders.json"][0]))
    assert [(row.line_number, row.item) for row in made.rows] == [(1, n) for n in range(1, 6)]
    made = footfall.guess(write("padded.csv", SHAPES["padded.csv"][0]))
    assert made.rows[1].values == ("(made)", "00001", "1", "buy", "2024-03-02 00:00:00 UTC")


def test_an_id_that_repeats_only_with_its_whole_row_is_one_all_the_same() -> None:
    rows = [f"e{n},u{n % 3},{n % 7},view,{DAYS[n]}" for n in range(ROWS)]
    text = "\n".join(["event_id,user_id,product_id,action,time", *rows, *rows[:15], ""])
    made = footfall.guess(write("a.csv", text))
    assert made.definition["interaction_id"] == "event_id"
    (part,) = [part for part in made.parts if part.key == "interaction_id"]
    assert f"15 of {ROWS + 15} rows repeat another and would be duplicates" in part.reason
    assert footfall.guess(write("a.csv", text + "e1,u9,1,view,2024-03-01\n")).definition["interaction_id"] == MADE


def test_times_in_two_formats_are_read_by_both() -> None:
    times = [DAYS[n].replace("-", "/") + " 08:00" if n % 2 else str(1709280000123 + n) for n in range(ROWS)]
    made = footfall.guess(
        write("a.csv", lines(lambda n: f"{n % 3},{n % 7},view,{times[n]}", "user_id,item_id,action,time"))
    )
    assert made.definition["timestamp"]["format"] == ["%Y/%m/%d %H:%M", "epoch-ms"]
    assert [row.problems for row in made.rows] == [()] * 5


@pytest.mark.slow
def test_the_same_bytes_give_the_same_guess_whatever_the_hash_seed() -> None:
    for name, (text, _) in SHAPES.items():
        write(name, text)
    code = "import footfall, sys; print(*(footfall.guess(name) for name in sys.argv[1:]))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code, *SHAPES],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4321")
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", " \n\n", "nothing but blanks"),
        ("a.csv", "<!DOCTYPE html><html><body>", "an HTML page"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
        ("a.csv", b"PK\x03\x04" + b"\0" * 40, "a zip archive"),
        ("a.csv", "some\nwords\nhere\n", "no delimiter"),
        ("a.csv", "0 1 2 3\n1 5\n2 7 9\n", "a list of numbers"),
        ("a.csv", "sepal_length,petal_length,species\n" + "5.1,1.4,setosa\n" * 9, "no column holds a time"),
        ("a.csv", "Date,Open,High,Low\n" + "2024-01-02,1.5,2.5,1.25\n" * 9, "user, a product or an action"),
        ("a.json", '{"a": 1}', "no column holds a time"),
        ("a.json", "[1, 2, 3]", "no objects"),
        ("a.json", '{"u1": {"x": 1}, "u2": {"x": 2}}', "under a name of its own"),
        ("a.json", '[{"a"', "cut, or broken"),
        ("a.jsonl", '["a", 1]\n["b", 2]\n', "no objects|JSON array"),
        ("a.parquet", b"PAR1" + b"\0" * 40, "Parquet file that cannot be read"),
        ("a.csv.gz", "user_id,item_id\n1,2\n", "not compressed as its name says"),
        ("a.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03cut", "gzip"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_it_is(name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        footfall.guess(write(name, content))
    assert caught.value.exit_code == 3


def test_a_document_that_is_cut_is_guessed_with_a_doubt() -> None:
    text = json.dumps([{"user_id": n, "item_id": n % 3, "event": "view", "ts": DAYS[n]} for n in range(ROWS)])
    write("a.json", text[:-20])
    made = footfall.guess("a.json")
    assert made.rows_seen == ROWS - 1
    assert any("breaks off" in part.reason for part in made.doubts)


def test_a_refusal_shows_nothing_of_a_row() -> None:
    write("a.csv", "Ann Miller,x1,12.5\nBob Jones,y2,13.5\n" * 9)
    with pytest.raises(SourceError) as caught:
        footfall.guess("a.csv")
    assert "Miller" not in caught.value.message


def test_files_of_one_kind_are_guessed_together_and_others_are_named() -> None:
    header = "user_id,item_id,action,time"
    write("a.csv", lines(lambda n: f"{n % 5},{n},view,{DAYS[n]}", header))
    write("b.csv", lines(lambda n: f"x{n % 5},{n},view,{DAYS[n]}", header))
    made = footfall.guess("a.csv", "b.csv")
    assert (made.rows_seen, made.sources) == (2 * ROWS, ("a.csv", "b.csv"))
    assert made.settings["user_id_type"] == "text"
    write("c.csv", lines(lambda n: f"{n % 5};{n};view;{DAYS[n]}", header.replace(",", ";")))
    with pytest.raises(SourceError, match="one kind at a time"):
        footfall.guess("a.csv", "c.csv")


def test_footfalls_own_form_is_told() -> None:
    write(
        "a.csv",
        lines(lambda n: f"{n},{n % 3},{n % 4},click,{DAYS[n]}", "interaction_id,user_id,product_id,action,timestamp"),
    )
    assert "This is Footfall's own form" in str(footfall.guess("a.csv"))


def test_a_parquet_file_is_guessed_by_its_columns() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"event_id": list(range(50)), "visitor": [f"v{n % 4}" for n in range(50)], "sku": ["a"] * 50}
    more = {"event": ["view", "cart"] * 25, "ts": pa.array([10**15 * 1 + n for n in range(50)], pa.timestamp("us"))}
    pq.write_table(pa.table(columns | more), "a.parquet", row_group_size=10)
    made = footfall.guess("a.parquet")
    assert made.definition == {
        "format": "parquet",
        "interaction_id": "event_id",
        "user_id": "visitor",
        "product_id": "sku",
        "action": "event",
        "timestamp": "ts",
    }


@pytest.mark.parametrize("name", ["a b", "", "footfall", "x" * 64])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    write("a.csv", SHAPES["padded.csv"][0])
    with pytest.raises(SettingsError, match="--name"):
        footfall.guess("a.csv", name=name)


@pytest.mark.slow
def test_a_large_file_is_looked_at_from_all_over() -> None:
    with Path("big.csv").open("w") as file:
        file.write("event_id,user_id,product_id,event_type,event_time\n")
        for n in range(1_100_000):
            user = f"late{n}" if n > 900_000 else n % 99_999
            file.write(f"{n},{user},{n % 977},{'view' if n % 3 else 'cart'},2024-03-{1 + n % 28:02} 08:00:00\n")
    made = footfall.guess("big.csv")
    assert not made.is_whole
    assert made.settings == {"user_id_type": "text"}
    assert made.definition["interaction_id"] == "event_id"
