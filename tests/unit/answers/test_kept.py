"""Answers that are kept: how many, which go first, and from many threads at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from footfall.answers.catalogue import parse, read_catalogue
from footfall.answers.kept import ANSWER_SHARE, Keeper, make_key, measure_bytes
from footfall.results import Table

SESSION = ("UTC", "public", "host=here")


def answer_of(rows: int, cell: Any = "x" * 100) -> Table:
    return Table(("n", "cell"), tuple((n, cell) for n in range(rows)), (20, 25))


def test_an_answer_is_found_by_its_key_and_by_no_other() -> None:
    keeper = Keeper()
    assert keeper.keep("a", answer_of(1))
    assert keeper.find("a") == answer_of(1)
    assert keeper.find("b") is None


def test_the_answer_that_was_not_asked_for_the_longest_time_goes_first() -> None:
    each = answer_of(10)
    size = measure_bytes(each, 1_000_000)
    keeper = Keeper(size * ANSWER_SHARE)
    for number in range(ANSWER_SHARE):
        keeper.keep(str(number), each)
    assert keeper.find("0") is not None
    keeper.keep("new", each)
    assert [keeper.find(str(number)) is not None for number in range(3)] == [True, False, True]
    assert len(keeper) == ANSWER_SHARE
    assert keeper.kept_bytes == size * ANSWER_SHARE


def test_an_answer_that_would_push_out_all_others_is_not_kept() -> None:
    keeper = Keeper(100_000)
    keeper.keep("small", answer_of(1))
    assert not keeper.keep("large", answer_of(1_000))
    assert (keeper.find("large"), keeper.find("small")) == (None, answer_of(1))


def test_an_answer_that_is_kept_again_takes_its_room_once() -> None:
    keeper = Keeper()
    keeper.keep("a", answer_of(10))
    taken = keeper.kept_bytes
    keeper.keep("a", answer_of(10))
    assert (keeper.kept_bytes, len(keeper)) == (taken, 1)


def test_the_size_is_that_of_the_values_and_counting_ends_where_it_is_enough() -> None:
    assert measure_bytes(answer_of(100), 1_000_000) > 100 * 100
    assert measure_bytes(answer_of(100_000), 1_000) < 1_000_000


def test_threads_share_what_is_kept_and_its_bound_holds() -> None:
    answers = {str(n): answer_of(n % 50, str(n) * 20) for n in range(200)}
    bound = 300_000
    keeper = Keeper(bound)

    def use(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(500):
            key = str(rng.randrange(200))
            found = keeper.find(key)
            assert found is None or found == answers[key]
            if found is None:
                keeper.keep(key, answers[key])
            assert keeper.kept_bytes <= bound

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    sizes = [measure_bytes(answers[key], bound) for key in answers if keeper.find(key) is not None]
    assert keeper.kept_bytes == sum(sizes)
    assert len(sizes) == len(keeper) > 0


# the key

QUESTIONS = read_catalogue(None)


def key_of(name: str = "per-day", session: tuple[str, ...] = SESSION, state: str = "1", **values: str) -> str:
    question = QUESTIONS[name]
    key = make_key(question, question.defaults | values, session, state)
    assert key is not None
    return key


@pytest.mark.parametrize(
    "other",
    [
        {"name": "per-week"},
        {"since": "2024-03-01T00:00:00+00:00"},
        {"limit": "7"},
        {"action": "click"},
        {"state": "2"},
        {"session": ("Europe/Vienna", *SESSION[1:])},
        {"session": ("UTC", "other", SESSION[2])},
        {"session": (*SESSION[:2], "host=there")},
    ],
    ids=str,
)
def test_whatever_an_answer_depends_on_makes_another_key(other: dict[str, Any]) -> None:
    assert key_of(**other) != key_of()


def test_the_same_question_has_the_same_key() -> None:
    assert key_of(action="click") == key_of(action="click")


def test_another_version_of_footfall_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of()
    monkeypatch.setattr("footfall.answers.kept.version", lambda name: "0.0.0")
    assert key_of() != before


def test_a_question_of_the_users_own_has_no_key_since_it_may_read_anything() -> None:
    own = parse("mine", "select now() as now", Path("mine.sql"))
    assert make_key(own, {}, SESSION, "1") is None
