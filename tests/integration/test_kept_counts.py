"""A further kept count needs one more definition and the migration of its table: then everything keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from footfall.results import Drift
from footfall.settings import load_settings
from footfall.tables import counts, first_load
from footfall.tables.counts import ACTION, FIRST_AT, LAST_AT, PAIRS, QUARTERS, USER, KeptCount
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
ACTIONS = ("view", "click", "Click", "cart")
FURTHER = {
    "of-rows": KeptCount("interactions_per_user_and_action", "users_and_actions", (USER, ACTION), has_count_index=True),
    "of-rows-large": KeptCount("interactions_per_user_and_action", "users_and_actions", (USER, ACTION), is_large=True),
    "of-rows-with-measures": KeptCount(
        "interactions_per_user_and_action", "users_and_actions", (USER, ACTION), measures=(QUARTERS, LAST_AT)
    ),
    "of-rows-large-with-measures": KeptCount(
        "interactions_per_user_and_action",
        "users_and_actions",
        (USER, ACTION),
        is_large=True,
        measures=(QUARTERS, FIRST_AT),
    ),
    "of-sums": KeptCount("interactions_per_user_again", "users_again", (USER,), sums=PAIRS, has_count_index=True),
}


def lines(first: int, rows: int) -> list[str]:
    return [f"{n},{n % 7 + 1},{n % 5 + 1},{ACTIONS[n % 4]},2024-01-01" for n in range(first, first + rows)]


def migrate(database: str, kept: KeptCount) -> None:
    """Make the table of a kept count, as its migration would."""
    collations = {column.name: f'collate "{column.collation}"' for column in kept.key if column.collation}
    checks = {column.name: f"check ({column.name} >= 0)" for column in kept.key if column.type == "bigint"}
    columns = [f"{c.name} {c.type} {collations.get(c.name, '')} not null {checks.get(c.name, '')}" for c in kept.key]
    names = ", ".join(column.name for column in kept.key)
    with psycopg.connect(database) as connection:
        connection.execute(
            f"create table {kept.table} ({', '.join(columns)}, "
            "interaction_count bigint not null check (interaction_count > 0), "
            + "".join(f"{each.name} {each.type} not null, " for each in kept.measures)
            + f"constraint {kept.key_name} primary key ({names}))"
        )
        if kept.has_count_index:
            connection.execute(
                f"create index {kept.count_index_name} on {kept.table} (interaction_count desc, {names})"
            )


def ask(database: str, query: str, values: Any = None) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query, values).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1 << 60], ids=["empty-path", "ordinary-path"])
@pytest.mark.parametrize("further", FURTHER)
def test_one_more_definition_is_kept_verified_mended_and_granted(
    database: str,
    write_csv: Write,
    new_role: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    further: str,
    size: int,
) -> None:
    kept, settings = FURTHER[further], load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    migrate(database, kept)
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", size)
    monkeypatch.setattr(counts, "KEPT", (*counts.KEPT, kept))
    was_direct, opened = [], first_load.open_empty_table
    monkeypatch.setattr(first_load, "open_empty_table", lambda *of: was_direct.append(opened(*of)))

    before = ask(database, "select oid from pg_class where relname = %s", [kept.key_name])
    for name, rows in (("a.csv", [*lines(50, 50), *lines(1, 9)]), ("b.csv", lines(40, 70))):
        (done,) = load_verb.load([write_csv(name, *rows)], settings).loads
        assert (done.status, done.error) == ("loaded", None)
    assert was_direct == ([True] if size == 0 else [])
    is_built_last = size == 0 and kept.is_large
    assert (ask(database, "select oid from pg_class where relname = %s", [kept.key_name]) != before) == is_built_last

    names = ", ".join(column.name for column in kept.key)
    measures = "".join(f"{measure.name}, " for measure in kept.measures)
    recounts = "".join(f"{measure.of_rows}, " for measure in kept.measures)
    kept_rows = f"select {names}, {measures} interaction_count from {kept.table} order by {names}"
    recount = f"select {names}, {recounts} count(*) from user_interactions_raw group by {names} order by {names}"
    right = ask(database, kept_rows)
    assert right == ask(database, recount)
    assert verify_verb.verify(settings).drift_count == 0
    with psycopg.connect(database) as connection:
        connection.execute(f"update {kept.table} set interaction_count = 100 where user_id = 2")
    damaged = [each for each in ask(database, kept_rows) if each[-1] == 100]
    found = verify_verb.verify(settings)
    assert found.drift_count == len(damaged) > 0
    words = [", ".join(f"{c.name} {value}" for c, value in zip(kept.key, row, strict=False)) for row in damaged]
    assert [(each.check, each.key, each.kept) for each in found.drift] == [(kept.table, key, 100) for key in words]
    assert isinstance(found.drift[0], Drift)
    assert verify_verb.verify(settings, repair=True).drift == ()
    assert ask(database, kept_rows) == right

    reader = new_role()
    role = reader.rpartition("user=")[2].split()[0]
    schema_verb.grant_reading(settings, role)
    assert ask(reader, kept_rows) == right
