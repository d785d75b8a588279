"""The options of a schema: read them, and fill or empty the table of an option that is switched."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.errors import SettingsError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts

SQL = read_statements(__name__)

OPTIONS: dict[str, counts.KeptCount] = {kept.option: kept for kept in counts.KEPT if kept.option}


def combine_options(with_options: tuple[str, ...], without: tuple[str, ...]) -> dict[str, bool]:
    """Give by name what shall be on or off. Raises: SettingsError for a name that is unknown, or named as both."""
    for name in (*with_options, *without):
        if name not in OPTIONS:
            raise SettingsError(f"{name!r} is no option of a schema; there is {', '.join(sorted(OPTIONS))}")
    for name in with_options:
        if name in without:
            raise SettingsError(f"{name} is named by --with and by --without; leave one of them out")
    return dict.fromkeys(with_options, True) | dict.fromkeys(without, False)


def read_options(connection: Connection) -> dict[str, bool]:
    """Say of each option whether it is on."""
    on = {row.name for row in connection.execute(SQL["options_on"]).fetchall()}
    return {name: name in on for name in OPTIONS}


def list_kept(connection: Connection, id_types: IdTypes) -> tuple[counts.KeptCount, ...]:
    """Give the kept counts that this schema keeps, with ids of these types. Call it under the writer lock."""
    on = read_options(connection)
    return tuple(kept for kept in counts.list_kept_counts(id_types) if kept.option is None or on[kept.option])


def set_options(connection: Connection, wanted: Mapping[str, bool]) -> dict[str, int]:
    """Switch options on or off where they are not so already; give by name how many rows were added or removed.

    Effects: under the writer lock and in the transaction of the caller, fills the table of an option or empties it.
    `delete` empties it, so that a reader whose snapshot still has the option on sees the rows that the table had.
    """
    rows: dict[str, int] = {}
    on = read_options(connection)
    for name, is_on in wanted.items():
        if on[name] == is_on:
            continue
        kept = OPTIONS[name]
        connection.execute(SQL["set_option"], {"name": name, "is_on": is_on})
        removed = connection.execute(kept.compose(SQL["empty"])).rowcount
        rows[name] = removed
        if is_on:
            fetch_one(connection, SQL["prepare"])
            recount = kept.compose(counts.SQL["recount"])
            rows[name] = connection.execute(kept.compose(SQL["fill"], recount=recount)).rowcount
        connection.execute(compose(SQL["analyze"], table=sql.Identifier(kept.table)))
    return rows
