"""Send rows whose ids are above every id in the table straight to the table, and count them there.

Such a row cannot meet an id that is in the table, so nothing has to be looked up. This needs ids that are numbers, and
the writer lock from the moment when the highest id is read.
"""

from __future__ import annotations

from collections import Counter

from footfall.errors import FootfallError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.staging import Staging

SQL = read_statements(__name__)


def open_table(connection: Connection, staging: Staging) -> None:
    """Read the highest id in the table, under the writer lock, so that rows above it go straight to the table.

    Effects: none where the ids are no numbers, or where the table has something that Footfall did not make (a trigger,
    a rule, row security), since COPY may then do something else than an insert.
    """
    if staging.id_types.interaction_id == "bigint" and fetch_one(connection, SQL["is_plain"]).is_plain:
        staging.floor_id = fetch_one(connection, SQL["floor_id"]).floor_id


def add_deltas(connection: Connection, staging: Staging) -> Counter[int]:
    """Add the rows that went straight to the table to every kept count, unless that is done; count them by load.

    Call it before other rows of the load are inserted.
    Raises: FootfallError where the table did not get as many rows as were sent.
    """
    if not staging.direct_by_load or staging.are_counts_added:
        return staging.direct_by_load
    statement = compose(SQL["add_deltas"], deltas=counts.compose_deltas())
    rows = connection.execute(statement, {"floor_id": staging.floor_id}).fetchall()
    added = Counter({row.load_id: row.rows_added for row in rows})
    if added != staging.direct_by_load:
        raise FootfallError(
            f"{staging.direct_by_load.total()} rows were sent to user_interactions_raw, but {added.total()} came; "
            "nothing was loaded. Does something else write these tables?"
        )
    return added
