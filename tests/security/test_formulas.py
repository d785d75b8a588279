"""CSV that is opened in a spreadsheet: text that would be a formula is shown as text, where that is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest

import command_line
from footfall.answers.files import print_answer, print_table
from footfall.results import Answer, Table

Write = Callable[..., str]
FORMULA = "=HYPERLINK(1)"


def printed(*cells: object, fmt: str = "csv", escape_formulas: bool = True) -> str:
    stream = io.StringIO(newline="")
    columns = tuple(f"c{at}" for at in range(len(cells)))
    print_table(Table(columns, (cells,)), fmt, stream, escape_formulas=escape_formulas)
    return stream.getvalue()


def cells_of(text: str) -> list[str]:
    return list(csv.reader(io.StringIO(text, newline="")))[1]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_begins_like_a_formula_gets_an_apostrophe(begin: str) -> None:
    assert cells_of(printed(f"{begin}1+1")) == [f"'{begin}1+1"]


def test_nothing_is_escaped_unless_that_is_asked_for() -> None:
    assert cells_of(printed(FORMULA, "-1", escape_formulas=False)) == [FORMULA, "-1"]


def test_numbers_stay_numbers() -> None:
    assert cells_of(printed(-1, Decimal("-1.5"), -2.5)) == ["-1", "-1.5", "-2.5"]


def test_other_text_stays() -> None:
    assert cells_of(printed("click", "a=b", "'quoted", "", None, "2024-01-01")) == [
        "click",
        "a=b",
        "'quoted",
        "",
        "",
        "2024-01-01",
    ]


def test_no_cell_begins_a_row_of_its_own() -> None:
    rows = list(csv.reader(io.StringIO(printed(f"x\r{FORMULA}", f"x\n{FORMULA}"), newline="")))
    assert rows[1:] == [[f"x\r{FORMULA}", f"x\n{FORMULA}"]]


def test_a_name_of_a_column_is_text_too() -> None:
    stream = io.StringIO()
    answer = Answer(("=1+1", "n"), (25, 20), iter([("a", 1)]), is_zoned=False)
    print_answer(answer, "csv", stream, escape_formulas=True)
    assert stream.getvalue() == "'=1+1,n\na,1\n"


@pytest.mark.parametrize("fmt", ["json", "table"])
def test_what_no_spreadsheet_opens_stays_exact(fmt: str) -> None:
    assert printed(FORMULA, fmt=fmt) == printed(FORMULA, fmt=fmt, escape_formulas=False)


@pytest.fixture
def footfall(database: str, write_csv: Write) -> Callable[..., str]:
    """Give the stdout of a command line; a row with a formula is in the quarantine, and one in the counts."""

    def run(*words: str, **variables: str) -> str:
        done = command_line.run(*words, **{"FOOTFALL_DATABASE_URL": database} | variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(
        "load",
        write_csv("=cmd.csv", f"{FORMULA},1,1,click,2024-01-01", f"1,1,1,{FORMULA},2024-01-01").rpartition("/")[2],
    )
    return run


COMMANDS = [
    (("rejects", "--format", "csv"), "raw_line", f"{FORMULA},1,1,click,2024-01-01"),
    (("loads", "--format", "csv"), "source", "=cmd.csv"),
    (("check", "=cmd.csv", "--format", "csv"), "source", "=cmd.csv"),
    (("query", "actions", "--format", "csv"), "action", FORMULA),
]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "column", "text"), COMMANDS, ids=lambda each: each[0] if type(each) is tuple else "")
def test_each_verb_that_exports_csv_has_the_option(
    footfall: Callable[..., str], words: tuple[str, ...], column: str, text: str
) -> None:
    (exact,) = csv.DictReader(io.StringIO(footfall(*words), newline=""))
    (escaped,) = csv.DictReader(io.StringIO(footfall(*words, "--escape-formulas"), newline=""))
    assert (exact[column], escaped[column]) == (text, f"'{text}")


def test_the_variable_is_the_option(footfall: Callable[..., str]) -> None:
    assert f"\"'{FORMULA}," in footfall("rejects", "--format", "csv", FOOTFALL_ESCAPE_FORMULAS="1")


def test_a_file_that_is_written_is_escaped_too(footfall: Callable[..., str]) -> None:
    footfall("query", "actions", "--output", "out.csv", "--escape-formulas")
    with open("out.csv") as file:  # noqa: PTH123
        assert f"'{FORMULA}," in file.read()
