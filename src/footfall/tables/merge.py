"""Staged rows into the tables: new ones are added and counted, the others are told from duplicates to conflicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from psycopg import sql

from footfall.errors import FootfallError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables import counts
from footfall.tables.staging import Staging, create_table, prepare_server

SQL = statements(__name__)

ANALYZE_ROWS = 10_000  # staged rows from which the planner needs figures
ANALYZE_TABLES_ROWS = 100_000  # loaded rows; of fewer, autovacuum's look a minute later is soon enough
BITS = 8


@dataclass(frozen=True, slots=True)
class Merged:
    """What the merge did with the accepted rows of one file.

    `rows_repeated`: of the duplicates and conflicts, those that met a row of the same file.
    """

    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_conflict: int = 0
    rows_repeated: int = 0


def merge(connection: Connection, staging: Staging) -> dict[int, Merged]:
    """Bring the staged rows into the tables, by load_id; the verdicts are those of taking them one by one.

    Effects: under the writer lock: inserts into user_interactions_raw and adds the delta to each table of counts; says
    what was there already. Rows of the direct path are there and counted by now.
    Raises: FootfallError where a row sent is not accounted for by the tables.
    """
    prepare_server(connection)
    added = staging.first_of if staging.is_direct else _insert(connection, staging, "rows")
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
    for load_id, of in merged.items():
        sent = staging.first_of[load_id] + staging.out_of_order_of[load_id]
        if of.rows_loaded + of.rows_duplicate + of.rows_conflict != sent or of.rows_duplicate < 0:
            raise FootfallError(
                f"{sent} rows were sent, but {of.rows_loaded} loaded, {of.rows_duplicate} duplicate and "
                f"{of.rows_conflict} conflicting rows are in the tables; nothing was loaded. Does something else write "
                "these tables?"
            )
    return merged


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

    Rising ids come once each. An id out of order may come several times: then its first row of the first load counts.
    """
    distinct, order = sql.SQL(""), sql.SQL("interaction_id")
    if part == "out_of_order":
        distinct = sql.SQL("distinct on (interaction_id)")
        order = sql.SQL("interaction_id, load_id, line_number")
    return compose(SQL["insert"], source=source, distinct=distinct, order=order, deltas=counts.compose_deltas())


def _match(
    connection: Connection, staging: Staging, are_all_new: bool, added_out_of_order: Counter[int]
) -> tuple[Counter[int], ...]:
    """Say of every staged row that may have come before what the tables hold under its id.

    Gives the numbers of rows by load: that met the same, that met another content, and that met a row of their load. A
    row out of order that was inserted (`added_out_of_order`) meets itself.
    Effects: records which loads met rows of which, themselves included.
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
    return tuple(
        Counter({row.load_id: getattr(row, name) for row in rows})
        for name in ("rows_same", "rows_conflict", "rows_own")
    )


def _compose_match(staging: Staging, part: str) -> sql.Composed:
    """Compose the statement that compares staged rows with those of their ids in the tables.

    A row of rising ids that meets a row of its own load is that row itself, and is left out.
    """
    condition = sql.SQL("where r.load_id <> s.load_id" if part == "rows" else "")
    return compose(SQL["match"], matched=staging.matched, source=getattr(staging, part), condition=condition)


def conflict_lines(connection: Connection, staging: Staging) -> dict[int, np.ndarray]:
    """Give the lines of the conflicting rows of each load as a bitmap: one bit a line, 100 million lines take 12 MB."""
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


def are_in(lines: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Say for each line number whether its bit is set.

    Example:
        >>> are_in(np.array([0b100], np.uint8), np.array([1, 2, 99])).tolist()
        [False, True, False]
    """
    inside = numbers // BITS < len(lines)
    at = np.where(inside, numbers // BITS, 0)
    found: np.ndarray = inside & ((lines[at] >> (numbers % BITS).astype(np.uint8)) & 1).astype(bool)
    return found


def analyze_tables(connection: Connection, rows: int) -> None:
    """Give the planner figures of tables that a large load has changed by a tenth or more, as autovacuum would later.

    Effects: none where the role does not own them; a table that somebody vacuums or analyzes right now is left out.
    """
    if rows >= ANALYZE_TABLES_ROWS and fetch_one(connection, SQL["is_analyze_due"], rows=rows).is_due:
        connection.execute(compose(SQL["analyze_tables"], tables=counts.join_tables()))
