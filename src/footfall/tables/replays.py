"""Rejected rows that are judged again: the loads that have some, their rows page by page, and what closes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements

SQL = read_statements(__name__)

PAGE_ROWS = 1_000  # rows of the quarantine that are read at a time: at most 130 MB
CLOSED_ROWS = 100_000  # rows that are closed by one statement


def find_loads(connection: Connection, load_ids: Sequence[int] | None) -> list[Any]:
    """Find loads: the columns that are needed to read their records again, and the numbers of open and closed rows.

    Without `load_ids`, all loads that stand and have open rows. Shape: rows in the order of load_id.
    """
    values = {"load_ids": None if load_ids is None else list(load_ids)}
    return connection.execute(SQL["loads"], values).fetchall()


def read_rows(connection: Connection, load_id: int, *, with_closed: bool) -> Iterator[list[Any]]:
    """Read the rejected rows of a load in the order of line and item, page by page, in the caller's transaction."""
    line_number, item = 0, 0
    while True:
        values = {
            "load_id": load_id,
            "line_number": line_number,
            "item": item,
            "with_closed": with_closed,
            "limit": PAGE_ROWS,
        }
        rows = connection.execute(SQL["rows"], values).fetchall()
        if rows:
            yield rows
            line_number, item = rows[-1].line_number, rows[-1].item
        if len(rows) < PAGE_ROWS:
            return


def stands(connection: Connection, load_id: int) -> bool:
    """Say, under the writer lock, whether a load still stands."""
    return bool(fetch_one(connection, SQL["stands"], load_id=load_id).stands)


def close_rows(connection: Connection, load_id: int, lines: np.ndarray, items: np.ndarray, closed_by: int) -> int:
    """Close open rejected rows of a load; give how many were open. Effects: under the writer lock."""
    closed = 0
    for at in range(0, len(lines), CLOSED_ROWS):
        values = {
            "load_id": load_id,
            "line_numbers": lines[at : at + CLOSED_ROWS].tolist(),
            "items": items[at : at + CLOSED_ROWS].tolist(),
            "closed_by": closed_by,
        }
        closed += connection.execute(SQL["close"], values).rowcount
    return closed


def stand_for(
    connection: Connection, load_id: int, replay_of: int, pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """Close the rejected rows of a mended file whose row in the mended load is open, and there stands for both.

    Shape: `pairs` are (line, item) in the file, and in the load that it mends. Effects: under the writer lock.
    """
    values = {
        "load_id": load_id,
        "replay_of": replay_of,
        "line_numbers": [own[0] for own, _ in pairs],
        "items": [own[1] for own, _ in pairs],
        "of_line_numbers": [of[0] for _, of in pairs],
        "of_items": [of[1] for _, of in pairs],
    }
    connection.execute(SQL["stand_for"], values)


def list_places(connection: Connection, load_id: int) -> set[tuple[int, int]]:
    """List line and item of each rejected row of a load."""
    rows = connection.execute(SQL["places"], {"load_id": load_id}).fetchall()
    return {(row.line_number, row.item) for row in rows}


def count_open(connection: Connection, load_id: int) -> int:
    """Count the open rejected rows of a load."""
    return int(fetch_one(connection, SQL["open_rows"], load_id=load_id).rows_open)


def forget_conflicts(connection: Connection, load_id: int) -> None:
    """Take the conflicts of a replay out of its overlaps: such rows stay open in the load that was replayed."""
    connection.execute(SQL["forget_conflicts"], {"load_id": load_id})


def find_replays(connection: Connection, load_ids: Sequence[int]) -> list[int]:
    """Find the loads that stand and mend one of these, directly or through another load: they make no sense alone."""
    return [row.load_id for row in connection.execute(SQL["replays"], {"load_ids": list(load_ids)}).fetchall()]


def reopen_rows(connection: Connection, load_ids: Sequence[int]) -> int:
    """Open the rows again that these loads closed; give their number. Effects: under the writer lock."""
    return connection.execute(SQL["reopen"], {"load_ids": list(load_ids)}).rowcount
