"""Make a file of interactions for the benchmarks, and its cleaned twin; the same seed gives the same bytes.

Of N rows 0.5 % are exact repeats of an earlier row and 1 % are bad (half: a user id that is no number, half: no
action), unless asked otherwise. Ids and times rise, but for the repeats. 500,000 users and 50,000 products, drawn
independently with Zipf-like weights, so that pairs repeat at the head. Who is popular depends on the seed alone: files
of other days draw from the same. The twin holds the valid rows, the first of each id.

    python benchmarks/make_data.py --rows 1000000 --folder data-1m
    python benchmarks/make_data.py --rows 100000 --first-id 1000001 --day 180 --bad 0 --repeated 0 --folder day-180
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

USERS = 500_000
PRODUCTS = 50_000
USER_EXPONENT = 0.8
PRODUCT_EXPONENT = 1.0
ACTIONS = ("click", "hover", "purchase", "readmore_click")
ACTION_SHARES = (0.55, 0.30, 0.05, 0.10)
DUPLICATE_SHARE = 0.005
BAD_SHARE = 0.01
DUPLICATE_DISTANCE_MAX = 50  # rows between a repeat and its first
DAYS = 180  # half a year
DAY_SECONDS = 86_400
BLOCK_ROWS = 10_000_000  # are made at a time, so that memory does not grow with the file
GOOD, BAD_USER, BAD_ACTION, DUPLICATE = range(4)

ROWS_SQL = """
select
    interaction_id,
    case when role = 1 then 'abc' else user_id::varchar end as user_id,
    product_id,
    case when role = 2 then '' else action end as action,
    strftime(timestamp '2024-01-01' + to_seconds(second), '%Y-%m-%d %H:%M:%S') as timestamp
from made
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file shall hold; with a `day` its times lie in that day, else in the first 180.

    Units: rows; ids from `first_id` on, `id_step` apart; with `scattered_over` N they are drawn at random from the
    first N of these instead, each once; shares of the rows.
    """

    rows: int
    seed: int = 1
    users: int = USERS
    products: int = PRODUCTS
    first_id: int = 1
    id_step: int = 1
    scattered_over: int | None = None
    day: int | None = None
    bad_share: float = BAD_SHARE
    duplicate_share: float = DUPLICATE_SHARE

    @property
    def name(self) -> str:
        """Name its file, so that two that differ do not meet in one folder."""
        usual = Wanted(self.rows)
        others = (f.name for f in fields(self) if getattr(self, f.name) != getattr(usual, f.name))
        return "-".join([str(self.rows), *(f"{name}-{getattr(self, name)}" for name in others)])


@dataclass(frozen=True, slots=True)
class Made:
    """The two files and what is in them. Units: rows."""

    full: Path
    clean: Path
    rows: int
    rows_duplicate: int
    rows_bad: int

    @property
    def rows_clean(self) -> int:
        """Rows of the cleaned twin."""
        return self.rows - self.rows_duplicate - self.rows_bad


def make(wanted: Wanted, folder: Path) -> Made:
    """Write the file and its cleaned twin into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    full, clean = folder / f"{wanted.name}.csv", folder / f"{wanted.name}-clean.csv"
    duplicates = bad = 0
    with full.open("wb") as full_file, clean.open("wb") as clean_file, duckdb.connect() as connection:
        for start in range(0, wanted.rows, BLOCK_ROWS):
            made = _block(wanted, start, min(BLOCK_ROWS, wanted.rows - start))
            connection.register("made", made)
            for file, which in ((full_file, ""), (clean_file, f"where role = {GOOD}")):
                part = folder / f"{wanted.name}.part"
                header = "true" if start == 0 else "false"
                connection.execute(f"copy ({ROWS_SQL} {which}) to '{_quoted(part)}' (format csv, header {header})")
                with part.open("rb") as written:
                    shutil.copyfileobj(written, file)
                part.unlink()
            roles = made["role"].to_numpy()
            duplicates += int((roles == DUPLICATE).sum())
            bad += int(((roles == BAD_USER) | (roles == BAD_ACTION)).sum())
    return Made(full, clean, wanted.rows, duplicates, bad)


def _block(wanted: Wanted, start: int, rows: int) -> pa.Table:
    """Make rows from `start` on."""
    random = np.random.default_rng([wanted.seed, wanted.day or 0, start])
    roles, origin = _roles(random, rows, wanted)
    # who is popular is dealt out by the seed alone
    users = np.random.default_rng([wanted.seed, 1]).permutation(wanted.users) + 1
    products = np.random.default_rng([wanted.seed, 2]).permutation(wanted.products) + 1
    first, seconds = _seconds(wanted, start, rows)
    return pa.table(
        {
            "interaction_id": _ids(random, wanted, start, rows)[origin],
            "user_id": _zipf(random, users, USER_EXPONENT, rows)[origin],
            "product_id": _zipf(random, products, PRODUCT_EXPONENT, rows)[origin],
            "action": pa.array(ACTIONS).take(pa.array(random.choice(len(ACTIONS), rows, p=ACTION_SHARES)[origin])),
            "second": (first + np.sort(random.integers(0, seconds, rows)))[origin],
            "role": roles,
        }
    )


def _seconds(wanted: Wanted, start: int, rows: int) -> tuple[int, int]:
    """Give the first second of a block's times, and how many there are."""
    if wanted.day is not None:
        return wanted.day * DAY_SECONDS, DAY_SECONDS
    first, end = (DAYS * DAY_SECONDS * row // wanted.rows for row in (start, start + rows))
    return first, end - first


def _ids(random: np.random.Generator, wanted: Wanted, start: int, rows: int) -> np.ndarray:
    numbers = np.arange(start, start + rows)
    if wanted.scattered_over is not None:
        numbers = random.choice(wanted.scattered_over, rows, replace=False)
    return (wanted.first_id + wanted.id_step * numbers).astype(np.int64)


def _roles(random: np.random.Generator, rows: int, wanted: Wanted) -> tuple[np.ndarray, np.ndarray]:
    """Give each row its role, and the row whose content it has: itself, or a good one a little before it."""
    duplicates, bad = int(rows * wanted.duplicate_share), int(rows * wanted.bad_share)
    roles = np.full(rows, GOOD, np.int8)
    first = 1 if duplicates else 0  # a repeat needs a row before it
    chosen = random.choice(np.arange(first, rows), duplicates + bad, replace=False)
    roles[chosen[:duplicates]] = DUPLICATE
    roles[chosen[duplicates : duplicates + bad // 2]] = BAD_USER
    roles[chosen[duplicates + bad // 2 :]] = BAD_ACTION
    numbers = np.arange(rows)
    last_good = np.maximum.accumulate(np.where(roles == GOOD, numbers, 0))
    back = np.maximum(numbers - random.integers(1, DUPLICATE_DISTANCE_MAX + 1, rows), 0)
    return roles, np.where(roles == DUPLICATE, last_good[back], numbers)


def _zipf(random: np.random.Generator, ids: np.ndarray, exponent: float, rows: int) -> np.ndarray:
    """Draw from ids that stand in the order of their ranks; the weight of rank r is 1 / r^exponent."""
    sums = np.cumsum(1 / np.arange(1, len(ids) + 1) ** exponent)
    ranks = np.searchsorted(sums, random.random(rows) * sums[-1])
    return ids[np.minimum(ranks, len(ids) - 1)]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def main() -> None:
    """Make the files and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--first-id", type=int, default=1)
    parser.add_argument("--id-step", type=int, default=1)
    parser.add_argument("--day", type=int, help="all times in one day, counted from 2024-01-01")
    parser.add_argument("--bad", dest="bad_share", type=float, default=BAD_SHARE, help="share of the rows")
    parser.add_argument("--repeated", dest="duplicate_share", type=float, default=DUPLICATE_SHARE)
    arguments = vars(parser.parse_args())
    made = make(Wanted(**{name: value for name, value in arguments.items() if name != "folder"}), arguments["folder"])
    print(f"{made.full}: {made.rows:,} rows, {made.rows_bad:,} bad, {made.rows_duplicate:,} repeated")
    print(f"{made.clean}: {made.rows_clean:,} rows")


if __name__ == "__main__":
    main()
