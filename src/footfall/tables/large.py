"""Add the counts of a load that is large compared with the table: update known keys, and copy new ones in key order.

The engine tells which keys are known. For that it gets all keys that are there, in large pieces. The tables are not
truncated. So readers go on, and a snapshot that is older than the load still sees the counts from before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
from psycopg import sql

from footfall.errors import FootfallError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.staging import Staging, copy_table, create_kind

SQL = read_statements(__name__)

# Within these bounds, all keys that are there are read. Reading one takes the server and the client 1 microsecond
# together, and that saves up to 10 microseconds for each row of the load (`benchmarks/large_merge.py`).
LARGE_ROWS = 200_000
KEYS_PER_ROW = 4  # the table may have so many keys for each row of the load
KEYS_PER_PAGE = 150  # keys of pairs whose ids are numbers on one page; with longer ids there are fewer
CHUNK_PAGES = 2_000  # 16 MB, about 300,000 keys at a time
ANALYZE_KEYS = 10_000  # from so many keys on, the planner needs statistics

EPOCH_US = 946_684_800_000_000  # the server counts from 2000-01-01, Arrow from 1970-01-01
EPOCH_DAYS = 10_957
# The expression that gives the bytes of one field of a key, by the type of its column.
SEND: dict[str, LiteralString] = {
    "bigint": "pg_catalog.int8send({})",
    "text": "pg_catalog.convert_to({}, 'UTF8')",
    "uuid": "pg_catalog.uuid_send({})",
    "timestamptz": "pg_catalog.timestamptz_send({})",
    "date": "pg_catalog.date_send({})",
}


def is_worth(connection: Connection, rows: int) -> bool:
    """Say whether the load has so many rows, compared with the keys that are there, that reading all keys pays."""
    if rows < LARGE_ROWS:
        return False
    pages = sum(_count_pages(connection, kept) for kept in counts.KEPT)
    return pages * KEYS_PER_PAGE <= rows * KEYS_PER_ROW


def _count_pages(connection: Connection, kept: counts.KeptCount) -> int:
    return int(fetch_one(connection, kept.compose(SQL["pages"])).pages)


def prepare(connection: Connection) -> None:
    """Set the planner, for the rest of the transaction, so that chunks of pages are read one after the other."""
    fetch_one(connection, SQL["settings"])


def read_keys(connection: Connection, kept: counts.KeptCount) -> Iterator[pa.Table]:
    """Read all keys of a kept count, under the writer lock. Shape: tables with the columns of the key."""
    statement = kept.compose(SQL["keys"], columns=compose_fields(kept.key))
    pages = _count_pages(connection, kept)
    for first in range(0, pages, CHUNK_PAGES):
        bounds = {"first": f"({first},0)", "after": f"({first + CHUNK_PAGES},0)"}
        row: Any = connection.execute(statement, bounds, binary=True).fetchone()
        if row.keys:
            yield read_fields(row, kept.key)


def compose_fields(columns: Sequence[counts.KeyColumn]) -> sql.Composed:
    """Compose the items that give all fields of each column as one value, which `read_fields` reads."""
    items: list[sql.Composable] = []
    for column in columns:
        name = sql.Identifier(column.name)
        send = sql.SQL(SEND[column.type]).format(name)
        items.append(compose(SQL["fields"], send=send, column=name))
        if column.type == "text":
            items.append(compose(SQL["lengths"], column=name, lengths=sql.Identifier(f"lengths_{column.name}")))
    return sql.SQL(", ").join(items)


def read_fields(row: Any, columns: Sequence[counts.KeyColumn]) -> pa.Table:
    """Make a table of columns that came as one value each. Shape: `row.keys` is the number of rows of the table."""
    return pa.table({column.name: _read_fields(row, column) for column in columns})


def _read_fields(row: Any, column: counts.KeyColumn) -> pa.Array:
    """Turn the fields of one column into the type that the engine has for it."""
    content = getattr(row, column.name)
    if column.type == "text":
        lengths = np.frombuffer(getattr(row, f"lengths_{column.name}"), ">i4")
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(content))
    if column.type == "uuid":
        return pa.Array.from_buffers(pa.binary(16), row.keys, [None, pa.py_buffer(content)])
    if column.type == "date":
        return pa.array(np.frombuffer(content, ">i4").astype(np.int32) + EPOCH_DAYS).cast(pa.date32())
    numbers = np.frombuffer(content, ">i8").astype(np.int64)
    if column.type == "timestamptz":
        return pa.array(numbers + EPOCH_US).cast(pa.timestamp("us"))
    return pa.array(numbers)


def add(
    connection: Connection,
    staging: Staging,
    kept: counts.KeptCount,
    read_known: Callable[[], Iterable[pa.RecordBatch]],
    read_new: Callable[[], Iterable[pa.RecordBatch]],
) -> None:
    """Add the counts of keys that are there, and copy those of new keys, in the order of the key.

    Effects: under the writer lock and in the transaction of the caller.
    Raises: FootfallError where not every known key is there.
    """
    known = {"known": staging.known}
    connection.execute(kept.compose(SQL["create_known"], **known, **create_kind(staging)))
    keys = _copy(connection, kept.compose(SQL["copy_known"], **known), read_known())
    if keys:
        if keys >= ANALYZE_KEYS:
            connection.execute(compose(SQL["analyze_known"], **known))
        names = [column.name for column in kept.key]
        statement = kept.compose(
            SQL["add_known"],
            **known,
            table_key=sql.SQL(", ").join(sql.Identifier(kept.table, name) for name in names),
            excluded_key=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in names),
        )
        updated = connection.execute(statement).rowcount
        if updated != keys:
            raise FootfallError(
                f"{keys} keys of {kept.table} were there, {updated} were changed; nothing was loaded. Does something "
                "else write these tables?"
            )
    connection.execute(compose(SQL["drop_known"], **known))
    _copy(connection, kept.compose(SQL["copy_new"]), read_new())


def _copy(connection: Connection, statement: sql.Composed, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    for batch in batches:
        copy_table(connection, statement, pa.Table.from_batches([batch]))
        rows += batch.num_rows
    return rows
