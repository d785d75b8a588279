"""Eight processes with the same overlapping files, each in an order of its own, some of them killed and run again."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forked import one_of_a_crowd
from forks import FORKS, start_forks
from trials import IS_LONG, SEED, TRIALS, Contents, Figures, left_behind, loaded

pytestmark = pytest.mark.crash
PROCESSES = 8
FILES = 6
ROWS = 2_000
ROUNDS = max(1, TRIALS // 250)
KILLS = 16 if IS_LONG else 8  # a round


@pytest.fixture(scope="module", autouse=True)
def _forkserver() -> None:
    start_forks()


def row(number: int) -> tuple[int, int, int, str, datetime]:
    return number, number % 7 + 1, number % 11 + 1, "click", datetime(2024, 1, 1, 0, number % 60, tzinfo=UTC)


def line(number: int) -> str:
    _, user, product, action, at = row(number)
    return f"{number},{user},{product},{action},{at:%Y-%m-%d %H:%M:%S}"


def deliver(chance: random.Random, write_csv: Callable[..., str]) -> tuple[list[str], set[int], list[Any]]:
    """Write files that share rows, each with bad rows of its own; give their ids, and the quarantine."""
    numbers: set[int] = set()
    quarantine = []
    names = []
    for at in range(FILES):
        some = chance.sample(range(1, ROWS + 1), ROWS // 4)
        if at % 2:  # rising ids go another way than others
            some.sort()
        numbers.update(some)
        broken = [f"x{at},{n},1,click,2024-01-01" for n in range(1, at + 2)]
        names.append(write_csv(f"{at}.csv", *map(line, some), *broken))
        digest = hashlib.sha256(Path(names[-1]).read_bytes()).hexdigest()
        problems = [{"code": "not-an-integer", "field": "interaction_id", "value": f"x{at}"}]
        lines = enumerate(broken, start=len(some) + 2)  # line 1 is the header
        quarantine += [(digest, number, text, None, len(text), problems) for number, text in lines]
    return names, numbers, sorted(quarantine, key=lambda rejected: rejected[:2])


def crowd(database: str, names: list[str], chance: random.Random, figures: Figures, folder: Path) -> None:
    """Run until every process has said that all files are loaded; kill and start again meanwhile."""

    def start() -> Any:
        order = chance.sample(names, len(names))
        # Were all of them in one transaction, no file would ever meet the rows of another load.
        together = chance.choice((1, 1, 2, 3))
        process = FORKS.Process(target=one_of_a_crowd, args=(database, order, together, str(folder)))
        process.start()
        return process

    running = [start() for _ in range(PROCESSES)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.15))
        victim = chance.randrange(PROCESSES)
        is_killed = running[victim].is_alive()
        running[victim].kill()
        running[victim].join()
        figures.kills["SIGKILL of one of a crowd of 8"] += is_killed
        running[victim] = start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * PROCESSES


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_crowd_with_kills_gives_the_truth(
    new_database: Callable[[], str],
    write_csv: Callable[..., str],
    contents: Contents,
    figures: Figures,
    temporary_folder: Path,
) -> None:
    chance = random.Random(SEED)
    for _ in range(ROUNDS):
        database = new_database()
        names, numbers, quarantine = deliver(chance, write_csv)
        crowd(database, names, chance, figures, temporary_folder)
        found = contents(database)
        assert found["raw"] == [row(number) for number in sorted(numbers)]
        pairs = Counter((number % 7 + 1, number % 11 + 1) for number in numbers)
        assert found["interactions"] == [(*pair, count) for pair, count in sorted(pairs.items())]
        users = {user: sorted(row(n)[4] for n in numbers if n % 7 + 1 == user) for user in range(1, 8)}
        assert found["users"] == [(user, len(times), times[0], times[-1]) for user, times in users.items()]
        products = Counter(number % 11 + 1 for number in numbers)
        assert found["products"] == sorted(products.items())
        quarters = Counter(number % 60 // 15 * 15 for number in numbers)
        assert found["quarter hours"] == [
            (datetime(2024, 1, 1, 0, minute, tzinfo=UTC), "click", count) for minute, count in sorted(quarters.items())
        ]
        assert found["quarantine"] == quarantine
        assert len(found["ledger"]) == FILES
        assert sum(entry[3] for entry in found["ledger"]) == len(numbers)  # rows_loaded
        assert left_behind(database) == []
        again = loaded(database, names, max_rejected="1.0")
        assert set(again.statuses) == {"already-loaded"}
        figures.rows_compared += len(numbers)
