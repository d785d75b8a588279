"""A file whose first line is no header is told by what it looks like, and nothing of its content is shown."""

from __future__ import annotations

import pytest

from factories import make_contract, make_layout
from footfall.contract.first_line import choose_names
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError
from footfall.formats.delimited import read_records

HEADER = ",".join(COLUMNS)


def refusal(content: str, delimiter: str = ",") -> str:
    with pytest.raises(SourceError) as caught:
        record, _ = read_records(lambda: iter([content.encode()]), "a.csv", delimiter)
        make_layout(record.fields, make_contract(delimiter))
    return caught.value.message


LOOKS = [
    ('{"user": "Ann Miller", "product": 7}\n{"user": "Bob"}\n', "JSON"),
    ('[{"user": "Ann Miller"}]\n', "JSON"),
    ('[\n  {"user": "Ann Miller"}\n]\n', "JSON"),
    ('<!DOCTYPE html><html lang="en"><title>Ann Miller</title>\n', "an HTML page"),
    ("<html><body>Ann Miller</body></html>\n", "an HTML page"),
    ('<?xml version="1.0"?><user>Ann Miller</user>\n', "XML"),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "a pointer of Git LFS"),
    ("sep=;\ninteraction_id;user_id\n", "a line sep="),
    ("# exported by Ann Miller\n" + HEADER + "\n", "a comment"),
    ("1,Ann Miller,7,click,2024-03-01\n", "a row of data"),
    ("Ann Miller,ann@example.com,x,y,z\n", "a row of data"),
    ("Ann;1;2;Miller;2024-03-01\n", "looks delimited by ';'"),
    ("Ann\t1\t2\tMiller\tnow\n", "looks delimited by tab"),
    (HEADER.replace(",", "\t") + "\textra\n", "delimited by tab: try --delimiter tab"),
    (HEADER.replace(",", ";").upper() + "\n", "delimited by ';': try --delimiter ';'"),
    (HEADER.replace(",", "|") + "\n", "delimited by '|': try --delimiter '|'"),
]


@pytest.mark.parametrize(("content", "words"), LOOKS)
def test_a_file_without_a_header_is_told_by_its_look_and_shows_nothing_of_a_row(content: str, words: str) -> None:
    message = refusal(content)
    assert words in message
    assert message.startswith("a.csv: ")
    assert message.endswith("`footfall guess FILE`")
    assert not any(each in message.lower() for each in ("ann", "miller", "bob", "example.com", "2024"))


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^", "~"])
def test_the_delimiter_that_is_proposed_reads_the_header(delimiter: str) -> None:
    header = HEADER.replace(",", delimiter)
    assert "try --delimiter" in refusal(header + "\n")
    record, _ = read_records(lambda: iter([header.encode()]), "a.csv", delimiter)
    assert len(make_layout(record.fields, make_contract(delimiter)).places) == len(COLUMNS)


def test_a_comma_is_proposed_where_another_delimiter_was_named() -> None:
    assert "try --delimiter ','" in refusal(HEADER + "\n", ";")


def test_a_missing_column_is_named_with_the_columns_that_there_are() -> None:
    message = refusal("userId,item_id,ts,Ann Miller\n")
    assert message == (
        "a.csv: the header has no column 'interaction_id', 'user_id', 'product_id', 'action', 'timestamp' "
        "(it has 4 columns, among them userId, item_id, ts); "
        "the first line must name interaction_id, user_id, product_id, action, timestamp; "
        "a definition that reads it is proposed by `footfall guess FILE`"
    )


@pytest.mark.parametrize(
    "field",
    ["Ann", "Ann Miller", "ann.miller", "ann@id.com", "42", "user 7", "x" * 100, "", "user_ann", "+49 user", "id;"],
)
def test_a_field_that_does_not_plainly_name_a_column_is_not_shown(field: str) -> None:
    assert choose_names([field]) == []


@pytest.mark.parametrize(
    "field", ["user_id", "visitorid", "eventTime", "ITEM_ID", '"Timestamp"', "session.id", "event-type"]
)
def test_a_field_that_plainly_names_a_column_is_shown(field: str) -> None:
    assert choose_names([field]) == [field.strip('"')]


@pytest.mark.parametrize("text", ['"a", "b"\n', '"a" ,"b"\n', ' "a","b"\n', '"interaction_id", "user_id"\r\n'])
def test_a_space_beside_a_quote_of_the_header_is_named(text: str) -> None:
    assert "a space stands before an opening quote or behind a closing one: leave it out" in refusal(text)


@pytest.mark.parametrize("text", ['"a,b\n', 'a"b,c\n', '"a"b,c\n'])
def test_another_quote_that_does_not_close_is_to_be_doubled_or_closed(text: str) -> None:
    assert "double a quote inside a quoted name, and close every quote" in refusal(text)
