"""Read the first rows of a file as a load would, so that people can look at them before anything is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from footfall.contract.ids import ID_COLUMNS
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.formats.choosing import Contracts
from footfall.formats.reading import open_records
from footfall.results import Problem
from footfall.results.guessing import MADE, FirstRow
from footfall.sources import opening

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from footfall.contract.mapping import Layout
    from footfall.contract.verdicts import Verdicts

ROWS_SHOWN = 5
RECORDS_MAX = (
    50_000  # at most so many records are judged to find rows to show, for files in which nearly all are skipped
)
MEMORY_MB = 32  # makes small batches, since only the first is needed


def read_first_rows(file: opening.SourceFile, contract: Contract) -> tuple[tuple[FirstRow, ...], int]:
    """Judge records until there are enough rows to show; give the rows, and the number of skipped records before them.

    Effects: reads the beginning of the file.
    Raises: SourceError where a load by this contract could not read it.
    """
    from footfall.engines.kernel import judge_batch, open_kernel_session

    file.stream.seek(0)
    layout, batches = open_records(file, Contracts(contract).choose(file.path), MEMORY_MB)
    session = open_kernel_session(layout, None)
    rows: list[FirstRow] = []
    skipped = 0
    try:
        for batch in _cut(batches):
            verdicts = judge_batch(session, batch)
            found = _find_rows(batch, verdicts, layout)
            wanted = dict(sorted(found.items())[: ROWS_SHOWN - len(rows)])
            rows += wanted.values()
            if len(rows) == ROWS_SHOWN:
                verdicts = judge_batch(session, batch.slice(0, max(wanted) + 1))
            skipped += sum(verdicts.skipped.values())
            if len(rows) == ROWS_SHOWN:
                break
    finally:
        session.close()
    return tuple(rows), skipped


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches into pieces: the first has ROWS_SHOWN records, each further one twice as many as the last."""
    size, left = ROWS_SHOWN, RECORDS_MAX
    for batch in batches:
        at = 0
        while at < batch.num_rows:
            yield batch.slice(at, size)
            at, left, size = at + size, left - size, size * 2
            if left <= 0:
                return


def _find_rows(batch: pa.RecordBatch, verdicts: Verdicts, layout: Layout) -> dict[int, FirstRow]:
    """List the accepted and rejected rows of a batch by their indexes in it."""
    numbers = batch["position"].to_pylist()
    has_places = "row_line" in batch.schema.names
    lines = batch["row_line"].to_pylist() if has_places else numbers
    items = batch["item"].to_pylist() if has_places else [0] * len(numbers)
    by_number = {number: at for at, number in enumerate(numbers)}
    by_place = {place: at for at, place in enumerate(zip(lines, items, strict=True))}
    found: dict[int, FirstRow] = {}
    for row in verdicts.accepted.to_pylist():
        at = by_number[row["position"]]
        found[at] = FirstRow(lines[at], items[at] or None, _show_values(row, layout))
    for row in verdicts.rejected.to_pylist():
        problems = tuple(Problem(each["code"], each["field"], each["value"]) for each in json.loads(row["problems"]))
        at = by_place[row["position"], row["item"]]
        found[at] = FirstRow(row["position"], row["item"] or None, None, problems)
    return found


def _show_values(row: dict[str, Any], layout: Layout) -> tuple[str, ...]:
    """Show the values of a row as they would be stored; a made id is shown as MADE, since it tells people nothing."""
    import uuid

    shown: dict[str, str] = {"action": row["action"], "timestamp": f"{row['timestamp'].replace(tzinfo=None)} UTC"}
    for column in ID_COLUMNS:
        value = row[column]
        shown[column] = str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else str(value)
    if layout.definition.made_from is not None:
        shown["interaction_id"] = MADE
    return tuple(shown[column] for column in COLUMNS)
