"""What a person is told to do about each kind of problem: every look is met, and its cure mends the value."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest

from factories import make_contract, make_layout
from footfall.contract.built_in import is_time_zone
from footfall.contract.hints import GENERAL, find_hint
from footfall.contract.ids import IdTypes
from footfall.contract.looks import LOOKS, Look
from footfall.contract.mapping import Layout
from footfall.contract.parsing import parse_definition
from footfall.contract.problems import PROBLEM_CODES
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.contract.value_shapes import Kinds
from footfall.engines import kernel
from footfall.formats.delimited import read_records
from footfall.formats.json_lines import lay_out_json, read_lines
from footfall.formats.positions import LINE_BITS
from footfall.sources.opening import SourceFile
from footfall.statements import read_statements

HEADER = ",".join(COLUMNS)
GOOD = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "click", "timestamp": "2024-01-01"}
CONTRACT = make_contract(actions=("click", '5" pipe', 'say "hi"'))
NO_FILE = SourceFile("a", BytesIO(), "", 0, None, 0, "a")
Judge = Callable[[str], tuple[pa.Table, Kinds]]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """Judge a record as a file of its own. What the looks bring is judged together: a batch costs, its rows do not."""
    session = kernel.open_kernel_session(make_layout(contract=CONTRACT), None)
    json_session = kernel.open_kernel_session(
        lay_out_json(NO_FILE.source, NO_FILE.digest, CONTRACT, has_items=False), None
    )
    texts = [look.example for look in LOOKS], [look.cured for look in LOOKS]
    known = {record(look, text) for some in texts for look, text in zip(LOOKS, some, strict=True) if text is not None}
    found: dict[str, tuple[pa.Table, Kinds]] = {}
    for is_json in (False, True):
        records = sorted(each for each in known if is_of_json(each) == is_json)
        found |= zip(records, judge_together(json_session if is_json else session, records), strict=True)

    def judged(text: str) -> tuple[pa.Table, Kinds]:
        if text in found:
            return found[text]
        (alone,) = judge_together(json_session if is_of_json(text) else session, [text])
        return alone

    yield judged
    session.close()
    json_session.close()


def is_of_json(text: str) -> bool:
    return text[0] in "{["


def judge_together(session: kernel.KernelSession, records: list[str]) -> list[tuple[pa.Table, Kinds]]:
    """Judge records, each as a file of its own, in one batch."""
    batches = []
    for number, text in enumerate(records):
        batch = read_json_record(text) if is_of_json(text) else read_record(text)
        places = pa.array([(number << LINE_BITS) + line for line in batch["position"].to_pylist()], pa.int64())
        batches.append(batch.set_column(batch.schema.get_field_index("position"), "position", places))
    (together,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    verdicts = kernel.judge_batch(session, together)
    files = np.right_shift(verdicts.accepted["position"].to_numpy(), LINE_BITS)
    return [
        (verdicts.accepted.filter(pa.array(files == number)), verdicts.kinds.get(number, {}))
        for number in range(len(records))
    ]


def read_record(text: str, header: str = HEADER) -> pa.RecordBatch:
    content = f"{header}\n{text}\n".encode()
    _, batches = read_records(lambda: iter([content]), "a.csv", ",")
    (batch,) = batches
    return batch


def read_json_record(text: str) -> pa.RecordBatch:
    content = f"{{}}\n{text}\n".encode()
    (batch,) = read_lines(lambda: iter([content]), "a.jsonl")
    return batch.slice(1)


def judge_record(session: kernel.KernelSession, text: str, header: str = HEADER) -> tuple[pa.Table, Kinds]:
    verdicts = kernel.judge_batch(session, read_record(text, header))
    return verdicts.accepted, verdicts.kinds.get(0, {})


def make_mapped(toml: str, fields: list[str] | None = None) -> Layout:
    """Give the layout of a definition of these keys, beside the columns of our own form; types of ids are keys, too."""
    keys = tomllib.loads(toml)
    types = {each: keys.pop(f"{each}_type", "bigint") for each in COLUMNS[:3]}
    definition = parse_definition(
        "mine", dict(zip(COLUMNS, COLUMNS, strict=True)) | keys, "a", is_time_zone=is_time_zone
    )
    return make_layout(fields or COLUMNS, Contract(definition, actions=CONTRACT.actions, id_types=IdTypes(**types)))


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
    assert look.words.replace("{field}", str(column)) in find_hint(look.code, column, look.name)


@pytest.mark.parametrize("look", [look for look in LOOKS if look.cured is not None], ids=name)
def test_the_cure_of_a_look_mends_its_example(judge: Judge, look: Look) -> None:
    accepted, kinds = judge(record(look, look.cured or ""))
    assert (accepted.num_rows, kinds) == (1, {})


@pytest.mark.parametrize("look", [look for look in LOOKS if look.keys], ids=name)
def test_the_keys_that_a_hint_names_read_the_example_as_it_stands(look: Look) -> None:
    session = kernel.open_kernel_session(make_mapped(look.keys.replace("...", look.of)), None)
    accepted, kinds = judge_record(session, record(look, look.example))
    session.close()
    assert (accepted.num_rows, kinds) == (1, {})
    if look.name == "seconds-since-1970":
        assert str(accepted["timestamp"][0]) == "2024-03-01 12:00:00+00:00"
    for key in re.findall(r'(\w+ = "[^."][^"]*")', look.keys):
        if not key.startswith("default"):
            said = key.replace(look.of, "{field}") if key.startswith(look.of) else key
            assert said in look.words or (key.startswith("null_values") and "null_values" in look.words)


@pytest.mark.slow
def test_a_header_that_stands_again_is_told_by_its_own_names() -> None:
    names = ["event", "Visitor", "item", "what", "at"]
    keys = "\n".join(f'{column} = "{name}"' for column, name in zip(COLUMNS, names, strict=True))
    for types in ("", 'user_id_type = "text"\n', 'interaction_id_type = "uuid"\n'):
        session = kernel.open_kernel_session(make_mapped(types + keys, names), None)
        _, kinds = judge_record(session, "EVENT,visitor,item,what,at", ",".join(names))
        assert list(kinds) == [("header-again", None)], types
        _, kinds = judge_record(session, "event,1,item,click,2024-03-01", ",".join(names))
        assert ("header-again", None) not in kinds
        session.close()


def test_a_value_is_no_name_of_a_column_where_no_header_is() -> None:
    session = kernel.open_kernel_session(
        make_mapped(
            "header = false\ncolumns = ['a', 'b', 'c', 'd', 'e']\n"
            + "\n".join(f'{c} = "{n}"' for c, n in zip(COLUMNS, "abcde", strict=True)),
            list("abcde"),
        ),
        None,
    )
    _, kinds = judge_record(session, "a,b,c,click,e")
    assert ("header-again", None) not in kinds
    session.close()


@pytest.mark.parametrize("text", ['"1,1,1,click,2024-03-01"', "1,1,1", '"1;1;1;1;1;1",1'])
def test_a_row_without_another_delimiter_is_not_said_to_have_one(judge: Judge, text: str) -> None:
    _, kinds = judge(text)
    ((name_of, kind),) = kinds.items()
    assert name_of == ("too-few-fields", None)
    assert [look for look, _ in kind.shapes] == [""]


def test_every_look_that_the_statement_knows_has_words_and_no_other() -> None:
    statement = read_statements("footfall.contract.hints")["groups"].partition("end as look")[0]
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
        promise = re.search(
            r"(;|, or) (leave|write [^ ]+$|write (one|a|capitals|HH|the|it)|export|correct|seconds|hours)", look.words
        )
        assert bool(promise) <= (look.cured is not None), look.name
        assert "\n" not in look.words


@pytest.mark.parametrize("code", [*PROBLEM_CODES, "header-again"])
def test_every_code_has_one_line(code: str) -> None:
    assert find_hint(code, None, "")
    assert "\n" not in find_hint(code, None, "")


def test_the_general_words_belong_to_a_code() -> None:
    assert set(GENERAL) - set(PROBLEM_CODES) == {"header-again"}
