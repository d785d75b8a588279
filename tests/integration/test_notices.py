"""Notices are exact, and the same in check and load, however the rows reach the tables."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from footfall.answers.words import make_summary_json
from footfall.contract.notices import Oddities, describe
from footfall.results import LoadSummary
from footfall.settings import load_settings
from footfall.sources import opening
from footfall.tables import first_load, known_files
from footfall.verbs import check as check_verb
from footfall.verbs import load as load_verb
from listening import heard_by

Write = Callable[..., str]
ALWAYS, NEVER = 0, 1 << 60  # values of EMPTY_PATH_BYTES
ACTIONS = ["click"] * 30 + ["NULL", "null", "\\N", "-", " nan ", "N/A", "None", '"NA"', "nullable", "n"]


@dataclass
class Oracle:
    """The notices by the sequential truth, in plain Python."""

    first: dict[int, tuple[int, tuple[Any, ...]]] = field(default_factory=dict)  # id -> its file, its content

    def take_file(self, number: int, rows: list[list[str]]) -> tuple[str, ...]:
        odd, repeated = Oddities(), 0
        for ids, action in ((row[:3], row[3].strip('" ')) for row in rows):
            if not all(text.strip().lstrip("+").isdigit() and int(text) > 0 for text in ids):
                continue
            key, *content = map(int, ids)
            odd.padded_ids.update(
                name
                for name, text in zip(("interaction_id", "user_id", "product_id"), ids, strict=True)
                if text.strip()[0] in "+0"
            )
            if action in ("NULL", "null", "\\N", "-", "nan", "N/A", "None", "NA"):
                odd.null_words[action] += 1
            file, _ = self.first.setdefault(key, (number, (*content, action)))
            repeated += file == number
        repeated -= len({key for key, (file, _) in self.first.items() if file == number})
        return describe(odd, rows_read=len(rows), rows_repeated=repeated, actions=None)


def random_rows(some: random.Random, ids: int) -> list[list[str]]:
    def written(number: int) -> str:
        return some.choice(["{}"] * 20 + ["0{}", "+{}", " {} ", "+000{}", "-{}", "x{}"]).format(number)

    return [
        [written(some.randrange(1, ids)), written(some.randrange(1, 9)), written(1), some.choice(ACTIONS)]
        for _ in range(some.randrange(300))
    ]


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna"])
@pytest.mark.parametrize("path", [ALWAYS, NEVER])
def test_notices_are_those_of_taking_row_by_row_in_check_and_load(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch, path: int, zone: str
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", path)
    some, oracle = random.Random(7), Oracle()
    names, expected = [], []
    for number, ids in enumerate([10_000, 300, 100, 10_000, 3000, 50]):
        rows = random_rows(some, ids)
        names.append(write_csv(f"{number}.csv", *(",".join([*row, "2024-01-01"]) for row in rows)))
        expected.append(oracle.take_file(number, rows))
    settings = load_settings(database_url=database, source_time_zone=zone)
    said: list[str] = []
    checked = heard_by(said.append, check_verb.check, names, settings)
    assert [load.notices for load in checked.loads] == expected
    assert said == [f"{name}: {notice}" for name, some_ in zip(names, expected, strict=True) for notice in some_]
    said.clear()
    loaded = [heard_by(said.append, load_verb.load, [name], settings).loads[0] for name in names[:2]]
    loaded += heard_by(said.append, load_verb.load, names[2:], settings).loads  # these share a transaction
    assert [load.notices for load in loaded] == expected
    assert said == [f"{name}: {notice}" for name, some_ in zip(names, expected, strict=True) for notice in some_]
    assert {len(notices) for notices in expected} == {2, 3}  # the files are odd, and not all in the same way


def test_rows_that_another_load_brought_are_no_repeats_of_the_file(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    rows = [f"{number},1,1,click,2024-01-01" for number in range(1, 21)]
    name, again = write_csv("a.csv", *rows), write_csv("b.csv", *rows, *rows, "99,1,1,click,2024-01-01")
    load_verb.load([name], settings)
    (result,) = load_verb.load([again], settings).loads
    assert (result.rows_duplicate, result.notices) == (40, ())
    assert [load.notices for load in check_verb.check([name, again], settings).loads] == [(), ()]
    assert len(check_verb.check([again], settings).loads[0].notices) == 1


def test_a_file_that_is_refused_for_its_conflicts_is_asked_about_its_ids(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", *(f"1,{number},1,click,2024-01-01" for number in range(1, 9)))
    (result,) = load_verb.load([name], load_settings(database_url=database, max_rejected="10%")).loads
    assert (result.status, result.exit_code) == ("failed", 4)
    assert "7 of 8 rows" in result.notices[0]


# another contract


def ask(database: str, query: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(query)


@pytest.fixture(params=["read", "known by the cache"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Say whether a file was opened as this kind of second load wants it."""
    real, seen = opening.open_source, []

    def open_source(source: str) -> Any:
        seen.append(source)
        return real(source)

    # A file that has not changed for this long is known by its name, size and times.
    monkeypatch.setattr(known_files, "SETTLED_NS", 1 << 62 if request.param == "read" else 0)
    monkeypatch.setattr(opening, "open_source", open_source)

    def is_as_wanted() -> bool:
        wanted = bool(seen) == (request.param == "read")
        seen.clear()
        return wanted

    seen.clear()
    return is_as_wanted


def load(database: str, *names: str, **more: object) -> tuple[LoadSummary, list[str]]:
    said: list[str] = []
    return heard_by(said.append, load_verb.load, list(names), load_settings(database_url=database, **more)), said


@pytest.mark.parametrize(
    "other",
    [{"source_time_zone": "Europe/Vienna"}, {"actions": "click"}, {"max_future_seconds": 9}, {"delimiter": ";"}],
)
def test_a_file_loaded_under_another_contract_is_said_to_be(
    database: str, write_csv: Write, opened: Callable[[], bool], other: dict[str, object]
) -> None:
    name = write_csv("a.csv", "1,1,1,click,2024-01-01")
    load(database, name)
    opened()
    summary, said = load(database, name, **other)
    assert opened()
    (result,) = summary.loads
    assert (result.status, result.load_id, result.exit_code) == ("already-loaded", 1, 0)
    (notice,) = result.notices
    assert "already loaded as load 1 under another contract" in notice
    assert said == [f"{name}: {notice}"]
    assert json.loads(make_summary_json(summary))["loads"][0]["notices"] == [notice]
    again, said = load(database, name)
    assert (again.loads[0].notices, said) == ((), [])


def test_a_history_of_an_older_version_is_said_once(
    database: str, write_csv: Write, opened: Callable[[], bool]
) -> None:
    names = [write_csv(f"{number}.csv", f"{number},1,1,click,2024-01-01") for number in range(1, 6)]
    load(database, *names)
    ask(database, "update loads set contract = 'older' where load_id > 2")
    opened()
    summary, said = load(database, *names)
    assert opened()
    assert [len(each.notices) for each in summary.loads] == [0, 0, 1, 1, 1]
    assert said == [f"{names[2]}: {summary.loads[2].notices[0]}; the same holds for 2 more of these files"]
