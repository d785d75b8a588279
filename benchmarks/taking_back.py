"""What taking loads back costs: the loads that record what they met, and an undo beside a long history.

`python benchmarks/taking_back.py [price] [undo]` has an embedded server of its own. Prints lines of Markdown. Seconds
are those of the processor: of this process, and of the server's processes.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from server_side import run, write

from footfall.postgres.embedded import clients
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb

ROWS = 300_000
LOAD_ROWS = 100_000
TICKS = os.sysconf("SC_CLK_TCK")


def read_cpu_s(postmaster: int) -> float:
    """Give the seconds of processor of this process and of a server, with its processes that ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if folder.name == str(postmaster):
            seconds += sum(map(int, fields[11:15])) / TICKS
        elif folder.name.isdigit() and fields[1] == str(postmaster):
            seconds += sum(map(int, fields[11:13])) / TICKS
    return seconds


def find_postmaster(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        pid = connection.execute("select pg_backend_pid()").fetchone()
        assert pid is not None
        return int(Path(f"/proc/{pid[0]}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until_alone(conninfo: str) -> None:
    """Wait until no other session is left: the server has the seconds of one that ended only then."""
    others = """
        select count(*) from pg_stat_activity
        where backend_type in ('client backend', 'parallel worker') and pid <> pg_backend_pid()"""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while connection.execute(others).fetchone() != (0,):
            time.sleep(0.05)


def measure(conninfo: str, act: Callable[[], Any]) -> float:
    postmaster = find_postmaster(conninfo)
    wait_until_alone(conninfo)
    before = read_cpu_s(postmaster)
    act()
    wait_until_alone(conninfo)
    return read_cpu_s(postmaster) - before


def make_anew(conninfo: str) -> None:
    run(conninfo, "drop schema public cascade", "create schema public")
    schema_verb.upgrade_schema(load_settings(database_url=conninfo))


def load(conninfo: str, name: str) -> None:
    assert load_verb.load([name], load_settings(database_url=conninfo)).exit_code == 0


def measure_price(conninfo: str, folder: Path, rows: int) -> None:
    """Print what share of a load records which rows it met, where half of its rows are there.

    The statement is measured within the load that it is a part of, so that both have the same luck with the machine.
    """
    first = write(folder, 1, rows, 1)
    lines = Path(first).read_text().splitlines(keepends=True)
    more = Path(write(folder, rows + 1, rows // 2, 2)).read_text().splitlines(keepends=True)
    overlapping = folder / "half.csv"
    overlapping.write_text("".join([*lines[:1], *lines[1 + rows // 2 :], *more[1:]]))
    shares = []
    for _ in range(5):
        make_anew(conninfo)
        load(conninfo, first)
        spent: list[float] = []
        with measured_statement(spent):
            whole = measure(conninfo, lambda: load(conninfo, str(overlapping)))
        shares.append(100 * spent[0] / whole)
        print(f"{whole:.2f} s of processor, {spent[0]:.2f} s of it to record the ids: {shares[-1]:.1f} %", flush=True)
    print(f"\nA load of {rows:,} rows, half of them there: {median(shares):.1f} % of its processor time\n", flush=True)


@contextmanager
def measured_statement(spent: list[float]) -> Iterator[None]:
    """Measure the processor time of the session's process in the statement that records ids."""
    execute = psycopg.Connection.execute

    def execute_measured(connection: Any, query: Any, *values: Any, **more: Any) -> Any:
        if "insert into load_duplicates" not in str(query):
            return execute(connection, query, *values, **more)
        stat = Path(f"/proc/{connection.info.backend_pid}/schedstat")
        before = int(stat.read_text().split()[0])
        result = execute(connection, query, *values, **more)
        spent.append((int(stat.read_text().split()[0]) - before) / 1e9)
        return result

    psycopg.Connection.execute = execute_measured  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        psycopg.Connection.execute = execute  # type: ignore[method-assign]


def measure_undo(conninfo: str, folder: Path, history: int) -> None:
    """Print what it costs to take back the newest load, beside a history of so many rows."""
    make_anew(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(HISTORY, [history])
        for statement in COUNTED:
            connection.execute(statement)
        connection.execute("vacuum analyze")
    name = write(folder, history + 1, LOAD_ROWS, 7)
    load(conninfo, name)
    with psycopg.connect(conninfo) as connection:
        plan = connection.execute(
            "explain (analyze, buffers, costs off, timing off) "
            "delete from user_interactions_raw where load_id = any('{2}')"
        ).fetchall()
        connection.rollback()
    seconds = measure(conninfo, lambda: undo_verb.undo([2], load_settings(database_url=conninfo)))
    print(f"Undo of {LOAD_ROWS:,} rows beside {history:,}: {seconds:.2f} s of processor\n")
    print("```text\n" + "\n".join(row[0] for row in plan) + "\n```\n", flush=True)


# As one load of long ago, with 50,000 users, so that the undone load has their last interactions.
HISTORY = """
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select n, n %% 50000 + 1, n %% 500 + 1, 'click', '2020-01-01'::timestamptz + n * interval '10 seconds', 1
    from generate_series(1, %s) as n"""
COUNTED = (
    "insert into interactions select user_id, product_id, count(*) from user_interactions_raw group by 1, 2",
    """insert into interactions_per_quarter_hour
    select date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00'), action, count(*)
    from user_interactions_raw group by 1, 2""",
    """insert into interactions_per_user (user_id, interaction_count, first_at, last_at)
    select user_id, count(*), min(timestamp), max(timestamp) from user_interactions_raw group by 1""",
    "insert into interactions_per_product select product_id, count(*) from user_interactions_raw group by 1",
    """insert into loads (load_id, source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate,
    rows_rejected, rows_skipped, definition, contract, started_at, finished_at, footfall_version)
    select 1, 'history', 'history', 1, 'loaded', count(*), count(*), 0, 0, 0, 'footfall', '', now(), now(), ''
    from user_interactions_raw""",
    "select setval(pg_get_serial_sequence('loads', 'load_id'), 1)",
)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o711)
        with clients.keep_running(Path(made) / "home") as server:
            run(server, "alter system set autovacuum to off", "select pg_reload_conf()")
            if "price" in sys.argv[1:] or len(sys.argv) == 1:
                measure_price(server, Path(made), ROWS)
            if "undo" in sys.argv[1:] or len(sys.argv) == 1:
                for history in (1_000_000, 10_000_000):
                    measure_undo(server, Path(made), history)
