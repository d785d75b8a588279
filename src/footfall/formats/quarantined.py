"""Read rows of the quarantine as records again, so that the kernel can judge them under the contract of today.

A record is read from its bytes where the quarantine keeps them. Where it keeps none, the text of the record is exact. A
row that cannot be read in this way gets a reason.
Memory: one batch of rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from footfall.contract.json_places import place_by_path
from footfall.contract.limits import RAW_BYTES_MAX
from footfall.contract.mapping import Layout, find_places, read_file_time
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.around import Around
from footfall.formats.choosing import find_delimiter, find_format
from footfall.formats.delimited import lay_out
from footfall.formats.encodings import decode_kept
from footfall.formats.framing import assemble
from footfall.formats.json_escapes import mark_bad_escapes
from footfall.formats.json_lines import lay_out_json
from footfall.formats.numbering import ITEM, ROW_LINE
from footfall.formats.parquet import place_columns
from footfall.formats.quoting import LF, Dialect, is_comment, record_test, split_line

CUT = "it is over 64 KiB, and only its beginning is kept"
FORGOTTEN = "its user was forgotten, and nothing of it is kept"
NO_MARK = "\ufffd"  # stands in the text of a row of Parquet where bytes are no text


class KeptRow(Protocol):
    """A row of `rejected_interactions`."""

    @property
    def line_number(self) -> int: ...
    @property
    def item(self) -> int: ...
    @property
    def raw_line(self) -> str: ...
    @property
    def raw_bytes(self) -> bytes | None: ...
    @property
    def raw_size_bytes(self) -> int: ...
    @property
    def around(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """What the ledger keeps of the load that rejected the rows. Their records are read by it."""

    load_id: int
    source: str
    digest: str
    header: str | None


@dataclass(frozen=True, slots=True)
class Again:
    """Some rows as records again.

    Shape: `rows` are those of `batch`, in its order; `impossible` has the others, each with the reason. The batch has
    the columns that the format of the layout gives; `position` counts the rows from a number that the caller gives,
    with the true line in `row_line`, or is the true line where ids are made of it.
    """

    batch: pa.RecordBatch
    rows: list[KeptRow]
    impossible: list[tuple[KeptRow, str]]


def lay_out_again(origin: Origin, contract: Contract) -> Layout:
    """Give the layout of the records that a load rejected, under a contract of today.

    Raises: SourceError where the names of the fields were not kept, or lack a column that the definition reads.
    """
    definition, source = contract.definition, origin.source
    kind = find_format(definition, source)
    if kind in ("json", "jsonl"):
        layout = lay_out_json(source, origin.digest, contract, has_items=True)
    elif kind == "parquet":
        layout = _lay_out_parquet(origin, contract)
    else:
        delimiter = find_delimiter(definition, source)
        layout = lay_out(contract, _name_fields(origin, contract, delimiter), delimiter, source)
    return replace(layout, digest=origin.digest if definition.made_from == "position" else None, header=origin.header)


def _name_fields(origin: Origin, contract: Contract, delimiter: str) -> Sequence[str]:
    definition = contract.definition
    if not definition.header and definition.columns:
        return definition.columns
    if origin.header is None:
        raise SourceError(
            f"load {origin.load_id} did not keep what names the fields of its records, as those of earlier versions of "
            "Footfall; deliver a file with the rows mended, or list the names of all fields in `columns`",
            source=origin.source,
        )
    fields = split_line(origin.header, Dialect(delimiter, LF, definition.quoting))
    return fields if definition.header else [""] * len(fields)


def _lay_out_parquet(origin: Origin, contract: Contract) -> Layout:
    definition = contract.definition
    try:
        columns = [(str(name), str(kind)) for name, kind in json.loads(origin.header or "")]
    except (ValueError, TypeError) as error:
        raise SourceError(
            f"load {origin.load_id} did not keep the columns of a Parquet file; deliver the rows anew",
            source=origin.source,
        ) from error
    # Types are kept as words. All that matters of a type here is whether it is nested, so these two stand for any.
    schema = pa.schema([(name, pa.struct([]) if kind.startswith("nested") else pa.string()) for name, kind in columns])
    try:
        found = place_columns(definition, schema, origin.source)
    except SourceError as error:
        raise SourceError(
            f"{error.reason}; the quarantine keeps the columns of a Parquet file that were read when it was loaded",
            source=origin.source,
        ) from error
    places, conditions = find_places(definition, found)
    names, types = tuple(name for name, _ in columns), tuple(kind for _, kind in columns)
    time = read_file_time(definition, origin.source)
    return Layout("kept", contract, len(columns), places, conditions, names=names, types=types, file_time=time)


def read_again(rows: Sequence[KeptRow], layout: Layout, first_number: int) -> Again:
    """Give rows of one load, in the order of line and item, as a batch of its layout. The first has `first_number`."""
    reader = _Reader(layout, *_prepare(layout))
    impossible = [(row, reason) for row in rows if (reason := reader.find_reason(row)) is not None]
    bad = {(row.line_number, row.item) for row, _ in impossible}
    kept = [row for row in rows if (row.line_number, row.item) not in bad]
    batch = reader.read(kept)
    lines = pa.array([row.line_number for row in kept], pa.int64())
    if layout.definition.made_from == "position":
        return Again(batch.set_column(0, "position", lines), kept, impossible)
    numbers = pa.array(np.arange(first_number, first_number + len(kept), dtype=np.int64))
    batch = batch.set_column(0, "position", numbers).append_column(ROW_LINE, lines)
    return Again(batch.append_column(ITEM, pa.array([row.item for row in kept], pa.int64())), kept, impossible)


def read_texts(rows: Sequence[KeptRow], layout: Layout) -> list[str]:
    """Give the text of each row as `read_again` does, and also of rows that cannot be judged again."""
    reader = _Reader(layout, *_prepare(layout))
    texts = [reader.read_text(row) for row in rows]
    batch = assemble(texts, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64))
    found: list[str] = (mark_bad_escapes(batch) if layout.kind == "json" else batch)["line"].to_pylist()
    return found


def _prepare(layout: Layout) -> tuple[Dialect, Callable[[bytes], bool], tuple[str, ...]]:
    definition = layout.definition
    dialect = Dialect(layout.delimiter, LF, definition.quoting, (definition.comment or "").encode())
    outer = place_by_path(definition, "").outer if layout.kind == "json" else ()
    return dialect, record_test(dialect, layout.field_count), tuple(path.write_for_duckdb() for path in outer)


@dataclass(frozen=True, slots=True)
class _Reader:
    layout: Layout
    dialect: Dialect
    is_record: Callable[[bytes], bool]
    outer: tuple[str, ...]

    def find_reason(self, row: KeptRow) -> str | None:
        """Say why a row cannot be judged again; None where it can."""
        definition = self.layout.definition
        if row.raw_size_bytes == 0:
            return FORGOTTEN
        if row.raw_size_bytes > RAW_BYTES_MAX:
            return CUT
        if definition.made_from == "position" and row.item:
            return "ids are made of its position, which is not kept where several rows begin on one line"
        if self.layout.kind == "kept":
            return "it holds bytes that are no text, which are not kept" if NO_MARK in row.raw_line else None
        if self.layout.kind == "json":
            return self._find_reason_in_json(row)
        text = self.read_text(row)
        if is_comment(text, self.dialect):
            return "it is a comment under the definition of today"
        if b"\n" in text and not (definition.quoting and self.is_record(text)):
            return "it is more than one record under the definition of today"
        return None

    def _find_reason_in_json(self, row: KeptRow) -> str | None:
        definition = self.layout.definition
        if row.around is None:
            return "it holds no list of rows, or what is around it was not kept" if definition.explode else None
        around = Around.read(row.around)
        if definition.explode != around.explode:
            return f"it was an item of the list {around.explode!r}, which the definition of today does not explode"
        if missing := [path for path in self.outer if path not in around.texts]:
            return f"it reads {missing[0]!r} around the list, which was not kept"
        if definition.made_from == "record" and around.digest is None:
            return "ids are made of the record around it, which was not kept"
        return None

    def read_text(self, row: KeptRow) -> bytes:
        """Give a record as the file held it, in UTF-8."""
        if self.layout.definition.explode is not None or self.layout.kind == "kept":
            return row.raw_line.encode() if row.raw_bytes is None else row.raw_bytes
        return decode_kept(row.raw_line, row.raw_bytes, self.layout.definition.encoding)

    def read(self, rows: Sequence[KeptRow]) -> pa.RecordBatch:
        """Give rows as records, without numbers."""
        texts = [self.read_text(row) for row in rows]
        numbers, sizes = np.zeros(len(rows), np.int64), np.array([len(text) for text in texts], np.int64)
        batch = assemble(texts, numbers, sizes)
        if self.layout.kind == "delimited":
            return batch
        if self.layout.definition.explode is None:
            return mark_bad_escapes(batch) if self.layout.kind == "json" else batch
        # A text with marks is itself text. Only its bytes tell that a part of it was none.
        raw = pa.array([row.raw_bytes for row in rows], pa.binary())
        batch = batch.set_column(2, "raw_bytes", raw)
        arounds = [Around.read(row.around or "") for row in rows]
        columns: dict[str, tuple[Any, pa.DataType]] = {
            "record_item": ([each.item for each in arounds], pa.int64()),
            "record_digest": ([each.digest for each in arounds], pa.string()),
            "outer_texts": ([[each.texts[p] for p in self.outer] for each in arounds], pa.list_(pa.string())),
            "outer_nested": ([[each.nested[p] for p in self.outer] for each in arounds], pa.list_(pa.bool_())),
            "framing_code": ([None] * len(rows), pa.string()),
            "framing_value": ([None] * len(rows), pa.string()),
        }
        for name, (values, kind) in columns.items():
            batch = batch.append_column(name, pa.array(values, kind))
        return batch
