"""The counts of the rows that go to an empty table, made beside the server while the rows are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from footfall.engines.spill import spilling_session
from footfall.statements import statements

SQL = statements(__name__)

BATCH_ROWS = 200_000  # rows of one Arrow batch on its way to COPY: about 5 MB
TABLES = ("interactions", "interactions_per_quarter_hour", "interactions_per_user", "interactions_per_product")
WITHOUT_ZONE = pa.timestamp("us")  # DuckDB cuts instants into quarter hours without its ICU extension
WITH_ZONE = pa.timestamp("us", tz="UTC")


@contextmanager
def counting(memory_mb: int) -> Iterator[Counts]:
    """Open a counter that holds at most `memory_mb` in memory."""
    with spilling_session(memory_mb, SQL["create_counts"]) as session:
        yield Counts(session)


class Counts:
    """The counts of the rows sent so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def add(self, rows: pa.Table) -> None:
        """Take note of rows that are on their way to the table."""
        rows = rows.select(["user_id", "product_id", "action", "timestamp"])
        self.session.register("rows", rows.set_column(3, "timestamp", rows["timestamp"].cast(WITHOUT_ZONE)))
        for statement in ("add_pairs", "add_quarter_hours"):
            self.session.execute(SQL[statement]).fetchall()
        self.session.unregister("rows")

    @contextmanager
    def grouping(self) -> Iterator[None]:
        """Count the pairs while the block runs: meanwhile the server has work of its own. Once, before `tables`."""
        with ThreadPoolExecutor(1, thread_name_prefix="footfall-counts") as beside:
            counted = beside.submit(self._count_pairs)
            try:
                yield
                counted.result()
            except BaseException:
                self.session.interrupt()
                raise

    def _count_pairs(self) -> None:
        self.session.execute(SQL["count_pairs"]).fetchall()

    def tables(self) -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
        """Give each table of counts by name, its rows in the order of its key. Grain: that of the table."""
        for table in TABLES:
            yield table, map(_with_zone, self.session.sql(SQL[table]).to_arrow_reader(BATCH_ROWS))


def _with_zone(batch: pa.RecordBatch) -> pa.RecordBatch:
    if batch.schema.names[0] != "quarter_hour":
        return batch
    return batch.set_column(0, "quarter_hour", batch.column(0).cast(WITH_ZONE))
