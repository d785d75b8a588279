"""The counts of the rows that go to an empty table, made beside the server while the rows are on their way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import LiteralString, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from footfall.engines.spill import read_batches, spilling_session
from footfall.statements import statements

SQL = statements(__name__)

BATCH_ROWS = 200_000  # rows of one Arrow batch on its way to COPY: about 5 MB
WITHOUT_ZONE = pa.timestamp("us")  # DuckDB cuts instants into quarter hours without its ICU extension
WITH_ZONE = pa.timestamp("us", tz="UTC")
BITS = 96
NUMBER_OF_BITS = pa.decimal128(38, 0)  # what a hugeint of DuckDB is in Arrow


class KeptCount(Protocol):
    """A kept count, as `footfall.tables.counts` defines it."""

    @property
    def table(self) -> str: ...

    @property
    def is_large(self) -> bool: ...

    @property
    def sums(self) -> object | None: ...

    def fill(self, statement: LiteralString, /) -> str: ...


@contextmanager
def counting(memory_mb: int, kept: Sequence[KeptCount]) -> Iterator[Counts]:
    """Open a counter of these kept counts that holds at most `memory_mb` in memory."""
    with spilling_session(memory_mb, compose_creation(kept)) as session:
        yield Counts(session, kept)


def compose_creation(kept: Sequence[KeptCount]) -> str:
    """Give the statements that make the tables of what is noted of the rows."""
    creates = (each.fill(SQL["create_rows" if each.is_large else "create_groups"]) for each in _from_rows(kept))
    return ";\n".join(creates)


def _from_rows(kept: Sequence[KeptCount]) -> list[KeptCount]:
    """Give the counts that are counted from rows; the others are sums of these."""
    return [each for each in kept if each.sums is None]


class Counts:
    """The counts of the rows sent so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection, kept: Sequence[KeptCount]) -> None:
        self.session = session
        self.kept = kept
        self.adds = [each.fill(SQL["add_rows" if each.is_large else "add_groups"]) for each in _from_rows(kept)]

    def add(self, rows: pa.Table) -> None:
        """Take note of rows that are on their way to the table."""
        rows = rows.select(["user_id", "product_id", "action", "timestamp"])
        self.session.register("rows", rows.set_column(3, "timestamp", rows["timestamp"].cast(WITHOUT_ZONE)))
        for statement in self.adds:
            self.session.execute(statement).fetchall()
        self.session.unregister("rows")

    @contextmanager
    def grouping(self) -> Iterator[None]:
        """Make the large counts while the block runs and the server has work of its own. Once, before `tables`."""
        with ThreadPoolExecutor(1, thread_name_prefix="footfall-counts") as beside:
            counted = beside.submit(self._count_rows)
            try:
                yield
                counted.result()
            except BaseException:
                self.session.interrupt()
                raise

    def _count_rows(self) -> None:
        for each in _from_rows(self.kept):
            if each.is_large:
                self.session.execute(each.fill(SQL["count_rows"])).fetchall()

    def tables(self) -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
        """Give each table of counts by name, its rows in the order of its key. Grain: that of the table."""
        for each in self.kept:
            is_counted = each.is_large and each.sums is None
            statement = each.fill(SQL["counts" if is_counted else "sums"])
            yield each.table, map(_as_in_server, read_batches(self.session, statement, BATCH_ROWS))


def _as_in_server(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give instants, which DuckDB counted as timestamps without a zone, and bits, which it counted as numbers."""
    for at, column in enumerate(batch.schema):
        if column.type == WITHOUT_ZONE:
            batch = batch.set_column(at, column.name, batch.column(at).cast(WITH_ZONE))
        elif column.type == NUMBER_OF_BITS:
            batch = batch.set_column(at, column.name, to_bits(batch.column(at)))
    return batch


def to_bits(numbers: pa.Array) -> pa.Array:
    """Give numbers of 96 bits as COPY sends bit(96): how many bits there are, in 4 bytes, then the bits.

    Shape: `numbers` are whole decimals of 128 bits, without nulls; the highest of the 96 bits is the first.
    """
    words = np.frombuffer(numbers.buffers()[1], "<u8").reshape(-1, 2)[numbers.offset : numbers.offset + len(numbers)]
    sent = np.empty((len(numbers), 2), ">u8")
    sent[:, 0] = words[:, 1] | np.uint64(BITS << 32)
    sent[:, 1] = words[:, 0]
    return pa.Array.from_buffers(pa.binary(16), len(numbers), [None, pa.py_buffer(sent.tobytes())])
