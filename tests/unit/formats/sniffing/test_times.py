"""Times are told by how they are written; what two people could read in two ways is said."""

from __future__ import annotations

from datetime import datetime

import pytest

from footfall.contract.built_in import is_time_zone
from footfall.contract.parsing import parse_definition
from footfall.formats.sniffing.times import find_time_shape

WRITTEN = [
    ("2024-03-01", ("iso",), "day"),
    ("2024-03-01 08:00", ("iso",), "time"),
    ("2024-03-01T08:00:00.123Z", ("iso",), "time"),
    ("2024-03-01 8:00:00 +0100", ("iso",), "time"),
    ("2024-03-01 08:00:00 UTC", ("iso",), "time"),
    ("1709280000", ("epoch-s",), "time"),
    ("1709280000.25", ("epoch-s",), "time"),
    ("1709280000123", ("epoch-ms",), "time"),
    ("1709280000123456", ("epoch-us",), "time"),
    ("1709280000123456789", ("epoch-ns",), "time"),
    ("20240301", ("%Y%m%d",), "day"),
    ("20240301081530", ("%Y%m%d%H%M%S",), "time"),
    ("31.03.2024", ("%d.%m.%Y",), "day"),
    ("31/03/2024 08:15", ("%d/%m/%Y %H:%M",), "time"),
    ("3/31/2024 8:15:30 AM", ("%m/%d/%Y %I:%M:%S %p",), "time"),
    ("3/31/24", ("%m/%d/%y",), "day"),
    ("2024/03/01 08:15:00", ("%Y/%m/%d %H:%M:%S",), "time"),
    ("2024-3-1", ("%Y-%m-%d",), "day"),
    ("01-Mar-2024", ("%d-%b-%Y",), "day"),
    ("1 March 2024 08:15", ("%d %B %Y %H:%M",), "time"),
    ("2017 February 11 9:31", ("%Y %B %d %H:%M",), "time"),
    ("Mar 1, 2024 3:04 PM", ("%b %d, %Y %I:%M %p",), "time"),
    ("01/Mar/2024:08:15:30 +0100", ("%d/%b/%Y:%H:%M:%S %z",), "time"),
    ("[01/Mar/2024:08:15:30 +0100]", ("[%d/%b/%Y:%H:%M:%S %z]",), "time"),
    ("Fri, 01 Mar 2024 08:15:30 GMT", ("%a, %d %b %Y %H:%M:%S GMT",), "time"),
    ("Fri Mar 01 08:15:30 +0000 2024", ("%a %b %d %H:%M:%S %z %Y",), "time"),
    ("2024年3月1日 08:15", ("%Y年%m月%d日 %H:%M",), "time"),
    ("2024-03-01 08:15:30,123", ("%Y-%m-%d %H:%M:%S,%f",), "time"),
    ("08:15:30 31/03/2024", ("%H:%M:%S %d/%m/%Y",), "time"),
]


@pytest.mark.parametrize(("text", "formats", "kind"), WRITTEN)
def test_a_time_is_told_by_how_it_is_written(text: str, formats: tuple[str, ...], kind: str) -> None:
    shape = find_time_shape([text])
    assert (shape.formats, shape.kind, shape.share, shape.doubt) == (formats, kind, 1.0, "")


@pytest.mark.parametrize(("text", "formats", "kind"), WRITTEN)
def test_a_format_that_is_told_is_one_that_a_definition_takes_and_that_reads_the_text(
    text: str, formats: tuple[str, ...], kind: str
) -> None:
    values = {"timestamp": {"column": "a", "format": list(formats)}}
    definition = parse_definition("a", values, "a.toml", is_time_zone=is_time_zone)
    assert definition.timestamp.formats == formats
    if formats[0].startswith(("%", "[")):
        datetime.strptime(text, formats[0])  # noqa: DTZ007  (that it is read is all that is asked)


@pytest.mark.parametrize(
    "text", ["alice", "5", "12.5", "v1.2.3", "1 Main Street", "2024-13-01x", "00:00:61", "user 12"]
)
def test_what_is_no_time_has_no_format(text: str) -> None:
    assert find_time_shape([text]).formats == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["0.0", "53.5", "912345"], "seconds since a begin"),
        (["1", "2", "91"], "the number of a day"),
    ],
)
def test_numbers_that_are_no_times_are_said_to_be_relative(values: list[str], words: str) -> None:
    shape = find_time_shape(values)
    assert (shape.formats, shape.kind) == ((), "number")
    assert words in shape.doubt


def test_a_day_over_12_proves_which_number_is_the_day() -> None:
    assert find_time_shape(["01/02/2024", "13/02/2024"]).formats == ("%d/%m/%Y",)
    assert find_time_shape(["01/02/2024", "02/13/2024"]).formats == ("%m/%d/%Y",)
    assert not find_time_shape(["01/02/2024", "13/02/2024"]).doubt


def test_without_a_day_over_12_the_doubt_is_said() -> None:
    shape = find_time_shape(["01/02/2024", "03/04/2024"])
    assert len(shape.formats) == 1
    assert "no number over 12" in shape.doubt


def test_the_order_of_the_rows_tells_a_day_from_a_month_and_the_doubt_stays() -> None:
    days = [f"{day:02}/{month:02}/2024 10:00" for month in (1, 2) for day in range(1, 13)]
    shape = find_time_shape(days)
    assert shape.formats == ("%d/%m/%Y %H:%M",)
    assert "in order of time only so" in shape.doubt


def test_days_that_contradict_each_other_give_both_formats_and_a_doubt() -> None:
    shape = find_time_shape(["13/01/2024"] * 5 + ["01/13/2024"])
    assert shape.formats == ("%d/%m/%Y", "%m/%d/%Y")
    assert "only month and day" in shape.doubt


def test_times_that_are_written_in_two_ways_give_two_formats() -> None:
    shape = find_time_shape(["2024-01-01 10:00"] * 20 + ["01.02.2024 10:00", "14.02.2024 10:00"] * 5)
    assert shape.formats == ("iso", "%d.%m.%Y %H:%M")
    assert "2 ways" in shape.doubt


def test_a_time_with_a_wrong_second_lowers_the_share_alone() -> None:
    shape = find_time_shape(["2024-01-01 10:00:00"] * 29 + ["2024-01-01 10:00:60"])
    assert shape.formats == ("iso",)
    assert 0.9 < shape.share < 1


def test_numbers_of_ids_in_the_range_of_an_epoch_are_times_only_where_all_are() -> None:
    assert find_time_shape(["8322660517", "1709280000", "0912345678"]).share < 0.9


@pytest.mark.parametrize(
    ("values", "years"),
    [
        (["978300760"], "the year 2000"),  # 2000-12-31 22:12:40 UTC
        (["978307199", "978307200"], "the years 2000 to 2001"),
        (["946684800.0", "1704067199.9"], "the years 2000 to 2023"),
    ],
)
def test_the_years_of_numbers_are_those_of_the_calendar(values: list[str], years: str) -> None:
    assert find_time_shape(values).proof.endswith(f"give {years}")


def test_two_formats_are_proposed_where_each_value_fits_one_of_them() -> None:
    shape = find_time_shape(
        [f"{1709280000123 + n}" for n in range(9)] + [f"2024/03/0{n} 08:00:00" for n in range(1, 9)]
    )
    assert (set(shape.formats), shape.share) == ({"epoch-ms", "%Y/%m/%d %H:%M:%S"}, 1.0)
    assert "in 2 ways" in shape.doubt


def test_numbers_that_two_formats_would_read_get_one() -> None:
    shape = find_time_shape(["1709280000123"] * 9 + ["20240301", "20240302", "March 1, 2024"])
    assert not {"epoch-ms", "%Y%m%d"} <= set(shape.formats)
    assert shape.share < 1.0
