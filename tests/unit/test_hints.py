"""What a person is told to do about each kind of problem."""

from __future__ import annotations

import pytest

from footfall.contract import PROBLEM_CODES
from footfall.hints import cure


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("31/12/2024", "looks like DD/MM/YYYY or MM/DD/YYYY"),
        ("31.12.2024 10:00", "looks like DD.MM.YYYY"),
        ("1704067200", "looks like seconds since 1970"),
        ("1704067200.5", "looks like seconds since 1970"),
        ("1704067200000", "looks like milliseconds since 1970"),
        ("2024-01-01 24:00:00", "24:00 is written 00:00 of the next day"),
        ("2024-02-30", "has the right shape, but no such day, time or offset exists"),
    ],
)
def test_a_timestamp_that_is_none_is_told_by_its_look(value: str, words: str) -> None:
    assert cure("not-a-timestamp", "timestamp", value).startswith(f"`timestamp` {words}")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1.0", "is a decimal number"),
        ("1e3", "is in scientific notation"),
        ("1_000", "has thousands separators"),
        ("1,000", "has thousands separators"),
        ("123e4567-e89b-12d3-a456-426614174000", "is a UUID"),
    ],
)
def test_an_integer_that_is_none_is_told_by_its_look(value: str, words: str) -> None:
    assert cure("not-an-integer", "user_id", value).startswith(f"`user_id` {words}")


@pytest.mark.parametrize("code", PROBLEM_CODES)
@pytest.mark.parametrize("value", [None, "", "abc"])
def test_every_code_has_one_line(code: str, value: str | None) -> None:
    hint = cure(code, None, value)
    assert hint
    assert "\n" not in hint


def test_a_value_of_no_known_look_gets_the_words_of_its_code() -> None:
    assert cure("not-an-integer", "user_id", "abc") == PROBLEM_CODES["not-an-integer"]
