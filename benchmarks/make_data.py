"""Make a file of interactions for the benchmarks, and its cleaned twin; the same seed gives the same bytes.

Of N rows 0.5 % are exact repeats of an earlier row and 1 % are bad (half: a user id that is no number, half: no
action).
Ids and times rise, but for the repeats. 500,000 users and 50,000 products, drawn independently with Zipf-like weights,
so that pairs repeat at the head. The twin holds the valid rows, the first of each id.

    python benchmarks/make_data.py --rows 1000000 --folder data-1m
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
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
SECONDS = 180 * 86_400  # half a year
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


def make(rows: int, folder: Path, seed: int = 1, users: int = USERS, products: int = PRODUCTS) -> Made:
    """Write `<rows>.csv` and `<rows>-clean.csv` into a folder."""
    random = np.random.default_rng(seed)
    roles, origin = _roles(random, rows)
    made = pa.table(
        {
            "interaction_id": (origin + 1).astype(np.int64),
            "user_id": _zipf(random, users, USER_EXPONENT, rows)[origin],
            "product_id": _zipf(random, products, PRODUCT_EXPONENT, rows)[origin],
            "action": pa.array(ACTIONS).take(pa.array(random.choice(len(ACTIONS), rows, p=ACTION_SHARES)[origin])),
            "second": np.sort(random.integers(0, SECONDS, rows))[origin],
            "role": roles,
        }
    )
    full, clean = folder / f"{rows}.csv", folder / f"{rows}-clean.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.register("made", made)
        connection.execute(f"copy ({ROWS_SQL}) to '{_quoted(full)}' (header)")
        connection.execute(f"copy ({ROWS_SQL} where role = {GOOD}) to '{_quoted(clean)}' (header)")
    duplicates = int((roles == DUPLICATE).sum())
    return Made(full, clean, rows, duplicates, int(((roles == BAD_USER) | (roles == BAD_ACTION)).sum()))


def _roles(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Give each row its role, and the row whose content it has: itself, or a good one a little before it."""
    duplicates, bad = int(rows * DUPLICATE_SHARE), int(rows * BAD_SHARE)
    roles = np.full(rows, GOOD, np.int8)
    chosen = random.choice(np.arange(1, rows), duplicates + bad, replace=False)
    roles[chosen[:duplicates]] = DUPLICATE
    roles[chosen[duplicates : duplicates + bad // 2]] = BAD_USER
    roles[chosen[duplicates + bad // 2 :]] = BAD_ACTION
    numbers = np.arange(rows)
    last_good = np.maximum.accumulate(np.where(roles == GOOD, numbers, 0))
    back = np.maximum(numbers - random.integers(1, DUPLICATE_DISTANCE_MAX + 1, rows), 0)
    return roles, np.where(roles == DUPLICATE, last_good[back], numbers)


def _zipf(random: np.random.Generator, count: int, exponent: float, rows: int) -> np.ndarray:
    """Draw ids 1 to `count`; the weight of the one at rank r is 1 / r^exponent, and ranks are dealt out at random."""
    sums = np.cumsum(1 / np.arange(1, count + 1) ** exponent)
    ranks = np.searchsorted(sums, random.random(rows) * sums[-1])
    return (random.permutation(count) + 1)[np.minimum(ranks, count - 1)]


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
    arguments = parser.parse_args()
    made = make(arguments.rows, arguments.folder, arguments.seed, arguments.users, arguments.products)
    print(f"{made.full}: {made.rows:,} rows, {made.rows_bad:,} bad, {made.rows_duplicate:,} repeated")
    print(f"{made.clean}: {made.rows_clean:,} rows")


if __name__ == "__main__":
    main()
