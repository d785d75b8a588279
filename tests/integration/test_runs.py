"""A file that is staged range by range: the database is the witness, and no visible table is written before the take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from footfall import runs
from footfall.errors import RunGoneError

Write = Callable[..., str]
ROWS = [f"{number},{number % 7},{number % 3},click,2024-01-01T00:00:{number % 60:02}Z" for number in range(1, 400)]


def count(database: str, query: str) -> Any:
    with psycopg.connect(database) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_a_range_is_staged_once_and_nothing_is_visible(database: str, write_csv: Write) -> None:
    source = write_csv("a.csv", *ROWS, "x,1,1,click,2024-01-01")
    run = runs.plan(source, database_url=database)
    assert (run.ranges, run.already_loaded, run.source) == (1, None, source)
    assert runs.left(run.token, database_url=database) == [0]
    assert runs.stage(run.token, 0, database_url=database) == "staged"
    assert runs.stage(run.token, 0, database_url=database) == "staged-already"
    assert runs.left(run.token, database_url=database) == []
    assert count(database, f"select count(*) from staging_{run.token}_rows where range = 0") == len(ROWS)
    assert count(database, f"select count(*) from staging_{run.token}_rejected") == 1
    assert count(database, "select count(*) from user_interactions_raw") == 0
    assert count(database, "select count(*) from loads") == 0
