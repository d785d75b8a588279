"""Take rows away: off the table of rows, and off every kept count.

The caller holds the writer lock, and begins and ends the transaction.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.errors import DriftError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Server, Target
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.ids import name_column_types
from footfall.tables.staging import prepare_server

SQL = read_statements(__name__)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Tables that one transaction makes for itself: temporary ones, or ones of our schema where TEMP is not granted."""

    schema: str
    token: str
    is_temporary: bool

    def name(self, part: str) -> sql.Identifier:
        """Give the name of a table."""
        return sql.Identifier(self.schema, f"staging_{self.token}_{part}")

    def compose_words(self) -> dict[str, sql.Composable]:
        """Give the words of `create table` that depend on the kind."""
        return {
            "kind": sql.SQL("temporary" if self.is_temporary else "unlogged"),
            "on_commit": sql.SQL("on commit drop" if self.is_temporary else ""),
        }

    def drop(self, connection: Connection, *parts: str) -> None:
        """Drop tables that COMMIT would keep, and temporary ones that are made again in this transaction."""
        for part in parts:
            connection.execute(compose(SQL["drop"], name=self.name(part)))


def open_scratch(target: Target, server: Server) -> Scratch:
    """Say where the tables of this transaction are made. Effects: none yet."""
    if server.has_temp:
        return Scratch("pg_temp", "footfall", is_temporary=True)
    return Scratch(target.schema, uuid.uuid4().hex, is_temporary=False)


def create_removed(connection: Connection, scratch: Scratch, id_types: IdTypes) -> sql.Identifier:
    """Make the table for rows that go, and give its name.

    Shape: the columns of user_interactions_raw. Effects: gives the rest of the transaction memory for sorts.
    """
    prepare_server(connection)
    removed = scratch.name("removed")
    connection.execute(
        compose(SQL["create_removed"], removed=removed, **scratch.compose_words(), **name_column_types(id_types))
    )
    return removed


def remove_loads(connection: Connection, removed: sql.Identifier, load_ids: Sequence[int]) -> Counter[int]:
    """Move the rows of loads from the table of rows to `removed`; count them by load.

    An index finds the rows of a load, so that the cost does not grow with the rows of other loads.
    """
    return move_rows(connection, removed, compose(SQL["of_loads"]), {"load_ids": list(load_ids)})


def move_rows(
    connection: Connection, removed: sql.Identifier, delete: sql.Composed, values: dict[str, Any] | None = None
) -> Counter[int]:
    """Move the rows that a statement deletes (it names them r) to `removed`; count the rows in `removed` by load."""
    connection.execute(compose(SQL["move"], removed=removed, delete=delete), values)
    rows = connection.execute(compose(SQL["removed_by_load"], removed=removed)).fetchall()
    return Counter({row.load_id: row.rows_removed for row in rows})


def take_away(connection: Connection, scratch: Scratch, id_types: IdTypes) -> None:
    """Take the rows of the table `removed`, which are no longer in the table of rows, off every kept count.

    Effects: keys without rows vanish. If a row that goes may have been the first or last of a user, or the only one of
    a quarter hour, the measures of that key are made again: those of users from one reading of all rows, and those of
    days from one reading of the rows of these days. Drops the tables of `scratch`.
    Raises: DriftError where a count is lower than the number of rows that go, or its key is missing.
    """
    removed = scratch.name("removed")
    connection.execute(compose(SQL["analyze"], removed=removed))
    for kept in counts.list_kept_counts(id_types):
        gone = kept.compose(SQL["gone"], removed=removed)
        undecided = scratch.name(f"undecided_{kept.grain}")
        if kept.measures:
            words = {"undecided": undecided, "gone": gone, **scratch.compose_words()}
            connection.execute(kept.compose(SQL["find_undecided"], **words))
        changed = fetch_one(connection, kept.compose(SQL["subtract"], gone=gone))
        if changed.keys != changed.keys_changed:
            raise DriftError(
                f"{changed.keys - changed.keys_changed} counts of {kept.table} are lower than the rows that they "
                "count; nothing was changed; run `footfall verify --repair`, then the same command again"
            )
        if kept.measures:
            if fetch_one(connection, compose(SQL["count_undecided"], undecided=undecided)).keys:
                within = kept.compose_within(undecided)
                connection.execute(kept.compose(SQL["measure_again"], undecided=undecided, within=within))
            scratch.drop(connection, f"undecided_{kept.grain}")
    scratch.drop(connection, "removed")
