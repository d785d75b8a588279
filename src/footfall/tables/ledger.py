"""The ledger: one row for each load, with its source, time, contract and result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.results import LoadResult, Table
from footfall.statements import read_statements

SQL = read_statements(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `loads` without `finished_at`, which the server's clock fills in."""

    load_id: int
    source: str
    digest: str
    size_bytes: int
    status: str
    contract: str
    started_at: datetime
    footfall_version: str
    definition: str = "footfall"
    error: str | None = None
    rows_read: int | None = None
    rows_loaded: int | None = None
    rows_duplicate: int | None = None
    rows_rejected: int | None = None
    rows_skipped: int | None = None
    replay_of: int | None = None
    header: str | None = None


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """The load that loaded a file first, and the fingerprint of the contract that judged its rows."""

    load_id: int
    loaded_at: datetime
    contract: str


def take_load_ids(connection: Connection, files: int) -> list[int]:
    """Take a load_id for each of so many files, in rising order.

    Effects: advances the sequence, so that a load that fails leaves a gap.
    """
    rows = connection.execute(SQL["next_load_ids"], {"files": files}).fetchall()
    return [row.load_id for row in rows]


def find_loaded(connection: Connection, digests: Iterable[str]) -> dict[str, FirstLoad]:
    """Find the loads of files by their digests."""
    rows = connection.execute(SQL["find_loaded"], {"digests": list(digests)}).fetchall()
    return {row.digest: FirstLoad(row.load_id, row.loaded_at, row.contract) for row in rows}


def find_by_beginning(connection: Connection, digest_begins: str) -> LoadResult | None:
    """Find the load of a file by the first digits of its digest; give the result that a second load would have."""
    row = connection.execute(SQL["find_by_beginning"], {"digest_begins": digest_begins}).fetchone()
    return row and LoadResult.already_loaded(row.load_id, row.source, row.digest, row.loaded_at)


def is_loaded(connection: Connection, load_id: int) -> bool:
    """Say whether this very load was committed."""
    return bool(fetch_one(connection, SQL["is_loaded"], load_id=load_id).is_loaded)


def is_failure_known(connection: Connection, entry: Entry) -> bool:
    """Say whether the newest entry of this source is this very failure: the same bytes, rules and error."""
    names = ("source", "digest", "error", "contract", "footfall_version")
    values = {each: getattr(entry, each) for each in names}
    return bool(fetch_one(connection, SQL["is_failure_known"], **values).is_known)


def record(connection: Connection, entry: Entry) -> None:
    """Write one row of the ledger, in the transaction of the caller."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in entry.__slots__}
    connection.execute(SQL["record"], values)


def mark_repair(connection: Connection) -> None:
    """Write the newest row again unchanged, so that whoever keeps answers by the ledger sees that counts changed."""
    connection.execute(SQL["mark_repair"])


def list_loads(connection: Connection, limit: int | None) -> Table:
    """List the ledger, the newest load first."""
    cursor = connection.execute(SQL["loads"], {"limit": limit})
    described = cursor.description or ()
    columns, types = tuple(each.name for each in described), tuple(each.type_code for each in described)
    return Table(columns, tuple(tuple(row) for row in cursor.fetchall()), types)
