"""A load broken at every statement and every chunk of COPY, one after the other; then the same load again."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from breaking import KINDS, Kind, fault_of, socket_folder, url_of
from footfall.formats import framing
from footfall.tables import first_load, large
from trials import (
    IS_LONG,
    SEED,
    TRIALS,
    Contents,
    Figures,
    Outcome,
    Tables,
    compare,
    left_behind,
    loaded,
    remember,
    restore,
)

pytestmark = pytest.mark.crash
LINE = "{},{},{},{},2024-01-01 00:{:02}:00"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a load finds, and which of its ways it takes."""

    name: str
    has_tables: bool = True
    has_rows: bool = False
    has_temp: bool = True
    is_direct: bool = False
    is_group: bool = False
    is_large: bool = False


SCENARIOS = (
    Scenario("a first load, which makes the tables", has_tables=False),
    Scenario("into empty tables"),
    Scenario("into empty tables, rows first and keys after them", is_direct=True),
    Scenario("into tables with rows", has_rows=True),
    Scenario("many rows beside what is there", has_rows=True, is_large=True),
    Scenario("without the right to make temporary tables", has_rows=True, has_temp=False),
    Scenario("three small files in one transaction", has_rows=True, is_group=True),
)


def delivery(scenario: Scenario, write_csv: Callable[..., str]) -> tuple[list[str], dict[int, tuple[Any, ...]]]:
    """Rising ids, late ids, exact repeats, conflicts, bad rows; give the rows that they alone bring, too.

    Of a group the second file repeats and contradicts rows of the first; each has bad rows.
    """
    truth: dict[int, tuple[Any, ...]] = {}
    lines = []
    numbers = [*range(1, 240), *range(60, 80), *range(300, 250, -1), *range(400, 440)]
    for at, number in enumerate(numbers):
        is_late_conflict = 245 <= at < 250
        action = "other" if is_late_conflict else "click"
        user = "x" if number % 10 == 7 else number % 7 + 1
        lines.append(LINE.format(number, user, number % 5 + 1, action, number % 60))
        if user != "x" and number not in truth:
            instant = datetime(2024, 1, 1, 0, number % 60, tzinfo=UTC)
            truth[number] = (number, user, number % 5 + 1, action, instant)
    cuts = [0, 200, 280, len(lines)] if scenario.is_group else [0, len(lines)]
    return [write_csv(f"delivery {at}.csv", *lines[at:end]) for at, end in pairwise(cuts)], truth


def prepared(
    scenario: Scenario, make: Callable[[], str], write_csv: Callable[..., str], admin: str
) -> tuple[str, dict[int, tuple[Any, ...]]]:
    """Give a database as the load is to find it, and the rows that are there."""
    database = make()
    if not scenario.has_temp:
        name = conninfo_to_dict(database)["dbname"]
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"revoke temp on database {name} from public")
            connection.execute(f"alter database {name} owner to {connection.info.user}")
            connection.execute(f"grant connect, create on database {name} to owner")
        with psycopg.connect(make_conninfo(admin, dbname=name), autocommit=True) as connection:
            connection.execute("grant all on schema public to owner")
    rows = {}
    if scenario.has_tables:
        empty = loaded(database, [write_csv("header.csv")])
        assert empty.exit_code == 0, empty
    if scenario.has_rows:
        lines = [LINE.format(n, n % 7 + 1, n % 5 + 1, "click", n % 60) for n in range(1, 30)]
        lines += [LINE.format(n, 9, 9, "first", 0) for n in range(30, 36)]
        minute = {n: n % 60 for n in range(1, 30)}
        for n in range(1, 36):
            content = (n % 7 + 1, n % 5 + 1, "click") if n < 30 else (9, 9, "first")
            rows[n] = (n, *content, datetime(2024, 1, 1, 0, minute.get(n, 0), tzinfo=UTC))
        assert loaded(database, [write_csv("earlier.csv", *lines)]).exit_code == 0
    return database, rows


@dataclass(slots=True)
class Stage:
    """What all trials of one scenario share."""

    scenario: Scenario
    names: list[str]
    database: str
    tables: tuple[str, ...]
    before: Tables
    after: Tables
    messages: list[wire.Message]
    contents: Contents
    figures: Figures
    admin: str

    def url(self, proxy: wire.Proxy) -> str:
        return url_of(self.database, proxy)


def points(stage: Stage, kind: Kind) -> list[int]:
    """Choose which messages to break: in a long run a share of all, else one, and COMMIT."""
    fit = [message for message in stage.messages if message.tag in kind.tags]
    chance = random.Random(f"{SEED} {stage.scenario.name} {kind.name}")
    if IS_LONG:
        wanted = min(len(fit), round(len(fit) * kind.share * TRIALS / 1_500))
        return sorted({m.number for m in [*chance.sample(fit, wanted), *(m for m in fit if m.is_commit)]})
    some = {chance.choice(fit).number}
    if stage.scenario.is_direct or stage.scenario.is_group or not stage.scenario.has_temp:
        some |= {message.number for message in fit[-3:] if message.is_commit}
    return sorted(some)


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda scenario: scenario.name)
def stage(
    request: pytest.FixtureRequest,
    cluster: Any,
    new_database_of_module: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    contents: Contents,
    figures: Figures,
) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "BLOCK_BYTES_MAX", 6_000)  # several batches, so COPY comes several times
        patch.setattr(os, "cpu_count", lambda: 1)  # one session of the engine: a trial is quicker
        patch.setattr(first_load, "EMPTY_PATH_BYTES", 0 if request.param.is_direct else 1 << 40)
        patch.setattr(large, "LARGE_ROWS", 1 if request.param.is_large else 1 << 40)
        patch.setattr(large, "KEYS_PER_PAGE", 0)
        folder = tmp_path_factory.mktemp("stage")
        yield staged(request.param, cluster.admin, new_database_of_module, folder, contents, figures)


def staged(
    scenario: Scenario, admin: str, make: Callable[[], str], folder: Path, contents: Contents, figures: Figures
) -> Stage:
    """Load once, undisturbed: the tables before and after it, and its messages, are what trials are compared with."""

    def write_csv(name: str, *lines: str) -> str:
        (folder / name).write_text("interaction_id,user_id,product_id,action,timestamp\n" + "\n".join([*lines, ""]))
        return str(folder / name)

    database, rows = prepared(scenario, make, write_csv, admin)
    names, brought = delivery(scenario, write_csv)
    before, tables = contents(database), remember(database)
    with wire.proxying(socket_folder(database), conninfo_to_dict(database).get("port", 5432)) as proxy:
        assert loaded(url_of(database, proxy), names).statuses == ("loaded",) * len(names)
    after = contents(database)
    assert after["raw"] == sorted({**brought, **rows}.values())  # the truth, computed apart
    assert not before or before["keys"] == after["keys"]
    commits = sum(message.is_commit for message in proxy.messages)
    assert commits == (1 if scenario.has_tables else 2)  # of the files together, and of the tables
    statements = [m.statement for m in proxy.messages if m.tag == "Q"]
    assert any(statement.startswith("copy user_interactions_raw") for statement in statements)
    assert any(statement.startswith("truncate") for statement in statements) == scenario.is_direct
    assert any(statement.startswith('update "interactions"') for statement in statements) == scenario.is_large
    if scenario.is_group:  # the first file contradicts rows that are there, the second rows of the first
        assert [bool(rows_conflict) for *_, rows_conflict in after["overlaps"]] == [True, True]
    return Stage(scenario, names, database, tables, before, after, proxy.messages, contents, figures, admin)


def trial(stage: Stage, kind: Kind, at: int) -> None:
    """Break the load at one message, look at the tables, load again, look again."""
    database = stage.database
    restore(database, stage.tables)
    assert stage.contents(database) == stage.before
    with wire.proxying(socket_folder(database), conninfo_to_dict(database).get("port", 5432)) as proxy:
        proxy.fault_at, proxy.fault = at, fault_of(kind, stage.admin)
        proxy.is_refusing_after = kind.is_refusing
        first = loaded(stage.url(proxy), stage.names)
        assert proxy.struck is not None, "the load was over before"
        assert proxy.struck.asks == stage.messages[at - 1].asks  # or another message has the number now
        assert left_behind(database) == []
        is_possible(stage, kind, first, stage.contents(database))
    stage.figures.kills[kind.name] += 1
    stage.figures.phases[proxy.struck.phase] += 1
    again = loaded(database, stage.names)
    assert again.statuses in {(status,) * len(stage.names) for status in ("loaded", "already-loaded")}
    compare(stage.figures, stage.contents(database), stage.after)
    assert left_behind(database) == []


def is_possible(stage: Stage, kind: Kind, first: Outcome, found: Tables) -> None:
    """See that all of the files is there or nothing of them, in every table, and that the load said which."""
    assert first.exit_code in {0, 5}, first
    if first.exit_code == 0:
        assert first.statuses == ("loaded",) * len(stage.names)
        assert found == stage.after
        return
    if kind.is_refusing and found == stage.after:
        return  # whoever cannot ask the ledger does not know better
    assert found != stage.after, "the load says failed, and it is there"
    if found and not stage.before:  # the tables are made in a transaction of their own
        assert found == emptied(stage.after)
    else:
        assert found == stage.before


def emptied(tables: Tables) -> Tables:
    """Give what the tables hold before their first row; their keys and constraints are there."""
    return {name: rows if name in {"keys", "constraints"} else [] for name, rows in tables.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_a_load_broken_at_any_message_and_run_again_gives_the_tables_of_an_undisturbed_run(
    stage: Stage, kind: Kind
) -> None:
    for at in points(stage, kind):
        try:
            trial(stage, kind, at)
        except AssertionError as error:
            error.add_note(f"at message {stage.messages[at - 1]}")
            raise
