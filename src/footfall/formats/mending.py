"""Write rejected rows as a file in their original form, and read that file as records again when a person mended it.

Form: first the header, if there is one, then each record as it was, in the order of their lines. The records of a JSON
document become one array. Rows of exploded lists and of Parquet have no form of their own: each is an object on a line.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Literal, cast

import pyarrow as pa

from footfall.contract.definition import FormatName
from footfall.contract.mapping import Layout
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.choosing import find_format, strip_compression
from footfall.formats.encodings import UTF_8, encode_again, find_kept_encoding
from footfall.formats.json_lines import read_lines
from footfall.formats.quarantined import KeptRow, Origin, lay_out_again, read_again
from footfall.formats.reading import open_records
from footfall.sources import opening

Form = Literal["delimited", "lines", "document", "rows"]
Around = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Load:
    """The load that rejected the rows: what the ledger keeps of it, its contract, and whether its rows have items."""

    origin: Origin
    contract: Contract
    has_items: bool

    @property
    def form(self) -> Form:
        """The form in which its rejected rows are written."""
        definition = self.contract.definition
        kind = find_format(definition, self.origin.source)
        if kind == "parquet" or definition.explode is not None:
            return "rows"
        if kind == "csv":
            return "delimited"
        return "document" if self.has_items else "lines"


def write_rows(load: Load, rows: Sequence[KeptRow]) -> Iterator[bytes]:
    """Give the content of the file, piece by piece.

    Raises: SourceError where the load did not keep the header that the file needs.
    """
    definition = load.contract.definition
    encoding = UTF_8 if load.form == "rows" else definition.encoding
    if encoding == "utf-16":
        encoding = find_kept_encoding((row.raw_line, row.raw_bytes) for row in rows)
        yield codecs.BOM_UTF16_BE if encoding.endswith("be") else codecs.BOM_UTF16_LE
    line_end = encode_again(b"\n", encoding)
    if load.form == "delimited":
        yield line_end * definition.skip_lines
        if definition.header:
            yield _find_header(load.origin).encode(encoding, "replace") + line_end
    is_document = load.form == "document"
    for at, row in enumerate(rows):
        if is_document:
            yield encode_again(b",\n" if at else b"[\n", encoding)
        is_stored = row.raw_bytes is None and not encoding.startswith("utf-16")
        yield row.raw_bytes or (row.raw_line.encode() if is_stored else encode_again(row.raw_line.encode(), encoding))
        if not is_document:
            yield line_end
    if is_document:
        yield encode_again(b"\n]\n", encoding)


def _find_header(origin: Origin) -> str:
    if origin.header is None:
        raise SourceError(
            f"load {origin.load_id} did not keep its header, as loads of earlier versions of Footfall; "
            "`footfall rejects` shows its rows",
            source=origin.source,
        )
    return origin.header


def open_mended(
    file: opening.SourceFile, load: Load, memory_limit_mb: int, around: Around
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Open a file of mended rows under the contract of the load that rejected them; give layout and records.

    Shape: `around` gives what stood around a row of an exploded list, by the row's number in the file, from 0.
    Raises: SourceError.
    """
    origin, contract = load.origin, load.contract
    try:
        if load.form == "rows":
            layout = lay_out_again(origin, contract)
            return layout, _read_rows(file, layout, memory_limit_mb, around)
        if load.form in ("lines", "document"):
            kind: FormatName = "jsonl" if load.form == "lines" else "json"
            contract = replace(contract, definition=replace(contract.definition, format=kind, records=None))
        # The name of the mended file says nothing. Format, delimiter and time follow from the name of the file that the
        # rows came from.
        name = origin.source[: len(strip_compression(origin.source.lower()))]
        return open_records(replace(file, source=name, path=name), contract, memory_limit_mb)
    except SourceError as error:
        raise type(error)(error.reason, source=file.source) from error


def _read_rows(
    file: opening.SourceFile, layout: Layout, memory_limit_mb: int, around: Around
) -> Iterator[pa.RecordBatch]:
    number = 0
    for batch in read_lines(lambda: opening.read_content(file), file.source, memory_limit_mb):
        columns = (batch[name].to_pylist() for name in ("position", "line", "raw_bytes", "size_bytes"))
        rows = [
            SimpleNamespace(
                line_number=line_number, item=0, raw_line=line, raw_bytes=raw, raw_size_bytes=size,
                around=around(number + at) if layout.definition.explode is not None else None,
            )
            for at, (line_number, line, raw, size) in enumerate(zip(*columns, strict=True))
        ]  # fmt: skip
        again = read_again(cast("list[KeptRow]", rows), layout, number + 1)
        for row, reason in again.impossible:
            raise SourceError(
                f"line {row.line_number}: {reason}; each line must be a rejected row of the load, in their order",
                source=file.source,
            )
        number += len(rows)
        yield again.batch
