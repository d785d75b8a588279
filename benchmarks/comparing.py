"""Compare the tables of two databases row by row."""

from __future__ import annotations

from itertools import zip_longest

import psycopg

COLUMNS = "interaction_id, user_id, product_id, action, timestamp"
RAW, COUNTS = "user_interactions_raw", "interactions"
# what is read of each table, and in which order; binary, so that no setting of a session can show in it
ORDERED = {
    RAW: f"select {COLUMNS} from {RAW} order by 1",
    COUNTS: f"select user_id, product_id, interaction_count from {COUNTS} order by 1, 2",
}


def compare(ours: str, theirs: str, tables: tuple[str, ...] = (RAW, COUNTS)) -> dict[str, int]:
    """Read the tables of both databases side by side; end at the first row that differs, else give how many there are.

    Both are conninfos. Shape: table -> rows.
    """
    return {table: compare_read(ours, theirs, table, (ORDERED[table], ORDERED[table])) for table in tables}


def compare_read(ours: str, theirs: str, table: str, reads: tuple[str, str]) -> int:
    """Read both databases side by side, each in its own words; end at the first row that differs.

    Both are conninfos; `table` is what is named where a row differs. Gives how many rows there are.
    """
    with psycopg.connect(ours) as one, psycopg.connect(theirs) as other:
        for connection in (one, other):
            connection.execute("set work_mem = '256MB'")
        first_copy, second_copy = (f"copy ({read}) to stdout (format binary)" for read in reads)
        with one.cursor().copy(first_copy) as first, other.cursor().copy(second_copy) as second:
            count = -1  # the end of the stream is a piece of its own
            for left, right in zip_longest(first, second):
                if left != right:
                    raise SystemExit(f"{table}: row {count + 2:,} of {_name(one)} is another in {_name(other)}")
                count += 1
    return count


def _name(connection: psycopg.Connection) -> str:
    return connection.info.dbname
