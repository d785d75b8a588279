"""The counts: recounted, compared, mended. A load's own delta is part of its merge."""

from __future__ import annotations

from footfall.database import Connection, one
from footfall.results import Drift
from footfall.sql import named_sql

# Tables that hold counts of user_interactions_raw.
COUNTED = ("interactions", "interactions_per_quarter_hour", "interactions_per_user", "interactions_per_product")
PROMISES = (*COUNTED, "ledger", "quarantine")


def lock_tables(connection: Connection) -> None:
    """Hold ACCESS SHARE on every table, so that the snapshot to come sees all of them in one state."""
    connection.execute(named_sql("aggregates.sql")["lock_tables"])


def totals(connection: Connection) -> tuple[int, int]:
    """Give the number of interactions and of counts."""
    row = one(connection, "aggregates.sql", "totals")
    return row.rows_raw, row.pairs


def find_drift(connection: Connection) -> tuple[tuple[Drift, ...], int]:
    """Recount everything that is kept; give what differs, at most 20 of each promise, and how many in all."""
    drift: list[Drift] = []
    total = 0
    for promise in PROMISES:
        rows = connection.execute(named_sql("aggregates.sql")[f"drift_{promise}"]).fetchall()
        drift += [Drift(promise, row.key, row.kept, row.recount) for row in rows]
        total += rows[0].drift_count if rows else 0
    return tuple(drift), total


def repair(connection: Connection) -> int:
    """Make every table of counts equal to its recount; give how many rows were wrong.

    Effects: under the writer lock; idempotent.
    """
    return sum(int(one(connection, "aggregates.sql", f"repair_{table}").rows_mended) for table in COUNTED)
