"""Take the rows of users who are forgotten out of the table of rows, and their text out of the quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.ids import name_column_types
from footfall.tables.removal import Scratch, move_rows
from footfall.tables.staging import copy_table

SQL = read_statements(__name__)

BLANKED_ROWS = 100_000  # rows that are blanked by one statement


def send_users(connection: Connection, scratch: Scratch, id_types: IdTypes, users: pa.Table) -> sql.Identifier:
    """Send ids to a table of this transaction, by COPY: no log of the server and no view shows what COPY sends.

    Shape: `users` has the column user_id. Effects: makes the table `forgotten` of `scratch`.
    """
    name = scratch.name("forgotten")
    words = {"users": name, **scratch.compose_words(), **name_column_types(id_types)}
    connection.execute(compose(SQL["create_users"], **words))
    copy_table(connection, compose(SQL["copy_users"], users=name), users)
    return name


def remove_rows(connection: Connection, users: sql.Identifier, removed: sql.Identifier) -> Counter[int]:
    """Move the rows of users from the table of rows to `removed`; count them by load, in the ledger too.

    One reading of all rows: no index finds the rows of a user.
    """
    by_load = move_rows(connection, removed, compose(SQL["of_users"], users=users))
    values = {"load_ids": list(by_load), "rows_removed": list(by_load.values())}
    connection.execute(SQL["note_forgotten"], values)
    return by_load


def find_loads(connection: Connection) -> list[Any]:
    """Find the loads with rejected rows whose text is kept, and the columns that are needed to read the rows again."""
    return connection.execute(SQL["loads_with_text"]).fetchall()


def blank_rows(connection: Connection, load_id: int, places: Sequence[tuple[int, int]], problems: str) -> int:
    """Remove the text of rejected rows of a load, named by line and item; give how many rows there were."""
    blanked = 0
    for at in range(0, len(places), BLANKED_ROWS):
        some = places[at : at + BLANKED_ROWS]
        values = {
            "load_id": load_id,
            "line_numbers": [line for line, _ in some],
            "items": [item for _, item in some],
            "problems": problems,
        }
        blanked += connection.execute(SQL["blank"], values).rowcount
    return blanked


def list_tables() -> tuple[str, ...]:
    """Name every table that holds ids of users in rows that are kept."""
    return (*counts.list_tables(), "rejected_interactions")


def lock_tables(connection: Connection) -> None:
    """Keep vacuum off these tables, so that `analyze_tables` waits for nobody."""
    connection.execute(compose(SQL["lock"], tables=_join_tables()))


def analyze_tables(connection: Connection) -> None:
    """Analyze these tables: the samples that the planner keeps of them hold ids of users, too."""
    connection.execute(compose(SQL["analyze"], tables=_join_tables()))


def _join_tables() -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, list_tables()))
