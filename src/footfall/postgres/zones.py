"""Find when the UTC offset of a time zone changes, by the server's time zone data."""

from __future__ import annotations

from datetime import date

import psycopg

from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin
from footfall.statements import read_statements

SQL = read_statements(__name__)


def find_server_offset_changes(
    connection: Connection, target: Target, time_zone: str, until: date
) -> list[tuple[date, int]] | None:
    """List the days from 1970 to `until` whose offset, at 00:00 UTC, differs from that of the day before.

    Grain: one row per change, in order of days, with the first day of 1970 as the first row;
    None where the server does not know the zone.
    Units: seconds east of UTC.
    Effects: one transaction that reads nothing of the tables, rolled back.
    """
    begin(connection, target)
    try:
        rows = connection.execute(SQL["offset_changes"], {"time_zone": time_zone, "until": until}).fetchall()
    except psycopg.errors.InvalidParameterValue:
        return None
    finally:
        connection.rollback()
    return [(row.day, row.offset_s) for row in rows]


def find_offset_changes_in_snapshot(
    connection: Connection, time_zone: str, until: date
) -> list[tuple[date, int]] | None:
    """List the same in the open transaction, which goes on even if the server does not know the zone."""
    values = {"time_zone": time_zone, "until": until}
    try:
        with connection.transaction():  # a savepoint
            rows = connection.execute(SQL["offset_changes"], values).fetchall()
    except psycopg.errors.InvalidParameterValue:
        return None
    return [(row.day, row.offset_s) for row in rows]
