"""Dialects of delimited files: each key of a definition that says how fields and records are told apart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contract.definition import BLANKS, Field, SourceDefinition
from footfall.errors import SourceError
from footfall.formats.delimited import read_records
from judging import judge_file, judge_slowly
from sampling import examples

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
BY_POSITION: dict[str, Any] = {
    name: Field(columns=(at,))
    for at, name in enumerate(("interaction_id", "user_id", "product_id", "action", "timestamp"), 1)
}


def made(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ids(judged: Any) -> list[tuple[int, int]]:
    return [(row["position"], row["interaction_id"]) for row in judged.accepted]


@pytest.mark.parametrize("delimiter", ["::", "||", "; ", "é€", ":", "-", "+", "\\", "]", "^", "::::"])
@pytest.mark.parametrize("quoting", [True, False])
def test_fields_stand_between_words_of_any_kind(tmp_path: Path, delimiter: str, quoting: bool) -> None:
    rows = [HEADER.strip().split(","), ["1", "2", "3", "click", "20240102"], ["2", "2", "3", "", "20240102"]]
    path = made(tmp_path, "".join(delimiter.join(row) + "\n" for row in rows))
    definition = SourceDefinition(
        delimiter=delimiter, quoting=quoting, timestamp=Field(columns=("timestamp",), formats=("%Y%m%d",))
    )
    judged = judge_file(path, definition)
    assert ids(judged) == [(2, 1)]
    assert judged.problems == [(3, "missing-value", "action", "")]


def test_a_time_with_the_delimiter_in_it_is_not_taken_for_one_field(tmp_path: Path) -> None:
    path = made(tmp_path, HEADER.replace(",", "-") + "1-2-3-click-2024-01-02\n1-2-3-click-20240102\n")
    judged = judge_file(path, SourceDefinition(delimiter="-"))
    assert judged.problems == [(2, "too-many-fields", None, "7"), (3, "not-a-timestamp", "timestamp", "20240102")]


def test_quotes_hold_delimiters_of_several_characters(tmp_path: Path) -> None:
    path = made(
        tmp_path,
        HEADER.replace(",", "::")
        + '1::2::3::"a::b ""c"""::2024-01-02\n'
        + '"2"::"2"::"3"::"x"::"2024-01-02"\n'
        + '3::2::3::a:b::2024-01-02\n4::2::3::a:::2024-01-02\n5::2::3::"a::2024-01-02\n6::2::3::a"b::2024-01-02\n',
    )
    judged = judge_file(path, SourceDefinition(delimiter="::"))
    assert [row["action"] for row in judged.accepted] == ['a::b "c"', "x", "a:b"]
    assert [(line, code) for line, code, *_ in judged.problems] == [
        (5, "not-a-timestamp"),
        (6, "bad-quoting"),
        (7, "bad-quoting"),
    ]


def test_blanks_of_any_number_are_one_delimiter(tmp_path: Path) -> None:
    path = made(
        tmp_path,
        "  interaction_id user_id\tproduct_id action  timestamp \n"
        '1 2 \t 3 click 2024-01-02\n \t2  2 3 "a  b" "2024-01-02 10:00"  \n   \n3 2 3 click\n4 2 3 "click 2024-01-02\n'
        '5 2 3 "" 2024-01-02\n6 2 3 "a\n b" 2024-01-02\n',
    )
    judged = judge_file(path, SourceDefinition(delimiter=BLANKS))
    assert [(row["position"], row["action"]) for row in judged.accepted] == [(2, "click"), (3, "a  b"), (8, "a\n b")]
    assert judged.problems == [
        (5, "too-few-fields", None, "4"),
        (6, "bad-quoting", None, '4 2 3 "click 2024-01-02'),
        (7, "missing-value", "action", ""),
    ]


@pytest.mark.parametrize("delimiter", [",", "\t", "::", BLANKS])
def test_without_quoting_a_quote_is_a_character_and_a_line_is_a_record(tmp_path: Path, delimiter: str) -> None:
    between = " " if delimiter == BLANKS else delimiter
    lines = [
        HEADER.strip(),
        '1,2,3,"click,2024-01-02',
        '2,2,3,5",2024-01-02',
        '3,2,3,"a",2024-01-02',
        '"4",2,3,b,2024-01-02',
    ]
    path = made(tmp_path, "".join(line.replace(",", between) + "\n" for line in lines))
    judged = judge_file(path, SourceDefinition(delimiter=delimiter, quoting=False))
    assert [row["action"] for row in judged.accepted] == ['"click', '5"', '"a"']
    assert judged.problems == [(5, "not-an-integer", "interaction_id", '"4"')]


def test_a_header_without_quoting_may_hold_quotes(tmp_path: Path) -> None:
    path = made(tmp_path, HEADER.replace("\n", ',"x\n') + "1,2,3,click,2024-01-02,5\n")
    assert ids(judge_file(path, SourceDefinition(quoting=False))) == [(2, 1)]


@pytest.mark.slow
def test_rows_swallowed_by_a_quote_are_rows_in_every_dialect(tmp_path: Path) -> None:
    for delimiter, between in ((BLANKS, " "), ("::", "::"), ("\t", "\t")):
        lines = [
            HEADER.strip(),
            '1,2,3,"a,2024-01-02',
            "2,2,3,b,2024-01-02",
            '3,2,3,c",2024-01-02',
            "4,2,3,d,2024-01-02",
        ]
        path = made(tmp_path, "".join(line.replace(",", between) + "\n" for line in lines))
        judged = judge_file(path, SourceDefinition(delimiter=delimiter))
        assert [line for line, _ in ids(judged)] == [3, 5]
        assert [(line, code) for line, code, *_ in judged.problems] == [(2, "bad-quoting"), (4, "bad-quoting")]


def test_a_file_without_a_header_counts_lines_from_1(tmp_path: Path) -> None:
    path = made(tmp_path, "\n1,2,3,click,2024-01-02\n2,2,3,click,2024-01-02,x\n3,2,3,click,2024-01-02\n")
    judged = judge_file(path, SourceDefinition(header=False, **BY_POSITION))
    assert ids(judged) == [(2, 1), (4, 3)]
    assert judged.problems == [(3, "too-many-fields", None, "6")]


def test_columns_name_the_fields_of_a_file_without_a_header(tmp_path: Path) -> None:
    path = made(tmp_path, b"\xef\xbb\xbf2,1,3,x\n2,2,3,x,2024-01-02\n")
    columns = ("user_id", "interaction_id", "product_id", "action", "timestamp")
    judged = judge_file(path, SourceDefinition(header=False, columns=columns))
    assert [(row["position"], row["interaction_id"], row["user_id"]) for row in judged.accepted] == [(2, 2, 2)]
    assert judged.problems == [(1, "too-few-fields", None, "4")]


def test_a_position_behind_the_first_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="names column 5"):
        judge_file(made(tmp_path, "1,2,3,click\n"), SourceDefinition(header=False, **BY_POSITION))


def test_an_empty_file_without_a_header_is_refused_and_one_of_comments_has_no_rows(tmp_path: Path) -> None:
    columns = ("interaction_id", "user_id", "product_id", "action", "timestamp")
    definition = SourceDefinition(header=False, columns=columns, comment="#")
    with pytest.raises(SourceError, match="empty"):
        judge_file(made(tmp_path, ""), definition)
    judged = judge_file(made(tmp_path, "#Version: 1.0\n#Fields: a b\n"), definition)
    assert (judged.accepted, judged.rejected) == ([], [])


def test_skipped_lines_are_no_rows_and_the_header_keeps_its_number(tmp_path: Path) -> None:
    path = made(tmp_path, 'Export "of\n\nsep=;\n' + HEADER + "1,2,3,click,2024-01-02\n")
    assert ids(judge_file(path, SourceDefinition(skip_lines=3))) == [(5, 1)]
    with pytest.raises(SourceError, match="no header"):
        judge_file(path, SourceDefinition(skip_lines=5))


def test_a_short_header_is_skipped_as_a_line(tmp_path: Path) -> None:
    path = made(tmp_path, "id,user\n1,2,3,click,2024-01-02\n")
    assert ids(judge_file(path, SourceDefinition(header=False, skip_lines=1, **BY_POSITION))) == [(2, 1)]


def test_comments_are_no_rows_anywhere(tmp_path: Path) -> None:
    path = made(
        tmp_path,
        '# say "hi\n\n#x\n' + HEADER + '1,2,3,click,2024-01-02\n# a "quote, that opens nothing\n#\n #1\n'
        '2,2,3,"a\n# inside\nb",2024-01-02\n# it\'s 5"\n3,2,3,click,2024-01-02\n#end "',
    )
    judged = judge_file(path, SourceDefinition(comment="#"))
    assert ids(judged) == [(5, 1), (9, 2), (13, 3)]
    assert judged.accepted[1]["action"] == "a\n# inside\nb"
    assert judged.problems == [(8, "too-few-fields", None, "1")]


@pytest.mark.parametrize("size", [1_000_010, 9_000_000])
def test_a_comment_of_any_length_is_none(tmp_path: Path, size: int) -> None:
    path = made(tmp_path, "//" + "x" * size + "\n" + HEADER + "//" + "y" * size + "\n1,2,3,click,2024-01-02\n")
    assert ids(judge_file(path, SourceDefinition(comment="//"))) == [(4, 1)]


def test_a_million_comments_before_the_header_are_skipped_at_once() -> None:
    began = time.process_time()
    content = b"#x\n" * 1_000_000 + b"a,b\n1,2\n"
    _, batches = read_records(lambda: iter([content]), "a.csv", ",", definition=SourceDefinition(comment="#"))
    assert next(batches)["position"].to_pylist() == [1_000_002]
    assert time.process_time() - began < 10


@pytest.mark.parametrize("column", ["extra", "action"])
def test_bytes_that_are_not_utf_8_matter_in_the_five_fields(tmp_path: Path, column: str) -> None:
    fields = {"action": "click", "extra": "x"} | {column: "caf\xe9"}
    row = f"1,2,3,{fields['action']},2024-01-02,{fields['extra']}\n".encode("latin-1")
    judged = judge_file(made(tmp_path, HEADER.replace("\n", ",extra\n").encode() + row))
    if column == "extra":
        assert ids(judged) == [(2, 1)]
    else:
        assert judged.problems == [(2, "bad-encoding", "action", "caf\ufffd")]
        assert judged.rejected[0]["raw_bytes"] == row.rstrip(b"\n")


def test_bytes_that_are_not_utf_8_matter_where_fields_cannot_be_told_apart(tmp_path: Path) -> None:
    judged = judge_file(made(tmp_path, HEADER.encode() + b"1,2,3,click,2024-01-02,caf\xe9\n"))
    assert [code for _, code, *_ in judged.problems] == ["too-many-fields", "bad-encoding"]


FRAGMENTS = ["1", "23", "click", '"', '""', ":", "::", " ", "\t", "\n", "a b", "é", "2024-01-02", "#", "\\", "0x1"]


# Many rows in few files: what costs is a file with its layout, not its rows.
@settings(max_examples=examples(18), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), min_size=6, max_size=18),
    delimiter=st.sampled_from(["::", BLANKS, ":", "||"]),
    quoting=st.booleans(),
    comment=st.sampled_from([None, "#"]),
)
def test_the_shorter_way_gives_the_same_verdicts(
    tmp_path: Path, rows: list[str], delimiter: str, quoting: bool, comment: str | None
) -> None:
    between = " " if delimiter == BLANKS else delimiter
    good = between.join(["7", "8", "9", "view", "20240103"])
    path = made(tmp_path, "".join(f"{row}\n{good}\n" for row in rows) + f"{good}\n")
    definition = SourceDefinition(
        header=False,
        columns=("interaction_id", "user_id", "product_id", "action", "timestamp"),
        delimiter=delimiter,
        quoting=quoting,
        comment=comment,
        timestamp=Field(columns=("timestamp",), formats=("%Y%m%d",)),
    )
    assert judge_file(path, definition) == judge_slowly(path, definition)
