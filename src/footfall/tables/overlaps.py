"""Which loads met rows of other loads: find the loads that cannot stand without others, and the rows that they inherit.

The caller holds the writer lock, and begins and ends the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables.removal import Scratch

SQL = read_statements(__name__)


@dataclass(frozen=True, slots=True)
class Dependent:
    """A later load that cannot stand without loads that are to be taken back, and why, in words."""

    load_id: int
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Passing:
    """The rows that pass from a load that is taken back to the first load that met them.

    Units: `rows_known` counts all of them; `rows_there` counts those in the table, since some may be forgotten.
    """

    first_load_id: int
    heir_id: int
    rows_known: int
    rows_there: int


def find_dependents(connection: Connection, load_ids: Iterable[int]) -> list[Dependent]:
    """Find every load that must go if these go, including loads that depend on such loads, in the order found."""
    gone, found = set(load_ids), []
    while later := _find_next(connection, sorted(gone)):
        found += later
        gone |= {each.load_id for each in later}
    return found


def _find_next(connection: Connection, load_ids: Sequence[int]) -> list[Dependent]:
    rows = connection.execute(SQL["find_dependents"], {"load_ids": load_ids}).fetchall()
    return [
        Dependent(row.load_id, row.source, _say_why(row.rows_conflict, row.rows_unknown, row.replay_of)) for row in rows
    ]


def _say_why(rows_conflict: int, rows_unknown: int, replay_of: int | None) -> str:
    reasons = [] if replay_of is None else [f"it mends rows that load {replay_of} rejected"]
    if rows_conflict:
        reasons.append(f"{_count_rows(rows_conflict)} had other content than rows there")
    if rows_unknown:
        reasons.append(f"{_count_rows(rows_unknown)} were there already, and it is not known which")
    return "; ".join(reasons)


def _count_rows(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def find_heirs(connection: Connection, scratch: Scratch, load_ids: Sequence[int]) -> list[Passing]:
    """Find which rows of these loads pass to which loads that stand, and keep them in tables of this transaction.

    The cost grows only with the number of rows that others met.
    """
    names = {"met": scratch.name("met"), "heirs": scratch.name("heirs")}
    # A statement that makes a table takes no parameters.
    loads = {"load_ids": sql.Literal("{" + ",".join(map(str, load_ids)) + "}")}
    connection.execute(compose(SQL["create_met"], met=names["met"], **loads, **scratch.compose_words()))
    connection.execute(compose(SQL["create_heirs"], **names, **scratch.compose_words()))
    connection.execute(compose(SQL["analyze"], **names))
    rows = connection.execute(compose(SQL["count_passing"], heirs=names["heirs"])).fetchall()
    return [Passing(row.first_load_id, row.heir_id, row.rows_known, row.rows_there) for row in rows]


def pass_rows(connection: Connection, scratch: Scratch, load_ids: Sequence[int], passing: Sequence[Passing]) -> None:
    """Give the rows that `find_heirs` found to their heirs, and remove every overlap with loads that go.

    Effects: rows, sums of the ledger, overlaps and duplicates are those of a history without these loads. Drops the
    tables of `find_heirs`.
    """
    names = {"met": scratch.name("met"), "heirs": scratch.name("heirs")}
    connection.execute(SQL["remove_overlaps"], {"load_ids": load_ids})
    connection.execute(SQL["remove_duplicates"], {"load_ids": load_ids})
    if passing:
        connection.execute(compose(SQL["pass_rows"], heirs=names["heirs"]))
        for each in passing:
            sums = {"heir_id": each.heir_id, "rows_known": each.rows_known}
            connection.execute(SQL["pass_sums"], sums | {"rows_forgotten": each.rows_known - each.rows_there})
        connection.execute(compose(SQL["pass_overlaps"], **names))
        connection.execute(compose(SQL["pass_duplicates"], **names))
    scratch.drop(connection, "met", "heirs")
