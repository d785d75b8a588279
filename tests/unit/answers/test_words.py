"""What people and programs read of a result."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest

from footfall.answers.catalogue import GROUPS, read_catalogue
from footfall.answers.files import print_answer, print_table
from footfall.answers.words import (
    describe_problems,
    list_failures,
    list_questions,
    make_drift_table,
    make_rejected_table,
    make_summary_json,
    make_summary_table,
)
from footfall.errors import SourceError
from footfall.results import (
    Answer,
    Drift,
    LoadResult,
    LoadSummary,
    Problem,
    ProblemGroup,
    ProblemShape,
    RejectedRow,
    Table,
    Verification,
)
from footfall.safe_text import escape_unprintable


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


def shape(text: str, rows: int, line: int, value: str, hint: str = "mend it", look: str = "") -> ProblemShape:
    return ProblemShape(text, look, rows, "a.csv", line, value, hint)


def shaped(*shapes: ProblemShape, rows: int | None = None, code: str = "not-a-timestamp") -> LoadResult:
    rows = sum(each.rows for each in shapes) if rows is None else rows
    first = min(shapes, key=lambda each: each.sample_line_number)
    of = (code, None if code.startswith("too-") else "timestamp", rows, "a.csv", first.sample_line_number)
    group = ProblemGroup(*of, first.sample_value, "look at it", shapes, "look at it")
    return LoadResult(None, "a.csv", "ab12", "checked", rows, 0, 0, rows, groups=(group,))


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


@pytest.mark.parametrize(
    ("column", "number", "shown"),
    [
        ("share", 0.1454, "14.5%"),
        ("share_of_first", 1.0, "100.0%"),
        ("score", -74.526, "-74.53"),
        ("usual_count", 5555.5, "5,555.50"),
        ("lift", 0.001234, "0.00123"),
        ("lift", 0.0, "0.00"),
        ("lift", float("inf"), "inf"),
    ],
)
def test_a_double_is_rounded_on_a_screen_alone(column: str, number: float, shown: str) -> None:
    table = Table((column,), ((number,),))
    assert printed(table, "table").split("\n")[1].strip() == shown
    assert printed(table, "csv") == f"{column}\n{number}\n"
    assert json.loads(printed(table, "json")) == [{column: number}]


def test_a_name_that_is_wider_than_its_cells_is_broken_where_a_terminal_has_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table(("day", "interaction_count", "usual_file_count"), (("2024-05-07", 0, 1.0), ("2024-05-08", 1, None)))
    monkeypatch.setenv("COLUMNS", "40")
    assert printed(table, "table", Terminal()).splitlines() == [
        "                          usual_",
        "            interaction_   file_",
        "day                count   count",
        "2024-05-07             0    1.00",
        "2024-05-08             1",
    ]
    assert printed(table, "table").startswith("day         interaction_count  usual_file_count\n")


def answer_with(rows: list[tuple[Any, ...]], screen: tuple[str, ...]) -> Answer:
    return Answer(("key", "change", "until"), (25, 20, 25), iter(rows), is_zoned=False, screen=screen)


def test_a_screen_has_the_columns_it_has_room_for_and_below_what_is_the_same_in_every_row() -> None:
    rows = [("a", 1_000, "today"), ("b", -2, "today")]
    stream = io.StringIO()
    print_answer(answer_with(rows, ("key", "change")), "table", stream)
    assert stream.getvalue() == "key  change\na     1,000\nb        -2\nuntil: today\n"
    for how in ("csv", "json"):
        stream = io.StringIO()
        print_answer(answer_with(rows, ("key", "change")), how, stream)  # type: ignore[arg-type]
        assert stream.getvalue().count("today") == 2


def test_what_a_screen_leaves_out_and_differs_is_not_told() -> None:
    stream = io.StringIO()
    print_answer(answer_with([("a", 1, "today"), ("b", 2, "tomorrow")], ("key", "change")), "table", stream)
    assert stream.getvalue() == "key  change\na         1\nb         2\n"
    stream = io.StringIO()
    print_answer(answer_with([], ("key", "change")), "table", stream)
    assert stream.getvalue() == "key  change\n"


def test_questions_are_listed_below_their_groups_and_folded() -> None:
    rows = [
        ("per-day", "Interactions per day.", "How much"),
        ("user", "One user: its days, with the actions of each day.", "One user or product"),
        ("mine", "Mine\x1b.", "Your own", "/home/me/mine.sql"),
    ]
    assert list_questions(rows, 40).splitlines() == [
        "How much",
        "  per-day  Interactions per day.",
        "One user or product",
        "  user     One user: its days, with the",
        "           actions of each day.",
        "Your own",
        "  mine     Mine\\x1b. (/home/me/mine.sql)",
    ]
    assert list_questions([], 80) == ""


def test_every_question_of_ours_has_a_group_that_is_listed() -> None:
    assert {each.listed_in for each in read_catalogue(None).values()} == set(GROUPS)


def test_markup_of_rich_is_plain_text() -> None:
    assert "[bold]x[/bold] :smile:" in printed(Table(("raw",), (("[bold]x[/bold] :smile:",),)), "table")


def test_escaping_spells_out_what_cannot_be_seen() -> None:
    assert escape_unprintable("é\n\x00\x1b") == "é\\n\\x00\\x1b"


def test_problems_read_as_a_sentence() -> None:
    assert describe_problems(ROW.problems) == "missing-value: action; not-an-integer: user_id = 'abc'"


def test_a_problem_of_the_whole_row_has_no_field() -> None:
    assert describe_problems([Problem("too-few-fields", None, None)]) == "too-few-fields"


def test_rejected_rows_for_people_have_problems_in_words() -> None:
    table = make_rejected_table([ROW], "table")
    assert table.columns == ("load_id", "source", "line_number", "problems", "raw_line")
    (row,) = table.rows
    assert row[3] == "missing-value: action; not-an-integer: user_id = 'abc'"


def test_rejected_rows_for_programs_have_problems_as_json() -> None:
    row = json.loads(printed(make_rejected_table([ROW], "json"), "json"))[0]
    names = ["load_id", "source", "line_number", "item", "raw_line", "raw_size_bytes", "problems"]
    assert list(row) == [*names, "replayed_by"]
    cells = next(csv.DictReader(io.StringIO(printed(make_rejected_table([ROW], "csv"), "csv"))))
    assert list(cells) == names
    assert json.loads(cells["problems"]) == row["problems"]
    assert row["problems"][1] == {"code": "not-an-integer", "field": "user_id", "value": "abc"}


def test_closed_rows_say_which_load_closed_them() -> None:
    row = replace(ROW, replayed_by=7)
    assert make_rejected_table([row], "table", with_closed=True).rows[0][-1] == 7
    assert make_rejected_table([row], "csv", with_closed=True).columns[-1] == "replayed_by"


def test_a_loaded_file_is_one_line() -> None:
    text = str(LoadSummary((loaded(),), 0.1))
    assert text == "data/sample.csv: 10 read, 7 loaded, 0 duplicate, 3 rejected (load 1, 0.1 s)"


def test_numbers_in_text_have_thousands_separators() -> None:
    assert "1,234,567 read" in str(LoadSummary((LoadResult(1, "a", "d", "loaded", rows_read=1234567),)))


def test_a_second_delivery_says_that_nothing_changed() -> None:
    again = LoadResult(1, "a.csv", "d", "already-loaded", loaded_at=datetime(2026, 11, 24, 10, tzinfo=UTC))
    expected = "a.csv: already loaded as load 1 on 2026-11-24 10:00 UTC, nothing changed"
    assert str(LoadSummary((again,))) == expected


def test_a_failed_file_says_why_and_is_not_in_the_text_of_what_was_done() -> None:
    failed = LoadResult(None, "a.csv", None, "failed", failure=SourceError("is empty", source="a.csv"))
    assert list_failures(LoadSummary((failed,))) == [("a.csv", "is empty")]
    assert str(LoadSummary((failed,))) == ""
    text = str(LoadSummary((failed, loaded("b.csv"))))
    assert "a.csv" not in text
    assert text.splitlines()[-1] == "10 read, 7 loaded, 0 duplicate, 3 rejected, 1 of 2 files failed (0.0 s)"


@pytest.mark.parametrize("error", [SourceError("is empty", source="a.csv"), SourceError("the database went away")])
def test_each_failure_is_given_once(error: SourceError) -> None:
    failed = LoadResult(None, "a.csv", None, "failed", failure=error)
    ((source, reason),) = list_failures(LoadSummary((loaded("b.csv"), failed)))
    assert source == "a.csv"
    assert reason
    assert "a.csv" not in reason


def test_a_checked_file_has_accepted_rows() -> None:
    checked = LoadResult(None, "a.csv", "d", "checked", 2, 2, 0, 0)
    assert str(LoadSummary((checked,))) == "a.csv: 2 read, 2 accepted, 0 duplicate, 0 rejected (checked, 0.0 s)"


def test_rejected_rows_are_grouped_over_files_the_most_frequent_first() -> None:
    one = loaded(
        "a.csv", 1, (group("missing-value", "timestamp", 2, "a.csv", 3), group("bad-quoting", None, 1, "a.csv", 9))
    )
    two = loaded("b.csv", 2, (group("bad-quoting", None, 1_000, "b.csv", 2),))
    lines = str(LoadSummary((one, two))).splitlines()
    assert lines[2:4] == [
        "  1,001 rows  bad-quoting; first: a.csv line 9; fill it in",
        "  2 rows  missing-value in timestamp; first: a.csv line 3; fill it in",
    ]


def test_values_of_one_shape_are_one_line() -> None:
    lines = str(LoadSummary((shaped(shape("9999-99-99", 18, 2, "2024-02-30")),))).splitlines()
    assert lines[1:] == [
        "  18 rows  not-a-timestamp in timestamp; first: a.csv line 2 ('2024-02-30'); look at it",
    ]


def test_the_three_largest_shapes_are_shown_each_with_its_own_hint() -> None:
    shapes = [
        shape("9999-99-99", 1800, 3, "2024-02-30", "no such day"),
        shape("99/99/9999", 8, 2, "31/12/2024", "day first"),
        shape("a", 1, 9, "never"),
        shape("9", 1, 11, "7"),
    ]
    assert str(LoadSummary((shaped(*shapes),))).splitlines()[1:] == [
        "  1,810 rows  not-a-timestamp in timestamp",
        "    1,800 rows like 9999-99-99; first: a.csv line 3 ('2024-02-30'); no such day",
        "    8 rows like 99/99/9999; first: a.csv line 2 ('31/12/2024'); day first",
        "    1 row like a; first: a.csv line 9 ('never'); mend it",
        "    1 row of 1 other shape",
    ]


def test_a_hint_that_all_shapes_share_is_said_once() -> None:
    both = shaped(shape("4", 2, 3, "4"), shape("1", 1, 5, "1"), code="too-few-fields")
    assert str(LoadSummary((both,))).splitlines()[1:] == [
        "  3 rows  too-few-fields; mend it",
        "    2 rows with 4 fields; first: a.csv line 3 ('4')",
        "    1 row with 1 field; first: a.csv line 5 ('1')",
    ]


def test_it_is_said_where_shapes_were_cut() -> None:
    cut = shaped(shape("9", 2, 3, "7"), rows=100)
    assert str(LoadSummary((cut,))).splitlines()[-1] == "    98 rows of other shapes, too many to count each of them"
    (problem,) = json.loads(make_summary_json(LoadSummary((cut,)), is_check=True))["loads"][0]["problems"]
    assert (problem["rows_of_other_shapes"], problem["shapes_cut"]) == (98, True)


def test_shapes_are_joined_over_files_by_look_and_shape() -> None:
    one = shaped(shape("9", 2, 3, "1", look="x"), shape("9", 1, 4, "2"))
    two = shaped(shape("9", 5, 7, "3"), shape("a", 4, 2, "b"))
    lines = str(LoadSummary((one, two))).splitlines()[2:6]
    assert [line.split(";")[0] for line in lines] == [
        "  12 rows  not-a-timestamp in timestamp",
        "    6 rows like 9",
        "    4 rows like a",
        "    2 rows like 9",
    ]
    assert "line 4 ('2')" in lines[1]


@pytest.mark.parametrize("fmt", ["json", "csv"])
def test_programs_read_the_problems_and_their_largest_shapes(fmt: Literal["csv", "json"]) -> None:
    shapes = [shape(text, 9 - at, at + 2, text) for at, text in enumerate(["a", "9", "a9", "9a"])]
    summary = LoadSummary((shaped(*shapes),))
    if fmt == "json":
        (problem,) = json.loads(make_summary_json(summary, is_check=True))["loads"][0]["problems"]
    else:
        (row,) = csv.DictReader(io.StringIO(printed(make_summary_table(summary), "csv")))
        (problem,) = json.loads(row["problems"])
    assert list(problem) == [
        "code", "field", "rows", "line_number", "value", "hint", "shapes", "rows_of_other_shapes", "shapes_cut",
    ]  # fmt: skip
    assert (problem["rows"], problem["rows_of_other_shapes"], problem["shapes_cut"]) == (30, 6, False)
    assert problem["shapes"][0] == {"shape": "a", "rows": 9, "line_number": 2, "value": "a", "hint": "mend it"}
    assert [each["shape"] for each in problem["shapes"]] == ["a", "9", "a9"]


def test_several_files_end_in_their_sums() -> None:
    lines = str(LoadSummary((loaded("a"), loaded("b")), 0.2)).splitlines()
    assert lines[-1] == "20 read, 14 loaded, 0 duplicate, 6 rejected (0.2 s)"


def test_a_source_name_cannot_paint_the_terminal() -> None:
    assert "\x1b" not in str(LoadSummary((loaded("a\x1b[31m.csv", groups=(group("x", None, 1, "\x1b", 1),)),)))


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
                "rows_skipped": 0,
                "seconds": 0.1,
                "error": None,
                "notices": [],
                "problems": [],
            }
        ],
        "rows_read": 10,
        "rows_loaded": 7,
        "rows_duplicate": 0,
        "rows_rejected": 3,
        "rows_skipped": 0,
        "seconds": 0.1,
        "ignored": [],
    }
    found = json.loads(make_summary_json(LoadSummary((loaded(),), 0.1)))
    assert found == expected
    assert [list(found), list(found["loads"][0])] == [list(expected), list(expected["loads"][0])]


def test_the_json_of_a_second_delivery_says_when_the_first_was() -> None:
    again = LoadResult(1, "a.csv", "d", "already-loaded", loaded_at=datetime(2026, 11, 24, 10, tzinfo=UTC))
    found = json.loads(make_summary_json(LoadSummary((again,))))["loads"][0]
    assert (found["load_id"], found["rows_read"], found["loaded_at"]) == (1, 0, "2026-11-24T10:00:00+00:00")


def test_the_json_of_a_check_has_no_load_id_even_where_it_failed() -> None:
    failed = LoadResult(None, "a.csv", None, "failed", failure=SourceError("is empty"))
    assert "load_id" not in json.loads(make_summary_json(LoadSummary((failed,)), is_check=True))["loads"][0]
    assert json.loads(make_summary_json(LoadSummary((failed,))))["loads"][0]["load_id"] is None


def test_the_json_of_no_file_is_an_object() -> None:
    assert json.loads(make_summary_json(LoadSummary(())))["loads"] == []


def test_a_check_as_csv_has_one_row_a_file() -> None:
    table = make_summary_table(LoadSummary((loaded("a"), loaded("b"))))
    assert [row[0] for row in table.rows] == ["a", "b"]


def test_a_verification_without_drift_is_one_line() -> None:
    assert str(Verification(7, 4, (), 0, repaired=False)) == "ok: 7 interactions, 4 counts, no drift"


def test_drift_is_counted_and_listed() -> None:
    found = Verification(7, 1, (Drift("interactions", "user_id 1, product_id 2", 3, None),), 1, repaired=False)
    assert str(found) == "drift: 7 interactions, 1 count, 1 difference"
    assert make_drift_table(found).rows == (("interactions", "user_id 1, product_id 2", 3, None),)


def test_skipped_rows_are_said_where_there_are_any() -> None:
    done = replace(loaded(), rows_read=12, rows_skipped=2)
    assert "3 rejected, 2 skipped" in str(LoadSummary((done,), 0.1))
    assert "skipped" not in str(LoadSummary((loaded(),), 0.1))


def test_the_place_of_a_row_says_its_item_where_several_begin_on_the_line() -> None:
    table = make_rejected_table([ROW, replace(ROW, item=2)], "table")
    assert [row[2] for row in table.rows] == [ROW.line_number, f"{ROW.line_number} item 2"]
