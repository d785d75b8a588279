"""What a load asks of the server: counters that no busy machine changes. `python benchmarks/server_side.py CONNINFO`.

CONNINFO names a database of its own, on a server with pg_stat_statements in shared_preload_libraries, as a superuser.
Everything in the database's schema `public` is dropped and made anew. Prints lines of Markdown.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from footfall.answers import parameters
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
ACTIONS = ("click", "view", "purchase")
FIRST_ROWS, DAY_ROWS, DAYS = 2_000_000, 100_000, 5
USERS, PRODUCTS = 50_000, 500  # so that half of a day's pairs are there already


def ask(conninfo: str, query: str, *values: object) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query, values).fetchone()


def run(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def write(folder: Path, first: int, rows: int, seed: int) -> str:
    """Write a file of rows with rising ids; users and products as in a shop: few have many."""
    chance = random.Random(seed)  # noqa: S311  (figures, no secrets)
    path = folder / f"{first}.csv"
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(first, first + rows):
            user = int(USERS * chance.random() ** 2) + 1
            product = int(PRODUCTS * chance.random() ** 2) + 1
            second = number % 86_400
            at = f"2024-01-{number // 86_400 % 28 + 1:02} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
            file.write(f"{number},{user},{product},{chance.choice(ACTIONS)},{at}\n")
    return str(path)


def fresh(conninfo: str) -> None:
    run(
        conninfo,
        "drop schema public cascade",
        "create schema public",
        "create extension if not exists pg_stat_statements",
    )
    schema_verb.upgrade_schema(load_settings(database_url=conninfo))


def load(conninfo: str, name: str) -> None:
    (done,) = load_verb.load([name], load_settings(database_url=conninfo)).loads
    if done.status != "loaded":
        sys.exit(f"{name}: {done.status}: {done.error}")


@contextmanager
def wal_bytes(conninfo: str, words: Callable[[int], None]) -> Iterator[None]:
    """Count the bytes of the log of a block that begins right after a checkpoint, as a file in a quiet hour does."""
    run(conninfo, "checkpoint")
    before = ask(conninfo, "select pg_current_wal_lsn()")[0]
    yield
    words(int(ask(conninfo, "select pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", before)[0]))


def with_fillfactor(conninfo: str, files: list[str], fillfactor: int) -> str:
    """Load a first file and days of files: how many updates of counts were HOT, and what the log took."""
    fresh(conninfo)
    run(conninfo, f"alter table interactions set (fillfactor = {fillfactor})")
    load(conninfo, files[0])
    run(conninfo, "vacuum analyze", "select pg_stat_reset()")
    log: list[int] = []
    for name in files[1:]:
        with wal_bytes(conninfo, log.append):
            load(conninfo, name)
        run(conninfo, "vacuum interactions")  # autovacuum's work between two days
    counts = """
        select n_tup_upd, n_tup_hot_upd, pg_relation_size(relid), pg_indexes_size(relid)
        from pg_stat_user_tables where relname = 'interactions'"""
    time.sleep(2)  # counters of sessions that are gone are flushed
    updates, hot, heap, indexes = ask(conninfo, counts)
    return (
        f"| {fillfactor} | {updates:,} | {hot / max(updates, 1):.0%} | {sum(log) / len(log) / 1e6:.0f} | "
        f"{heap / 1e6:.0f} | {indexes / 1e6:.0f} |"
    )


def with_compression(conninfo: str, files: list[str], method: str) -> str:
    """Load a first file and a day's file with `wal_compression` set: what the log took of each."""
    run(conninfo, f"alter database {database(conninfo)} set wal_compression = {method}")
    fresh(conninfo)
    log: list[int] = []
    for name in files[:2]:
        with wal_bytes(conninfo, log.append):
            load(conninfo, name)
    run(conninfo, f"alter database {database(conninfo)} reset wal_compression")
    return f"| {method} | {log[0] / 1e6:.0f} | {log[1] / 1e6:.0f} |"


def database(conninfo: str) -> str:
    return str(ask(conninfo, "select quote_ident(current_database())")[0])


def new_entries(conninfo: str, files: list[str]) -> str:
    """Load days of files: how many entries each new load adds to pg_stat_statements, once two loads have been seen."""
    fresh(conninfo)
    of_ours = """
        select count(*), count(distinct query) from pg_stat_statements
        where dbid = (select oid from pg_database where datname = current_database())"""
    seen = []
    for name in files[1:]:
        load(conninfo, name)
        seen.append(ask(conninfo, of_ours))
    more, texts = ((seen[-1][n] - seen[1][n]) / (len(seen) - 2) for n in (0, 1))
    return f"{more:.1f} entries and {texts:.1f} new texts a load"


def index_on_users(conninfo: str, files: list[str]) -> list[str]:
    """Ask about one user without and with an index: milliseconds of the best of five, and pages."""
    fresh(conninfo)
    load(conninfo, files[0])
    run(conninfo, "vacuum analyze")
    lines = []
    for words in ("without", "with `create index on user_interactions_raw (user_id, timestamp)`"):
        if words != "without":
            run(conninfo, "create index on user_interactions_raw (user_id, timestamp)")
        best = min(timed(lambda: user(conninfo)) for _ in range(5))
        log: list[int] = []
        with wal_bytes(conninfo, log.append):
            load(conninfo, files[1 if words == "without" else 2])
        size = ask(conninfo, "select pg_indexes_size('user_interactions_raw')")[0]
        lines.append(f"| {words} | {best * 1000:.1f} | {size / 1e6:.0f} | {log[0] / 1e6:.0f} |")
    return lines


def user(conninfo: str) -> None:
    with query_verb.query(load_settings(database_url=conninfo), "user", parameters.Filters(id=1234)) as answer:
        list(answer.rows)


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def waits_of_readers(conninfo: str, files: list[str]) -> list[str]:
    """Load while a reader asks for one count every 50 ms: the longest answer, into empty tables and into full ones."""
    fresh(conninfo)
    return [longest_wait(conninfo, *each) for each in zip(("into empty tables", "a day's file"), files, strict=False)]


def longest_wait(conninfo: str, words: str, name: str) -> str:
    """Load one file and give the seconds that it took, and those of the reader's longest answer."""
    is_over = threading.Event()
    answers: list[float] = []

    def read() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            query = "select interaction_count from interactions where user_id = 1 and product_id = 1"
            while not is_over.is_set():
                answers.append(timed(lambda: connection.execute(query)))
                is_over.wait(0.05)

    reader = threading.Thread(target=read)
    reader.start()
    seconds = timed(lambda: load(conninfo, name))
    is_over.set()
    reader.join()
    return f"| {words} | {seconds:.1f} | {max(answers):.2f} |"


def main() -> None:
    conninfo = sys.argv[1]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = [write(folder, 1, FIRST_ROWS, 0)]
        files += [write(folder, FIRST_ROWS + day * DAY_ROWS + 1, DAY_ROWS, day + 1) for day in range(DAYS)]
        wanted = sys.argv[2:] or ["fillfactor", "statements", "compression", "users", "readers"]
        print(ask(conninfo, "select version()")[0], flush=True)
        if "fillfactor" in wanted:
            for fillfactor in (100, 90):
                print(with_fillfactor(conninfo, files, fillfactor), flush=True)
        if "statements" in wanted:
            print(new_entries(conninfo, files), flush=True)
        if "compression" in wanted:
            for method in ("off", "lz4"):
                print(with_compression(conninfo, files, method), flush=True)
        if "users" in wanted:
            print(*index_on_users(conninfo, files), sep="\n", flush=True)
        if "readers" in wanted:
            print(*waits_of_readers(conninfo, files), sep="\n", flush=True)


if __name__ == "__main__":
    main()
