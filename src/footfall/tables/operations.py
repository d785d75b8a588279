"""The record of changes that are no load: who took loads back, forgot, replayed or mended what, and when."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.metadata import version
from typing import Any

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements

SQL = read_statements(__name__)


def record(connection: Connection, verb: str, started_at: datetime, details: dict[str, Any]) -> int:
    """Record an operation, in the transaction of the caller; give its number. `details` never hold the id of a user."""
    values = {"verb": verb, "started_at": started_at, "footfall_version": version("footfall")}
    return int(fetch_one(connection, SQL["record"], **values, details=json.dumps(details)).operation_id)


def is_recorded(connection: Connection, operation_id: int) -> bool:
    """Say whether this very operation was committed."""
    return bool(fetch_one(connection, SQL["is_recorded"], operation_id=operation_id).is_recorded)


def may_record(connection: Connection) -> bool:
    """Say whether this role may record operations here; on a standby nobody may."""
    return bool(fetch_one(connection, SQL["may_record"]).may_record)
