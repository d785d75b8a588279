"""Ask the ledger and the quarantine for a page or a report, in the same snapshot as its questions."""

from __future__ import annotations

from typing import Any

from footfall.postgres.transactions import LOCK_CLASS, outlive_errors
from footfall.results import RejectedRow, Table
from footfall.tables import history
from footfall.tables.quarantine import list_rejected
from footfall.verbs.query import Asker
from footfall.verbs.rejects import make_rejected_rows


def find_rights(asker: Asker) -> Any:
    """Say what the role may read beside the counts. Shape: a row with the columns of the statement `rights`.

    Raises: SchemaError where the tables are not there.
    """
    with outlive_errors(asker.connection):
        return history.find_rights(asker.connection)


def summarize(asker: Asker) -> Any:
    """Give the sums of the ledger. Shape: a row with the columns of the statement `summary`."""
    with outlive_errors(asker.connection):
        return history.summarize(asker.connection)


def find_kept(asker: Asker, time_zone: str) -> Any:
    """Say what the counts hold, and between which days. Shape: a row with the columns of the statement `kept`."""
    with outlive_errors(asker.connection):
        return history.find_kept(asker.connection, time_zone)


def find_state(asker: Asker) -> str:
    """Give a digest of the ledger, which stays the same as long as no load is made or undone."""
    with outlive_errors(asker.connection):
        return history.find_state(asker.connection)


def list_open_failures(asker: Asker, limit: int) -> list[Any]:
    """List the files of which nothing is loaded, the newest attempt first. Shape: rows of `source` and `error`."""
    with outlive_errors(asker.connection):
        return history.list_open_failures(asker.connection, limit)


def find_load(asker: Asker, load_id: int) -> Any:
    """Give one load, or None where the ledger has none of that number."""
    with outlive_errors(asker.connection):
        return history.find_load(asker.connection, load_id)


def list_loads(asker: Asker, limit: int, status: str | None = None, *, is_named: bool = True) -> Table:
    """Give the ledger, the newest load first, of one status or of all; names and errors only where `is_named`."""
    with outlive_errors(asker.connection):
        return history.list_history(asker.connection, "loads" if is_named else "figures", limit=limit, status=status)


def list_overlaps(asker: Asker, load_id: int) -> Table:
    """Give the loads that share interactions with this one."""
    with outlive_errors(asker.connection):
        return history.list_history(asker.connection, "overlaps", load_id=load_id)


def describe_closed(asker: Asker, load_id: int | None = None) -> str:
    """Say how many rejected rows are closed and how many open, of one load or of all; empty where none is closed."""
    with outlive_errors(asker.connection):
        found = history.count_rejected(asker.connection, load_id)
    if not found.rows_closed:
        return ""
    rows = found.rows_open + found.rows_closed
    return (
        f"{rows:,} rejected = {found.rows_open:,} open + {found.rows_closed:,} closed by a replay or a mended file, "
        "whose rows are those of another load."
    )


def list_problems(asker: Asker, load_id: int | None = None) -> Table:
    """Give rejected rows by problem: of one load or of all. Raises: SchemaError where the role may not read them."""
    with outlive_errors(asker.connection):
        return history.list_history(asker.connection, "problems", load_id=load_id)


def list_days(asker: Asker, load_id: int, time_zone: str) -> Table:
    """Give the days that a load brought interactions of. Effects: reads all interactions."""
    with outlive_errors(asker.connection):
        return history.list_history(asker.connection, "days", load_id=load_id, time_zone=time_zone)


def list_running(asker: Asker, lock_key: int) -> Table:
    """Give who writes now and how much is written, as far as the role may know. `lock_key` is that of the `Target`."""
    with outlive_errors(asker.connection):
        return history.list_history(asker.connection, "running", footfall=LOCK_CLASS, schema=lock_key % (1 << 32))


def list_rows(asker: Asker, load_id: int | None, code: str | None, limit: int) -> tuple[RejectedRow, ...]:
    """Give quarantined rows in the order of loads and lines."""
    with outlive_errors(asker.connection):
        values = {"load_id": load_id, "source": None, "code": code, "limit": limit, "with_closed": True}
        rows = list_rejected(asker.connection, values)
    return make_rejected_rows(rows)
