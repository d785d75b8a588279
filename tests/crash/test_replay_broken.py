"""A replay, and a load of mended rows, broken at every message to the server; then the same command again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from footfall.errors import FootfallError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import replay as replay_verb
from footfall.verbs import verify as verify_verb
from trials import IS_LONG, SEED, left_behind, loaded, remember, restore

pytestmark = pytest.mark.crash
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
POINTS = 2  # messages that a short run breaks, in each of the ways
KINDS: dict[str, wire.Fault] = {
    "cut before the server gets it": wire.cut_before,
    "cut before its answer returns": wire.cut_after,
    "refused by the server with an error": wire.fail_with("40001"),
}
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


@pytest.mark.parametrize("command", [pytest.param(replay, marks=pytest.mark.long), mend])
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_a_command_broken_at_any_message_and_given_again_ends_as_an_undisturbed_one(
    command: Callable[[str], int], database: str
) -> None:
    prepare(database)
    before, tables = read(database), remember(database)
    host, port = str(conninfo_to_dict(database)["host"]), conninfo_to_dict(database).get("port", 5432)

    def url_of(proxy: wire.Proxy) -> str:
        return make_conninfo(database, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable")

    with wire.proxying(host, port) as proxy:
        assert command(url_of(proxy)) == 0
    after, messages = read(database), proxy.messages
    assert before != after
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    for kind, fault in KINDS.items():
        fit = [message for message in messages if message.tag in ("QPdc" if "refused" in kind else "QSdc")]
        chance = random.Random(f"{SEED} {command.__name__} {kind}")
        points = fit if IS_LONG else [*chance.sample(fit, POINTS), *(each for each in fit if each.is_commit)]
        for message in points:
            restore(database, tables)
            with wire.proxying(host, port) as proxy:
                proxy.fault_at, proxy.fault = message.number, fault
                code = command(url_of(proxy))
                assert proxy.struck is not None
                assert left_behind(database) == []
                found = read(database)
            assert found == (after if code == 0 else before), (kind, message, code)
            assert command(database) == 0, (kind, message)
            assert read(database) == after, (kind, message)
