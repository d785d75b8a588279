"""Who came, who stayed, who is gone: the questions about people, answered by walking lists in plain Python.

Nothing here knows SQL: each function is the definition of a question, as slow as it likes to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

ROLLING = {"day": timedelta(hours=24), "week": timedelta(hours=168), "month": timedelta(days=30)}
BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
GAP_PERIODS_MAX = 1000
WINDOWS = {"dau": 1, "wau": 7, "mau": 30}


@dataclass(frozen=True)
class Row:
    """One interaction."""

    interaction_id: Any
    user_id: Any
    product_id: Any
    action: str
    at: datetime


@dataclass(frozen=True)
class History:
    """What is loaded, and the clock by which it is told. Shape: `loaded_at` is the end of the last load."""

    rows: tuple[Row, ...]
    zone: ZoneInfo
    loaded_at: datetime = END

    @property
    def since(self) -> datetime:
        return min(row.at for row in self.rows)

    @property
    def until(self) -> datetime:
        return min(max(row.at for row in self.rows), self.loaded_at)

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def period(self, at: datetime, per: str) -> date:
        return first_day(self.day(at), per)

    def begins(self, period: date) -> datetime:
        return datetime.combine(period, time(), self.zone).astimezone(UTC)

    def is_complete(self, period: date, per: str, since: datetime = BEGINNING, until: datetime = END) -> bool:
        begins, ends = self.begins(period), self.begins(shifted(period, per, 1))
        return begins >= max(self.since, since) and ends <= min(self.until, until)

    def periods(self, per: str, since: datetime = BEGINNING, until: datetime = END) -> list[date]:
        """Give each period that the range touches between the first and the last interaction, empty ones too.

        Of gaps of more than a thousand only what the UTC days of interactions touch.
        """
        first = max(self.since, since)
        last = min(max(row.at for row in self.rows), until - timedelta(microseconds=1))
        if first > last:
            return []
        days = {row.at.replace(hour=0, minute=0, second=0, microsecond=0) for row in self.rows if row.at <= last}
        days |= {first.replace(hour=0, minute=0, second=0, microsecond=0)}
        touched = {first, last, *(min(day + timedelta(more), last) for day in days for more in (0, 1))}
        found = sorted({self.period(at, per) for at in touched if at >= first})
        filled = {found[-1]}
        for period, following in pairwise(found):
            filled.add(period)
            if number_between(period, following, per) <= GAP_PERIODS_MAX:
                filled |= {shifted(period, per, n) for n in range(number_between(period, following, per))}
        return sorted(filled)


def first_day(day: date, per: str) -> date:
    return {"day": day, "week": day - timedelta(day.weekday()), "month": day.replace(day=1)}[per]


def shifted(period: date, per: str, number: int) -> date:
    """Give the period that comes `number` after this one, or before."""
    if per == "month":
        months = period.year * 12 + period.month - 1 + number
        return date(months // 12, months % 12 + 1, 1)
    return period + timedelta(number * {"day": 1, "week": 7}[per])


def number_between(earlier: date, later: date, per: str) -> int:
    if per == "month":
        return (later.year - earlier.year) * 12 + later.month - earlier.month
    return (later - earlier).days // {"day": 1, "week": 7}[per]


def is_touched(history: History, period: date, per: str, since: datetime, until: datetime) -> bool:
    return since < until and history.begins(period) < until and history.begins(shifted(period, per, 1)) > since


def whole_periods(history: History, per: str, since: datetime, until: datetime) -> set[date]:
    """Give the periods between the first and the last interaction that the range touches, each as a whole."""
    margin = timedelta(days=70)
    about = max(since, BEGINNING + margin) - margin, min(until, END - margin) + margin
    return {period for period in history.periods(per, *about) if is_touched(history, period, per, since, until)}


def kept(rows: Iterable[Row], action: str | None, product: Any = None) -> list[Row]:
    return [row for row in rows if action in (None, row.action) and (product is None or row.product_id == product)]


def users_by(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, set[Any]]:
    found: dict[Any, set[Any]] = defaultdict(set)
    for row in rows:
        found[key(row)].add(row.user_id)
    return dict(found)


def first_rows(rows: Iterable[Row]) -> dict[Any, datetime]:
    """Give the instant of each user's first of these."""
    found: dict[Any, datetime] = {}
    for row in rows:
        found[row.user_id] = min(row.at, found.get(row.user_id, row.at))
    return found


# active-users


def active_users(
    history: History,
    per: str = "day",
    since: datetime = BEGINNING,
    until: datetime = END,
    action: str | None = None,
    product: Any = None,
) -> dict[date, set[Any]]:
    """Give the users of each period that the range touches: of their interactions within it."""
    rows = [row for row in kept(history.rows, action, product) if since <= row.at < until]
    found = users_by(rows, lambda row: history.period(row.at, per))
    return {period: found.get(period, set()) for period in sorted({*history.periods(per, since, until), *found})}


# trailing-users


def trailing_users(
    history: History,
    since: datetime = BEGINNING,
    until: datetime = END,
    action: str | None = None,
    product: Any = None,
) -> dict[date, dict[str, set[Any] | None]]:
    """Give the users of each day that the range touches, and of the 7 and 30 days that end with it, whole days."""
    rows = kept(history.rows, action, product)
    by_day = users_by(rows, lambda row: history.day(row.at))
    later = {day for day in by_day if is_touched(history, day, "day", since, until)}
    first = history.day(history.since)
    return {
        day: {
            name: set().union(*(by_day.get(day - timedelta(back), set()) for back in range(length)))
            if (day - first).days >= length - 1
            else None
            for name, length in WINDOWS.items()
        }
        for day in sorted(whole_periods(history, "day", since, until) | later)
    }


# retention


@dataclass(frozen=True)
class Cell:
    """The users of a cohort who came back in its n-th period. Shape: `users` is None where that is not over."""

    cohort: date
    number: int
    size: int
    users: frozenset[Any] | None


def retention(
    history: History,
    per: str = "week",
    clock: str = "calendar",
    mode: str = "on",
    start: Callable[[Row], bool] = lambda _: True,
    come_back: Callable[[Row], bool] = lambda _: True,
    periods: int = 12,
    is_recurring: bool = False,
    since: datetime = BEGINNING,
    until: datetime = END,
) -> list[Cell]:
    """Give the cells of each cohort that the range touches, as far as the data reach."""
    starts: dict[tuple[date, Any], datetime] = {}
    for row in filter(start, history.rows):
        key = history.period(row.at, per), row.user_id
        starts[key] = min(row.at, starts.get(key, row.at))
    if not is_recurring:
        firsts = first_rows(filter(start, history.rows))
        starts = {(history.period(at, per), user): at for user, at in firsts.items()}
    returned: dict[tuple[date, Any], set[int]] = defaultdict(set)
    for (cohort, user), started in starts.items():
        for row in filter(come_back, history.rows):
            if row.user_id != user or row.at < started:
                continue
            if clock == "rolling":
                number = (row.at - started) // ROLLING[per]
            else:
                number = number_between(cohort, history.period(row.at, per), per)
            returned[cohort, user].add(number)
    cells = []
    for cohort in sorted({cohort for cohort, _ in starts}):
        ends = history.begins(shifted(cohort, per, 1))
        if not is_touched(history, cohort, per, since, until):
            continue
        members = {user for of, user in starts if of == cohort}
        for number in range(periods + 1):
            if clock == "rolling":
                has_begun = history.begins(cohort) + number * ROLLING[per] <= history.until
                is_complete = ends + (number + 1) * ROLLING[per] <= history.until
            else:
                has_begun = history.begins(shifted(cohort, per, number)) <= history.until
                is_complete = history.is_complete(shifted(cohort, per, number), per)
            if number and not has_begun:
                break
            users = frozenset(
                user
                for user in members
                if (
                    number in returned[cohort, user]
                    if mode == "on"
                    else max(returned[cohort, user], default=-1) >= number
                )
            )
            cells.append(Cell(cohort, number, len(members), users if is_complete else None))
    return cells


def average(cells: list[Cell]) -> list[tuple[int, int, int, int]]:
    """Give number, size, users and cohorts of the complete cells of each number."""
    found = []
    for number in sorted({cell.number for cell in cells if cell.users is not None}):
        of = [cell for cell in cells if cell.number == number and cell.users is not None]
        found.append((number, sum(c.size for c in of), sum(len(c.users or ()) for c in of), len(of)))
    return found


def first_complete(history: History, per: str) -> date | None:
    """Give the first period of which the data have all; None where there is none."""
    period = history.period(history.since, per)
    candidates = (period, shifted(period, per, 1))
    return next((each for each in candidates if history.is_complete(each, per)), None)


# lifecycle


def lifecycle(
    history: History,
    per: str = "week",
    since: datetime = BEGINNING,
    until: datetime = END,
    action: str | None = None,
    product: Any = None,
    is_filtered: bool = False,
) -> dict[tuple[date, str], set[Any] | None]:
    """Give the users of each state of each period, the newest word for who came: new, returning, resurrecting, dormant.

    `is_filtered` takes the first interaction of those that the filters let through for the first.
    """
    rows = kept(history.rows, action, product)
    firsts = first_rows(rows if is_filtered else history.rows)
    active = users_by(rows, lambda row: history.period(row.at, per))
    later = {period for period in active if is_touched(history, period, per, since, until)}
    shown = sorted(whole_periods(history, per, since, until) | later)
    found: dict[tuple[date, str], set[Any] | None] = {}
    for period in shown:
        now, before = active.get(period, set()), active.get(shifted(period, per, -1), set())
        new = {user for user in now if history.period(firsts[user], per) == period}
        found[period, "new"] = new
        found[period, "returning"] = (now & before) - new
        found[period, "resurrecting"] = now - before - new
        found[period, "dormant"] = before - now if history.is_complete(period, per) else None
    return found


# stickiness


def stickiness(
    history: History,
    per: str | None = None,
    is_over_time: bool = False,
    since: datetime = BEGINNING,
    until: datetime = END,
    action: str | None = None,
    product: Any = None,
) -> dict[tuple[date | None, int], set[Any]]:
    """Give the users by the number of days (`per`) on which they were active, in the range or in each `per` of it."""
    found: dict[tuple[date | None, Any], set[date]] = defaultdict(set)
    for row in kept(history.rows, action, product):
        if since <= row.at < until:
            frame = history.period(row.at, per or "week") if is_over_time else None
            found[frame, row.user_id].add(history.period(row.at, "day" if is_over_time else per or "day"))
    users: dict[tuple[date | None, int], set[Any]] = defaultdict(set)
    for (frame, user), periods in found.items():
        users[frame, len(periods)].add(user)
    return dict(sorted(users.items(), key=lambda item: (item[0][0] or date.min, item[0][1])))
