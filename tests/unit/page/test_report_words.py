"""The range of a report, what it is compared with, and the sentences that its numbers make."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.errors import QueryError
from footfall.page.report import sentences
from footfall.page.report.spans import Span, choose_span

DATA = (date(2024, 1, 10), date(2024, 6, 30))


def _span(since: str, until: str) -> Span:
    return Span(datetime.fromisoformat(since), datetime.fromisoformat(until))


@pytest.mark.parametrize(
    ("since", "until", "name", "before"),
    [
        ("2024-06-01", "2024-07-01", "June 2024", "in May"),
        ("2024-01-01", "2024-02-01", "January 2024", "in December 2023"),
        ("2024-02-01", "2024-03-01", "February 2024", "in January"),
        ("2024-01-01", "2024-03-01", "1 January to 29 February 2024", "in the 60 days before"),
        ("2024-06-01", "2024-06-15", "1 to 14 June 2024", "in the 14 days before"),
        ("2023-12-20", "2024-01-03", "20 December 2023 to 2 January 2024", "in the 14 days before"),
        ("2024-06-05", "2024-06-06", "Wednesday 5 June 2024", "on the day before"),
        ("2024-06-05T12:00", "2024-06-06", "2024-06-05 12:00 to 2024-06-06 00:00", "in the 12 hours before"),
        (
            "2024-06-05T12:00",
            "2024-06-05T12:30",
            "2024-06-05 12:00 to 2024-06-05 12:30",
            "in as long a time just before",
        ),
    ],
)
def test_a_range_and_the_one_before_have_names(since: str, until: str, name: str, before: str) -> None:
    span = _span(since, until)
    assert (span.name, span.name_span_before(span.find_span_before(None))) == (name, before)


def test_the_month_before_a_month_is_a_month() -> None:
    assert _span("2024-03-01", "2024-04-01").find_span_before(None) == _span("2024-02-01", "2024-03-01")
    assert _span("2024-01-01", "2024-02-01").find_span_before(None) == _span("2023-12-01", "2024-01-01")


def test_where_the_data_end_within_the_range_the_one_before_is_cut_at_the_same_time() -> None:
    noon = datetime(2024, 6, 15, 12)  # noqa: DTZ001
    assert _span("2024-06-01", "2024-07-01").find_span_before(noon) == _span("2024-05-01", "2024-05-15T12:00")
    assert _span("2024-06-10", "2024-06-17").find_span_before(noon) == _span("2024-06-03", "2024-06-08T12:00")


@pytest.mark.parametrize(
    ("since", "until", "data_until", "before"),
    [
        ("2024-06-01", "2024-07-01", "2024-06-15T12:00", "in the same part of May"),
        ("2024-06-10", "2024-06-17", "2024-06-15T12:00", "in the same part of the 7 days before"),
        ("2024-06-15", "2024-06-16", "2024-06-15T12:00", "in the same part of the day before"),
        ("2024-06-15T00:00", "2024-06-15T20:00", "2024-06-15T12:00", "in the same part of the 20 hours before"),
        # February is shorter than the part of March that has data: all of it is compared.
        ("2023-03-01", "2023-04-01", "2023-03-30T12:00", "in February"),
    ],
)
def test_a_range_before_that_was_cut_is_called_a_part(since: str, until: str, data_until: str, before: str) -> None:
    span = _span(since, until)
    assert span.name_span_before(span.find_span_before(datetime.fromisoformat(data_until))) == before


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(1, 2000), st.booleans())  # noqa: DTZ001
def test_the_range_before_ends_where_the_range_begins_and_is_no_longer(at: datetime, days: int, is_day: bool) -> None:
    since = at.replace(hour=0, minute=0, second=0, microsecond=0) if is_day else at
    span = Span(since, since + timedelta(days=days))
    before = span.find_span_before(None)
    assert before.until == span.since
    if span.month is None:
        assert before.until - before.since == span.until - span.since


@pytest.mark.parametrize(
    ("since", "until", "chosen"),
    [
        (None, None, ("2024-06-01", "2024-07-01")),
        ("2024-06-20", None, ("2024-06-20", "2024-07-01")),
        (None, "2024-03-01", ("2024-01-31", "2024-03-01")),
        (None, "2024-01-20", ("2024-01-10", "2024-01-20")),
        (date(2024, 2, 1), datetime(2024, 2, 3, 6), ("2024-02-01", "2024-02-03T06:00:00")),  # noqa: DTZ001
        ("2024-02-01T23:30Z", "2024-02-03", ("2024-02-02T00:30:00", "2024-02-03")),
        ("2030-01-01", None, ("2030-01-01", "2030-01-02")),
        (None, "2020-01-01", ("2019-12-02", "2020-01-01")),
    ],
)
def test_what_is_left_out_of_a_range_is_the_end_of_the_data(
    since: str | date | None, until: str | date | None, chosen: tuple[str, str]
) -> None:
    span = choose_span(since, until, DATA, "Europe/Vienna")
    assert (span.bounds["since"], span.bounds["until"]) == chosen


@pytest.mark.parametrize(("since", "until"), [("2024-03-02", "2024-03-02"), ("2024-03-03", "2024-03-02"), ("x", None)])
def test_a_range_that_is_none_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(QueryError, match="--since"):
        choose_span(since, until, DATA, "UTC")


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        (0, 0, "none in May either"),
        (5, 0, "none in May"),
        (0, 5, "100 % fewer than in May"),
        (1004, 1000, "about as many as in May"),
        (110, 100, "10 % more than in May"),
        (200, 100, "2.0 times as many as in May"),
    ],
)
def test_a_change_is_said_as_people_say_it(now: int, before: int, says: str) -> None:
    assert sentences.compare(now, before, "in May") == says


def test_many_unusual_days_are_counted_and_few_are_named() -> None:
    days = [date(2024, 6, day) for day in range(1, 6)]
    assert sentences.say_first("June 2024", 1, 1, "", days[:2]) == (
        "June 2024: 1 interaction of 1 user; Saturday 1 June 2024 and Sunday 2 June 2024 were unusual."
    )
    assert sentences.say_first("June 2024", 2, None, "", days) == "June 2024: 2 interactions; 5 days were unusual."


def test_a_day_with_fewer_files_than_usual_says_that_one_may_be_missing() -> None:
    row = {"day": date(2024, 6, 1), "interaction_count": 10, "usual_count": 100.0, "score": -9.0, "file_count": 1}
    row |= {"usual_file_count": 2.0, "rows_rejected": 3, "failed_file_count": 1}
    assert sentences.say_unusual(row) == (
        "Saturday 1 June 2024: 10 interactions, usual 100. Of 1 file, usual 2: one may be missing. "
        "It had 3 rejected rows. 1 load failed on that day or the next."
    )


def test_a_funnel_that_nobody_began_says_nothing() -> None:
    step = {"step": 1, "action": "view", "user_count": 0, "dropped_count": 0, "open_count": 0, "median_seconds": None}
    assert sentences.say_funnel([step, step], "1 day") == []
