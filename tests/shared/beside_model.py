"""The tables of a database in the words of the plain model, to be laid beside it; and commands that lose the server."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg

from model import FORGOTTEN, History, Problems, count_all

KEPT = {
    "interactions": "select user_id, product_id, interaction_count from interactions order by 1, 2",
    "interactions_per_user": """
        select user_id, interaction_count, first_at, last_at from interactions_per_user order by 1""",
    "interactions_per_product": "select product_id, interaction_count from interactions_per_product order by 1",
    "interactions_per_quarter_hour": """
        select quarter_hour, action, interaction_count from interactions_per_quarter_hour order by 1, 2""",
    "user_days": "select day, user_id, quarters::text, interaction_count from user_days order by 1, 2",
}
IS_KEPT = "select is_on from footfall_options where name = 'user-days'"
LOADS = """
    select
        load_id, case when replay_of is null then digest else '' end, status,
        rows_read, rows_loaded, rows_duplicate, rows_rejected, rows_skipped, rows_forgotten
    from loads where status <> 'failed' order by finished_at, load_id"""
RAW = "select interaction_id, user_id, product_id, action, timestamp, load_id from user_interactions_raw"
REJECTED = "select load_id, line_number, raw_line, problems, replayed_by from rejected_interactions"
OVERLAPS = "select load_id, first_load_id, rows_duplicate, rows_conflict from load_overlaps"
DUPLICATES = """
    select load_id, first_load_id, i.interaction_id
    from load_duplicates cross join lateral unnest(interaction_ids) as i (interaction_id)"""
# A run has its load_id when it is planned, and may be taken after loads of higher ones.
LOAD_IDS = "select load_id from loads where status <> 'failed' order by finished_at, load_id"


def read_tables(conninfo: str, *, has_made_ids: bool = False) -> dict[str, Any]:
    """Read what the tables hold; a load is its place among those that were committed."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set timezone to 'UTC'")

        def ask(query: str) -> list[Any]:
            return connection.execute(query.encode()).fetchall()

        loads = ask(LOADS)
        place = {load[0]: number for number, load in enumerate(loads)}
        found: dict[str, Any] = {
            "ledger": [(status, digest) for _, digest, status, *_ in loads],
            "sums": {place[load_id]: tuple(sums) for load_id, _, status, *sums in loads if status == "loaded"},
            "raw": sorted((None if has_made_ids else key, *row, place[load]) for key, *row, load in ask(RAW)),
            "quarantine": {
                (place[load], line): (raw, read_problems(problems), place.get(closed_by))
                for load, line, raw, problems, closed_by in ask(REJECTED)
            },
            "overlaps": {(place[load], place[first]): tuple(rows) for load, first, *rows in ask(OVERLAPS)},
        }
        found["duplicates"] = defaultdict(Counter)
        for load, first, key in ask(DUPLICATES):
            found["duplicates"][place[load], place[first]][None if has_made_ids else key] += 1
        for table, query in KEPT.items():
            found[table] = ask(query)
        if connection.execute(IS_KEPT).fetchone() != (True,):
            found["user_days"] = None
        return found


def read_problems(problems: list[dict[str, Any]]) -> Problems:
    return frozenset((each["code"], each["field"]) for each in problems)


def list_load_ids(conninfo: str) -> list[int]:
    """List the loads that were committed: the number of a load in the model is its place here."""
    with psycopg.connect(conninfo) as connection:
        return [load_id for (load_id,) in connection.execute(LOAD_IDS).fetchall()]


def describe(history: History, *, has_made_ids: bool = False, has_user_days: bool = True) -> dict[str, Any]:
    """Say the same of the model."""
    tables = history.tables()
    met: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for pair, keys in tables.duplicates.items():
        met[pair][0] += keys.total()
    for pair, number in tables.conflicts.items():
        met[pair][1] += number
    counts = count_all(tables.list_contents())
    if not has_user_days:
        counts["user_days"] = None  # type: ignore[assignment]
    return {
        "ledger": [
            ("undone" if each.is_undone else "loaded", each.digest if each.mends is None else "")
            for each in history.deliveries()
        ],
        "sums": {
            number: (sums.read, sums.loaded, sums.duplicate, sums.rejected, 0, sums.forgotten)
            for number, sums in tables.ledger.items()
        },
        "raw": sorted(
            (None if has_made_ids else key, *content, number) for key, (content, number) in tables.raw.items()
        ),
        "quarantine": {
            place: ("" if each.problems >= FORGOTTEN else each.row.raw, each.problems, each.closed_by)
            for place, each in tables.quarantine.items()
        },
        "overlaps": {pair: tuple(rows) for pair, rows in met.items()},
        "duplicates": {
            (load, first): Counter({None: keys.total()}) if has_made_ids else keys
            for (load, first), keys in tables.duplicates.items()
            if load != first
        },
        **counts,
    }


def leave_out_order(tables: dict[str, Any]) -> dict[str, Any]:
    """Leave what depends on the order of the loads out: what is left is the same for any crowd, without conflicts."""
    raw = sorted(row[:-1] for row in tables["raw"])
    return {"raw": raw, "ledger": Counter(tables["ledger"])} | {name: tables[name] for name in KEPT}


@contextmanager
def losing_the_server(at: int | None, *, is_answer: bool) -> Iterator[list[str]]:
    """Lose the connection at one statement of this process, once: before it is sent, or when its answer is under way.

    Gives a list that then holds the statement.
    """
    lost: list[str] = []
    count = 0

    def losing(name: str, real: Any) -> Any:
        def call(self: Any, *values: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count != at:
                return real(self, *values, **named)
            lost.append(f"{name} {values[:1]}")
            connection = self if isinstance(self, psycopg.Connection) else self.connection
            if is_answer and name != "copy":
                real(self, *values, **named)
            connection.pgconn.finish()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        return call

    with (
        patch.object(psycopg.Cursor, "execute", losing("execute", psycopg.Cursor.execute)),
        patch.object(psycopg.Cursor, "copy", losing("copy", psycopg.Cursor.copy)),
        patch.object(psycopg.Connection, "commit", losing("commit", psycopg.Connection.commit)),
    ):
        yield lost
