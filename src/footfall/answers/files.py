"""Rows as CSV, JSON, Parquet or a table, into a stream."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import chain, islice
from types import SimpleNamespace
from typing import IO, Any, Literal

from footfall.answers.cells import write_cell, write_inert_cell, write_json
from footfall.answers.grid import keep_columns, lay_out_rest, lay_out_table, measure_width
from footfall.results import Answer, Table
from footfall.results.arrow import TEXT_OID, UUID_OID, make_arrow_table
from footfall.safe_text import escape_unprintable

Format = Literal["table", "csv", "json"]
PARQUET_BATCH_ROWS = 100_000  # rows of one row group
ADVICE = "narrow the question, cast the column to bigint or text, or take another --format"


def print_table(table: Table, fmt: Format, stream: IO[str], *, escape_formulas: bool = False) -> None:
    """Write the rows to a stream; on a terminal, a CSV's control characters are also escaped."""
    _print(table.columns, table.rows, fmt, stream, escape_formulas)


def print_answer(answer: Answer, how: Form, stream: IO[Any], *, escape_formulas: bool = False) -> None:
    """Write the answer to a query. Its rows are read as they are written; a table needs all of them first.

    Effects: writes bytes for Parquet, text otherwise.
    """
    if how == "parquet":
        _write_parquet(answer, stream)
    elif how == "table" and answer.screen:
        table = Table(answer.columns, tuple(answer.rows))
        print_table(keep_columns(table, answer.screen), how, stream)
        stream.write(lay_out_rest(table, answer.screen))
    else:
        _print(answer.columns, answer.rows, how, stream, escape_formulas)


def _print(
    columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]], fmt: Format, stream: IO[str], escape_formulas: bool
) -> None:
    if fmt == "json":
        stream.write("[")
        comma = "\n"
        for row in rows:
            stream.write(f"{comma}  {write_json(dict(zip(columns, row, strict=True)))}")
            comma = ",\n"
        stream.write("]\n" if comma == "\n" else "\n]\n")
    elif fmt == "csv":
        show = escape_unprintable if stream.isatty() else str
        text = write_inert_cell if escape_formulas else write_cell
        # Python 3.11 quotes a CR only if its own line end has one, and a CR without quotes begins a row in some
        # readers. So the writer ends its lines with CRLF, which becomes LF here.
        writer = csv.writer(SimpleNamespace(write=lambda line: stream.write(line.removesuffix("\r\n") + "\n")))
        writer.writerows([show(text(cell)) for cell in row] for row in chain((columns,), rows))
    else:
        stream.write(lay_out_table(Table(columns, tuple(rows)), measure_width(stream), bars=stream.isatty()))


def _write_parquet(answer: Answer, stream: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    # UUIDs are written as text, since few readers of Parquet know the type.
    types = tuple(TEXT_OID if oid == UUID_OID else oid for oid in answer.types)
    empty = make_arrow_table(answer.columns, types, (), ADVICE)
    rows = iter(answer.rows)
    with pq.ParquetWriter(stream, empty.schema) as writer:
        while batch := list(islice(rows, PARQUET_BATCH_ROWS)):
            writer.write_table(make_arrow_table(answer.columns, types, batch, ADVICE))


Form = Literal["table", "csv", "json", "parquet"]
