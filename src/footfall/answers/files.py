"""Rows as CSV, JSON, Parquet or a table, into a stream."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import chain, islice
from types import SimpleNamespace
from typing import IO, Any, Literal

from footfall.answers.cells import find_exact_float, write_cell, write_inert_cell, write_json
from footfall.answers.grid import lay_out_table, measure_width
from footfall.errors import QueryError
from footfall.results import INSTANT_OID, Answer, Table
from footfall.safe_text import escaped

Format = Literal["table", "csv", "json"]
# Of pg_type; what is not here becomes text, and numeric the double that readers of Parquet expect of it.
PARQUET_TYPES = {
    16: "bool",
    20: "int64",
    21: "int16",
    23: "int32",
    700: "float",
    701: "double",
    1082: "date32",
    1114: "timestamp[us]",
    1700: "double",
}
PARQUET_BATCH_ROWS = 100_000  # rows of one row group


def print_table(table: Table, fmt: Format, stream: IO[str], *, escape_formulas: bool = False) -> None:
    """Write the rows to a stream; on a terminal, a CSV's control characters are escaped too."""
    _print(table.columns, table.rows, fmt, stream, escape_formulas)


def print_answer(answer: Answer, how: Form, stream: IO[Any], *, escape_formulas: bool = False) -> None:
    """Write the answer to a query; its rows are read as they are written, but for a table.

    Effects: writes bytes for Parquet, text otherwise.
    """
    if how == "parquet":
        _write_parquet(answer, stream)
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
        show = escaped if stream.isatty() else str
        text = write_inert_cell if escape_formulas else write_cell
        # Python 3.11 quotes only the line ends that it writes itself: a bare CR would begin a row in some readers.
        writer = csv.writer(SimpleNamespace(write=lambda line: stream.write(line.removesuffix("\r\n") + "\n")))
        writer.writerows([show(text(cell)) for cell in row] for row in chain((columns,), rows))
    else:
        stream.write(lay_out_table(Table(columns, tuple(rows)), measure_width(stream), bars=stream.isatty()))


def _write_parquet(answer: Answer, stream: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = [pa.timestamp("us", tz="UTC") if oid == INSTANT_OID else _arrow_type(pa, oid) for oid in answer.types]
    schema = pa.schema(list(zip(answer.columns, types, strict=True)))
    rows = iter(answer.rows)
    with pq.ParquetWriter(stream, schema) as writer:
        while batch := list(islice(rows, PARQUET_BATCH_ROWS)):
            columns = zip(answer.columns, zip(*batch, strict=True), types, strict=True)
            arrays = [_parquet_column(pa, name, cells, type_) for name, cells, type_ in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _parquet_column(pa: Any, name: str, cells: tuple[Any, ...], type_: Any) -> Any:
    try:
        if str(type_) == "string":
            return pa.array([None if cell is None else write_cell(cell) for cell in cells], type_)
        if str(type_) == "double":
            return pa.array([_double(cell) for cell in cells], type_)
        return pa.array(cells, type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        raise QueryError(
            f"Parquet has no exact place for a value of the column {name} ({error}); narrow the question, cast the "
            "column to bigint or text, or take another --format"
        ) from error


def _double(cell: Any) -> float | None:
    if cell is None or isinstance(cell, float):
        return cell
    if (double := find_exact_float(cell, None)) is None:
        raise ValueError(f"{cell} is no double")
    return float(double)


def _arrow_type(pa: Any, oid: int) -> Any:
    return pa.type_for_alias(PARQUET_TYPES.get(oid, "string"))


Form = Literal["table", "csv", "json", "parquet"]
