"""The quarantine: keep rejected rows with their problems, and list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footfall.postgres.statements import compose
from footfall.postgres.target import Connection
from footfall.statements import read_statements

if TYPE_CHECKING:
    from footfall.tables.staging import Staging  # heavy, and not needed to list rows

SQL = read_statements(__name__)


def quarantine(connection: Connection, staging: Staging) -> int:
    """Move the staged rejected rows into the quarantine; give their number. Effects: under the writer lock."""
    tables = [staging.rejected] if "rejected" in staging.created else []
    if staging.rejected_of_run:
        tables.append(staging.rejected_of_run)
    return sum(connection.execute(compose(SQL["quarantine"], rejected=table)).rowcount for table in tables)


def list_rejected(connection: Connection, values: dict[str, Any]) -> list[Any]:
    """List rejected rows by load and line; `values` may narrow them to a load, a source or a problem code."""
    return connection.execute(SQL["rejects"], values).fetchall()
