"""Forgetting users, broken at every message to the server; then the same command again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from breaking import FAULTS, break_at_each_message
from footfall.errors import FootfallError
from footfall.settings import load_settings
from footfall.verbs import forget as forget_verb
from trials import loaded

pytestmark = pytest.mark.crash
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
POINTS = 3  # messages that a short run breaks, in each of the ways
WITNESSES = {
    "raw": "select interaction_id, user_id, action, load_id from user_interactions_raw order by 1",
    "interactions": "select * from interactions order by 1, 2",
    "users": "select * from interactions_per_user order by 1",
    "ledger": "select load_id, status, rows_loaded, rows_rejected, rows_forgotten from loads order by 1",
    "rejected": "select load_id, line_number, raw_line, raw_size_bytes, problems::text from rejected_interactions "
    "order by 1, 2",
    "forgotten": "select count(*) from forgotten_users",
}


def read(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {name: connection.execute(query).fetchall() for name, query in WITNESSES.items()}  # type: ignore[arg-type]


def count_operations(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("select count(*) from operations where verb = 'forget'").fetchone()
        assert row is not None
        return int(row[0])


def forget(database: str) -> int:
    try:
        forget_verb.forget([3, 4], load_settings(database_url=database))
    except FootfallError as error:
        return error.exit_code
    return 0


@pytest.mark.slow
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_forgetting_that_is_broken_at_any_message_is_done_or_not_and_ends_well_when_done_again(database: str) -> None:
    rows = [f"{n},{n % 5},1,click,{'2024-01-01' if n % 7 else 'never'}\n" for n in range(1, 120)]
    Path("a.csv").write_text(HEADER + "".join(rows))
    Path("b.csv").write_text(HEADER + "3,3,1,other,2024-01-01\n3,3,1,click,2024-01-01\n500,3\n501,9,1,buy,2024-01-02\n")
    assert loaded(database, ["a.csv"]).exit_code == loaded(database, ["b.csv"]).exit_code == 0
    before, after = break_at_each_message(forget, database, read, faults=FAULTS, points=POINTS, count=count_operations)
    assert before["raw"] != after["raw"]
    assert before["rejected"] != after["rejected"]
