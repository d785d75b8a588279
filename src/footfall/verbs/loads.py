"""The verb `loads`: list the ledger."""

from __future__ import annotations

from footfall.postgres.transactions import begin
from footfall.results import Table
from footfall.settings import Settings
from footfall.tables.ledger import list_loads
from footfall.verbs.session import open_verb_session, require_positive


def show_loads(settings: Settings, *, limit: int | None) -> Table:
    """List the loads of the ledger, the newest first. Raises: SettingsError for a limit that is not positive."""
    require_positive("--limit", limit)
    with open_verb_session(settings, is_reader=True) as (connection, target):
        begin(connection, target)
        table = list_loads(connection, limit)
        connection.rollback()
    return table
