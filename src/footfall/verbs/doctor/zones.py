"""The check of time zones: what Python, DuckDB and the server know of those that are in use."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta

from footfall.engines.zones import OffsetChanges, find_offset_changes
from footfall.postgres.zones import find_offset_changes_in_snapshot
from footfall.verbs.clocks import AHEAD, describe_difference
from footfall.verbs.doctor.checking import Examined, Verdict, check, join_names, say_ok, warn


@check("time-zones", needs="database", warns="The data differ for a zone that is in use.")
def look_at_zones(examined: Examined) -> Verdict:
    """The time zone data of Python, DuckDB and the server, compared for the zones that the settings name."""
    settings = examined.settings
    used = {settings.source_time_zone, settings.reporting_time_zone}
    used |= {zone for each in settings.definitions.values() if (zone := each.timestamp.time_zone)}
    named = sorted(used - {"UTC"})
    until = (datetime.now(UTC) + AHEAD).date()
    differing = []
    for zone in named:
        ours = find_offset_changes(zone, until)
        servers = find_offset_changes_in_snapshot(examined.database, zone, until)
        if servers is None:
            differing.append(f"the server does not know {zone}")
        elif said := describe_difference(zone, "DuckDB", ours, "the server", servers):
            differing.append(said)
        if said := describe_difference(zone, "DuckDB", ours, "Python", list_pythons_changes(zone, until)):
            differing.append(said)
    if differing:
        return warn(
            join_names(differing),
            "update the older: tzdata of the server's system, or its release; pip install --upgrade duckdb tzdata",
        )
    if not named:
        return say_ok("all times are read and shown in UTC")
    return say_ok(f"Python, DuckDB and the server agree on {join_names(named)} from 1970 to {until}")


def list_pythons_changes(zone: str, until: date) -> OffsetChanges:
    """List the days on which a zone's offset changes, as `find_offset_changes` does, by Python's data."""
    known = zoneinfo.ZoneInfo(zone)
    day, changes, before_s = datetime(1970, 1, 1, tzinfo=UTC), [], None
    while day.date() <= until:
        offset = day.astimezone(known).utcoffset() or timedelta()
        if (offset_s := int(offset.total_seconds())) != before_s:
            changes.append((day.date(), offset_s))
            before_s = offset_s
        day += timedelta(days=1)
    return changes
