"""The checks of `verify`, in one snapshot: the schema, rows that are there twice, the counts, the sums of each load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

from psycopg import sql

from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.results import Drift, Verification
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.made import find_schema_drift

SQL = read_statements(__name__)

# Keys that must be there once: the name of the check, the table, the key, and the statement that puts the key in words.
ONCE: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (counts.RAW, counts.RAW, ("interaction_id",), counts.RAW),
    ("ledger", "loads", ("load_id",), "loads"),
    ("ledger", "loads", ("digest",), "digests"),
    ("quarantine", "rejected_interactions", ("load_id", "line_number", "item"), "rejected_interactions"),
    ("overlaps", "load_overlaps", ("load_id", "first_load_id"), "load_overlaps"),
    ("overlaps", "load_duplicates", ("load_id", "first_load_id", "part"), "load_duplicates"),
    ("operations", "operations", ("operation_id",), "operations"),
)
SUMS = (
    ("ledger", "drift_rows_loaded"),
    ("ledger", "drift_rows_read"),
    ("quarantine", "drift_rows_rejected"),
    ("quarantine", "drift_replays"),
    ("overlaps", "drift_overlaps"),
    ("overlaps", "drift_duplicates"),
    ("operations", "drift_operations"),
)


def verify(connection: Connection, *, repaired: bool) -> Verification:
    """Compare everything that is kept with the rows it was made from; list at most 20 differences of each comparison.

    Where a column is missing or has another type, only the schema is compared.
    """
    counts.read_heaps(connection)
    sums = counts.read_totals(connection) if is_readable(connection) else None
    drift: list[Drift] = []
    drift_count = 0
    for check, rows in _find(connection, sums):
        drift += [Drift(check, row.key, row.kept, row.recount, getattr(row, "cure", None)) for row in rows]
        drift_count += rows[0].drift_count if rows else 0
    rows_raw, pairs = (sums.rows_raw, sums.pairs) if sums else (0, 0)
    return Verification(rows_raw, pairs, tuple(drift), drift_count, repaired, sums is not None)


def is_readable(connection: Connection) -> bool:
    """Say whether every column that the migrations make is there, with its type."""
    return not any(row.is_unreadable for row in find_schema_drift(connection))


def _find(connection: Connection, sums: Any) -> Iterator[tuple[str, list[Any]]]:
    yield "schema", find_schema_drift(connection)
    if sums is None:
        return
    yield from counts.find_drift(connection, sums)
    for check, table, key, name in ONCE:
        if table == counts.RAW and sums.ids == sums.rows_raw:
            continue  # as many ids as rows prove that no id is there twice; grouping rows by id takes far longer
        yield check, connection.execute(_compose_doubled(table, key, name)).fetchall()
    for check, statement in SUMS:
        yield check, connection.execute(SQL[statement]).fetchall()


def _compose_doubled(table: str, key: tuple[str, ...], name: str) -> sql.Composed:
    """Compose the statement that finds the keys of a table that more than one row has."""
    is_known: LiteralString = SQL["is_loaded"] if name == "digests" else "true"
    return compose(
        counts.SQL["drift_doubled"],
        table=sql.Identifier(table),
        key=sql.SQL(", ").join(map(sql.Identifier, key)),
        words=sql.SQL(SQL[f"words_{name}"]),
        is_known=sql.SQL(is_known),
    )
