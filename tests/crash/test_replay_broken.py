"""A replay, and a load of mended rows, broken at every message to the server; then the same command again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from breaking import FAULTS, break_at_each_message, losing_the_answer
from footfall.errors import FootfallError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import replay as replay_verb
from trials import loaded

pytestmark = pytest.mark.crash
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
POINTS = 2  # messages that a short run breaks, in each of the ways
WITNESSES = {
    "raw": """
        select interaction_id, user_id, action, l.source
        from user_interactions_raw join loads as l using (load_id) order by 1""",
    "interactions": "select * from interactions order by 1, 2",
    "users": "select user_id, interaction_count from interactions_per_user order by 1",
    "ledger": """
        select l.source, l.status, l.rows_read, l.rows_loaded, l.rows_duplicate, l.rows_rejected, of.source
        from loads as l left join loads as of on of.load_id = l.replay_of where l.status = 'loaded' order by 1""",
    "rejected": """
        select l.source, r.line_number, by.source
        from rejected_interactions as r
        join loads as l using (load_id) left join loads as by on by.load_id = r.replayed_by
        order by 1, 2""",
    "overlaps": """
        select l.source, f.source, o.rows_duplicate, o.rows_conflict
        from load_overlaps as o join loads as l on l.load_id = o.load_id join loads as f on f.load_id = o.first_load_id
        order by 1, 2""",
    "operations": "select verb, details ->> 'rows_closed' from operations order by 1, 2",
}


def read(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {name: connection.execute(query).fetchall() for name, query in WITNESSES.items()}


def prepare(database: str) -> None:
    """Load rows of which every third is rejected, and rows that make some of these duplicates and conflicts."""
    rows = [f"{n},{n % 5},1,{'buy' if n % 3 else 'click'},2024-01-01\n" for n in range(1, 120)]
    Path("a.csv").write_text(HEADER + "".join(rows))
    Path("b.csv").write_text(HEADER + "1,1,1,buy,2024-01-01\n2,9,9,buy,2024-01-01\n")
    assert loaded(database, ["a.csv"], actions="click").exit_code == 0
    assert loaded(database, ["b.csv"]).exit_code == 0
    mended = [row for n, row in enumerate(rows, 1) if n % 3]
    Path("fix.csv").write_text(HEADER + "".join(mended).replace(",buy,", ",bought,").replace("7,2,1,bought", "x,2,1,b"))


def replay(database: str) -> int:
    try:
        return replay_verb.replay(load_settings(database_url=database), []).exit_code
    except FootfallError as error:
        return error.exit_code


def mend(database: str) -> int:
    try:
        return load_verb.load(["fix.csv"], load_settings(database_url=database), replays=1).exit_code
    except FootfallError as error:
        return error.exit_code


@pytest.mark.slow
@pytest.mark.parametrize("command", [pytest.param(replay, marks=pytest.mark.long), mend])
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_a_command_broken_at_any_message_and_given_again_ends_as_an_undisturbed_one(
    command: Callable[[str], int], database: str
) -> None:
    prepare(database)
    break_at_each_message(command, database, read, faults=FAULTS, points=POINTS)


@pytest.mark.parametrize("is_back", [True, False], ids=["and it is back", "and it stays away"])
@pytest.mark.usefixtures("temporary_folder")
def test_a_replay_whose_answer_is_lost_with_the_server_says_what_is_true_when_it_is_tried_again(
    database: str, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    prepare(database)
    tries = iter([True, False])
    with losing_the_answer(database) as (url, proxy), monkeypatch.context() as patch:

        def wait(*_: object) -> bool:
            proxy.is_refusing = not is_back
            return next(tries)

        patch.setattr(replay_verb, "wait_for_next_try", wait)
        (said,) = replay_verb.replay(load_settings(database_url=url), [1]).loads
    with psycopg.connect(database) as connection:
        loads = connection.execute("select load_id, rows_loaded from loads where replay_of = 1").fetchall()
    assert len(loads) == 1
    if is_back:
        assert (said.status, said.load_id, said.rows_loaded) == ("loaded", *loads[0])
    else:
        assert said.exit_code == 5
        assert "the rows that are valid now came in, or nothing was changed" in str(said.error)
