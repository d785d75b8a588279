"""Counts by user and product of one load, computed beside the server while its rows are copied.

Used where the table was seen empty under the writer lock: the load's counts are then all the counts.
Memory: bounded; what does not fit is spilled to a folder of mode 0700 that is gone with the load.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

BATCH_ROWS = 200_000  # rows of one Arrow batch on its way to COPY: about 5 MB

COUNTS_SQL = """
select
    user_id,
    product_id,
    count(*) as interaction_count
from pairs
group by user_id, product_id
order by user_id, product_id
"""


@contextmanager
def counting(memory_mb: int) -> Iterator[Pairs]:
    """Open a counter that holds at most `memory_mb` in memory."""
    with tempfile.TemporaryDirectory(prefix="footfall-spill-") as folder:
        session = duckdb.connect(":memory:")
        settings = {"memory_limit": f"{memory_mb}MB", "temp_directory": folder, "preserve_insertion_order": False}
        for name, value in settings.items():
            session.execute(f"set {name} = $1", [value])
        session.execute("create table pairs (user_id bigint, product_id bigint)")
        try:
            yield Pairs(session)
        finally:
            session.close()


class Pairs:
    """The pairs of the rows sent so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def add(self, rows: pa.Table) -> None:
        """Take note of rows that are on their way to the table."""
        self.session.register("rows", rows.select(["user_id", "product_id"]))
        self.session.execute("insert into pairs from rows").fetchall()
        self.session.unregister("rows")

    def counts(self) -> Iterator[pa.RecordBatch]:
        """Give (user_id, product_id, interaction_count) in the order of the key. Grain: one row per pair."""
        yield from self.session.sql(COUNTS_SQL).to_arrow_reader(BATCH_ROWS)
