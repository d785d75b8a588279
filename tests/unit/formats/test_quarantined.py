"""Rows of the quarantine are records again: judged anew, they get the verdicts of a fresh reading of their file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from footfall.contract.definition import BLANKS, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.choosing import Contracts
from footfall.formats.quarantined import CUT, FORGOTTEN, Origin, lay_out_again, read_again
from footfall.formats.reading import Reader
from footfall.sources import opening
from judging import keep_engine

TEXTS = IdTypes("text", "text", "text")
MADE = IdTypes("uuid", "text", "text")
NOTHING = ("nothing",)  # an allow-list that no action is on, so that each row that is read is rejected
Row = dict[str, Any]
HEADER = "interaction_id,user_id,product_id,action,timestamp"
OWN = {name: Field((name,)) for name in HEADER.split(",")}


def read(name: str, contract: Contract) -> tuple[list[Row], list[Row], Origin]:
    """Judge a file; give the accepted rows, the rejected ones as the quarantine has them, and what the ledger has."""
    accepted: list[Row] = []
    rejected: list[Row] = []

    def take(verdicts: Any) -> None:
        accepted.extend(verdicts.accepted.to_pylist())
        rejected.extend(verdicts.rejected.to_pylist())

    engine = keep_engine(128, is_quick=True)
    with opening.open_source(name) as file:
        reading = Reader(Contracts(contract), 128).read(file)
        engine.run([reading], take)
        origin = Origin(1, name, file.digest, reading.layout.header)
    rejected.sort(key=lambda row: (row["position"], row["item"]))
    return accepted, rejected, origin


def judge_again(origin: Origin, rejected: list[Row], contract: Contract) -> tuple[list[Row], list[Row], list[str]]:
    """Judge rows of the quarantine; give the accepted rows with their lines, the rejected ones, and the reasons."""
    layout = lay_out_again(origin, contract)
    reasons: list[str] = []

    def batches() -> Iterator[pa.RecordBatch]:
        rows = [SimpleNamespace(**row, line_number=row["position"]) for row in rejected]
        for at in range(0, len(rows), 3):
            again = read_again(rows[at : at + 3], layout, at + 1)
            reasons.extend(reason for _, reason in again.impossible)
            if again.rows:
                yield again.batch

    verdicts = list(keep_engine(128, is_quick=True).judge(layout, batches()))
    accepted = [row for each in verdicts for row in each.accepted.to_pylist()]
    refused = [row for each in verdicts for row in each.rejected.to_pylist()]
    return accepted, refused, reasons


def values(rows: list[Row]) -> list[tuple[Any, ...]]:
    return sorted(tuple(str(row[name]) for name in HEADER.split(",")) for row in rows)


def places(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(row["position"], row["item"], row["problems"]) for row in rows]


ROWS = [
    ["1", "2", "3", "view", "2024-01-01"],
    ["2", "2", "3", 'vi"e,w', "2024-01-02"],
    ["3", "x", "3", "ä", "2024-01-03"],
]
SIMPLE = "".join(f"{each},2,3,view {each},2024-01-0{each}\n" for each in range(1, 8))
CSV = f"{HEADER},note\n" + (
    '1,2,3,view,2024-01-01,a\n2,2,3,"of two\nlines, one record",2024-01-02,b\n\n3,x,,"say ""hi""",2024-01-03,c\n'
    '4,1,1,view,2024-01-01\n5,1,1,vi"ew,2024-01-01,\n6,1,1,"open,2024-01-01,\n7,1,1,wü,2024-01-01,z\n'
)
POSITIONS = {name: Field((at,)) for at, name in enumerate(OWN, 1)}
EVENTS = SourceDefinition(
    name="sessions", explode="events", interaction_id=Field(("id",)), user_id=Field(("..user.id",)),
    product_id=Field(("..shop", "item")), action=Field(("type",)), timestamp=Field(("..at",)),
)  # fmt: skip
SESSIONS = [
    {"user": {"id": "u1"}, "at": "2024-01-02", "events": [{"id": 1, "item": 2, "type": "a"}, {"id": 2, "type": "b"}]},
    {"user": {"id": "ü"}, "at": "2024-01-03", "shop": "s", "events": [{"id": 3, "type": "a"}, 7, {"id": [4]}]},
]
OBJECTS = [dict(zip(OWN, row, strict=True)) for row in ROWS]
CASES: dict[str, tuple[str, bytes, SourceDefinition]] = {
    "own form": ("a.csv", SIMPLE.join([HEADER + "\n", ""]).encode(), SourceDefinition()),
    "quotes, several lines, bad lines": ("a.csv", CSV.encode(), SourceDefinition()),
    "line ends of Windows": ("a.csv", CSV.replace("\n", "\r\n").encode(), SourceDefinition()),
    "line ends of old": ("a.csv", CSV.replace("\n", "\r").encode(), SourceDefinition()),
    "compressed": ("a.csv.gz", gzip.compress(CSV.encode()), SourceDefinition()),
    "bytes that are no text": ("a.csv", CSV.replace("z\n", "z\0\n").encode("latin-1"), SourceDefinition()),
    "tabs by name": ("a.tsv", CSV.replace(",", "\t").encode(), SourceDefinition()),
    "words between": ("a.csv", CSV.replace(",", "::").encode(), SourceDefinition(delimiter="::")),
    "no quotes": ("a.csv", CSV.encode(), SourceDefinition(quoting=False)),
    "blanks, no header": (
        "a.txt", b'1 2  3 view 2024-01-01\n 2 2\t3 "a b" 2024-01-01\n3 2 3 "a 2024-01-01\n',
        SourceDefinition(delimiter=BLANKS, header=False, **POSITIONS),
    ),
    "names without header": (
        "a.csv", SIMPLE.encode(), SourceDefinition(header=False, columns=tuple(OWN))
    ),
    "lines before, comments": (
        "a.csv", f"# x\n# y\n{HEADER}\n# a comment\n{SIMPLE}".encode(), SourceDefinition(skip_lines=1, comment="#")
    ),
    "latin-1": ("a.csv", CSV.encode("latin-1"), SourceDefinition(encoding="latin-1")),
    "windows-1252 with a hole": (
        "a.csv", CSV.encode("cp1252") + b"8,\x81,1,v,2024-01-01,\n", SourceDefinition(encoding="cp1252")
    ),
    "utf-16": ("a.csv", CSV.encode("utf-16"), SourceDefinition(encoding="utf-16")),
    "utf-16 the other way": ("a.csv", b"\xfe\xff" + CSV.encode("utf-16-be"), SourceDefinition(encoding="utf-16")),
    "lines of JSON": (
        "a.jsonl",
        "\n".join(
            [*map(json.dumps, OBJECTS), "nothing", '{"user_id": 1, "user_id": 2}', r'{"action": "\ud83d"}']
        ).encode(),
        SourceDefinition(),
    ),
    "a JSON document": ("a.json", json.dumps(OBJECTS, indent=1, ensure_ascii=False).encode(), SourceDefinition()),
    "a JSON document on one line": (
        "a.json", json.dumps({"rows": [*OBJECTS, 7, None]}).encode(), SourceDefinition(records="rows")
    ),
    "a JSON document in latin-1": (
        "a.json", json.dumps(OBJECTS, ensure_ascii=False).encode("latin-1"),
        SourceDefinition(format="json", encoding="latin-1"),
    ),
    "exploded lines": ("a.jsonl", "\n".join(map(json.dumps, SESSIONS)).encode(), EVENTS),
    "an exploded document": ("a.json", json.dumps(SESSIONS).encode(), replace(EVENTS, format="json")),
    "the time in the name": (
        "a-2024-02-03.csv", f"{HEADER}\n{SIMPLE}".encode(),
        SourceDefinition(timestamp=Field(from_name="a-%Y-%m-%d")),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_rejected_rows_are_judged_again_as_their_file_is(case: str) -> None:
    name, content, definition = CASES[case]
    Path(name).write_bytes(content)
    then = Contract(definition, actions=NOTHING, id_types=TEXTS)
    none, rejected, origin = read(name, then)
    assert (none, bool(rejected)) == ([], True)
    same, refused, reasons = judge_again(origin, rejected, then)
    assert (same, places(refused), reasons) == ([], places(rejected), [])
    now = replace(then, actions=None)
    fresh, still, _ = read(name, now)
    accepted, refused, _ = judge_again(origin, rejected, now)
    assert values(accepted) == values(fresh)
    assert places(refused) == places(still)


@pytest.mark.slow
@pytest.mark.parametrize("made_from", ["record", "fields", "position"])
@pytest.mark.parametrize(
    "case",
    [
        "own form",
        "exploded lines",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("lines of JSON", "latin-1", "a JSON document")),
    ],
)
def test_ids_that_are_made_are_made_as_the_file_would_give_them(case: str, made_from: Any) -> None:
    name, content, definition = CASES[case]
    repeated = content if name.endswith(".json") else content + b"\n" + content.partition(b"\n")[2]
    Path(name).write_bytes(repeated)
    then = Contract(replace(definition, interaction_id=Field(made_from=made_from)), actions=NOTHING, id_types=MADE)
    _, rejected, origin = read(name, then)
    now = replace(then, actions=None)
    fresh, _, _ = read(name, now)
    accepted, _, reasons = judge_again(origin, rejected, now)
    if made_from == "position" and rejected[0]["item"]:
        assert accepted == []
        assert all("position" in reason for reason in reasons)
    else:
        assert values(accepted) == values(fresh) != []


def test_rows_of_parquet_are_read_from_the_text_that_is_kept() -> None:
    table = pa.table(
        {
            "interaction_id": [1, 2, 3],
            "user_id": [1.0, 2.5, None],
            "product_id": [{"id": 5}, {"id": 6}, {"id": 7}],
            "action": ["a", "b", 'c"\\'],
            "timestamp": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(table, "a.parquet")
    definition = SourceDefinition(user_id=Field(("user_id",), is_float=True), product_id=Field(("product_id.id",)))
    then = Contract(definition, actions=NOTHING)
    _, rejected, origin = read("a.parquet", then)
    now = replace(then, actions=None)
    fresh, still, _ = read("a.parquet", now)
    accepted, refused, reasons = judge_again(origin, rejected, now)
    assert (values(accepted), places(refused), reasons) == (values(fresh), places(still), [])
    other = Contract(replace(definition, action=Field(("note",))))
    with pytest.raises(SourceError, match=r"'note'.*keeps the columns of a Parquet file that were read"):
        lay_out_again(origin, other)


def test_an_encoding_that_was_named_too_late_is_read_from_the_bytes() -> None:
    Path("a.csv").write_bytes(f"{HEADER}\n1,2,3,größe,2024-01-01\n".encode("latin-1"))
    _, rejected, origin = read("a.csv", Contract())
    accepted, _, _ = judge_again(origin, rejected, Contract(SourceDefinition(encoding="latin-1")))
    assert [row["action"] for row in accepted] == ["größe"]


def row(text: str, **more: Any) -> Row:
    size = len(text.encode())
    given = {"position": 2, "item": 0, "raw_line": text, "raw_bytes": None, "raw_size_bytes": size, "around": None}
    return given | more


def test_what_cannot_be_read_again_has_a_reason() -> None:
    origin = Origin(1, "a.csv", "0" * 64, HEADER)
    rows = [
        row("1,2,3,view,2024-01-01"), row("x", raw_size_bytes=70_000), row("", raw_size_bytes=0),
        row('1,2,3,"a\nb",2024-01-01'), row("#1,2,3,view,2024-01-01"),
    ]  # fmt: skip
    for number, each in enumerate(rows, 2):
        each["position"] = number
    accepted, _, reasons = judge_again(origin, rows, Contract(SourceDefinition(quoting=False, comment="#")))
    assert len(accepted) == 1
    assert reasons[:2] == [CUT, FORGOTTEN]
    assert ["more than one record" in reasons[2], "comment" in reasons[3]] == [True, True]


def test_a_load_without_a_header_is_refused_unless_the_definition_names_the_columns() -> None:
    origin = Origin(7, "a.csv", "0" * 64, None)
    with pytest.raises(SourceError, match=r"load 7 did not keep"):
        lay_out_again(origin, Contract())
    named = Contract(SourceDefinition(header=False, columns=tuple(OWN)))
    assert len(judge_again(origin, [row("1,2,3,view,2024-01-01")], named)[0]) == 1


def test_another_list_or_another_value_around_it_cannot_be_read_again() -> None:
    name, content, definition = CASES["exploded lines"]
    Path(name).write_bytes(content)
    _, rejected, origin = read(name, Contract(definition, actions=NOTHING, id_types=TEXTS))
    for other, reason in (
        (replace(definition, explode="rows"), "an item of the list 'events'"),
        (replace(definition, user_id=Field(("..who",))), "was not kept"),
        (replace(definition, interaction_id=Field(made_from="record")), "the record around it"),
    ):
        id_types = MADE if other.made_from else TEXTS
        accepted, _, reasons = judge_again(origin, rejected, Contract(other, id_types=id_types))
        assert accepted == []
        assert all(reason in each for each in reasons)
