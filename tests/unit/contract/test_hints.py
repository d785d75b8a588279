"""What a person is told to do about each kind of problem: every look is met, and its cure mends the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO

import pyarrow as pa
import pytest

from factories import make_contract, make_layout
from footfall.contract.hints import GENERAL, LOOKS, Look, hint
from footfall.contract.problems import PROBLEM_CODES
from footfall.contract.shapes import COLUMNS
from footfall.contract.value_shapes import Kinds
from footfall.engines import kernel
from footfall.formats.delimited import read_records
from footfall.formats.json_lines import lay_out_json, read_lines
from footfall.sources.opening import SourceFile
from footfall.statements import statements

HEADER = ",".join(COLUMNS)
GOOD = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "click", "timestamp": "2024-01-01"}
CONTRACT = make_contract(actions=("click", '5" pipe', 'say "hi"'))
NO_FILE = SourceFile("a", BytesIO(), "", 0, None, 0, "a")
Judge = Callable[[str], tuple[pa.Table, Kinds]]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    session = kernel.open_kernel_session(make_layout(contract=CONTRACT), None)
    json_session = kernel.open_kernel_session(lay_out_json(NO_FILE, CONTRACT, has_items=False), None)

    def judged(record: str) -> tuple[pa.Table, Kinds]:
        if record[0] in "{[":
            content = f"{{}}\n{record}\n".encode()
            (batch,) = read_lines(lambda: iter([content]), "a.jsonl")
            verdicts = kernel.judge_batch(json_session, batch.slice(1))
        else:
            content = f"{HEADER}\n{record}\n".encode()
            (batch,) = read_records(lambda: iter([content]), "a.csv", ",")[1]
            verdicts = kernel.judge_batch(session, batch)
        return verdicts.accepted, verdicts.kinds.get(0, {})

    yield judged
    session.close()
    json_session.close()


def record(look: Look, text: str) -> str:
    if not look.of:
        return text
    value = f'"{text}"' if "," in text else text
    return ",".join((GOOD | {look.of: value}).values())


def name(look: Look) -> str:
    return f"{look.code}-{look.name}"


@pytest.mark.parametrize("look", LOOKS, ids=name)
def test_the_example_of_a_look_is_rejected_with_its_hint(judge: Judge, look: Look) -> None:
    accepted, kinds = judge(record(look, look.example))
    assert accepted.num_rows == 0
    ((_, column), kind) = next((key, kind) for key, kind in kinds.items() if key[0] == look.code)
    assert [found for found, _ in kind.shapes] == [look.name]
    assert column == (look.of or None) or look.code == "bad-encoding"
    assert look.words in hint(look.code, column, look.name)


@pytest.mark.parametrize("look", [look for look in LOOKS if look.cured is not None], ids=name)
def test_the_cure_of_a_look_mends_its_example(judge: Judge, look: Look) -> None:
    accepted, kinds = judge(record(look, look.cured or ""))
    assert (accepted.num_rows, kinds) == (1, {})


@pytest.mark.parametrize("text", ['"1,1,1,click,2024-03-01"', "1,1,1", '"1;1;1;1;1;1",1'])
def test_a_row_without_another_delimiter_is_not_said_to_have_one(judge: Judge, text: str) -> None:
    _, kinds = judge(text)
    ((name_of, kind),) = kinds.items()
    assert name_of == ("too-few-fields", None)
    assert [look for look, _ in kind.shapes] == [""]


def test_every_look_that_the_statement_knows_has_words_and_no_other() -> None:
    statement = statements("footfall.contract.hints")["groups"].partition("end as look")[0]
    code, told = "", set()
    for found in re.finditer(r"'look': '([a-z0-9-]+)'", statement):
        told.add(("not-a-timestamp", found[1]))
    for found in re.finditer(r"p\.code = '([a-z-]+)' then case|then\s+'([a-z0-9-]+)'", statement):
        if found[1]:
            code = found[1]
        else:
            told.add((code, found[2]))
    assert told == {(look.code, look.name) for look in LOOKS}


def test_a_look_promises_a_cure_only_where_it_has_one() -> None:
    for look in LOOKS:
        promise = re.search(r"; (leave|write|export|correct|seconds|hours)", look.words)
        assert bool(promise) <= (look.cured is not None), look.name
        assert "\n" not in look.words


@pytest.mark.parametrize("code", [*PROBLEM_CODES, "header-again"])
def test_every_code_has_one_line(code: str) -> None:
    assert hint(code, None, "")
    assert "\n" not in hint(code, None, "")


def test_the_general_words_belong_to_a_code() -> None:
    assert set(GENERAL) - set(PROBLEM_CODES) == {"header-again"}
