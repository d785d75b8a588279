"""Rows that stand in a list of a record: their numbers, what they take from around them, and their problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shared.records_of_json import codes, cut, judge, judge_lines

import footfall
from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.terms import Contract
from footfall.formats import exploding
from footfall.formats.exploding import explode_all
from footfall.formats.json_document import read_document
from footfall.formats.json_lines import read_lines

EVENTS = SourceDefinition(
    name="sessions",
    explode="events",
    interaction_id=Field(("id",)),
    user_id=Field(("..user.id",)),
    product_id=Field(("item",)),
    action=Field(("type", "..default")),
    timestamp=Field(("..at",)),
    where=(Condition("type", not_in=("skip",)),),
)
BIGINTS = IdTypes()


def event(number: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "item": 3, "type": "view", **more}


def session(*events: Any, **more: Any) -> dict[str, Any]:
    return {"user": {"id": 5}, "at": "2024-01-02", "events": list(events), **more}


def lines(*records: Any) -> str:
    return "\n".join(map(json.dumps, records))


def places(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(row["position"], row["item"]) for row in rows]


def test_each_item_is_a_row_with_what_stands_around_it() -> None:
    content = lines(session(event(1), event(2, type=None), default="none"), session(event(3), user={"id": 6}))
    accepted, rejected = judge_lines(content, EVENTS, BIGINTS)
    assert rejected == []
    assert [(row["position"], row["interaction_id"], row["user_id"], row["action"]) for row in accepted] == [
        (1, 1, 5, "view"),
        (2, 2, 5, "none"),
        (3, 3, 6, "view"),
    ]


def test_a_rejected_item_is_kept_with_its_own_text_and_its_place() -> None:
    content = lines(session(event(1), event("x"), 7, [1], event(2, item=[9])), session(event(None)))
    accepted, rejected = judge_lines(content, EVENTS, BIGINTS)
    assert len(accepted) == 1
    assert places(rejected) == [(1, 2), (1, 3), (1, 4), (1, 5), (2, 1)]
    assert [found for _, found in codes(rejected)] == [
        [("not-an-integer", "interaction_id", "x")],
        [("not-an-object", None, "7")],
        [("not-an-object", None, "[1]")],
        [("not-a-value", "product_id", "[9]")],
        [("missing-value", "interaction_id", None)],
    ]
    assert rejected[0]["raw_line"] == '{"id":"x","item":3,"type":"view"}'
    assert rejected[0]["raw_size_bytes"] == len(rejected[0]["raw_line"])


def test_a_record_without_its_list_is_one_rejected_row() -> None:
    bare = {"user": {"id": 5}}
    records = [bare, bare | {"events": None}, bare | {"events": {"a": 1}}, bare | {"events": "x"}, [1]]
    content = lines(*records) + '\n{"events": [1], "events": [2]}\n{"user": 1, "user": 2, "events": []}\n{\n'
    accepted, rejected = judge_lines(content, EVENTS, BIGINTS)
    assert accepted == []
    assert codes(rejected) == [
        (1, [("missing-value", None, None)]),
        (2, [("missing-value", None, None)]),
        (3, [("not-a-value", None, '{"a":1}')]),
        (4, [("not-a-value", None, '"x"')]),
        (5, [("not-an-object", None, "[1]")]),
        (6, [("not-an-object", None, '"events" stands twice')]),
        (7, [("not-an-object", None, '"user" stands twice')]),
        (8, [("not-an-object", None, "{")]),
    ]
    assert rejected[2]["raw_line"] == json.dumps(records[2])


def test_what_stands_around_an_item_is_no_value_for_each_of_its_rows() -> None:
    content = lines(session(event(1), event(2), user={"id": [5]}), session(event(3), at="x\0y"))
    accepted, rejected = judge_lines(content, EVENTS, BIGINTS)
    assert accepted == []
    assert codes(rejected) == [
        (1, [("not-a-value", "user_id", "[5]")]),
        (1, [("not-a-value", "user_id", "[5]")]),
        (2, [("bad-encoding", "timestamp", "x\ufffdy")]),
    ]


@pytest.mark.slow
def test_an_empty_list_holds_no_rows_and_an_excluded_item_is_a_skipped_row() -> None:
    Path("footfall.toml").write_text(
        """
        [sources.sessions]
        match = ["*.json*"]
        explode = "events"
        interaction_id = "id"
        user_id = "..user.id"
        product_id = "item"
        action = "type"
        timestamp = "..at"
        where = [{column = "type", not_in = ["skip"]}]
        """
    )
    records = [session(), session(event(1), event(2, type="skip"), event("x")), session()]
    Path("a.jsonl").write_text(lines(*records))
    Path("b.json").write_text(json.dumps(records, indent=2))
    Path("c.json").write_text(json.dumps(records))
    for name in ("a.jsonl", "b.json", "c.json"):
        (result,) = footfall.check(name).loads
        assert (result.status, result.rows_read, result.rows_loaded) == ("checked", 3, 1), name
        assert (result.rows_skipped, result.rows_rejected) == (1, 1)


def test_a_file_of_empty_lists_holds_no_rows() -> None:
    assert judge_lines(lines(session(), session()), EVENTS, BIGINTS) == ([], [])


def test_items_of_records_on_one_line_are_numbered_through() -> None:
    content = json.dumps([session(event(1), event("x")), session(), session(event("y"))]).encode()
    batches = explode_all(read_document(cut(content, 10), "a.json"), EVENTS, 512)
    _, rejected = judge(batches, Contract(definition=EVENTS), has_items=True)
    assert places(rejected) == [(1, 2), (1, 3)]


def test_made_ids_of_items_are_of_the_whole_record_and_of_the_item() -> None:
    definition = SourceDefinition(
        name="s", explode="events", interaction_id=Field(made_from="record"), user_id=Field(("..user.id",)),
        product_id=Field(("item",)), action=Field(("type",)), timestamp=Field(("..at",)),
    )  # fmt: skip
    records = [session(event(1), event(1)), session(event(1), note=1), session(event(1), event(1))]

    def ids(*records: Any) -> list[Any]:
        return [row["interaction_id"] for row in judge_lines(lines(*records), definition, IdTypes("uuid"))[0]]

    found = ids(*records)
    assert len(set(found)) == 3
    assert found[:2] == found[3:]
    assert ids(records[2]) == found[3:]


def test_rows_come_in_batches_of_bounded_size_whatever_they_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploding, "choose_block_bytes", lambda _: 100_000)
    record = session(*(event(number) for number in range(2_000)), at="x" * 10_000)
    batches = list(explode_all(read_lines(cut(lines(record).encode(), 1 << 20), "a.jsonl"), EVENTS, 512))
    assert sum(batch.num_rows for batch in batches) == 2_000
    assert max(batch.nbytes for batch in batches) < 300_000
    numbers = [number for batch in batches for number in batch["position"].to_pylist()]
    items = [number for batch in batches for number in batch["item"].to_pylist()]
    assert numbers == items == list(range(1, 2_001))
