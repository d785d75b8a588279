"""The tables of a run: one file that is staged range by range, each in a transaction of its own, and taken by one more.

Everything that is known of a run is in its tables. The job is in a table, so that whoever stages a range needs only the
token of the run and a number. A range is staged once its row is in `ranges`: that row is committed together with the
rows of the range, and the key of `ranges` lets only the first of two attempts win. The tables are not logged, so that a
crash of the server empties them: the job is then gone together with the rows, and the run is void.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.errors import RunGoneError, SettingsError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.postgres.transactions import NO_WAIT_MS, read_lock_timeout, set_lock_timeout
from footfall.statements import read_statements
from footfall.tables import staging as staged
from footfall.tables.staging import Staging

SQL = read_statements(__name__)

RUNS = 0x72756E73  # "runs": the first key of the advisory locks of runs
TOKEN = re.compile(r"[0-9a-f]{32}")
ROWS = ("rows", "rejected")  # the tables that stagers write rows to; `tables/staged_run.py` knows what `rows` holds
KEY_DIGITS = 8  # the first digits of a token, which give the run's lock; the other digits begin the file's digest
PARTS = ("job", "ranges", *ROWS)


@dataclass(frozen=True, slots=True)
class StagedRange:
    """A range that is staged, as its row in `ranges` says: the rows that were sent, and who was forgotten by then.

    Shape: `sums` is JSON, which `contract/portable.py` reads; `memory` says who was forgotten when it was judged.
    Units: rows.
    """

    number: int
    rows_accepted: int
    rows_rejected: int
    rows_skipped: int
    sums: Mapping[str, Any]
    memory: str


@dataclass(frozen=True, slots=True)
class RunTables:
    """The names of the tables of one run, by its token."""

    schema: str
    token: str
    job: sql.Identifier
    ranges: sql.Identifier
    rows: sql.Identifier
    rejected: sql.Identifier

    def name(self, part: str) -> sql.Identifier:
        """Name a table that belongs to the run: one of PARTS, or one that the take makes."""
        return sql.Identifier(self.schema, f"staging_{self.token}_{part}")

    @property
    def lock_key(self) -> int:
        """The second key of the run's advisory lock: a signed 32-bit number of its token."""
        return find_lock_key(self.token)

    @property
    def digest_begins(self) -> str:
        """The first digits of the digest of the run's file. They find its load in the ledger once its tables go."""
        return self.token[KEY_DIGITS:]


def make_key() -> str:
    """Make the key of a new run: the first digits of its token, chosen at random."""
    return secrets.token_hex(KEY_DIGITS // 2)


def make_token(key: str, digest: str) -> str:
    """Make the token of a run that has this key, of a file that has this digest."""
    return (key + digest)[:32]


def find_lock_key(key: str) -> int:
    """Find the second key of a run's advisory lock by the key of the run, which its token begins with."""
    return int(key[:KEY_DIGITS], 16) - (1 << 31)


def name_tables(schema: str, token: str) -> RunTables:
    """Name the tables of a run. Raises: RunGoneError where the token is none."""
    if not TOKEN.fullmatch(token):
        raise RunGoneError(f"{token!r} is no token of a run: it has 32 digits from 0 to f")
    return RunTables(schema, token, *(sql.Identifier(schema, f"staging_{token}_{part}") for part in PARTS))


def open_staging(tables: RunTables, load_id: int, id_types: IdTypes, number: int) -> Staging:
    """Give the staging of one range of a run: rejected rows go to the table of the run, with its number."""
    names: dict[str, Any] = {part: tables.name(part) for part in (*ROWS, "out_of_order", "matched", "known")}
    return Staging((load_id,), is_temporary=False, id_types=id_types, created={"rejected"}, range=number, **names)


def create(connection: Connection, tables: RunTables, job: Mapping[str, Any], lease_s: float) -> None:
    """Make the tables of a run, and keep its job there; `lease_s` says for how long a run stays that nobody holds.

    Effects: tables in the transaction of the caller, which holds the run already.
    """
    kind = {"kind": sql.SQL("unlogged"), "on_commit": sql.SQL("")}
    connection.execute(compose(staged.SQL["create_rejected"], name=tables.rejected, **kind))
    connection.execute(compose(SQL["add_range_column"], name=tables.rejected))
    connection.execute(compose(SQL["create_rows"], name=tables.rows))
    connection.execute(compose(SQL["create_ranges"], name=tables.ranges))
    connection.execute(compose(SQL["create_job"], name=tables.job))
    values = {"job": json.dumps(job), "lease_s": lease_s}
    connection.execute(compose(SQL["keep_job"], job=tables.job), values)


def hold(connection: Connection, lock_key: int) -> None:
    """Hold a run until the transaction ends, so that nobody sweeps it; many may hold one run.

    Effects: waits for a sweep that is at work on it, as long as `lock_timeout` says.
    """
    connection.execute(SQL["hold"], {"runs": RUNS, "run": lock_key})


@contextmanager
def watch_tables(tables: RunTables) -> Iterator[None]:
    """Raise RunGoneError in place of the driver's error where the tables of a run are no longer there."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise RunGoneError(
            f"the run {tables.token} is not there: its file was taken, or its lease ended and it was swept; "
            "`footfall loads` says whether the file is loaded; if not, load it again"
        ) from error


def read_job(connection: Connection, tables: RunTables) -> Mapping[str, Any]:
    """Read the job of a run, as JSON.

    Raises: RunGoneError where the run is swept, taken, or void since the server crashed.
    """
    with watch_tables(tables):
        row = connection.execute(compose(SQL["read_job"], job=tables.job)).fetchone()
    if row is None:
        raise RunGoneError(
            f"the run {tables.token} is void: the server crashed since, and its staging tables are empty; "
            "load the file again"
        )
    job: Mapping[str, Any] = row.job
    return job


def renew(connection: Connection, tables: RunTables, lease_s: float) -> None:
    """Let the lease of a run begin anew where half of it is over; nothing where it has none."""
    if lease_s:
        connection.execute(compose(SQL["renew"], job=tables.job), {"lease_s": lease_s})


def is_staged(connection: Connection, tables: RunTables, number: int) -> bool:
    """Say whether a range is staged already."""
    return bool(fetch_one(connection, compose(SQL["is_staged"], ranges=tables.ranges), range=number).is_staged)


def list_staged(connection: Connection, tables: RunTables) -> list[int]:
    """List the numbers of the ranges that are staged."""
    return [row.range for row in connection.execute(compose(SQL["staged"], ranges=tables.ranges)).fetchall()]


def read_ranges(connection: Connection, tables: RunTables, number: int | None = None) -> list[StagedRange]:
    """Read what is known of the ranges that are staged, or of one of them, in the order of the file."""
    rows = connection.execute(compose(SQL["read_ranges"], ranges=tables.ranges), {"range": number}).fetchall()
    return [StagedRange(*row) for row in rows]


def note_range(connection: Connection, tables: RunTables, staged_range: StagedRange) -> bool:
    """Note that a range is staged, as the last statement before COMMIT; False where another attempt was first.

    Effects: waits where the transaction of another attempt has noted it and goes on. Where it gives False, the
    transaction is aborted.
    """
    values: dict[str, Any] = {name: getattr(staged_range, name) for name in StagedRange.__slots__ if name != "number"}
    values |= {"range": staged_range.number, "sums": json.dumps(staged_range.sums)}
    try:
        connection.execute(compose(SQL["note_range"], ranges=tables.ranges), values)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def find_tables(connection: Connection, schema: str, token: str | None = None) -> dict[str, list[str]]:
    """Find the tables of runs that this role may drop: the parts that are there, by the token of the run."""
    found: dict[str, list[str]] = {}
    for row in connection.execute(SQL["tables"], {"schema": schema, "token": token}).fetchall():
        found.setdefault(row.token, []).append(row.part)
    return found


def find_alive(connection: Connection, schema: str) -> list[str]:
    """Find the runs that somebody holds or whose lease is not over, by their tokens; other roles' runs count, too."""
    held = {row.run for row in connection.execute(SQL["held"], {"runs": RUNS}).fetchall()}
    jobs = connection.execute(SQL["jobs"], {"schema": schema}).fetchall()
    alive = []
    for row in jobs:
        tables = name_tables(schema, row.token)
        is_held = tables.lock_key % (1 << 32) in held
        if is_held or not row.may_ask or not is_over(connection, tables):
            alive.append(row.token)
    return alive


def is_over(connection: Connection, tables: RunTables) -> bool:
    """Say whether the lease of a run is over, as it is also where a crash of the server removed the job."""
    return bool(fetch_one(connection, compose(SQL["is_over"], job=tables.job)).is_over)


def sweep(connection: Connection, tables: RunTables) -> bool:
    """Drop a run that nobody holds and whose lease is over (`is_over`); say whether it dropped a table.

    Effects: in the transaction of the caller, which waits for nobody (`lock_timeout`), and is rolled back where False
    is given.
    """
    try:
        if not fetch_one(connection, SQL["try_alone"], runs=RUNS, run=tables.lock_key).is_alone:
            return False
        # Looked for only now, under the lock of the run, since no statement of the run can come in between any more.
        parts = find_tables(connection, tables.schema, tables.token).get(tables.token, [])
        if "job" in parts and not is_over(connection, tables):
            return False
        drop(connection, tables, parts)
    # The run was taken just now, a backup reads its tables, or somebody made a view of them.
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.DependentObjectsStillExist,
    ):
        return False
    return bool(parts)


def drop(connection: Connection, tables: RunTables, parts: Iterable[str] = PARTS) -> None:
    """Drop tables of a run, in the transaction of the caller."""
    names = [tables.name(part) for part in parts]
    if names:
        connection.execute(compose(SQL["drop"], names=sql.SQL(", ").join(names)))


def end(connection: Connection, tables: RunTables) -> None:
    """End a run that is taken: drop its tables, or leave them to the next sweep where somebody holds one.

    A stager that comes late may hold one, or a backup.
    Effects: in the transaction of the caller; waits for nobody.
    """
    wait = read_lock_timeout(connection)
    connection.execute(SQL["try_to_drop"])
    set_lock_timeout(connection, f"{NO_WAIT_MS}ms")
    try:
        drop(connection, tables)
    except psycopg.errors.LockNotAvailable:
        connection.execute(SQL["leave_them"])
        connection.execute(compose(SQL["end_lease"], job=tables.job))
    else:
        connection.execute(SQL["dropped"])
        set_lock_timeout(connection, wait)


def grant(connection: Connection, tables: RunTables, role: str) -> None:
    """Let a role stage ranges of a run: see the job and who is forgotten, and add rows; nothing else.

    Effects: grants on the tables of the run, and on the schema and the memory where the role lacks them.
    Raises: SettingsError where there is no such role.
    """
    named = sql.Identifier(role)
    names: dict[str, Any] = {part: getattr(tables, part) for part in PARTS}
    try:
        connection.execute(compose(SQL["grant_run"], role=named, **names))
    except psycopg.errors.UndefinedObject as error:
        raise SettingsError(
            f"stager_role (FOOTFALL_STAGER_ROLE): there is no role {role!r} on this server; `create role` makes it"
        ) from error
    missing = fetch_one(connection, SQL["missing_rights"], role=role, schema=tables.schema)
    if missing.is_schema_missing:
        connection.execute(compose(SQL["grant_schema"], role=named, schema=sql.Identifier(tables.schema)))
    if missing.is_memory_missing:
        connection.execute(compose(SQL["grant_memory"], role=named))
