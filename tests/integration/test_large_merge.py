"""A load that is large beside what is there gives the tables of a merge row by row, and disturbs no reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from footfall.settings import load_settings
from footfall.tables import large
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
TABLES = {
    "raw": "select * from user_interactions_raw order by interaction_id",
    "pairs": "select * from interactions order by 1, 2",
    "users": "select * from interactions_per_user order by 1",
    "products": "select * from interactions_per_product order by 1",
    "quarter hours": "select * from interactions_per_quarter_hour order by 1, 2",
    "days": "select * from user_days order by 1, 2",
    "overlaps": "select * from load_overlaps order by 1, 2",
    "rejected": "select load_id, line_number, problems from rejected_interactions order by 1, 2",
    "loads": "select load_id, rows_read, rows_loaded, rows_duplicate, rows_rejected from loads order by 1",
}
ID_TYPES = {
    "numbers": {},
    "users as text": {"user_id_type": "text"},
    "products as UUIDs": {"product_id_type": "uuid"},
}


def content(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}


def deliveries(id_types: dict[str, str], chance: random.Random) -> Iterator[list[str]]:
    """Give files whose rows lie above, among and below those before; some repeat, some contradict, some are bad."""
    user = (lambda n: f"ü{n}") if id_types.get("user_id_type") == "text" else str
    product = (lambda n: str(UUID(int=n << 77))) if id_types.get("product_id_type") == "uuid" else str
    rows: dict[int, str] = {}

    def row(number: int) -> str:
        instant = f"2024-0{chance.randint(1, 9)}-0{chance.randint(1, 9)} {chance.randint(0, 23):02}:{number % 60:02}:01"
        line = f"{number},{user(chance.randint(1, 40))},{product(chance.randint(1, 9))},{'ab'[number % 2]},{instant}"
        return rows.setdefault(number, line)

    yield [row(number) for number in range(100, 400)]
    yield [row(number) for number in range(400, 900)]
    mixed = [*range(50, 150), *range(900, 1300), *range(1290, 1250, -1), *range(1400, 1500), *range(1310, 1390)]
    lines = [row(number) for number in mixed]
    yield [*lines, rows[120].replace(",a,", ",c,"), rows[1450].replace(",a,", ",c,"), "x,1,1,a,2024-01-01"]


@pytest.fixture
def load_all(write_csv: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str], bool], None]:
    """Load the same files one after the other, as large ones or row by row."""

    def load(database: str, id_types: dict[str, str], is_large: bool) -> None:
        monkeypatch.setattr(large, "LARGE_ROWS", 1 if is_large else 1 << 40)
        monkeypatch.setattr(large, "KEYS_PER_PAGE", 0)
        monkeypatch.setattr(large, "CHUNK_PAGES", 2)
        added: list[str] = []
        real = large.add

        def note(connection: Any, staging: Any, kept: Any, *read: Any) -> None:
            added.append(kept.table)
            real(connection, staging, kept, *read)

        monkeypatch.setattr(large, "add", note)
        settings = load_settings(database_url=database, **id_types)
        schema_verb.upgrade_schema(settings, with_options=("user-days",))
        for number, lines in enumerate(deliveries(id_types, random.Random(7))):
            (done,) = load_verb.load([write_csv(f"{number}.csv", *lines)], settings).loads
            assert done.error is None
        monkeypatch.setattr(large, "add", real)
        assert len(added) == (15 if is_large else 0)  # five kept counts of each file
        assert verify_verb.verify(settings).drift == ()

    return load


@pytest.mark.slow
@pytest.mark.parametrize("id_types", ID_TYPES.values(), ids=ID_TYPES)
def test_counts_of_a_large_load_are_those_of_a_merge_row_by_row(
    new_database: Callable[[], str], id_types: dict[str, str], load_all: Callable[..., None]
) -> None:
    whole, by_row = new_database(), new_database()
    load_all(whole, id_types, True)
    load_all(by_row, id_types, False)
    assert content(whole) == content(by_row)


@pytest.mark.slow
def test_a_snapshot_from_before_a_large_load_sees_the_counts_from_before_it(
    database: str, load_all: Callable[..., None], write_csv: Write
) -> None:
    load_all(database, {}, True)
    lines = [f"{number},1,{number % 9},a,2024-01-01" for number in range(2000, 2300)]
    before = tuple(ask(database, "select sum(interaction_count) from interactions"))
    with psycopg.connect(database) as early, psycopg.connect(database) as late:
        for reader in (early, late):
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        early.execute("select from interactions")
        late.execute("select")  # has a snapshot, and no lock of any table yet
        settings = load_settings(database_url=database, lock_wait_seconds=0)
        (done,) = load_verb.load([write_csv("more.csv", *lines)], settings).loads
        assert (done.error, done.rows_loaded) == (None, 300)
        for reader in (early, late):
            assert reader.execute("select sum(interaction_count) from interactions").fetchone() == before
    assert ask(database, "select sum(interaction_count) from interactions") == [before[0] + 300]


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return list(connection.execute(query).fetchone() or ())
