"""Try partitions that are attached: what a load as large as what is there would cost with them, and what they break.

    python benchmarks/partitions.py --rows 4000000

A prototype, no part of Footfall; decision 0052 says why. The same clean file is loaded into two copies of the same
tables: by Footfall, and in the pieces that sessions of several machines would take. Rows go to tables of their own,
which become partitions by ranges of ids; counts are written anew beside the old ones, hashed by user, and exchanged.
Both ways give the same tables, which is checked. The pieces run one after the other, in one session; judging, the
ledger and the quarantine are no part of the second way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
from large_merge import ask, content, measure, serving_days
from psycopg import sql
from server import FOOTFALL, Server

from footfall.tables.staging import copy_table

PIECES = 4
TICKS = 100  # of the kernel's clock in a second
EPOCH_US = 946_684_800_000_000  # the server counts from 2000-01-01, Arrow from 1970-01-01
PAIRS = ("interactions", ("user_id", "product_id"), ("interaction_count",))
USERS = ("interactions_per_user", ("user_id",), ("interaction_count", "first_at", "last_at"))

# What is there is cut before the clock starts: it would be so since the first load.
MAKE_ROWS = """
alter table user_interactions_raw rename to rows_there;
create table user_interactions_raw (like rows_there including constraints) partition by range (interaction_id);
alter table user_interactions_raw add primary key (interaction_id);
alter table user_interactions_raw attach partition rows_there for values from (minvalue) to ({after})
"""
MAKE_COUNTS = """
alter table {table} rename to {there};
create table {table} (like {there} including constraints) partition by hash (user_id);
alter table {table} add primary key ({key})
"""
MAKE_PIECE = "create table {old} partition of {table} for values with (modulus {pieces}, remainder {number})"
# Executors would compute which piece a user is in, at 0.1 microseconds a row.
FIND_PIECES = """
select user_id, case {cases} end::bigint as piece from (select distinct user_id from users_of_file) as users
"""
NEW_ROWS = """
alter table {piece} add primary key (interaction_id);
create index on {piece} using brin (timestamp) with (pages_per_range = 32);
alter table {piece} add check (interaction_id >= {first} and interaction_id < {after})
"""
NEW_COUNTS = """
alter table {piece} add primary key ({key});
alter table {piece} add check (pg_catalog.satisfies_hash_partition({name}::regclass, {pieces}, {number}, user_id))
"""
ATTACH = "alter table user_interactions_raw attach partition {piece} for values from ({first}) to ({after})"
EXCHANGE = """
alter table {table} detach partition {old};
alter table {table} attach partition {piece} for values with (modulus {pieces}, remainder {number})
"""
UPSERT = """
insert into {table} select * from {delta} order by 1, 2
on conflict ({key}) do update set interaction_count = {table}.interaction_count + excluded.interaction_count
"""
# In DuckDB: `coming` has the rows of the file, `old` the counts of a piece.
COMING = """
create table coming as
select f.*, p.piece from read_csv($path, types = {'action': 'varchar'}) as f join pieces as p on p.user_id = f.user_id
"""
ROWS = """
select interaction_id, user_id, product_id, action, timestamp, 1000000::integer as load_id
from coming order by interaction_id limit $rows offset $from
"""
NEW = {
    "interactions": """
    select user_id, product_id, sum(interaction_count)::bigint as interaction_count
    from (from old union all select user_id, product_id, count(*) from coming where piece = $piece group by all)
    group by all order by all""",
    "interactions_per_user": """
    select user_id, sum(interaction_count)::bigint as interaction_count,
        min(first_at) as first_at, max(last_at) as last_at
    from (
        from old union all
        select user_id, count(*), min(timestamp), max(timestamp) from coming where piece = $piece group by all
    )
    group by all order by all""",
}
DELTAS = {
    (
        "interactions_per_product",
        ("product_id",),
    ): "select product_id, count(*) as interaction_count from coming group by 1",
    ("interactions_per_quarter_hour", ("quarter_hour", "action")): """
    select time_bucket(interval '15 minutes', timestamp, timestamp '0001-01-01') as quarter_hour, action,
        count(*) as interaction_count
    from coming group by 1, 2""",
}


@dataclass(slots=True)
class Trial:
    """The second way: its session of the server, its DuckDB, and what each step took.

    Units: of `taken` CPU seconds of the session and of this process.
    """

    connection: psycopg.Connection
    engine: duckdb.DuckDBPyConnection
    taken: dict[str, tuple[float, float]] = field(default_factory=dict)

    def read_cpu(self) -> float:
        """Read the CPU seconds of the session so far."""
        fields = Path(f"/proc/{self.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what happens within to a step."""
        server, client = self.read_cpu(), time.process_time()
        yield
        before = self.taken.get(name, (0.0, 0.0))
        self.taken[name] = (before[0] + self.read_cpu() - server, before[1] + time.process_time() - client)

    def run(self, statement: LiteralString, **names: str | int | tuple[str, ...] | sql.Composable) -> None:
        """Run a statement. Texts become identifiers, tuples lists of them, numbers stay what they are."""
        fillings: dict[str, sql.Composable] = {}
        for name, value in names.items():
            if isinstance(value, sql.Composable):
                fillings[name] = value
            elif isinstance(value, int):
                fillings[name] = sql.Literal(value)
            else:
                columns = (value,) if isinstance(value, str) else value
                fillings[name] = sql.SQL(", ").join(map(sql.Identifier, columns))
        self.connection.execute(sql.SQL(statement).format(**fillings))

    def send(self, table: str, rows: pa.Table) -> None:
        """Send rows to a table by COPY. Instants without a zone are in UTC."""
        for number, each in enumerate(rows.schema):
            if pa.types.is_timestamp(each.type):
                rows = rows.set_column(number, each.name, rows[each.name].cast(pa.timestamp("us", "UTC")))
        columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
        statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table), columns)
        copy_table(self.connection, statement, rows)

    def read(self, table: str, columns: tuple[str, ...]) -> pa.Table:
        """Read columns that are 8 bytes wide and never null: each row of binary COPY has the same length."""
        fields = [part for name in columns for part in ((f"length {name}", ">i4"), (name, ">i8"))]
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("copy (select {} from {}) to stdout (format binary)").format(names, sql.Identifier(table))
        with self.connection.cursor().copy(statement) as copy:
            sent = b"".join(copy)
        rows = np.frombuffer(sent[19:-2], np.dtype([("fields", ">i2"), *fields]))
        found = {name: pa.array(rows[name].astype(np.int64)) for name in columns}
        for name in ("first_at", "last_at"):
            if name in found:
                found[name] = pa.array(rows[name].astype(np.int64) + EPOCH_US).cast(pa.timestamp("us"))
        return pa.table(found)

    def ask(self, question: str, **values: Any) -> pa.Table:
        """Ask DuckDB."""
        return self.engine.sql(question, params=values).to_arrow_table()


def cut(trial: Trial, file: Path, floor: int) -> None:
    """Make partitions of what is there, and read the file."""
    trial.run(MAKE_ROWS, after=floor + 1)
    for table, key, _ in (PAIRS, USERS):
        trial.run(MAKE_COUNTS, table=table, there=f"{table}_there", key=key)
        for number in range(PIECES):
            trial.run(MAKE_PIECE, old=f"{table}_{number}", table=table, pieces=PIECES, number=number)
        trial.run("insert into {table} select * from {there}", table=table, there=f"{table}_there")
    trial.run("create index on interactions_per_user (interaction_count desc, user_id)")
    users = trial.ask("select distinct user_id from read_csv($path)", path=str(file))
    trial.run("create temporary table users_of_file (user_id bigint)")
    trial.send("users_of_file", users)
    when = sql.SQL("when pg_catalog.satisfies_hash_partition('interactions'::regclass, {}, {}, user_id) then {}")
    cases = sql.SQL(" ").join(when.format(PIECES, number, number) for number in range(PIECES))
    trial.run("create temporary table pieces_of_users as " + FIND_PIECES, cases=cases)
    trial.engine.register("pieces", trial.read("pieces_of_users", ("user_id", "piece")))
    trial.engine.execute(COMING, {"path": str(file)})
    trial.connection.commit()
    trial.connection.autocommit = True
    trial.connection.execute("vacuum analyze")
    trial.connection.autocommit = False


def write_pieces(trial: Trial, floor: int) -> list[tuple[str, int, int]]:
    """Write what will be attached, which nobody sees. Gives the pieces of rows and their bounds."""
    rows = trial.ask("select count(*) as rows from coming")["rows"][0].as_py()
    pieces, first = [], floor + 1
    for number in range(PIECES):
        piece = f"rows_{number}"
        part = trial.ask(ROWS, rows=-(-rows // PIECES), **{"from": number * -(-rows // PIECES)})
        after = part["interaction_id"][-1].as_py() + 1
        with trial.step("rows: COPY"):
            trial.run("create table {piece} (like rows_there including constraints)", piece=piece)
            trial.send(piece, part)
        with trial.step("rows: key, index, check"):
            trial.run(NEW_ROWS, piece=piece, first=first, after=after)
        pieces.append((piece, first, after))
        first = after
        for table, key, measures in (PAIRS, USERS):
            piece, old = f"{table}_new_{number}", f"{table}_{number}"
            with trial.step(f"{table}: old counts out"):
                there = trial.read(old, (*key, *measures))
            with trial.step(f"{table}: added in DuckDB"):
                trial.engine.register("old", there)
                new = trial.ask(NEW[table], piece=number)
            with trial.step(f"{table}: COPY"):
                trial.run("create table {piece} (like {table} including constraints)", piece=piece, table=table)
                trial.send(piece, new)
            with trial.step(f"{table}: key, check"):
                names = {"piece": piece, "key": key, "name": sql.Literal(table)}
                trial.run(NEW_COUNTS, **names, pieces=PIECES, number=number)
        with trial.step("interactions_per_user: index"):
            index = "create index on {piece} (interaction_count desc, user_id)"
            trial.run(index, piece=f"interactions_per_user_new_{number}")
        trial.connection.commit()
    return pieces


def exchange(trial: Trial, pieces: list[tuple[str, int, int]]) -> float:
    """Attach and exchange everything in one transaction. Gives its seconds of the clock."""
    began = time.perf_counter()
    with trial.step("transaction: attach and exchange"):
        for piece, first, after in pieces:
            trial.run(ATTACH, piece=piece, first=first, after=after)
        for table, _, _ in (PAIRS, USERS):
            for number in range(PIECES):
                names = {"table": table, "old": f"{table}_{number}", "piece": f"{table}_new_{number}"}
                trial.run(EXCHANGE, **names, pieces=PIECES, number=number)
    for (table, key), question in DELTAS.items():
        with trial.step("transaction: products and quarter hours"):
            trial.run("create temporary table {delta} (like {table})", delta=f"delta_{table}", table=table)
            trial.send(f"delta_{table}", trial.ask(question))
            trial.run(UPSERT, table=table, delta=f"delta_{table}", key=key)
    trial.connection.commit()
    return time.perf_counter() - began


@contextmanager
def snapshot(server: Server, database: str) -> Iterator[psycopg.Connection]:
    """Give a reader that has its snapshot: `pg_dump` while a load runs, say, or a session of a BI tool."""
    with psycopg.connect(server.of(database)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select count(*) from loads")
        yield connection


def read_sums(connection: psycopg.Connection) -> str:
    """Read what a reader would compare: the rows, and the sums of the counts of their pairs and products."""
    tables = ("interactions", "interactions_per_product")
    sums = (
        sql.SQL("(select coalesce(sum(interaction_count), 0)::bigint from {})").format(sql.Identifier(table))
        for table in tables
    )
    statement = sql.SQL("select (select count(*) from user_interactions_raw), {}").format(sql.SQL(", ").join(sums))
    rows, pairs, products = connection.execute(statement).fetchone() or (0, 0, 0)
    return f"{rows:,} rows, {pairs:,} in the pairs, {products:,} in the products"


def show(trial: Trial, wal_mb: float, seconds: float) -> None:
    """Print what each step took."""
    for name, (server, client) in trial.taken.items():
        print(f"  {name:45} server {server:6.2f} s, client {client:6.2f} s")
    inside = sum(server for name, (server, _) in trial.taken.items() if name.startswith("transaction"))
    server, client = (sum(values) for values in zip(*trial.taken.values(), strict=True))
    print(f"attach: server {server:.1f} s, client {client:.1f} s without judging, log {wal_mb:,.0f} MB")
    print(f"attach: in the one transaction {inside:.2f} s of the server's CPU, {seconds:.2f} s of the clock")


def try_pieces(server: Server, database: str, file: Path) -> None:
    """Load the file the second way, with two readers whose snapshots are older than its commit."""
    with psycopg.connect(server.of(database)) as connection:
        (floor,) = connection.execute("select max(interaction_id) from user_interactions_raw").fetchone() or (0,)
        trial = Trial(connection, duckdb.connect())
        trial.engine.execute("set timezone = 'UTC'")
        cut(trial, file, floor)
        server.checkpoint()
        (lsn,) = ask(server, database, "select pg_current_wal_insert_lsn()")
        with snapshot(server, database) as before:
            pieces = write_pieces(trial, floor)
            with snapshot(server, database) as between:
                seconds = exchange(trial, pieces)
                (wal,) = ask(server, database, sql.SQL("select pg_current_wal_insert_lsn() - {}::pg_lsn").format(lsn))
                show(trial, float(wal) / 1e6, seconds)
                print(f"a snapshot from before the pieces sees {read_sums(before)}")
                print(f"one from after the pieces, before the commit, {read_sums(between)}")
        print(f"afterwards there are {read_sums(connection)}")


def main() -> None:
    """Load the same file both ways, compare the tables, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="that are there, and that come")
    options = parser.parse_args()
    with serving_days(options.rows, options.rows) as (server, postmaster, days):
        base, file = days.base(options.rows), days.rising(0)
        with server.databases("base", "copy") as (there, copy):
            server.create(there)
            server.load(there, str(base))
            server.tidy(there)
            server.create(copy, template=there)
            print("footfall load:", measure(server, postmaster, copy, FOOTFALL, file), flush=True)
            expected = content(server, copy)
            server.create(copy, template=there)
            try_pieces(server, copy, file)
            assert content(server, copy) == expected


if __name__ == "__main__":
    main()
