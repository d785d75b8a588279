"""Compare the time zone data of DuckDB with the server's, and describe where they differ.

Only the kernel turns source times into instants, with the time zone data of DuckDB's release. The server turns instants
into days, hours and printed offsets, with its own data. Both are copies of the IANA data, perhaps of different years.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from footfall.postgres.target import Connection, Target
from footfall.postgres.zones import find_server_offset_changes

AHEAD = timedelta(days=2 * 366)  # rules are compared up to this long after today; later ones are only forecasts in both


def compare_clocks(connection: Connection, target: Target, time_zone: str) -> str | None:
    """Say in a sentence where the server's data of the source time zone differs from the kernel's, or give None.

    Effects: one transaction that reads nothing of the tables, rolled back.
    """
    if time_zone == "UTC":
        return None
    from footfall.engines.zones import find_offset_changes  # heavy

    until = (datetime.now(UTC) + AHEAD).date()
    servers = find_server_offset_changes(connection, target, time_zone, until)
    if servers is None:
        return (
            f"the server does not know the source time zone {time_zone}; times are read as Footfall knows it, and "
            "questions cannot be asked in it until the server's time zones are updated"
        )
    ours = find_offset_changes(time_zone, until)
    if ours == servers:
        return None
    day = _find_first_difference(ours, servers)
    return (
        f"the time zone data of Footfall and of the server differ for the source time zone {time_zone}: from {day} on, "
        f"Footfall reads times at UTC{_show_offset(ours, day)}, the server shows them at "
        f"UTC{_show_offset(servers, day)}; update the older of the two, or write times with their offset"
    )


def describe_difference(
    time_zone: str, one: str, ones: list[tuple[date, int]], other: str, others: list[tuple[date, int]]
) -> str | None:
    """Say in words from when on two copies of the data differ for a time zone, or give None."""
    if ones == others:
        return None
    day = _find_first_difference(ones, others)
    return f"{time_zone}: from {day} on {one} has UTC{_show_offset(ones, day)}, {other} UTC{_show_offset(others, day)}"


def _find_first_difference(ours: list[tuple[date, int]], servers: list[tuple[date, int]]) -> date:
    return min(day for day, _ in set(ours) ^ set(servers))


def _show_offset(changes: list[tuple[date, int]], day: date) -> str:
    offset_s = next(offset_s for changed_on, offset_s in reversed(changes) if changed_on <= day)
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02}:{minutes:02}"
