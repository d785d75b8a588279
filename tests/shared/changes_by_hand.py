"""What changed, heat map and affinity, worked out by walking lists: no SQL, and the clocks of Python's zones.

Every function takes all interactions; `kept` says which of them are counted. The data end at the latest interaction.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MICROSECOND, SECOND, HOUR, DAY = (timedelta(0, 0, 1), timedelta(0, 1), timedelta(0, 3600), timedelta(1))


@dataclass(frozen=True)
class Interaction:
    """One row, and the load that brought it."""

    interaction_id: int
    user_id: int
    product_id: int
    action: str
    at: datetime
    load: int = 0


Keep = Callable[[Interaction], bool]
Rows = Sequence[Interaction]


def clock(at: datetime, zone: ZoneInfo) -> datetime:
    """Give what the clock of the zone shows, without an offset."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Give the first instant at which the clock shows a time; one that it skips is moved forward."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def within(rows: Rows, since: datetime | None, until: datetime | None) -> Rows:
    return [row for row in rows if (since is None or row.at >= since) and (until is None or row.at < until)]


# heat map


def hour_begins(at: datetime, zone: ZoneInfo) -> datetime:
    local = clock(at, zone)
    return at - (local - local.replace(minute=0, second=0, microsecond=0))


def stretches(begins: datetime, ends: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta]]:
    """Cut a time at every full hour of the clock and wherever the clock is set: the clock at the beginning, the length.

    A change of the clock is a whole second.
    """
    at = begins
    while at < ends:
        local = clock(at, zone)
        step = min(local.replace(minute=0, second=0, microsecond=0) + HOUR - local, ends - at)
        if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
            change = at.replace(microsecond=0) + SECOND
            while change.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                change += SECOND
            step = min(step, change - at)
        yield local, step
        at += step


def heat_map(
    rows: Rows, keep: Keep, zone: ZoneInfo, since: datetime | None = None, until: datetime | None = None
) -> list[tuple[int, int, int, float, float | None]]:
    begins = hour_begins(min(row.at for row in rows), zone)
    ends = hour_begins(max(row.at for row in rows), zone) + HOUR
    begins, ends = max(begins, since or begins), min(ends, until or ends)
    if begins >= ends:
        return []
    lengths: dict[tuple[int, int], timedelta] = {}
    for local, length in stretches(begins, ends, zone):
        cell = local.isoweekday(), local.hour
        lengths[cell] = lengths.get(cell, timedelta(0)) + length
    counts = Counter(
        (clock(row.at, zone).isoweekday(), clock(row.at, zone).hour) for row in within(rows, since, until) if keep(row)
    )
    found = []
    for cell in ((weekday, hour) for weekday in range(1, 8) for hour in range(24)):
        hours = lengths.get(cell, timedelta(0)).total_seconds() / 3600
        found.append((*cell, counts[cell], hours, counts[cell] / hours if hours else None))
    return found


# unusual days


def unusual_days(
    rows: Rows,
    keep: Keep,
    zone: ZoneInfo,
    since: datetime | None = None,
    until: datetime | None = None,
    minimum: float | None = 4,
) -> list[tuple[date, int, float | None, float | None, int, float | None]]:
    """Give day, count, usual count, score, files and usual files; the newest day first.

    `minimum` None gives every complete day.
    """
    data_since, data_until = min(row.at for row in rows), max(row.at for row in rows)

    def is_complete(day: date) -> bool:
        begins, ends = midnight(day, zone), midnight(day + DAY, zone)
        return data_since <= begins < ends and ends <= min(data_until, until or data_until)

    counts = Counter(clock(row.at, zone).date() for row in rows if keep(row))
    files: dict[date, set[int]] = {}
    for row in rows:
        files.setdefault(clock(row.at, zone).date(), set()).add(row.load)
    found = []
    day = clock(data_since, zone).date()
    while day <= clock(data_until, zone).date():
        if is_complete(day) and (since is None or midnight(day, zone) >= since):
            before = [day - n * 7 * DAY for n in range(1, 9)]
            before = [each for each in before if is_complete(each)]
            usual = statistics.median([counts[each] for each in before]) if before else None
            score = None
            if usual is not None and len(before) >= 4:
                deviation = statistics.median([abs(counts[each] - usual) for each in before])
                score = (counts[day] - usual) / max(1.4826 * deviation, math.sqrt(usual), 1.0)
            if minimum is None or (score is not None and abs(score) >= minimum):
                usual_files = statistics.median([len(files.get(each, ())) for each in before]) if before else None
                found.append((day, counts[day], usual, score, len(files.get(day, ())), usual_files))
        day += DAY
    return found[::-1]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, time()), zone)


# top movers


@dataclass(frozen=True)
class Compared:
    """Two times of equal length by the clock, each with its end left out."""

    before_since: datetime
    before_until: datetime
    now_since: datetime
    now_until: datetime


def begin_of(per: str, local: datetime) -> datetime:
    local = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "week":
        return local - local.weekday() * DAY
    return local.replace(day=1) if per == "month" else local


def compared(
    rows: Rows, per: str, zone: ZoneInfo, since: datetime | None = None, until: datetime | None = None
) -> Compared | None:
    end = max(row.at for row in rows) + MICROSECOND
    end = min(end, until or end)
    local_end = clock(end - MICROSECOND, zone) + MICROSECOND
    if since is not None:
        if since >= end:
            return None
        length = local_end - clock(since, zone)
        # A begin that the clock skips is moved forward, and not behind the end.
        return Compared(min(instant(clock(since, zone) - length, zone), since), since, since, end)
    now = begin_of(per, clock(end - MICROSECOND, zone))
    following = begin_of(per, now + timedelta(32 if per == "month" else 7 if per == "week" else 1))
    before = begin_of(per, now - DAY)
    length = min(local_end - now, following - now, now - before)
    is_cut = length == local_end - now
    now_until = end if is_cut else instant(now + length, zone)
    before_until = instant(before + length, zone)
    return Compared(min(instant(before, zone), before_until), before_until, instant(now, zone), now_until)


def top_movers(
    rows: Rows, key: Callable[[Interaction], Hashable], keep: Keep, zone: ZoneInfo, times: Compared | None
) -> list[tuple[str, int, int, int, float | None]]:
    """Give key, both counts, change and score; all of them, the largest score first."""
    if times is None:
        return []
    before = Counter(key(row) for row in within(rows, times.before_since, times.before_until) if keep(row))
    now = Counter(key(row) for row in within(rows, times.now_since, times.now_until) if keep(row))
    is_known = clock(times.before_since, zone).date() >= clock(min(row.at for row in rows), zone).date()
    found = []
    for each in before.keys() | now.keys():
        change = now[each] - before[each]
        found.append((each, before[each], now[each], change, change / math.sqrt(now[each] + before[each])))
    found.sort(key=lambda row: (-abs(row[4]), -row[3], row[0]))
    return [(str(key), *counts, score if is_known else None) for key, *counts, score in found]


# affinity


def affinity(
    rows: Rows, product_id: int, minimum: int, keep: Keep = lambda row: True
) -> list[tuple[int, int, float, float]]:
    users: dict[int, set[int]] = {}
    for row in filter(keep, rows):
        users.setdefault(row.product_id, set()).add(row.user_id)
    everybody = set().union(*users.values())
    mine = users.get(product_id, set())
    found = []
    for other, theirs in users.items():
        both = len(mine & theirs)
        if other != product_id and both >= max(minimum, 1):
            found.append((other, both, both / len(mine), both * len(everybody) / (len(mine) * len(theirs))))
    return sorted(found, key=lambda row: (-row[1], row[0]))
