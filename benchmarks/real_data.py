"""Load real interactions with Footfall: MovieLens ml-latest-small, and compare with an independent recount by DuckDB.

The data is GroupLens's and is not in this repository: its licence allows research, and redistribution under the same
terms only. Get `ratings.csv` and `tags.csv` from a copy of ml-latest-small, for example from the folder
`data/ml-latest-small` of the public repository github.com/xinyudong93/SVDBasedRecommenderAlgorithms (the edition of
1 April 2015; its ratings.csv came without a header line, which is seen and allowed for), then:

    python benchmarks/real_data.py FOLDER --database CONNINFO        (a database of its own, without Footfall's tables)

What is mapped, and nothing else: rows are kept in file order, none is left out or mended.

    ratings.csv   userId -> user_id, movieId -> product_id, "rated " and the stars -> action
    tags.csv      userId -> user_id, movieId -> product_id, "tagged " and the tag as it is -> action
    both          timestamp (seconds since 1970) -> the same instant, UTC
                  interaction_id added: 1, 2, ... in file order, ratings first (the data has no id of an interaction)

The recount reads the files as they came, not the mapped ones.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import duckdb
import psycopg

HEADER = ("interaction_id", "user_id", "product_id", "action", "timestamp")
FILES = {"ratings.csv": "rated", "tags.csv": "tagged"}
ORIGINAL_SQL = """
create table files as
select
    column0::bigint as user_id,
    column1::bigint as product_id,
    verb || ' ' || column2 as action,
    column3::bigint as second
from (
    select *, 'rated' as verb from read_csv($1, header = false, all_varchar = true)
    union all
    select *, 'tagged' from read_csv($2, header = false, all_varchar = true)
)
where column0 <> 'userId'
"""
RAW_SQL = "select user_id, product_id, action, extract(epoch from timestamp)::bigint from user_interactions_raw"
TOP = "select {key}, sum(interaction_count)::bigint from interactions group by 1 order by 2 desc, 1 limit 5"


def mapped(path: Path, verb: str, ids: Iterator[int]) -> Iterator[tuple[object, ...]]:
    """Give the rows of one file of MovieLens in Footfall's columns."""
    with path.open(encoding="utf-8", newline="") as file:
        for user, movie, value, second in csv.reader(file):
            if user == "userId":
                continue
            instant = datetime.fromtimestamp(int(second), UTC)
            yield next(ids), user, movie, f"{verb} {value}", instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def write(source: Path, target: Path) -> None:
    """Write each file of MovieLens with Footfall's columns."""
    ids = count(1)
    for name, verb in FILES.items():
        with (target / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(mapped(source / name, verb, ids))


def load(folder: Path, conninfo: str) -> str:
    """Run the command line, ratings first; give its JSON."""
    names = [str(folder / name) for name in FILES]
    command = [sys.executable, "-m", "footfall.cli", "load", *names, "-q", "--format", "json"]
    environment = {**os.environ, "FOOTFALL_DATABASE_URL": conninfo}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def assert_recount(source: Path, conninfo: str) -> tuple[int, int]:
    """Compare every row and every pair's count with DuckDB's reading of the original files; give rows and pairs."""
    with duckdb.connect() as recount, psycopg.connect(conninfo) as connection:
        recount.execute(ORIGINAL_SQL, [*map(str, (source / name for name in FILES))])
        rows = recount.execute("select * from files order by all").fetchall()
        raw = connection.execute(RAW_SQL).fetchall()
        assert sorted(raw) == rows, "rows differ from the original files"
        pairs = recount.execute("select user_id, product_id, count(*) from files group by all order by all").fetchall()
        ours = connection.execute("select user_id, product_id, interaction_count from interactions order by 1, 2")
        assert ours.fetchall() == pairs, "counts differ from the recount"
        return len(rows), len(pairs)


def main() -> None:
    """Map, load, recount, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FOLDER", help="holds ratings.csv and tags.csv of ml-latest-small")
    parser.add_argument("--database", required=True, metavar="CONNINFO")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-real-") as name:
        folder = Path(name)
        write(arguments.source, folder)
        said = json.loads(load(folder, arguments.database))
        again = json.loads(load(folder, arguments.database))
        rows, pairs = assert_recount(arguments.source, arguments.database)
    for one in [*said["loads"], {"source": "all", **said}]:
        figures = ", ".join(f"{key} {one[f'rows_{key}']:,}" for key in ("read", "loaded", "duplicate", "rejected"))
        print(f"{Path(one['source']).name}: {figures}; {one['seconds']:.2f} s")
    print("a second time: " + ", ".join(f"{Path(one['source']).name} {one['status']}" for one in again["loads"]))
    print(f"{rows:,} rows and {pairs:,} pairs equal DuckDB's reading of the original files")
    with psycopg.connect(arguments.database) as connection:
        for key in ("user_id", "product_id"):
            top = connection.execute(TOP.format(key=key)).fetchall()
            print(f"top {key}: " + ", ".join(f"{number} ({n:,})" for number, n in top))
        top = connection.execute(
            "select user_id, product_id, interaction_count from interactions order by 3 desc, 1, 2 limit 3"
        ).fetchall()
        print("top pairs: " + ", ".join(f"user {user}, movie {movie} ({n})" for user, movie, n in top))


if __name__ == "__main__":
    main()
