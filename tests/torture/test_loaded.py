"""Polluted files of every kind, loaded: the tables hold what the independent reader counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import independent_reader
from emptying import empty_tables
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from pollutions import POLLUTIONS, PollutedFile, files
from product import expected_verdict


def sample(name: str) -> PollutedFile:
    """Give a file from the middle of a pollution: in the body, not the header."""
    polluted = list(files(name))
    return polluted[len(polluted) * 5 // 8]


def instant(microseconds: int) -> datetime:
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


@pytest.fixture
def loaded(one_database: str, write_csv: Callable[..., str], contents: Any) -> Iterator[Callable[[bytes], Any]]:
    """Load content into an empty database: the result, and the tables."""

    def load(content: bytes) -> Any:
        conninfo = empty_tables(one_database)
        settings = load_settings(database_url=conninfo, max_rejected="1.0")
        summary = load_verb.load([write_csv("polluted.csv", content=content)], settings)
        return summary.loads[0], contents(conninfo)

    return load


@pytest.mark.parametrize("name", POLLUTIONS)
def test_the_tables_hold_what_the_independent_reader_counted(loaded: Callable[[bytes], Any], name: str) -> None:
    file = sample(name)
    result, tables = loaded(file.content)
    try:
        records = independent_reader.read(file.content)
    except independent_reader.FileRefusedError:
        assert (result.status, result.exit_code) == ("failed", 3)
        assert (tables["raw"], tables["quarantine"], tables["ledger"]) == ([], [], [])
        return
    verdicts = [one.verdict for one in records]
    counts = [len(records), *(verdicts.count(verdict) for verdict in ("accepted", "duplicate", "rejected"))]
    assert [list(row[2:6]) for row in tables["ledger"]] == [counts]
    assert tables["raw"] == sorted(
        (one.content.interaction_id, one.content.user_id, one.content.product_id, one.content.action,
         instant(one.content.instant))
        for one in records
        if one.verdict == "accepted" and one.content
    )  # fmt: skip
    kept = {row[1]: row[2:] for row in tables["quarantine"]}
    assert list(kept) == [one.line_number for one in records if one.verdict == "rejected"]
    for one in records:
        if one.verdict == "rejected":
            *raw, problems = kept[one.line_number]
            wanted = expected_verdict(independent_reader.Record(one.line_number, one.raw, "", None, one.problems))
            assert raw == [wanted.raw_line, wanted.raw_bytes, wanted.raw_size_bytes]
            assert {(each["code"], each["field"]) for each in problems} == {(p.code, p.field) for p in one.problems}
            assert all(len(each["value"]) <= 200 for each in problems)
