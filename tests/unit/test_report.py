"""What people and programs read of a result."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest

from footfall.report import (
    drift_table,
    escaped,
    print_table,
    problems_text,
    rejected_table,
    summary_json,
    summary_table,
    summary_text,
    verification_text,
)
from footfall.results import Drift, LoadResult, LoadSummary, Problem, ProblemGroup, RejectedRow, Table, Verification


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(table: Table, fmt: Literal["table", "csv", "json"], stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    print_table(table, fmt, stream)
    return stream.getvalue()


def loaded(source: str = "data/sample.csv", load_id: int = 1, groups: tuple[ProblemGroup, ...] = ()) -> LoadResult:
    return LoadResult(load_id, source, "ab12", "loaded", 10, 7, 0, 3, seconds=0.1, groups=groups)


def group(code: str, field: str | None, rows: int, source: str = "data/sample.csv", line: int = 6) -> ProblemGroup:
    return ProblemGroup(code, field, rows, source, line, None, "fill it in")


ROW = RejectedRow(
    1,
    "a.csv",
    4,
    "4,abc,2,,x",
    10,
    (Problem("missing-value", "action", None), Problem("not-an-integer", "user_id", "abc")),
)


def test_csv_has_a_header_and_plain_line_ends() -> None:
    assert printed(Table(("a", "b"), ((1, None), ("x,y", True))), "csv") == 'a,b\n1,\n"x,y",true\n'


def test_csv_in_a_file_is_exact() -> None:
    text = printed(Table(("raw",), (("a\x1b[31m\nb",),)), "csv")
    assert list(csv.reader(io.StringIO(text))) == [["raw"], ["a\x1b[31m\nb"]]


def test_json_is_a_list_of_objects() -> None:
    rows = json.loads(printed(Table(("a", "b"), ((1, None), ("é\x00", [{"c": 1}]))), "json"))
    assert rows == [{"a": 1, "b": None}, {"a": "é\x00", "b": [{"c": 1}]}]


def test_json_without_rows_is_an_empty_list() -> None:
    assert json.loads(printed(Table(("a",), ()), "json")) == []


@pytest.mark.parametrize(
    ("hours", "exact", "shown"),
    [
        (0, "2026-11-24T12:00:00+00:00", "2026-11-24 12:00:00 UTC"),
        (2, "2026-11-24T12:00:00+02:00", "2026-11-24 12:00:00+02:00"),
    ],
)
def test_an_instant_has_its_offset_in_every_format(hours: int, exact: str, shown: str) -> None:
    table = Table(("at",), ((datetime(2026, 11, 24, 12, tzinfo=timezone(timedelta(hours=hours))),),))
    assert json.loads(printed(table, "json")) == [{"at": exact}]
    assert printed(table, "csv") == f"at\n{exact}\n"
    assert printed(table, "table") == f"at\n{shown}\n"


def test_a_table_aligns_its_columns_and_has_no_colour() -> None:
    table = Table(("load_id", "source"), ((1, "a.csv"), (20, "b.csv")))
    assert printed(table, "table") == "load_id  source\n      1  a.csv\n     20  b.csv\n"


def test_a_table_separates_thousands_of_amounts_and_not_of_names() -> None:
    assert printed(Table(("load_id", "rows_read"), ((12345, 12345),)), "table").split()[-2:] == ["12345", "12,345"]


def test_a_table_in_a_pipe_is_folded_nowhere() -> None:
    assert "x" * 5_000 in printed(Table(("raw",), (("x" * 5_000,),)), "table")


def test_a_wide_cell_on_a_terminal_folds_and_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = printed(Table(("n", "raw"), ((1, "x" * 100),)), "table", Terminal())
    assert text.count("x") == 100
    assert max(map(len, text.splitlines())) <= 40


@pytest.mark.parametrize("fmt", ["table", "csv", "json"])
def test_no_control_character_reaches_a_terminal(fmt: Literal["table", "csv", "json"]) -> None:
    raw = "".join(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2028]))
    text = printed(Table(("raw", raw), ((raw, 1),)), fmt, Terminal())
    assert not [
        character for character in text.replace("\n", "") if not character.isprintable() and character != "\u202e"
    ]
    assert fmt == "json" or "\u202e" not in text


def test_markup_of_rich_is_plain_text() -> None:
    assert "[bold]x[/bold] :smile:" in printed(Table(("raw",), (("[bold]x[/bold] :smile:",),)), "table")


def test_escaping_spells_out_what_cannot_be_seen() -> None:
    assert escaped("é\n\x00\x1b") == "é\\n\\x00\\x1b"


def test_problems_read_as_a_sentence() -> None:
    assert problems_text(ROW.problems) == "missing-value: action; not-an-integer: user_id = 'abc'"


def test_a_problem_of_the_whole_row_has_no_field() -> None:
    assert problems_text([Problem("too-few-fields", None, None)]) == "too-few-fields"


def test_rejected_rows_for_people_have_problems_in_words() -> None:
    table = rejected_table([ROW], "table")
    assert table.columns == ("load_id", "source", "line_number", "problems", "raw_line")
    (row,) = table.rows
    assert row[3] == "missing-value: action; not-an-integer: user_id = 'abc'"


def test_rejected_rows_for_programs_have_problems_as_json() -> None:
    row = json.loads(printed(rejected_table([ROW], "json"), "json"))[0]
    assert list(row) == ["load_id", "source", "line_number", "raw_line", "raw_size_bytes", "problems"]
    cell = next(csv.DictReader(io.StringIO(printed(rejected_table([ROW], "csv"), "csv"))))["problems"]
    assert json.loads(cell) == row["problems"]
    assert row["problems"][1] == {"code": "not-an-integer", "field": "user_id", "value": "abc"}


def test_a_loaded_file_is_one_line() -> None:
    text = summary_text(LoadSummary((loaded(),), 0.1))
    assert text == "data/sample.csv: 10 read, 7 loaded, 0 duplicate, 3 rejected (load 1, 0.1 s)"


def test_numbers_in_text_have_thousands_separators() -> None:
    assert "1,234,567 read" in summary_text(LoadSummary((LoadResult(1, "a", "d", "loaded", rows_read=1234567),)))


def test_a_second_delivery_says_that_nothing_changed() -> None:
    again = LoadResult(1, "a.csv", "d", "already-loaded", loaded_at=datetime(2026, 11, 24, 10, tzinfo=UTC))
    expected = "a.csv: already loaded as load 1 on 2026-11-24 10:00 UTC, nothing changed"
    assert summary_text(LoadSummary((again,))) == expected


def test_a_failed_file_says_why_and_names_itself_once() -> None:
    failed = LoadResult(None, "a.csv", None, "failed", error="a.csv: is empty", exit_code=3)
    assert summary_text(LoadSummary((failed,))) == "a.csv: failed: is empty"


def test_a_checked_file_has_accepted_rows() -> None:
    checked = LoadResult(None, "a.csv", "d", "checked", 2, 2, 0, 0)
    assert (
        summary_text(LoadSummary((checked,))) == "a.csv: 2 read, 2 accepted, 0 duplicate, 0 rejected (checked, 0.0 s)"
    )


def test_rejected_rows_are_grouped_over_files_the_most_frequent_first() -> None:
    one = loaded(
        "a.csv", 1, (group("missing-value", "timestamp", 2, "a.csv", 3), group("bad-quoting", None, 1, "a.csv", 9))
    )
    two = loaded("b.csv", 2, (group("bad-quoting", None, 1_000, "b.csv", 2),))
    lines = summary_text(LoadSummary((one, two))).splitlines()
    assert lines[2:4] == [
        "  1,001 rows  bad-quoting; first: a.csv line 9; fill it in",
        "  2 rows  missing-value in timestamp; first: a.csv line 3; fill it in",
    ]


def test_several_files_end_in_their_sums() -> None:
    lines = summary_text(LoadSummary((loaded("a"), loaded("b")), 0.2)).splitlines()
    assert lines[-1] == "20 read, 14 loaded, 0 duplicate, 6 rejected (0.2 s)"


def test_a_source_name_cannot_paint_the_terminal() -> None:
    assert "\x1b" not in summary_text(LoadSummary((loaded("a\x1b[31m.csv", groups=(group("x", None, 1, "\x1b", 1),)),)))


def test_the_json_of_a_load_has_the_shape_of_the_specification() -> None:
    expected: dict[str, Any] = {
        "loads": [
            {
                "load_id": 1,
                "source": "data/sample.csv",
                "digest": "ab12",
                "status": "loaded",
                "rows_read": 10,
                "rows_loaded": 7,
                "rows_duplicate": 0,
                "rows_rejected": 3,
                "seconds": 0.1,
                "error": None,
            }
        ],
        "rows_read": 10,
        "rows_loaded": 7,
        "rows_duplicate": 0,
        "rows_rejected": 3,
        "seconds": 0.1,
    }
    found = json.loads(summary_json(LoadSummary((loaded(),), 0.1)))
    assert found == expected
    assert [list(found), list(found["loads"][0])] == [list(expected), list(expected["loads"][0])]


def test_the_json_of_a_second_delivery_says_when_the_first_was() -> None:
    again = LoadResult(1, "a.csv", "d", "already-loaded", loaded_at=datetime(2026, 11, 24, 10, tzinfo=UTC))
    found = json.loads(summary_json(LoadSummary((again,))))["loads"][0]
    assert (found["load_id"], found["rows_read"], found["loaded_at"]) == (1, 0, "2026-11-24T10:00:00+00:00")


def test_the_json_of_a_check_has_no_load_id_even_where_it_failed() -> None:
    failed = LoadResult(None, "a.csv", None, "failed", error="is empty")
    assert "load_id" not in json.loads(summary_json(LoadSummary((failed,)), is_check=True))["loads"][0]
    assert json.loads(summary_json(LoadSummary((failed,))))["loads"][0]["load_id"] is None


def test_the_json_of_no_file_is_an_object() -> None:
    assert json.loads(summary_json(LoadSummary(())))["loads"] == []


def test_a_check_as_csv_has_one_row_a_file() -> None:
    table = summary_table(LoadSummary((loaded("a"), loaded("b"))))
    assert [row[0] for row in table.rows] == ["a", "b"]


def test_a_verification_without_drift_is_one_line() -> None:
    assert verification_text(Verification(7, 4, (), 0, repaired=False)) == "ok: 7 interactions, 4 counts, no drift"


def test_drift_is_counted_and_listed() -> None:
    found = Verification(7, 1, (Drift("interactions", "user_id 1, product_id 2", 3, None),), 1, repaired=False)
    assert verification_text(found) == "drift: 7 interactions, 1 count, 1 difference"
    assert drift_table(found).rows == (("interactions", "user_id 1, product_id 2", 3, None),)
