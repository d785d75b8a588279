"""Counts by user and product of one load, computed beside the server while its rows are copied.

Used where the table was seen empty under the writer lock: the load's counts are then all the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from footfall.engines.spill import spilling_session

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


PAIRS_TABLE = "create table pairs (user_id bigint, product_id bigint)"


@contextmanager
def counting(memory_mb: int) -> Iterator[Pairs]:
    """Open a counter that holds at most `memory_mb` in memory."""
    with spilling_session(memory_mb, PAIRS_TABLE) as session:
        yield Pairs(session)


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
