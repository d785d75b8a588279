"""Typed rows -> table, CSV, JSON; and what a person reads at the end of a run.

Shape: CSV and JSON are exact; whatever a terminal shows has its control characters escaped.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from types import SimpleNamespace
from typing import IO, Any, Literal

from footfall.errors import QueryError
from footfall.output import Form
from footfall.problems import merged_groups, problem_lines, problem_objects
from footfall.results import (
    INSTANT_OID,
    Answer,
    LoadResult,
    LoadSummary,
    Problem,
    RejectedRow,
    Table,
    Verification,
)

Format = Literal["table", "csv", "json"]

SECONDS_DECIMALS = 3  # of a second, in JSON and CSV
UNBOUND_WIDTH = 1_000_000  # characters; a table that goes into a file or a pipe is folded nowhere
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
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")  # for spreadsheets; OWASP, "CSV Injection"
PARQUET_BATCH_ROWS = 100_000  # rows of one row group
CHECK_COLUMNS = (
    "source",
    "digest",
    "status",
    "rows_read",
    "rows_loaded",
    "rows_duplicate",
    "rows_rejected",
    "seconds",
    "error",
    "problems",
)
BAR_COLUMNS = 24  # characters of the longest bar
# Ends of column names whose numbers are amounts; other numbers are names (ids, lines) and stay without separators.
AMOUNTS = ("_bytes", "_count", "_s", "kept", "recount")


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
            stream.write(f"{comma}  {_json(dict(zip(columns, row, strict=True)))}")
            comma = ",\n"
        stream.write("]\n" if comma == "\n" else "\n]\n")
    elif fmt == "csv":
        show = escaped if stream.isatty() else str
        text = _inert if escape_formulas else _csv_cell
        # Python 3.11 quotes only the line ends that it writes itself: a bare CR would begin a row in some readers.
        writer = csv.writer(SimpleNamespace(write=lambda line: stream.write(line.removesuffix("\r\n") + "\n")))
        writer.writerows([show(text(cell)) for cell in row] for row in chain((columns,), rows))
    else:
        stream.write(_terminal_table(Table(columns, tuple(rows)), _width(stream), bars=stream.isatty()))


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
            return pa.array([None if cell is None else _csv_cell(cell) for cell in cells], type_)
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
    if (double := _exact_float(cell, None)) is None:
        raise ValueError(f"{cell} is no double")
    return float(double)


def _arrow_type(pa: Any, oid: int) -> Any:
    return pa.type_for_alias(PARQUET_TYPES.get(oid, "string"))


def escaped(text: str) -> str:
    r"""Give the text with everything that a terminal would obey or hide spelled out.

    Example:
        >>> print(escaped("a\n\x1b[31mb\x00"))
        a\n\x1b[31mb\x00
    """
    return text if text.isprintable() else "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def _width(stream: IO[str]) -> int:
    return shutil.get_terminal_size().columns if stream.isatty() else UNBOUND_WIDTH


def _terminal_table(table: Table, width: int, *, bars: bool = False) -> str:
    """Lay a table out; with `bars`, where there is room, a bar beside the count that ends each row."""
    import rich.bar
    import rich.cells
    import rich.console
    import rich.table
    import rich.text

    names = [escaped(column) for column in table.columns]
    texts = [
        [escaped(_table_cell(column, cell)) for column, cell in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    numbers = [any(type(row[at]) is int for row in table.rows) for at in range(len(names))]
    natural = [max(map(rich.cells.cell_len, column)) for column in zip(names, *texts, strict=True)]
    are_counts = len(texts) > 1 and all(type(row[-1]) is int and row[-1] > 0 for row in table.rows)
    is_room = sum(natural) + 2 * len(natural) + BAR_COLUMNS <= width
    bars = bars and is_room and are_counts and table.columns[-1].endswith("_count")
    if not bars and sum(natural) + 2 * len(natural) <= width:  # nothing to fold: a hundred times as fast without rich
        return "".join(_aligned(cells, natural, numbers) for cells in (names, *texts))
    shown = rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True, header_style=None)
    for name, is_number in zip(names, numbers, strict=True):
        shown.add_column(rich.text.Text(name), overflow="fold", justify="right" if is_number else "left")
    if bars:
        shown.add_column("")
    largest = max((row[-1] for row in table.rows), default=0) if bars else 0
    for row, cells in zip(table.rows, texts, strict=True):
        bar = [rich.bar.Bar(largest, 0, row[-1], width=BAR_COLUMNS)] if bars else []
        shown.add_row(*map(rich.text.Text, cells), *bar)
    page = io.StringIO()
    rich.console.Console(file=page, width=width, color_system=None, force_terminal=False).print(shown)
    return "".join(line.rstrip() + "\n" for line in page.getvalue().split("\n")[:-1])


def _aligned(cells: list[str], widths: list[int], are_numbers: list[bool]) -> str:
    from rich.cells import cell_len

    line = "  ".join(
        " " * (width - cell_len(cell)) + cell if is_number else cell + " " * (width - cell_len(cell))
        for cell, width, is_number in zip(cells, widths, are_numbers, strict=True)
    )
    return line.rstrip() + "\n"


def _table_cell(column: str, cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int) and (column.startswith("rows_") or column.endswith(AMOUNTS)):
        return f"{cell:,}"
    if isinstance(cell, datetime):
        text = cell.isoformat(sep=" ", timespec="seconds")
        return text.removesuffix("+00:00") + " UTC" if text.endswith("+00:00") else text
    return _csv_cell(cell)


def _csv_cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dict | list | tuple | bool):
        return _json(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _inert(cell: Any) -> str:
    """Give a cell's text so that a spreadsheet shows it: with an apostrophe where it would begin a formula."""
    text = _csv_cell(cell)
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) and not isinstance(cell, int | float | Decimal) else text


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_json_value)
    # JSON leaves DEL, C1 and line separators as they are, and a lone surrogate cannot be written at all.
    return re.sub("[\x7f-\x9f\u2028\u2029\ud800-\udfff]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _json_value(other: Any) -> Any:
    if isinstance(other, Decimal):
        is_whole = other.is_finite() and other == other.to_integral_value()
        return int(other) if is_whole else _exact_float(other, str(other))
    return other.isoformat() if isinstance(other, date) else str(other)


def _exact_float(number: Decimal, otherwise: Any) -> Any:
    """Give the double that is written like this number, or something else where there is none."""
    return float(number) if Decimal(repr(float(number))) == number else otherwise


def _json_lines(values: list[dict[str, Any]], indent: str = "") -> str:
    if not values:
        return "[]"
    return "[\n" + ",\n".join(f"{indent}  {_json(value)}" for value in values) + f"\n{indent}]"


def rejected_table(rows: Iterable[RejectedRow], fmt: Format) -> Table:
    """Give the quarantine's rows as a table: for people the problems in words, else every column and JSON."""
    if fmt == "table":
        return Table(
            ("load_id", "source", "line_number", "problems", "raw_line"),
            tuple(
                (row.load_id, row.source, row.line_number, problems_text(row.problems), row.raw_line) for row in rows
            ),
        )
    columns = ("load_id", "source", "line_number", "raw_line", "raw_size_bytes", "problems")
    return Table(
        columns,
        tuple(
            (
                row.load_id,
                row.source,
                row.line_number,
                row.raw_line,
                row.raw_size_bytes,
                [asdict(one) for one in row.problems],
            )
            for row in rows
        ),
    )


def problems_text(problems: Iterable[Problem]) -> str:
    """Put a row's problems into words.

    Example:
        >>> problems_text([Problem("missing-value", "action", None), Problem("not-an-integer", "user_id", "abc")])
        "missing-value: action; not-an-integer: user_id = 'abc'"
    """
    return "; ".join(
        problem.code
        + (f": {problem.field}" if problem.field else "")
        + (f"{' =' if problem.field else ':'} '{problem.value}'" if problem.value else "")
        for problem in problems
    )


def summary_table(summary: LoadSummary) -> Table:
    """Give the run as a table of one row a file, with the columns that JSON has of a check."""
    objects = [_load_object(load, is_check=True) for load in summary.loads]
    return Table(CHECK_COLUMNS, tuple(tuple(load[column] for column in CHECK_COLUMNS) for load in objects))


def narrowed(table: Table, columns: tuple[str, ...]) -> Table:
    """Keep some columns, in the order given.

    Example:
        >>> narrowed(Table(("a", "b"), ((1, 2),)), ("b",)).rows
        ((2,),)
    """
    places = [table.columns.index(column) for column in columns]
    return Table(columns, tuple(tuple(row[place] for place in places) for row in table.rows))


def summary_text(summary: LoadSummary) -> str:
    """Say what became of each file, then the rejected rows by problem, then the sums where there are several files.

    Failed files are counted in the sums; `failures` says which they are and why.
    """
    done = [load for load in summary.loads if load.status != "failed"]
    lines = [f"{load.source}: {_outcome(load)}" for load in done]
    lines += problem_lines(merged_groups(summary))
    if len(summary.loads) > 1:
        accepted = "accepted" if any(load.status == "checked" for load in summary.loads) else "loaded"
        failed = len(summary.loads) - len(done)
        files = f", {failed:,} of {len(summary.loads):,} files failed" if failed else ""
        lines.append(f"{_rows(summary, accepted)}{files} ({summary.seconds:,.1f} s)")
    return "\n".join(map(escaped, lines))


def failures(summary: LoadSummary) -> list[tuple[str, str]]:
    """Give each failed file and why it failed."""
    return [
        (load.source, (load.error or "no reason was given").removeprefix(f"{load.source}: "))
        for load in summary.loads
        if load.status == "failed"
    ]


def _outcome(load: LoadResult) -> str:
    if load.status == "already-loaded" and load.load_id is None:
        return "the same bytes as a file before it; a load would pass it over"
    if load.status == "already-loaded":
        when = f" on {load.loaded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if load.loaded_at else ""
        return f"already loaded as load {load.load_id}{when}, nothing changed"
    if load.status == "checked":
        return f"{_rows(load, 'accepted')} (checked, {load.seconds:,.1f} s)"
    return f"{_rows(load, 'loaded')} (load {load.load_id}, {load.seconds:,.1f} s)"


def _rows(of: LoadResult | LoadSummary, accepted: str) -> str:
    return (
        f"{of.rows_read:,} read, {of.rows_loaded:,} {accepted}, "
        f"{of.rows_duplicate:,} duplicate, {of.rows_rejected:,} rejected"
    )


def summary_json(summary: LoadSummary, *, is_check: bool = False) -> str:
    """Give the run as one JSON object. A check has no load_id; only `already-loaded` has loaded_at."""
    loads = _json_lines([_load_object(load, is_check) for load in summary.loads], indent=" ")
    sums = {name: getattr(summary, name) for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")}
    others = {"seconds": _rounded(summary.seconds), "ignored": summary.ignored}
    return '{"loads": ' + loads + ",\n " + _json(sums | others)[1:]


def _load_object(load: LoadResult, is_check: bool) -> dict[str, Any]:
    names = ("source", "digest", "status", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
    load_id = {} if is_check or load.status == "checked" else {"load_id": load.load_id}
    values = load_id | {name: getattr(load, name) for name in names}
    values |= {"seconds": _rounded(load.seconds), "error": load.error, "notices": load.notices}
    is_loaded = load.status == "already-loaded" and not is_check
    loaded_at = {"loaded_at": load.loaded_at} if is_loaded else {}
    return values | loaded_at | {"problems": problem_objects(load.groups)}


def _rounded(seconds: float) -> float:
    return round(seconds, SECONDS_DECIMALS)


def verification_text(found: Verification) -> str:
    """Say what the recount showed, in one line."""
    kept = f"{_number(found.rows_raw, 'interaction')}, {_number(found.pairs, 'count')}"
    if not found.drift_count:
        return f"ok: {kept}, no drift"
    return f"drift: {kept}, {_number(found.drift_count, 'difference')}"


def _number(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def drift_table(found: Verification) -> Table:
    """Give the differences that the recount found, one a row."""
    return Table(
        ("check", "key", "kept", "recount"),
        tuple((each.check, each.key, each.kept, each.recount) for each in found.drift),
    )
