"""A run that is taken leaves the tables of an ordinary load, row by row, or nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from footfall import runs
from footfall.errors import FootfallError, RunGoneError, RunStaleError, SourceChangedError, TooManyRejectedError
from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.tables import first_load, large, staged_run
from footfall.verbs import forget as forget_verb
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
TABLES = {
    "raw": "select * from user_interactions_raw order by interaction_id",
    "pairs": "select * from interactions order by 1, 2",
    "users": "select * from interactions_per_user order by 1",
    "products": "select * from interactions_per_product order by 1",
    "quarter hours": "select * from interactions_per_quarter_hour order by 1, 2",
    "days": "select * from user_days order by 1, 2",
    "overlaps": "select * from load_overlaps order by 1, 2",
    "duplicates": "select load_id, first_load_id, part, array(select unnest(interaction_ids) order by 1)"
    " from load_duplicates order by 1, 2, 3",
    "rejected": "select * from rejected_interactions order by 1, 2, 3",
    "loads": "select load_id, source, digest, size_bytes, status, error, contract, definition, header, rows_read,"
    " rows_loaded, rows_duplicate, rows_rejected, rows_skipped from loads order by 1",
}
IDS = {
    "numbers": {},
    "uuids": {"interaction_id_type": "uuid"},
    "texts": {"interaction_id_type": "text", "user_id_type": "text", "product_id_type": "uuid"},
}


def content(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}


def write_id(number: int, kind: str) -> str:
    """Write a number as an id of a kind; those that are no numbers do not rise with it."""
    if kind == "uuid":
        return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)))
    return f"ü{number * 7919 % 10_007}" if kind == "text" else str(number)


def deliveries(id_types: dict[str, str], chance: random.Random) -> list[list[str]]:
    """Give files whose rows rise, then lie above, among and below those before; some repeat, contradict, or are bad."""
    rows: dict[int, str] = {}

    def row(number: int) -> str:
        instant = f"2024-0{chance.randint(1, 9)}-0{chance.randint(1, 9)} {chance.randint(0, 23):02}:{number % 60:02}:01"
        user = write_id(chance.randint(1, 40), id_types.get("user_id_type", ""))
        product = write_id(chance.randint(1, 9), id_types.get("product_id_type", ""))
        line = f"{write_id(number, id_types.get('interaction_id_type', ''))},{user},{product},{'ab'[number % 2]},{instant}"
        return rows.setdefault(number, line)

    def contradict(number: int) -> str:
        return row(number).replace(",a,", ",c,").replace(",b,", ",c,")

    first = [row(number) for number in [*range(100, 300), *range(310, 300, -1), 120, 305]]
    mixed = [*range(200, 330), *range(400, 500), *range(50, 80), *range(520, 500, -1), *range(600, 680), *range(515, 590)]
    second = [row(number) for number in mixed]
    # Conflicts with an earlier load, with an earlier range of the file, and with the range itself.
    second += [contradict(120), contradict(405), contradict(589), row(588), "x,1,1,a,2024-01-01", ",,,", '"a""b",2,3']
    chance.shuffle(rest := [row(number) for number in [*range(640, 760), *range(10, 30)]])
    return [first, second, [*(row(number) for number in range(700, 900)), *rest, contradict(899), "y,1"]]


def take_all(database: str, source: str, range_bytes: int, **settings: Any) -> LoadResult:
    """Load a file by a run whose ranges are staged in no order."""
    options: dict[str, Any] = {"database_url": database, **settings}
    run = runs.plan(source, range_bytes=range_bytes, **options)
    assert run.already_loaded is None
    numbers = list(range(run.ranges))
    random.Random(5).shuffle(numbers)
    for number in numbers:
        assert runs.stage(run.token, number, database_url=database) == "staged"
    return runs.take(run.token, **options)


def leave_seconds(result: LoadResult) -> LoadResult:
    return replace(result, seconds=0)


def staging_tables(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("select relname from pg_class where relname like 'staging%'").fetchall()


WAYS = {
    "numbers, empty path and large": (IDS["numbers"], 1, 1),
    "numbers, row by row": (IDS["numbers"], 1 << 40, 1 << 40),
    "uuids, empty path": (IDS["uuids"], 1, 1),
    "uuids, row by row": (IDS["uuids"], 1 << 40, 1 << 40),
    "texts, empty path": (IDS["texts"], 1, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_tables_are_those_of_ordinary_loads(
    new_database: Callable[[], str], write_csv: Write, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    id_types, empty_bytes, large_rows = WAYS[way]
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", empty_bytes)
    monkeypatch.setattr(large, "LARGE_ROWS", large_rows)
    monkeypatch.setattr(large, "KEYS_PER_PAGE", 0)
    monkeypatch.setattr(staged_run, "CHUNK_PAGES", 1)
    ordinary, by_runs = new_database(), new_database()
    for each in (ordinary, by_runs):
        settings = load_settings(database_url=each, **id_types)
        schema_verb.schema_apply(settings, with_options=("user-days",))
    for number, lines in enumerate(deliveries(id_types, random.Random(7))):
        source = write_csv(f"{number}.csv", *lines)
        (done,) = load_verb.load([source], load_settings(database_url=ordinary, **id_types)).loads
        taken = take_all(by_runs, source, len("".join(lines)) // 4, **id_types)
        assert leave_seconds(taken) == leave_seconds(done)
        assert (done.status, done.rows_duplicate > 0) == ("loaded", True)
    assert content(by_runs) == content(ordinary)
    assert staging_tables(by_runs) == []
    verify_verb.verify(load_settings(database_url=by_runs, **id_types))
