"""What stands between fields, whether quotes count, where the header is: told from the lines."""

from __future__ import annotations

import pytest

from footfall.formats.sniffing.dialect import find_delimiter, find_dialect
from footfall.formats.sniffing.fields import split_lines, split_pieces, split_records

ROWS = [("7", "31", "view", "2024-03-01 08:00:00"), ("8", "32", "cart", "2024-03-02 09:00:00")] * 6
NAMES = ("user_id", "item_id", "event", "time")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "::", "||", "^", "~", "\x01"])
def test_a_delimiter_is_told_with_and_without_a_header(delimiter: str) -> None:
    lines = [delimiter.join(row) for row in (NAMES, *ROWS)]
    for with_header in (True, False):
        dialect = find_dialect(lines if with_header else lines[1:])
        assert dialect is not None
        assert (dialect.delimiter, dialect.usual, dialect.has_header) == (delimiter, 4, with_header)
        assert dialect.names == (NAMES if with_header else ())


def test_runs_of_blanks_are_told_where_nothing_else_stands_between() -> None:
    dialect = find_dialect([" customer_id  date  amount", *(f" 0000{n}  20240301   {n}.5" for n in range(9))])
    assert dialect is not None
    assert (dialect.delimiter, dialect.names) == ("blanks", ("customer_id", "date", "amount"))


def test_decimal_commas_do_not_hide_semicolons() -> None:
    assert find_delimiter(["user;price;time"] + ["1;2,50;3,5"] * 9) == (";", True, 3, 1.0)


def test_commas_in_quotes_are_no_delimiters() -> None:
    dialect = find_dialect(["user,title", *(f'{n},"One, two, and {n}"' for n in range(9))])
    assert dialect is not None
    assert (dialect.delimiter, dialect.usual, dialect.quoting) == (",", 2, True)


def test_stray_quotes_are_letters() -> None:
    dialect = find_dialect(["user\titem", *(f'u{n}\t{n}" screen' for n in range(9))])
    assert dialect is not None
    assert (dialect.delimiter, dialect.quoting) == ("\t", False)


@pytest.mark.parametrize(
    ("before", "skipped"),
    [(["Report of March"], 1), (["Report", "", "made by hand, not by a machine, in March"], 3), (["", ""], 0)],
)
def test_lines_before_the_header_are_counted(before: list[str], skipped: int) -> None:
    dialect = find_dialect([*before, *(";".join(row) for row in (NAMES, *ROWS))])
    assert dialect is not None
    assert (dialect.skip_lines, dialect.names) == (skipped, NAMES)


def test_a_line_sep_names_the_delimiter_and_is_skipped() -> None:
    dialect = find_dialect(["sep=|", *("|".join(row) for row in (NAMES, *ROWS))])
    assert dialect is not None
    assert (dialect.delimiter, dialect.skip_lines, dialect.names) == ("|", 1, NAMES)


def test_a_header_in_a_comment_line_gives_the_names() -> None:
    lines = ["#Version: 1.0", "#Fields: date time c-ip cs-uri-stem"]
    dialect = find_dialect([*lines, *(f"2024-03-0{n}\t08:00:00\t192.0.2.{n}\t/p{n}" for n in range(1, 9))])
    assert dialect is not None
    assert (dialect.comment, dialect.has_header, dialect.names) == ("#", False, ("date", "time", "c-ip", "cs-uri-stem"))


def test_comments_before_a_header_are_no_lines_to_skip() -> None:
    dialect = find_dialect(["# made by hand", *(",".join(row) for row in (NAMES, *ROWS))])
    assert dialect is not None
    assert (dialect.comment, dialect.skip_lines, dialect.names, dialect.has_header) == ("#", 0, NAMES, True)


def test_a_header_that_is_shorter_than_the_rows_is_skipped_and_its_names_are_kept() -> None:
    dialect = find_dialect(["user_id,item_id,time", *(f"{n},{n},2024-03-01,0,0.5" for n in range(9))])
    assert dialect is not None
    assert (dialect.has_header, dialect.skip_lines, dialect.shorter_header) == (False, 1, 2)


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        (NAMES, True),
        (("u1", "Ann", "view", "home"), False),
        (("a", "b", "c", "d"), True),
        (("196", "242", "3", "881250949"), False),
        (("user_000001", "2009-05-04T23:08:57Z", "artist", "track"), False),
        (("", "user_id", "item_id", "time"), True),
    ],
)
def test_a_header_is_told_from_a_row(first: tuple[str, ...], is_header: bool) -> None:
    rows = [("u2", "Bob", "view", "home"), ("u3", "Eve", "cart", "shop")] * 5
    dialect = find_dialect([",".join(row) for row in (first, *rows)])
    assert dialect is not None
    assert dialect.has_header is is_header


@pytest.mark.parametrize("lines", [["one"], ["one two", "three"], ["a", "b", "c"], ["0 1 2 3", "1 5", "2 7 9"]])
def test_lines_without_a_usual_number_of_fields_have_no_dialect(lines: list[str]) -> None:
    assert find_dialect(lines) is None


@pytest.mark.parametrize(
    ("text", "fields", "is_odd"),
    [
        ('1,"a, b",2', ("1", "a, b", "2"), False),
        ('1,"say ""x""",2', ("1", 'say "x"', "2"), False),
        ('1,5" screen,2', ("1", '5" screen', "2"), True),
        ('1,"open,2', ("1", '"open', "2"), True),
        ('1,"a"b,2', ("1", "ab", "2"), True),
    ],
)
def test_quotes_are_read_and_those_that_stand_wrong_are_told(text: str, fields: tuple[str, ...], is_odd: bool) -> None:
    (record,) = split_records([text], ",", quoting=True)
    assert (record.fields, record.is_odd) == (fields, is_odd)


def test_a_quoted_field_may_run_over_lines() -> None:
    records = list(split_records(['1,"a', 'b",2', "3,c,4"], ",", quoting=True))
    assert [record.fields for record in records] == [("1", "a\nb", "2"), ("3", "c", "4")]


@pytest.mark.parametrize(
    ("piece", "lines"), [("a\r\nb\r\n", ["a", "b"]), ("a\rb\r", ["a", "b"]), ("a\nb", ["a", "b"]), ("", [])]
)
def test_lines_end_as_they_do_while_loading(piece: str, lines: list[str]) -> None:
    assert split_lines(piece, is_first=True, is_last=True) == lines


def test_the_edges_of_pieces_hold_no_lines() -> None:
    assert split_pieces(("a\nb\nc", "d\ne\nf", "g\nh\n"), 100) == ([["a", "b"], ["e"], ["h"]], False)


def test_of_too_many_lines_some_of_every_part_are_kept() -> None:
    pieces, is_cut = split_pieces(tuple("\n".join(f"{part}{n}" for n in range(5000)) for part in "abc"), 1000)
    assert is_cut
    assert sum(map(len, pieces)) <= 1000
    assert {line[0] for piece in pieces for line in piece} == {"a", "b", "c"}
