"""Four processes that load, load again, take back, replay and forget at once, some of them killed meanwhile."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beside_model import KEPT, list_load_ids, read_tables
from footfall.settings import load_settings
from footfall.verbs import verify as verify_verb
from forked import one_of_operators
from forks import FORKS, start_forks
from model import FORGOTTEN, count_all
from trials import IS_LONG, SEED, TRIALS, Figures, left_behind, loaded

pytestmark = pytest.mark.crash
PROCESSES = 4
FILES = 4
ROWS = 60  # ids that a file chooses from
ROUNDS = max(1, TRIALS // 100)
KILLS = 6 if IS_LONG else 2  # a round
FORGOTTEN_USERS = "select count(*) from forgotten_users"


@pytest.fixture(scope="module", autouse=True)
def _forkserver() -> None:
    start_forks()


def row(number: int) -> tuple[int, int, int, str, datetime]:
    """Give the one content of an id; a third of the rows has an action that some contracts do not allow."""
    action = "click" if number % 3 else "buy"
    return number, number % 7 + 1, number % 5 + 1, action, datetime(2024, 1, 1, number % 24, number % 60, tzinfo=UTC)


def line(number: int) -> str:
    _, user, product, action, at = row(number)
    return f"{number},{user},{product},{action},{at:%Y-%m-%d %H:%M:%S}"


def deliver(chance: random.Random, write_csv: Callable[..., str]) -> tuple[list[str], dict[str, list[int]]]:
    """Write files that share rows and repeat some; give their names, and their ids by line, by digest."""
    names, held = [], {}
    for at in range(FILES):
        some = chance.sample(range(1, ROWS + 1), ROWS // 2)
        some += some[: at * 2]
        names.append(write_csv(f"{at}.csv", *map(line, some)))
        held[hashlib.sha256(Path(names[-1]).read_bytes()).hexdigest()] = some
    return names, held


def operate(database: str, names: list[str], chance: random.Random, figures: Figures, folder: Path) -> None:
    """Run all processes to their ends; kill some meanwhile, and let others take their places."""

    def start() -> Any:
        seed = chance.randrange(1 << 30)
        process = FORKS.Process(target=one_of_operators, args=(database, names, seed, str(folder)))
        process.start()
        return process

    running = [start() for _ in range(PROCESSES)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.3))
        victim = chance.randrange(PROCESSES)
        figures.kills["SIGKILL of one of four that take back, replay and forget"] += running[victim].is_alive()
        running[victim].kill()
        running[victim].join()
        running[victim] = start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * PROCESSES


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_whatever_four_processes_do_at_once_the_tables_are_those_of_the_loads_that_stand(
    new_database: Callable[[], str], write_csv: Callable[..., str], figures: Figures, temporary_folder: Path
) -> None:
    chance = random.Random(SEED)
    for _ in range(ROUNDS):
        database = new_database()
        names, held = deliver(chance, write_csv)
        assert loaded(database, names[:2], actions="click", max_rejected="1.0").exit_code == 0
        operate(database, names, chance, figures, temporary_folder)
        assert left_behind(database) == []
        assert verify_verb.verify(load_settings(database_url=database)).drift == ()
        compare_with_standing(database, held)


def compare_with_standing(database: str, held: dict[str, list[int]]) -> None:
    """See that every row of every file that stands is there, met by a load that stands, open, or of a forgotten user.

    An id has one content, so that the order of the commands decides no more than who brought a row.
    """
    found = read_tables(database)
    with psycopg.connect(database) as connection:
        (count,) = connection.execute(FORGOTTEN_USERS).fetchone() or (0,)
    brought = {key: place for key, *_, place in found["raw"]}
    wanted: set[int] = set()
    for place, (status, digest) in enumerate(found["ledger"]):
        if status != "loaded" or not digest:
            continue
        for at, number in enumerate(held[digest], start=2):
            kept = found["quarantine"].get((place, at))
            if kept is None or kept[2] is not None:
                wanted.add(number)
            elif kept[1] != FORGOTTEN:
                assert kept[1] == {("unknown-action", "action")}
                assert row(number)[3] == "buy"
    is_loaded = {place for place, (status, _) in enumerate(found["ledger"]) if status == "loaded"}
    assert set(brought.values()) <= is_loaded
    gone = {row(number)[1] for number in wanted - set(brought)}
    assert len(gone) <= count
    assert not gone & {row(number)[1] for number in brought}
    assert set(brought) == {number for number in wanted if row(number)[1] not in gone}
    assert [each[:-1] for each in found["raw"]] == [row(number) for number in sorted(brought)]
    counts = count_all(row(number)[1:] for number in brought)
    for table in KEPT:
        if found[table] is not None:
            assert found[table] == counts[table], table
    assert len(list_load_ids(database)) == len(found["ledger"])
