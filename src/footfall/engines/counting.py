"""Count rows that are sent to an empty table here, while the server receives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import LiteralString, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from footfall.engines.spill import open_spilling_session, read_batches
from footfall.statements import read_statements

SQL = read_statements(__name__)

BATCH_ROWS = 200_000  # rows of one batch of counts for COPY: about 5 MB
WITHOUT_ZONE = pa.timestamp("us")  # DuckDB cuts instants into quarter hours without its ICU extension
WITH_ZONE = pa.timestamp("us", tz="UTC")
BITS = 96
NUMBER_OF_BITS = pa.decimal128(38, 0)  # the type of Arrow for a hugeint of DuckDB


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
def open_counts(memory_mb: int, kept: Sequence[KeptCount]) -> Iterator[Counts]:
    """Open a counter of these kept counts that holds at most `memory_mb` in memory."""
    with open_spilling_session(memory_mb, compose_creation(kept)) as session:
        yield Counts(session, kept)


def compose_creation(kept: Sequence[KeptCount]) -> str:
    """Give the statements that create the tables in which rows are noted."""
    creates = (
        each.fill(SQL["create_rows" if each.is_large else "create_groups"]) for each in _list_counted_from_rows(kept)
    )
    return ";\n".join(creates)


def _list_counted_from_rows(kept: Sequence[KeptCount]) -> list[KeptCount]:
    """Give the counts that are counted from rows; the others are sums of these."""
    return [each for each in kept if each.sums is None]


class Counts:
    """The counts of the rows sent so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection, kept: Sequence[KeptCount]) -> None:
        self.session = session
        self.kept = kept
        self.adds = [
            each.fill(SQL["add_rows" if each.is_large else "add_groups"]) for each in _list_counted_from_rows(kept)
        ]

    def add(self, rows: pa.Table) -> None:
        """Note rows that are being sent to the table."""
        rows = rows.select(["user_id", "product_id", "action", "timestamp"])
        self.session.register("rows", rows.set_column(3, "timestamp", rows["timestamp"].cast(WITHOUT_ZONE)))
        for statement in self.adds:
            self.session.execute(statement).fetchall()
        self.session.unregister("rows")

    @contextmanager
    def count_large(self) -> Iterator[None]:
        """Count the large counts in a thread while the block runs. Call this once, before `read_tables`."""
        with ThreadPoolExecutor(1, thread_name_prefix="footfall-counts") as beside:
            counted = beside.submit(self._count_rows)
            try:
                yield
                counted.result()
            except BaseException:
                self.session.interrupt()
                raise

    def _count_rows(self) -> None:
        for each in _list_counted_from_rows(self.kept):
            if each.is_large:
                self.session.execute(each.fill(SQL["count_rows"])).fetchall()

    def count(self) -> None:
        """Count the large counts. Call this once, before `take_known_keys`."""
        self._count_rows()

    @contextmanager
    def take_known_keys(self, each: KeptCount, keys: Iterator[pa.Table]) -> Iterator[None]:
        """Take all keys that the table has of a kept count, so that the block can read which of its keys are known."""
        self.session.execute(each.fill(SQL["create_kept"])).fetchall()
        for table in keys:
            self.session.register("keys", table)
            self.session.execute(each.fill(SQL["add_kept"])).fetchall()
            self.session.unregister("keys")
        delta = "delta_of_counts" if _is_counted(each) else "delta_of_sums"
        self.session.execute(each.fill(SQL[delta])).fetchall()
        yield
        self.session.execute(each.fill(SQL["forget_kept"])).fetchall()

    def read_known(self, each: KeptCount) -> Iterator[pa.RecordBatch]:
        """Give what the rows add to keys that are there, in the order of the key. Grain: that of the table."""
        return self._read(each, "known")

    def read_new(self, each: KeptCount) -> Iterator[pa.RecordBatch]:
        """Give the counts of keys that are not there, in the order of the key. Grain: that of the table."""
        return self._read(each, "new")

    def _read(self, each: KeptCount, statement: str) -> Iterator[pa.RecordBatch]:
        return map(_convert_to_server_types, read_batches(self.session, each.fill(SQL[statement]), BATCH_ROWS))

    def read_tables(self) -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
        """Give the name of each table of counts with its rows in the order of the key. Grain: that of the table."""
        for each in self.kept:
            yield each.table, self._read(each, "counts" if _is_counted(each) else "sums")


def _is_counted(each: KeptCount) -> bool:
    """Say whether a count was counted when all rows were there, in a table of its own."""
    return each.is_large and each.sums is None


def _convert_to_server_types(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert columns to the server's types: timestamps without a zone to instants, and numbers of 96 bits to bits."""
    for at, column in enumerate(batch.schema):
        if column.type == WITHOUT_ZONE:
            batch = batch.set_column(at, column.name, batch.column(at).cast(WITH_ZONE))
        elif column.type == NUMBER_OF_BITS:
            batch = batch.set_column(at, column.name, write_bits(batch.column(at)))
    return batch


def write_bits(numbers: pa.Array) -> pa.Array:
    """Write numbers of 96 bits as COPY sends bit(96): the number of bits in 4 bytes, then the bits.

    Shape: `numbers` are whole decimals of 128 bits, without nulls; the highest of the 96 bits is the first.
    """
    words = np.frombuffer(numbers.buffers()[1], "<u8").reshape(-1, 2)[numbers.offset : numbers.offset + len(numbers)]
    sent = np.empty((len(numbers), 2), ">u8")
    sent[:, 0] = words[:, 1] | np.uint64(BITS << 32)
    sent[:, 1] = words[:, 0]
    return pa.Array.from_buffers(pa.binary(16), len(numbers), [None, pa.py_buffer(sent.tobytes())])
