"""When the offset of a time zone changes, by the data with which the kernel reads timestamps."""

from __future__ import annotations

from datetime import date

import duckdb

from footfall.statements import statements

SQL = statements(__name__)


OffsetChanges = list[tuple[date, int]]


def find_offset_changes(time_zone: str, until: date) -> OffsetChanges:
    """List the days, from 1970 to `until`, at whose beginning in UTC the zone has another offset than a day before.

    Grain: one per change, the first day included, in order.
    Units: seconds east of UTC.
    """
    session = duckdb.connect(":memory:")
    try:
        session.execute("set TimeZone = 'UTC'")
        return session.execute(SQL["offset_changes"], [until, time_zone]).fetchall()
    finally:
        session.close()
