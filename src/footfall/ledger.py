"""What was loaded, when, from where, with which result: the memory of all loads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from footfall.database import Connection, one
from footfall.sql import named_sql


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `loads`, but for `finished_at`, which the server's clock gives."""

    load_id: int
    source: str
    digest: str
    size_bytes: int
    status: str
    contract: str
    started_at: datetime
    footfall_version: str
    error: str | None = None
    rows_read: int | None = None
    rows_loaded: int | None = None
    rows_duplicate: int | None = None
    rows_rejected: int | None = None


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """The load that brought a file first."""

    load_id: int
    loaded_at: datetime


def next_load_id(connection: Connection) -> int:
    """Take the next load_id. Effects: advances the sequence; a load that fails leaves a gap."""
    return int(one(connection, "ledger.sql", "next_load_id").load_id)


def find_loaded(connection: Connection, digest: str) -> FirstLoad | None:
    """Find the load of a file by its digest."""
    row = connection.execute(named_sql("ledger.sql")["find_loaded"], {"digest": digest}).fetchone()
    return FirstLoad(row.load_id, row.loaded_at) if row else None


def is_loaded(connection: Connection, load_id: int) -> bool:
    """Say whether this very load was committed."""
    return bool(one(connection, "ledger.sql", "is_loaded", load_id=load_id).is_loaded)


def record(connection: Connection, entry: Entry) -> None:
    """Write one row of the ledger, in the transaction at hand."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in entry.__slots__}
    connection.execute(named_sql("ledger.sql")["record"], values)
