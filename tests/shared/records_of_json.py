"""JSON judged in tests: the records of a content, and the verdicts on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest

from footfall.contract.definition import SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.terms import Contract
from footfall.engines.kernel import judge_batch, open_kernel_session
from footfall.formats import json_document
from footfall.formats.exploding import explode_all
from footfall.formats.json_document import read_document
from footfall.formats.json_lines import lay_out_json, read_lines
from footfall.sources.opening import SourceFile

TEXTS = IdTypes("text", "text", "text")
GOOD = {"interaction_id": 1, "user_id": 2, "product_id": 3, "action": "click", "timestamp": "2024-01-02"}
Rows = list[dict[str, Any]]


def cut(content: bytes, size: int) -> Callable[[], Iterator[bytes]]:
    """Content that comes in blocks of that size."""
    return lambda: (content[at : at + size] for at in range(0, len(content), size))


def lines_of(content: bytes, size: int = 1 << 20) -> Rows:
    """The records of JSON Lines."""
    return [row for batch in read_lines(cut(content, size), "a.jsonl") for row in batch.to_pylist()]


def items_of(content: bytes, records: str | None = None, size: int = 1 << 20) -> Rows:
    """The records of a document that comes, and is scanned, in blocks of that size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_document, "choose_block_bytes", lambda _: size)
        return [row for batch in read_document(cut(content, size), "a.json", records) for row in batch.to_pylist()]


def dumped(**changes: Any) -> str:
    """A good record with other values, as a line."""
    return json.dumps(GOOD | changes)


def judge(batches: Iterator[pa.RecordBatch], contract: Contract, *, has_items: bool) -> tuple[Rows, Rows]:
    """The accepted and the rejected rows, which must not depend on whether there is a quick way."""
    file = SourceFile("a", BytesIO(), "", 0, None, 0, "a")
    session = open_kernel_session(lay_out_json(file.source, file.digest, contract, has_items=has_items), None)
    slow = replace(session, quick=None)
    accepted: Rows = []
    rejected: Rows = []
    for batch in batches:
        quickly, slowly = judge_batch(session, batch), judge_batch(slow, batch)
        assert quickly.accepted.equals(slowly.accepted)
        assert quickly.rejected.equals(slowly.rejected)
        assert (quickly.skipped, quickly.kinds) == (slowly.skipped, slowly.kinds)
        accepted += quickly.accepted.to_pylist()
        rejected += quickly.rejected.to_pylist()
    session.close()
    return accepted, rejected


def judge_lines(content: bytes | str, definition: SourceDefinition, id_types: IdTypes = TEXTS) -> tuple[Rows, Rows]:
    """The accepted and the rejected rows of JSON Lines."""
    content = content.encode() if isinstance(content, str) else content
    batches = explode_all(read_lines(cut(content, 1 << 20), "a.jsonl"), definition, 512)
    contract = Contract(definition=definition, id_types=id_types)
    return judge(batches, contract, has_items=definition.explode is not None)


def codes(rejected: Rows) -> list[tuple[int, list[tuple[str, str | None, str | None]]]]:
    """The problems of rejected rows as (line, [(code, field, value)])."""
    return [
        (row["position"], [(each["code"], each["field"], each["value"]) for each in json.loads(row["problems"])])
        for row in rejected
    ]
