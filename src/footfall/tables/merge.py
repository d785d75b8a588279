"""Merge staged rows into the tables: add and count the new ones, and sort the others into duplicates and conflicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from psycopg import sql

from footfall.errors import FootfallError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts, direct
from footfall.tables.staging import Staging, create_table, prepare_server

SQL = read_statements(__name__)

ANALYZE_ROWS = 10_000  # staged rows; from this many on, the planner needs statistics of the staging table
ANALYZE_TABLES_ROWS = (
    100_000  # loaded rows; after a smaller load, it is soon enough that autovacuum analyzes within a minute
)
BITS = 8  # line numbers in one byte of a bitmap


@dataclass(frozen=True, slots=True)
class Merged:
    """What the merge did with the accepted rows of one file.

    `rows_repeated`: how many of the duplicates and conflicts have the id of an earlier row of the same file.
    """

    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_conflict: int = 0
    rows_repeated: int = 0


def merge(connection: Connection, staging: Staging) -> dict[int, Merged]:
    """Merge the staged rows into the tables; give what became of them, by load_id.

    The result is the same as if the rows were taken one after the other, in loading order.
    Effects: under the writer lock, inserts into user_interactions_raw, adds the delta to each table of counts and
    records overlaps. Rows that went straight to the table are counted, and not inserted again; those of the empty path
    were counted before.
    Raises: FootfallError where loaded, duplicate and conflicting rows do not add up to the rows sent.
    """
    prepare_server(connection)
    added = _add_first(connection, staging)
    are_all_new = added.total() == staging.rows_sent
    added_out_of_order = _insert(connection, staging, "out_of_order")
    same, conflicting, own = _match(connection, staging, are_all_new, added_out_of_order)
    merged = {
        load_id: Merged(
            added[load_id] + added_out_of_order[load_id],
            same[load_id] - added_out_of_order[load_id],
            conflicting[load_id],
            own[load_id] - added_out_of_order[load_id],
        )
        for load_id in staging.load_ids
    }
    for load_id, result in merged.items():
        sent = staging.first_by_load[load_id] + staging.out_of_order_by_load[load_id]
        if result.rows_loaded + result.rows_duplicate + result.rows_conflict != sent or result.rows_duplicate < 0:
            raise FootfallError(
                f"{sent} rows were sent, but {result.rows_loaded} loaded, {result.rows_duplicate} duplicate and "
                f"{result.rows_conflict} conflicting rows are in the tables; nothing was loaded. Does something else "
                "write these tables?"
            )
    return merged


def _add_first(connection: Connection, staging: Staging) -> Counter[int]:
    """Add the rows whose ids came for the first time, where the tables do not have these ids; count them by load."""
    if staging.is_direct:
        return staging.first_by_load
    above = direct.add_deltas(connection, staging)
    return above + _insert(connection, staging, "rows")


def _insert(connection: Connection, staging: Staging, part: str) -> Counter[int]:
    """Insert the staged rows whose ids are new; count them by load."""
    if part not in staging.created:
        return Counter()
    source: sql.Identifier = getattr(staging, part)
    if max(staging.rows_sent, staging.rows_sent_out_of_order) >= ANALYZE_ROWS:
        connection.execute(compose(SQL["analyze"], name=source))
    rows = connection.execute(compose_insert(source, part)).fetchall()
    return Counter({row.load_id: row.rows_added for row in rows})


def compose_insert(source: sql.Identifier, part: str) -> sql.Composed:
    """Compose the statement that inserts staged rows and adds their deltas.

    In `rows`, every id is there once. In `out_of_order`, an id may be there several times: its first row in the first
    load is inserted.
    """
    distinct, order = sql.SQL(""), sql.SQL("interaction_id")
    if part == "out_of_order":
        distinct = sql.SQL("distinct on (interaction_id)")
        order = sql.SQL("interaction_id, load_id, line_number")
    return compose(SQL["insert"], source=source, distinct=distinct, order=order, deltas=counts.compose_deltas())


def _match(
    connection: Connection, staging: Staging, are_all_new: bool, added_out_of_order: Counter[int]
) -> tuple[Counter[int], ...]:
    """Compare the staged rows that were not surely new with the rows that the tables hold under the same ids.

    Gives three counts of rows by load_id: rows that found the same content, rows that found other content, and rows
    that found a row of their own load. A row out of order that was just inserted (`added_out_of_order`) finds itself,
    so the caller subtracts it.
    Effects: records in load_overlaps which load found rows of which other load, or of itself, and in load_duplicates
    which rows of another load these were.
    """
    if are_all_new and not staging.rows_sent_out_of_order:
        return Counter(), Counter(), Counter()
    create_table(connection, staging, "matched", "create_matched")
    if not are_all_new:
        connection.execute(_compose_match(staging, "rows"))
    if staging.rows_sent_out_of_order:
        connection.execute(_compose_match(staging, "out_of_order"))
    rows = connection.execute(compose(SQL["matches"], matched=staging.matched)).fetchall()
    load_ids = list(staging.load_ids)
    came_in = {"load_ids": load_ids, "rows_added": [added_out_of_order[load_id] for load_id in load_ids]}
    connection.execute(compose(SQL["record_overlaps"], matched=staging.matched), came_in)
    connection.execute(compose(SQL["record_duplicates"], matched=staging.matched))
    return tuple(
        Counter({row.load_id: getattr(row, name) for row in rows})
        for name in ("rows_same", "rows_conflict", "rows_own")
    )


def _compose_match(staging: Staging, part: str) -> sql.Composed:
    """Compose the statement that compares staged rows with the rows of the same ids in the tables.

    Ids in `rows` are there once, so such a row that finds a row of its own load has found itself. It is left out.
    """
    condition = sql.SQL("where r.load_id <> s.load_id" if part == "rows" else "")
    return compose(SQL["match"], matched=staging.matched, source=getattr(staging, part), condition=condition)


def find_conflict_lines(connection: Connection, staging: Staging) -> dict[int, np.ndarray]:
    """Find the lines of the conflicting rows of each load.

    Shape: by load_id, a bitmap with one bit for each line number; 100 million lines take 12 MB.
    """
    found: dict[int, bytearray] = {}
    statement = compose(SQL["conflict_lines"], matched=staging.matched)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int4", "int8"])
        for load_id, line in copy.rows():
            lines = found.setdefault(load_id, bytearray())
            if line >= BITS * len(lines):
                lines.extend(bytes(line // BITS + 1 - len(lines)))
            lines[line // BITS] |= 1 << (line % BITS)
    return {load_id: np.frombuffer(bytes(lines), np.uint8) for load_id, lines in found.items()}


def are_bits_set(lines: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Say for each line number whether its bit is set.

    Example:
        >>> are_bits_set(np.array([0b100], np.uint8), np.array([1, 2, 99])).tolist()
        [False, True, False]
    """
    inside = numbers // BITS < len(lines)
    byte_index = np.where(inside, numbers // BITS, 0)
    found: np.ndarray = inside & ((lines[byte_index] >> (numbers % BITS).astype(np.uint8)) & 1).astype(bool)
    return found


def analyze_tables(connection: Connection, rows: int) -> None:
    """Analyze the tables after a large load that changed a tenth of their rows or more, as autovacuum would do later.

    Effects: nothing on tables that the role does not own, and on a table that another session vacuums or analyzes now.
    """
    if rows >= ANALYZE_TABLES_ROWS and fetch_one(connection, SQL["is_analyze_due"], rows=rows).is_due:
        connection.execute(compose(SQL["analyze_tables"], tables=counts.join_tables()))
