"""The rows that the ranges of a run staged: sent by those who judge, and read again as the rows of one load.

Accepted rows are kept as they were judged: each batch is one value, a table in Arrow's format for streams. A batch then
costs the server a seventh of a COPY of its rows. Whoever takes the run sends the batches on, one after the other in the
order of the file, as if they were judged just now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.contract.verdicts import Verdicts
from footfall.errors import FootfallError
from footfall.formats.positions import read_file_numbers
from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables.runs import ROWS, RunTables, StagedRange
from footfall.tables.staging import Staging, stage_rejected

SQL = read_statements(__name__)

ARROW_TYPES = {"bigint": pa.int64(), "uuid": pa.binary(16), "text": pa.string()}


@dataclass
class RangeSender:
    """Sends the rows of verdicts on one range of a run, batch by batch, to the tables of the run."""

    connection: Connection
    tables: RunTables
    staging: Staging
    rows_sent: int = 0
    parts: int = 0

    def __call__(self, verdicts: Verdicts) -> None:
        """Send the rows of one batch. Effects: writes in the transaction of the connection."""
        if verdicts.accepted.num_rows:
            self.send_accepted(verdicts.accepted)
        stage_rejected(self.connection, self.staging, verdicts.rejected)

    def send_accepted(self, accepted: pa.Table) -> None:
        """Send the accepted rows of one batch as one value."""
        if "row_line" in accepted.column_names:
            accepted = accepted.drop(["row_line", "item"])
        values = {
            "range": self.staging.range,
            "part": self.parts,
            "row_count": accepted.num_rows,
            "content": write_rows(accepted),
        }
        self.connection.execute(compose(SQL["send"], rows=self.tables.rows), values)
        self.parts += 1
        self.rows_sent += accepted.num_rows


def read_rows(
    connection: Connection, tables: RunTables, id_types: IdTypes, staged_range: StagedRange
) -> Iterator[pa.Table]:
    """Read the accepted rows of a range, batch by batch. Shape: the columns of verdicts, of a file judged alone.

    Raises: FootfallError where rows are missing, or a batch is not what was sent.
    """
    found = connection.execute(compose(SQL["parts"], rows=tables.rows), {"range": staged_range.number}).fetchall()
    _assert_all_there(sum(part.row_count for part in found), staged_range.rows_accepted)
    statement = compose(SQL["content"], rows=tables.rows)
    schema = make_schema(id_types)
    for part in found:
        row: Any = connection.execute(statement, {"place": part.place}, binary=True).fetchone()
        yield read_table(row.content if row else b"", schema, part.row_count)


def assert_rejected(connection: Connection, tables: RunTables, ranges: Sequence[StagedRange]) -> None:
    """See that all rejected rows are there. Raises: FootfallError."""
    found = connection.execute(compose(SQL["count_rejected"], rejected=tables.rejected)).fetchall()
    rows = {row.range: row.row_count for row in found}
    for each in ranges:
        _assert_all_there(rows.get(each.number, 0), each.rows_rejected)


def _assert_all_there(found: int, sent: int) -> None:
    if found != sent:
        raise FootfallError(
            f"{sent} rows were sent to a table of this run, {found} are there; nothing was "
            "loaded. Load the file again. Does something else write these tables?"
        )


def make_schema(id_types: IdTypes) -> pa.Schema:
    """Give the columns of accepted rows, by the types of their ids."""
    ids = [(column, ARROW_TYPES[kind]) for column, kind in zip(ID_COLUMNS, id_types, strict=True)]
    instant = pa.timestamp("us", tz="UTC")
    return pa.schema([("position", pa.int64()), *ids, ("action", pa.string()), ("timestamp", instant)])


def write_rows(rows: pa.Table) -> memoryview:
    """Write a table as one value."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return memoryview(sink.getvalue())


def read_table(content: bytes, schema: pa.Schema, row_count: int) -> pa.Table:
    """Read a table that `write_rows` wrote. All of it is checked, since whoever may stage can write anything.

    Raises: FootfallError where it is not a table with these columns and this number of rows.
    """
    try:
        with pa.ipc.open_stream(content) as reader:
            if not reader.schema.equals(schema):
                raise pa.ArrowInvalid(f"columns {reader.schema.names}")
            rows = reader.read_all()
        rows.validate(full=True)
        is_whole = rows.num_rows == row_count and not any(column.null_count for column in rows.columns)
        is_of_one_file = is_whole and not read_file_numbers(rows["position"].to_numpy()).any()
    except pa.ArrowException as error:
        raise _make_error(str(error)) from error
    if not is_of_one_file:
        raise _make_error(f"{rows.num_rows} rows in place of {row_count}, or rows of another file")
    return rows


def _make_error(reason: str) -> FootfallError:
    return FootfallError(
        f"rows that were staged cannot be read ({reason}); nothing was loaded. Load the file again. Does something "
        "else write these tables?"
    )


def remove(connection: Connection, tables: RunTables, numbers: Sequence[int]) -> None:
    """Remove what some ranges staged, so that they can be staged anew."""
    for part in ("ranges", *ROWS):
        connection.execute(compose(SQL["remove_rows"], name=tables.name(part)), {"ranges": list(numbers)})
