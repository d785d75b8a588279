"""The range of a report, the range before it that it is compared with, and the names of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from footfall.answers.charts.labels import DAYS, MONTHS
from footfall.answers.parameters import read_bound
from footfall.errors import QueryError

DAYS_SHOWN = 30  # days up to the end of the data, if no range is asked for
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A range of local time, from `since` on and before `until`.

    Shape: neither has an offset; both are times of the reporting time zone.
    """

    since: datetime
    until: datetime

    @property
    def is_of_days(self) -> bool:
        return self.since.time() == self.until.time() == datetime.min.time()

    @property
    def days(self) -> int:
        return max(-(-(self.until - self.since) // DAY), 0)

    @property
    def month(self) -> date | None:
        """The first day of the month if the span is exactly one month, else None."""
        is_month = self.is_of_days and self.since.day == self.until.day == 1
        return self.since.date() if is_month and 28 <= self.days <= 31 else None

    @property
    def bounds(self) -> dict[str, str]:
        """The span as options of a question."""
        return {"since": _write_bound(self.since), "until": _write_bound(self.until)}

    @property
    def per(self) -> str:
        """The period by which the span is drawn, so that a line has about a hundred points at most."""
        return "day" if self.days <= 100 else "week" if self.days <= 730 else "month"

    @property
    def name(self) -> str:
        """The span in words.

        Example:
            >>> Span(datetime(2024, 6, 1), datetime(2024, 7, 1)).name
            'June 2024'
            >>> Span(datetime(2024, 5, 28), datetime(2024, 6, 27)).name
            '28 May to 26 June 2024'
            >>> Span(datetime(2024, 4, 21), datetime(2024, 4, 22)).name
            'Sunday 21 April 2024'
        """
        if month := self.month:
            return f"{MONTHS[month.month - 1]} {month.year}"
        if not self.is_of_days:
            return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"
        first, last = self.since, self.until - DAY
        if last <= first:
            return f"{DAYS[first.weekday()]} {_write_day(first)} {first.year}"
        left = str(first.day) if (first.year, first.month) == (last.year, last.month) else _write_day(first)
        if first.year != last.year:
            left = f"{left} {first.year}"
        return f"{left} to {_write_day(last)} {last.year}"

    def find_span_before(self, data_until: datetime | None) -> Span:
        """Give the span to compare with: as long and just before; for a month, the month before.

        Shape: if the data end within this span, the one before is cut after the same length of time.
        """
        if month := self.month:
            last = month - DAY
            since = datetime(last.year, last.month, 1)  # noqa: DTZ001  (local time, like every bound here)
        else:
            since = self.since - (self.until - self.since)
        until = self.since
        if data_until is not None and self.since < data_until < self.until:
            until = min(until, since + (data_until - self.since))
        return Span(since, until)

    def name_span_before(self, before: Span) -> str:
        """Name the span that find_span_before gave, to be put into a sentence; if it was cut, say so.

        Example:
            >>> june = Span(datetime(2024, 6, 1), datetime(2024, 7, 1))
            >>> june.name_span_before(june.find_span_before(None))
            'in May'
            >>> june.name_span_before(june.find_span_before(datetime(2024, 6, 15)))
            'in the same part of May'
        """
        preposition, name = self._name_before()
        if before.until < self.since:
            return f"in the same part of {name}"
        return f"{preposition} {name}"

    def _name_before(self) -> tuple[str, str]:
        if month := self.month:
            before = month - DAY
            year = "" if before.year == month.year else f" {before.year}"
            return "in", f"{MONTHS[before.month - 1]}{year}"
        if self.is_of_days:
            return ("on", "the day before") if self.days == 1 else ("in", f"the {self.days} days before")
        hours = (self.until - self.since) / HOUR
        return "in", f"the {hours:,.0f} hours before" if hours == int(hours) > 1 else "as long a time just before"


def _write_day(at: datetime) -> str:
    return f"{at.day} {MONTHS[at.month - 1]}"


def _write_bound(at: datetime) -> str:
    return at.date().isoformat() if at.time() == datetime.min.time() else at.isoformat()


def choose_span(
    since: str | date | None, until: str | date | None, data: tuple[date, date] | None, time_zone: str
) -> Span:
    """Give the span that is asked for. Without an end, it ends with the data; without a beginning, it has 30 days.

    Shape: `data` has the first and the last day that have interactions, or is None where there are none.

    Raises: QueryError naming the option and the cure.
    """
    first, last = _read("--since", since, time_zone), _read("--until", until, time_zone)
    if last is None:
        end = data[1] if data else first.date() if first else date(1970, 1, 1)
        last = datetime.combine(end, datetime.min.time()) + DAY
        if first is not None and first >= last:
            last = first + DAY
    if first is None:
        first = last - DAYS_SHOWN * DAY
        begins = datetime.combine(data[0], datetime.min.time()) if data else first
        first = max(first, begins) if begins < last else first
    if first >= last:
        raise QueryError(f"--since {since} is not before --until {until}; a report is about some time")
    return Span(first, last)


def _read(option: str, given: str | date | None, time_zone: str) -> datetime | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(read_bound(given if isinstance(given, str) else given.isoformat()))
    except ValueError as error:
        raise QueryError(f"{option}: {error}") from error
    return at if at.tzinfo is None else at.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
