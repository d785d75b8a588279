"""The days on which the offset of a time zone changes, by the time zone data with which the kernel reads timestamps."""

from __future__ import annotations

from datetime import date

import duckdb

from footfall.statements import read_statements

SQL = read_statements(__name__)


OffsetChanges = list[tuple[date, int]]


def find_offset_changes(time_zone: str, until: date) -> OffsetChanges:
    """List the days from 1970 to `until` on which a zone's offset at 00:00 UTC differs from that of the day before.

    Grain: one row per change in order of the days; the first day counts as a change.
    Units: seconds east of UTC.
    """
    session = duckdb.connect(":memory:")
    try:
        session.execute("set TimeZone = 'UTC'")
        return session.execute(SQL["offset_changes"], [until, time_zone]).fetchall()
    finally:
        session.close()
