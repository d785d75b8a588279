"""Conflicts among rows of which several begin on one line: each has its line and item, in a check as in a load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.results import LoadSummary
from footfall.settings import load_settings
from footfall.verbs import check as check_verb
from footfall.verbs import load as load_verb

CONFIG = '[sources.orders]\nmatch = ["*.jsonl"]\nexplode = "rows"\n'
Kept = tuple[int, int, Any, Any]


def row(number: int, user: int = 1) -> dict[str, Any]:
    return {
        "interaction_id": number, "user_id": user, "product_id": 1, "action": "view", "timestamp": "2024-01-01"
    }  # fmt: skip


def minified(*rows: dict[str, Any]) -> str:
    return json.dumps(rows, separators=(",", ":"))


def both(database: str, files: dict[str, str]) -> tuple[LoadSummary, LoadSummary, dict[int, list[Kept]]]:
    """Check some files and load them; give both summaries, and what is in quarantine of each load."""
    Path("footfall.toml").write_text(CONFIG)
    for name, text in files.items():
        Path(name).write_text(text)
    checked = check_verb.check(list(files), load_settings())
    loaded = load_verb.load(list(files), load_settings(database_url=database))
    kept: dict[int, list[Kept]] = {each.load_id or 0: [] for each in loaded.loads}
    query = "select load_id, line_number, item, raw_line, problems from rejected_interactions order by 1, 2, 3"
    with psycopg.connect(database) as connection:
        for load_id, line, item, raw_line, problems in connection.execute(query).fetchall():
            kept[load_id].append((line, item, json.loads(raw_line), problems[0]["code"]))
    return checked, loaded, kept


def assert_alike(checked: LoadSummary, loaded: LoadSummary) -> None:
    counts = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped", "groups", "notices")
    assert [[getattr(each, name) for name in counts] for each in checked.loads] == [
        [getattr(each, name) for name in counts] for each in loaded.loads
    ]


def test_conflicts_in_a_minified_array_stand_on_line_1_each_with_its_item(
    database: str,
) -> None:
    rows = [row(1), row(2), row(1, user=2), row(3), row(2), row(2, user=7)]
    checked, loaded, kept = both(database, {"a.json": minified(*rows)})
    assert_alike(checked, loaded)
    assert [(each.code, each.rows, each.sample_line_number) for each in checked.loads[0].groups] == [
        ("conflicting-duplicate", 2, 1)
    ]
    (found,) = kept.values()
    assert found == [(1, 3, rows[2], "conflicting-duplicate"), (1, 6, rows[5], "conflicting-duplicate")]


@pytest.mark.slow
def test_conflicts_in_exploded_lines_and_in_documents_of_several_lines_have_their_own_lines(
    database: str,
) -> None:
    files = {
        "a.json": "[\n" + ",\n".join(json.dumps(row(number)) for number in range(1, 5)) + "]",
        "b.jsonl": f'{{"rows":{minified(row(5), row(6), row(7))}}}\n{{"rows":{minified(row(8), row(4, user=3))}}}\n',
        "c.json": f"[{json.dumps(row(9))},\n\n{minified(row(6, user=2), row(10), row(10, user=2))[1:-1]}]",
    }
    checked, loaded, kept = both(database, files)
    assert_alike(checked, loaded)
    firsts = [[(each.rows, each.sample_line_number) for each in file.groups] for file in checked.loads]
    assert firsts == [[], [(1, 2)], [(2, 3)]]
    places = [[each[:2] for each in of_load] for of_load in kept.values()]
    assert places == [[], [(2, 2)], [(3, 1), (3, 3)]]


@pytest.mark.slow
def test_a_conflict_far_behind_has_its_line_and_item(database: str) -> None:
    rows = [json.dumps(row(number), separators=(",", ":")) for number in range(1, 50_001)]
    text = "[" + ",".join(rows) + ",\n" + ",".join([rows[4], json.dumps(row(7, user=2)), rows[5]]) + "]"
    checked, loaded, kept = both(database, {"a.json": text})
    assert_alike(checked, loaded)
    assert (checked.loads[0].rows_duplicate, checked.loads[0].rows_rejected) == (2, 1)
    assert checked.loads[0].groups[0].sample_line_number == 2
    (found,) = kept.values()
    assert [each[:2] for each in found] == [(2, 2)]
