"""Accepted rows -> staging by binary COPY -> merge; rejected rows -> quarantine. One transaction, one file or several.

Nothing here begins or ends a transaction: `transaction` does, where it can be seen.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from footfall.database import Connection, Server, Target, composed, one
from footfall.errors import FootfallError
from footfall.places import file_numbers, line_numbers
from footfall.sql import named_sql

EMPTY_PATH_BYTES = 4_000_000  # size of a file from which building the key after the rows pays
EMPTY_PATH_LOCK_WAIT = "200ms"  # past that somebody reads the tables, and the ordinary path does not disturb them
ANALYZE_ROWS = 10_000  # staged rows from which the planner needs figures
ANALYZE_TABLES_ROWS = 100_000  # loaded rows; of fewer, autovacuum's look a minute later is soon enough
ROW_SCHEMA = pa.schema(
    [
        ("interaction_id", pa.int64()),
        ("user_id", pa.int64()),
        ("product_id", pa.int64()),
        ("action", pa.string()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
    ]
)
BITS = 8


@dataclass(slots=True)
class Staging:
    """What the loads of one transaction have sent so far, and where.

    `load_ids` are those of its files, in loading order; rows come with places, which say whose they are.
    `is_direct`: the table was seen empty under the writer lock, so rows go to it at once and its key comes after them.
    Units: rows_* count rows sent, first_of and late_of those of each load; `highest_id` is the highest interaction_id
    so far.
    """

    load_ids: tuple[int, ...]
    rows: sql.Identifier
    late: sql.Identifier
    rejected: sql.Identifier
    matched: sql.Identifier
    is_temporary: bool
    is_direct: bool = False
    highest_id: int = 0
    rows_sent: int = 0
    rows_sent_late: int = 0
    first_of: Counter[int] = field(default_factory=Counter)
    late_of: Counter[int] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Merged:
    """What the merge did with the accepted rows of one file.

    `rows_repeated`: of the duplicates and conflicts, those that met a row of the same file.
    """

    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_conflict: int = 0
    rows_repeated: int = 0


def open_staging(target: Target, server: Server, load_ids: Sequence[int]) -> Staging:
    """Name the staging tables of a transaction: temporary ones, or tables of our schema where TEMP is not granted.

    Effects: none yet; each table is made when its first row comes, in the transaction, and is gone with it.
    """
    # Temporary tables have the same names in each load, so that the server's statistics know each statement once. They
    # are named in full, since a table of our schema would come first.
    place, token = ("pg_temp", "footfall") if server.has_temp else (target.schema, uuid.uuid4().hex)
    rows, late, rejected, matched = (
        sql.Identifier(place, f"staging_{token}_{part}") for part in ("rows", "late", "rejected", "matched")
    )
    return Staging(tuple(load_ids), rows, late, rejected, matched, is_temporary=server.has_temp)


def open_empty_table(connection: Connection, staging: Staging) -> bool:
    """Prepare the empty tables for rows without their keys, where that can be had; say whether it was.

    Effects: under the writer lock: locks raw, counts and roll-ups exclusively, truncates them, drops the keys of raw
    and counts and the other indexes of ours, all in the transaction. Where we do not own them, do not get the lock at
    once, or they are not plainly ours alone (a trigger, a rule, another index, a publication): nothing.
    """
    if not one(connection, "load.sql", "are_plain").are_plain:
        return False
    connection.execute(named_sql("load.sql")["savepoint"])
    try:
        lock_timeout = one(connection, "load.sql", "lock_timeout").lock_timeout
        one(connection, "load.sql", "set_lock_timeout", lock_timeout=EMPTY_PATH_LOCK_WAIT)
        connection.execute(named_sql("load.sql")["lock_empty"])
        # Both again: only now nobody can change either.
        if not (
            one(connection, "load.sql", "is_empty").is_empty and one(connection, "load.sql", "are_plain").are_plain
        ):
            connection.execute(named_sql("load.sql")["back_to_savepoint"])
            return False
        connection.execute(named_sql("load.sql")["open_empty"])
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DeadlockDetected,  # another load has looked at the tables, and waits for our lock
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.DependentObjectsStillExist,
        psycopg.errors.FeatureNotSupported,
    ):
        connection.execute(named_sql("load.sql")["back_to_savepoint"])
        return False
    connection.execute(named_sql("load.sql")["release_savepoint"])
    one(connection, "load.sql", "set_lock_timeout", lock_timeout=lock_timeout)
    staging.is_direct = True
    return True


def _create(connection: Connection, staging: Staging, part: str, statement: str) -> None:
    if part in staging.created:
        return
    words = {
        "name": getattr(staging, part),
        "kind": sql.SQL("temporary" if staging.is_temporary else "unlogged"),
        "on_commit": sql.SQL("on commit drop" if staging.is_temporary else ""),
    }
    connection.execute(composed("load.sql", statement, **words))
    staging.created.add(part)


def _copy(connection: Connection, statement: Any, table: pa.Table) -> None:
    """Send a table by one binary COPY. Raises: FootfallError where the server took another number of rows."""
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(encoder.write_header())
            for batch in table.to_batches():
                copy.write(encoder.write_batch(batch))
            copy.write(encoder.finish())
        if cursor.rowcount != table.num_rows:
            raise FootfallError(f"sent {table.num_rows} rows, the server took {cursor.rowcount}; nothing was loaded")


def _with_loads(staging: Staging, rows: pa.Table) -> pa.Table:
    """Turn the places of rows into their load and their line number."""
    places = rows["line_number"].to_numpy()
    load_ids = np.array(staging.load_ids, dtype=np.int32)[file_numbers(places)]
    lines = pa.array(line_numbers(places))
    at = rows.schema.get_field_index("line_number")
    return rows.set_column(at, "line_number", lines).append_column("load_id", pa.array(load_ids))


def stage_accepted(connection: Connection, staging: Staging, accepted: pa.Table) -> pa.Table:
    """Send accepted rows, in loading order, to staging or the empty table; give those that are first of their id."""
    if not accepted.num_rows:
        return accepted
    ids = accepted["interaction_id"].to_numpy()
    highest = np.maximum.accumulate(np.concatenate(([staging.highest_id], ids)))
    is_first = ids > highest[:-1]
    staging.highest_id = int(highest[-1])
    accepted = _with_loads(staging, accepted)
    if is_first.all():
        rows, late = accepted, accepted.slice(0, 0)
    else:
        rows, late = accepted.filter(pa.array(is_first)), accepted.filter(pa.array(~is_first))
    if rows.num_rows:
        if staging.is_direct:
            _copy(connection, named_sql("load.sql")["copy_raw"], rows.drop(["line_number"]))
        else:
            _create(connection, staging, "rows", "create_rows")
            _copy(connection, composed("load.sql", "copy_rows", name=staging.rows), rows)
        staging.rows_sent += rows.num_rows
        staging.first_of += _rows_of(staging, rows)
    if late.num_rows:
        _create(connection, staging, "late", "create_rows")
        _copy(connection, composed("load.sql", "copy_rows", name=staging.late), late)
        staging.rows_sent_late += late.num_rows
        staging.late_of += _rows_of(staging, late)
    return rows


def _rows_of(staging: Staging, rows: pa.Table) -> Counter[int]:
    """Count rows by load."""
    if len(staging.load_ids) == 1:
        return Counter({staging.load_ids[0]: rows.num_rows})
    load_ids, counts = np.unique(rows["load_id"].to_numpy(), return_counts=True)
    return Counter(dict(zip(load_ids.tolist(), counts.tolist(), strict=True)))


def stage_rejected(connection: Connection, staging: Staging, rejected: pa.Table) -> None:
    """Send rejected rows with their reasons to staging."""
    if not rejected.num_rows:
        return
    _create(connection, staging, "rejected", "create_rejected")
    _copy(connection, composed("load.sql", "copy_rejected", name=staging.rejected), _with_loads(staging, rejected))


def build_raw_indexes(connection: Connection) -> None:
    """Build the key and the index of the rows that went to the empty table."""
    one(connection, "load.sql", "settings")
    connection.execute(named_sql("load.sql")["build_raw_key"])
    connection.execute(named_sql("load.sql")["build_raw_index"])


def copy_counts(connection: Connection, counts: Iterator[tuple[str, Iterator[pa.RecordBatch]]]) -> None:
    """Send the counts of the rows that went to the empty table, table by table, then build their key and indexes."""
    for table, batches in counts:
        for batch in batches:
            _copy(connection, named_sql("load.sql")[f"copy_{table}"], pa.Table.from_batches([batch]))
    connection.execute(named_sql("load.sql")["build_interactions_key"])
    connection.execute(named_sql("load.sql")["build_count_indexes"])


def merge(connection: Connection, staging: Staging) -> dict[int, Merged]:
    """Bring the staged rows into the tables, by load_id; the verdicts are those of taking them one by one.

    Effects: under the writer lock: inserts into user_interactions_raw and adds the delta to each table of counts; says
    what was there already. Rows of the direct path are there and counted by now.
    Raises: FootfallError where a row sent is not accounted for by the tables.
    """
    one(connection, "load.sql", "settings")
    added = staging.first_of if staging.is_direct else _insert(connection, staging, "rows", "merge_rows")
    are_all_new = added.total() == staging.rows_sent
    added_late = _insert(connection, staging, "late", "merge_late")
    same, conflicting, own = _match(connection, staging, are_all_new)
    merged = {
        load_id: Merged(
            added[load_id] + added_late[load_id],
            same[load_id] - added_late[load_id],
            conflicting[load_id],
            own[load_id] - added_late[load_id],
        )
        for load_id in staging.load_ids
    }
    for load_id, of in merged.items():
        sent = staging.first_of[load_id] + staging.late_of[load_id]
        if of.rows_loaded + of.rows_duplicate + of.rows_conflict != sent or of.rows_duplicate < 0:
            raise FootfallError(
                f"{sent} rows were sent, but {of.rows_loaded} loaded, {of.rows_duplicate} duplicate and "
                f"{of.rows_conflict} conflicting rows are in the tables; nothing was loaded. Does something else write "
                "these tables?"
            )
    return merged


def _insert(connection: Connection, staging: Staging, part: str, statement: str) -> Counter[int]:
    """Insert the staged rows whose ids are new; count them by load."""
    if part not in staging.created:
        return Counter()
    name: sql.Identifier = getattr(staging, part)
    if max(staging.rows_sent, staging.rows_sent_late) >= ANALYZE_ROWS:
        connection.execute(composed("load.sql", "analyze", name=name))
    words = {part: name, "deltas": sql.SQL(named_sql("load.sql")["deltas"])}
    rows = connection.execute(composed("load.sql", statement, **words)).fetchall()
    return Counter({row.load_id: row.rows_added for row in rows})


def _match(connection: Connection, staging: Staging, are_all_new: bool) -> tuple[Counter[int], ...]:
    """Say of every staged row that may have come before what the tables hold under its id.

    Gives the numbers of rows by load: that met the same, that met another content, and that met a row of their load. A
    late row that was inserted meets itself.
    """
    if are_all_new and not staging.rows_sent_late:
        return Counter(), Counter(), Counter()
    _create(connection, staging, "matched", "create_matched")
    if not are_all_new:
        connection.execute(composed("load.sql", "match_rows", matched=staging.matched, rows=staging.rows))
    if staging.rows_sent_late:
        connection.execute(composed("load.sql", "match_late", matched=staging.matched, late=staging.late))
    rows = connection.execute(composed("load.sql", "matches", matched=staging.matched)).fetchall()
    connection.execute(composed("load.sql", "record_overlaps", matched=staging.matched))
    return tuple(
        Counter({row.load_id: getattr(row, name) for row in rows})
        for name in ("rows_same", "rows_conflict", "rows_own")
    )


def conflict_lines(connection: Connection, staging: Staging) -> dict[int, np.ndarray]:
    """Give the lines of the conflicting rows of each load as a bitmap: one bit a line, 100 million lines take 12 MB."""
    found: dict[int, bytearray] = {}
    statement = composed("load.sql", "conflict_lines", matched=staging.matched)
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


def quarantine(connection: Connection, staging: Staging) -> int:
    """Move the staged rejected rows into the quarantine; give their number. Effects: under the writer lock."""
    if "rejected" not in staging.created:
        return 0
    return connection.execute(composed("load.sql", "quarantine", rejected=staging.rejected)).rowcount


def analyze_tables(connection: Connection, rows: int) -> None:
    """Give the planner figures of tables that a large load has changed by a tenth or more, as autovacuum would later.

    Effects: none where the role does not own them; a table that somebody vacuums or analyzes right now is left out.
    """
    if rows >= ANALYZE_TABLES_ROWS and one(connection, "load.sql", "is_analyze_due", rows=rows).is_due:
        connection.execute(named_sql("load.sql")["analyze_tables"])


def drop_staging(connection: Connection, staging: Staging) -> None:
    """Drop staging tables that the end of the transaction would keep."""
    if not staging.is_temporary:
        for part in sorted(staging.created):
            connection.execute(composed("load.sql", "drop", name=getattr(staging, part)))
