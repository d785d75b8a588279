"""Two databases laid beside each other: every row of every table, without what no two histories have in common."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any

import psycopg
from psycopg import sql

from footfall.tables.schema import list_tables

OWN = {"seen_at", "started_at", "finished_at", "undone_at", "applied_at", "forgotten_at"}  # clocks of each history
KEYED = {"user_hash", "key"}  # under a key that each database draws for itself
NUMBERED = {"load_id", "first_load_id", "replayed_by", "replay_of"}
DIFFERENCES_MAX = 3  # of a table: what differs is told by the first rows
PAGE_ROWS = 10_000
COLUMNS = """
    select attname::text from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum"""
LOAD_IDS = "select load_id from loads where status <> 'failed' order by finished_at, load_id"
# What is kept of a load's duplicates is a bag of ids, cut into pieces.
DUPLICATES = """
    (select load_id, first_load_id, unnest(interaction_ids) as interaction_id from load_duplicates) as ids"""
LEFT = "select relname::text from pg_class where relname ~ '^staging' order by 1"
Row = tuple[Any, ...]


def find_differences(
    one: str, other: str, *, with_files: bool = True
) -> dict[str, list[tuple[Row | None, Row | None]]]:
    """Compare two databases row by row; give the first rows that differ, by their table.

    A load is its place among those that were committed. `with_files`: what files looked like is compared, too.
    """
    differing = {}
    for table in list_tables():
        if table == "source_files" and not with_files:
            continue
        pairs = zip_longest(read_rows(one, table), read_rows(other, table))
        found = list(islice(((a, b) for a, b in pairs if a != b), DIFFERENCES_MAX))
        if found:
            differing[table] = found
    return differing


def read_rows(conninfo: str, table: str) -> Iterator[Row]:
    """Read the rows of a table in the order of all that is compared."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set timezone to 'UTC'")
        place = {load_id: number for number, (load_id,) in enumerate(connection.execute(LOAD_IDS).fetchall())}
        names = [name for (name,) in connection.execute(COLUMNS, [table]).fetchall()]
        if table == "load_duplicates":
            names = ["load_id", "first_load_id", "interaction_id"]
        kept = [name for name in names if name not in OWN | KEYED and (table, name) != ("operations", "details")]
        query = sql.SQL("select {} from {} {} order by {}").format(
            sql.SQL(", ").join(map(sql.Identifier, kept)) if kept else sql.SQL("1"),
            sql.SQL(DUPLICATES) if table == "load_duplicates" else sql.Identifier(table),
            sql.SQL("where status <> 'failed'" if table == "loads" else ""),
            sql.SQL(", ").join(sql.SQL(str(at + 1)) for at in range(max(len(kept), 1))),
        )
        with connection.cursor("rows") as cursor:
            cursor.itersize = PAGE_ROWS
            cursor.execute(query)
            for row in cursor:
                yield tuple(
                    place.get(value, value) if name in NUMBERED else value
                    for name, value in zip(kept, row, strict=False)
                )


def list_left_behind(conninfo: str) -> list[str]:
    """List the tables of staging that are still there."""
    with psycopg.connect(conninfo) as connection:
        return [name for (name,) in connection.execute(LEFT).fetchall()]
