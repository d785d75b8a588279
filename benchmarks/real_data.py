"""Load real interactions with Footfall: MovieLens ml-latest-small, and compare with an independent recount by DuckDB.

The data is GroupLens's and is not in this repository: its licence allows research, and redistribution under the same
terms only. Get `ratings.csv` and `tags.csv` from a copy of ml-latest-small, for example from the folder
`data/ml-latest-small` of the public repository github.com/xinyudong93/SVDBasedRecommenderAlgorithms (the edition of
1 April 2015; its ratings.csv came without a header line, which is seen and allowed for), then:

    python benchmarks/real_data.py FOLDER --database CONNINFO        (a database of its own, without Footfall's tables)

The files are loaded as they are. ratings.csv takes the built-in definition `movielens-latest`; where it has no header
line, the same with `header = false` and the names of its columns. tags.csv takes a definition of its own: the tag is
the action. Ids are made from the records.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import psycopg

TAGS_TOML = """
[sources.movielens-tags]
interaction_id = { from = "record" }
user_id = "userId"
product_id = "movieId"
action = "tag"
timestamp = { column = "timestamp", format = "epoch-s" }
"""
NO_HEADER_TOML = """
[sources.movielens-latest]
header = false
columns = ["userId", "movieId", "rating", "timestamp"]
interaction_id = { from = "record" }
user_id = "userId"
product_id = "movieId"
action = { value = "rate" }
timestamp = { column = "timestamp", format = "epoch-s" }
"""
SOURCES = {"ratings.csv": "movielens-latest", "tags.csv": "movielens-tags"}
ORIGINAL_SQL = """
create table files as
select
    column0::bigint as user_id,
    column1::bigint as product_id,
    action,
    column3::bigint as second
from (
    select *, 'rate' as action from read_csv($1, header = false, all_varchar = true)
    union all
    select *, trim(column2) as action from read_csv($2, header = false, all_varchar = true)
)
where column0 <> 'userId'
"""
RAW_SQL = "select user_id, product_id, action, extract(epoch from timestamp)::bigint from user_interactions_raw"
TOP = "select {key}, sum(interaction_count)::bigint from interactions group by 1 order by 2 desc, 1 limit 5"


def has_header(path: Path) -> bool:
    """Say whether a file of MovieLens begins with the names of its columns."""
    with path.open(encoding="utf-8") as file:
        return file.readline().startswith("userId,")


def write_definitions(source: Path, folder: Path) -> None:
    """Write footfall.toml: the type of made ids, and what the built-in definitions do not say of these files."""
    text = 'interaction_id_type = "uuid"\n' + TAGS_TOML
    if not has_header(source / "ratings.csv"):
        text += NO_HEADER_TOML
    (folder / "footfall.toml").write_text(text, encoding="utf-8")


def load(source: Path, folder: Path, conninfo: str) -> list[dict[str, Any]]:
    """Run the command line for each file, ratings first; give what it said."""
    environment = {**os.environ, "FOOTFALL_DATABASE_URL": conninfo}
    said = []
    for name, definition in SOURCES.items():
        path = str((source / name).resolve())
        command = [sys.executable, "-m", "footfall.cli", "load", path, "--source", definition, "-q", "--format", "json"]
        done = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        said.append(json.loads(done.stdout))
    return said


def assert_recount(source: Path, conninfo: str) -> tuple[int, int]:
    """Compare every row and every pair's count with DuckDB's reading of the original files; give rows and pairs."""
    with duckdb.connect() as recount, psycopg.connect(conninfo) as connection:
        recount.execute(ORIGINAL_SQL, [*map(str, (source / name for name in SOURCES))])
        rows = recount.execute("select * from files order by all").fetchall()
        raw = connection.execute(RAW_SQL).fetchall()
        assert sorted(raw) == rows, "rows differ from the original files"
        pairs = recount.execute("select user_id, product_id, count(*) from files group by all order by all").fetchall()
        ours = connection.execute("select user_id, product_id, interaction_count from interactions order by 1, 2")
        assert ours.fetchall() == pairs, "counts differ from the recount"
        return len(rows), len(pairs)


def main() -> None:
    """Load, recount, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FOLDER", help="holds ratings.csv and tags.csv of ml-latest-small")
    parser.add_argument("--database", required=True, metavar="CONNINFO")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-real-") as name:
        folder = Path(name)
        write_definitions(arguments.source, folder)
        said = load(arguments.source, folder, arguments.database)
        again = load(arguments.source, folder, arguments.database)
        rows, pairs = assert_recount(arguments.source, arguments.database)
    for whole in said:
        for one in whole["loads"]:
            figures = ", ".join(f"{key} {one[f'rows_{key}']:,}" for key in ("read", "loaded", "duplicate", "rejected"))
            print(f"{Path(one['source']).name}: {figures}; {one['seconds']:.2f} s, {whole['seconds']:.2f} s in all")
    statuses = [(one["source"], one["status"]) for whole in again for one in whole["loads"]]
    print("a second time: " + ", ".join(f"{Path(source).name} {status}" for source, status in statuses))
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
