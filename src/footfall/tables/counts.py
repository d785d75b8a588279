"""The counts: recounted, compared, mended. A load's own delta is part of its merge."""

from __future__ import annotations

from psycopg import sql

from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.results import Drift
from footfall.statements import statements

SQL = statements(__name__)

# Tables that hold counts of user_interactions_raw, and the columns of their keys.
COUNTED = {
    "interactions": ("user_id", "product_id"),
    "interactions_per_quarter_hour": ("quarter_hour", "action"),
    "interactions_per_user": ("user_id",),
    "interactions_per_product": ("product_id",),
}
PROMISES = (*COUNTED, "ledger", "quarantine")


def lock_tables(connection: Connection) -> None:
    """Hold ACCESS SHARE on every table, so that the snapshot to come sees all of them in one state; do not wait."""
    connection.execute(SQL["lock_tables"])


def totals(connection: Connection) -> tuple[int, int]:
    """Give the number of interactions and of counts."""
    row = fetch_one(connection, SQL["totals"])
    return row.rows_raw, row.pairs


def find_drift(connection: Connection) -> tuple[tuple[Drift, ...], int]:
    """Recount everything that is kept; give what differs, at most 20 of each promise, and how many in all."""
    drift: list[Drift] = []
    total = 0
    for promise in PROMISES:
        statement = _of("drift_counts", promise) if promise in COUNTED else SQL[f"drift_{promise}"]
        rows = connection.execute(statement).fetchall()
        drift += [Drift(promise, row.key, row.kept, row.recount) for row in rows]
        total += rows[0].drift_count if rows else 0
    return tuple(drift), total


def repair(connection: Connection) -> int:
    """Make every table of counts equal to its recount; give how many rows were wrong.

    Effects: under the writer lock; idempotent.
    """
    mended = (connection.execute(_of("repair_counts", table)).fetchone() for table in COUNTED)
    return sum(int(row.rows_mended) for row in mended if row)


def _of(statement: str, table: str) -> sql.Composed:
    """Give a statement about one table of counts."""

    def key(*of: str) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(*of, column) for column in COUNTED[table])

    return compose(
        SQL[statement],
        table=sql.Identifier(table),
        recount=sql.SQL(SQL[f"recount_{table}"]),
        words=sql.SQL(SQL[f"words_{table}"]),
        key=key(),
        kept_key=key("k"),
        recounted_key=key("r"),
    )
