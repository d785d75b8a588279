"""An undo, and a load in place of another, broken at every message to the server; then the same command again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

import wire
from breaking import FAULTS, break_at_each_message
from footfall.errors import FootfallError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb
from trials import WITNESSES, loaded

pytestmark = pytest.mark.crash
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
POINTS = 2  # messages that a short run breaks, in each of the ways
HELD = {name: WITNESSES[name] for name in ("quarter hours", "users", "days of users", "products", "keys")} | {
    "raw": """
        select r.interaction_id, r.user_id, r.timestamp, l.source
        from user_interactions_raw as r left join loads as l using (load_id) order by 1""",
    "interactions": "select * from interactions order by 1, 2",
    "ledger": """
        select source, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, undone_at is null
        from loads where status <> 'failed' order by 1, 2""",
    "rejected": """
        select l.source, r.line_number, r.problems
        from rejected_interactions as r left join loads as l using (load_id) order by 1, 2""",
    "overlaps": """
        select l.source, f.source, o.rows_duplicate, o.rows_conflict
        from load_overlaps as o join loads as l on l.load_id = o.load_id join loads as f on f.load_id = o.first_load_id
        order by 1, 2""",
    "duplicates": """
        select l.source, f.source, i
        from load_duplicates as d cross join unnest(d.interaction_ids) as i
        join loads as l on l.load_id = d.load_id join loads as f on f.load_id = d.first_load_id order by 1, 2, 3""",
    "operations": "select verb, details -> 'passed' from operations order by 1, 2",
}


def read(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return {name: connection.execute(query.encode()).fetchall() for name, query in HELD.items()}


def prepare(database: str) -> None:
    """Load a file that two later ones meet: one has rows of it too, the other contradicts one."""
    schema_verb.upgrade_schema(load_settings(database_url=database), with_options=["user-days"])
    row = "{},{},1,click,2024-01-{:02} 12:00\n".format
    first = [row(n, n % 5 + 1, n % 28 + 1) for n in range(1, 60)]
    Path("a.csv").write_text(HEADER + "".join(first) + "x,1,1,click,2024-01-01\n")
    Path("b.csv").write_text(HEADER + "".join([*first[40:], first[50], row(70, 1, 1)]))
    Path("c.csv").write_text(HEADER + row(1, 9, 9) + row(80, 9, 9))
    for name in ("a.csv", "b.csv", "c.csv"):
        assert loaded(database, [name]).exit_code == 0


def undo(database: str) -> int:
    try:
        undo_verb.undo([1], load_settings(database_url=database), with_later=True)
    except FootfallError as error:
        return error.exit_code
    return 0


def load_again(database: str) -> int:
    settings = load_settings(database_url=database, source_time_zone="Asia/Tokyo", max_rejected="1.0")
    try:
        return load_verb.load(["a.csv"], settings, again=True, with_later=True).exit_code
    except FootfallError as error:
        return error.exit_code


@pytest.mark.slow
@pytest.mark.parametrize("command", [undo, load_again])
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_a_command_broken_at_any_message_and_given_again_ends_as_an_undisturbed_one(
    command: Callable[[str], int], database: str
) -> None:
    prepare(database)
    faults = FAULTS | {"cut, and the server notices late": wire.linger}
    # A load that took the place of another would take its own place.
    break_at_each_message(command, database, read, faults=faults, points=POINTS, is_idempotent=False)
