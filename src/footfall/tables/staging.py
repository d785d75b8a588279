"""Send accepted and rejected rows to staging tables by binary COPY; `merge` and `quarantine` move them on from there.

The rows of one transaction may come from one file or several. Nothing here begins or ends the transaction:
`verbs/transaction.py` and `verbs/completing.py` do.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.contract.seen import SeenFilter
from footfall.contract.verdicts import Verdicts
from footfall.errors import FootfallError
from footfall.formats.positions import read_file_numbers, read_line_numbers
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Server, Target
from footfall.statements import read_statements
from footfall.tables.id_hashes import hash_ids
from footfall.tables.ids import name_column_types

SQL = read_statements(__name__)


@dataclass(slots=True)
class Staging:
    """The staging tables of one transaction, and what its loads have sent to them so far.

    `load_ids` has one load_id for each file, in loading order. The position of a row holds the number of its file in
    this order.
    `is_direct`: the table was empty under the writer lock, so rows are sent straight to it and its key is built after
    them. `floor_id`: the highest id that was there under the writer lock, so rows above it are sent straight to the
    table, with its key; None: no row is sent there. `are_counts_added`: the counts have these rows already.
    `range`: the number of the range of a run, which its rows have as a column; None: the rows are not those of a run.
    `rejected_of_run`: the table of the rows that were rejected while a run was staged, where this is its end.
    A row is out of order if its interaction_id may have come before. A number may have if it is not above the numbers
    of all rows before it; a text or a UUID may have if `seen_ids` does not show that it is new.
    Units: rows_* count the rows sent, and `first_by_load` and `out_of_order_by_load` count them for each load_id;
    `direct_by_load` counts those of `first_by_load` that were above the floor; `highest_id` is the highest number among
    the interaction_ids so far.
    """

    load_ids: tuple[int, ...]
    rows: sql.Identifier
    out_of_order: sql.Identifier
    rejected: sql.Identifier
    matched: sql.Identifier
    known: sql.Identifier
    is_temporary: bool
    id_types: IdTypes
    is_direct: bool = False
    floor_id: int | None = None
    are_counts_added: bool = False
    range: int | None = None
    rejected_of_run: sql.Identifier | None = None
    highest_id: int = -1
    seen_ids: SeenFilter | None = None
    rows_sent: int = 0
    rows_sent_out_of_order: int = 0
    first_by_load: Counter[int] = field(default_factory=Counter)
    direct_by_load: Counter[int] = field(default_factory=Counter)
    out_of_order_by_load: Counter[int] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)


def open_staging(target: Target, server: Server, load_ids: Sequence[int], id_types: IdTypes) -> Staging:
    """Name the staging tables of a transaction: temporary ones, or tables of our schema where TEMP is not granted.

    Effects: none yet. `create_table` makes each table in the transaction when its first row comes.
    """
    # Temporary tables have the same names in each load, so that pg_stat_statements shows each statement once. Their
    # names say pg_temp, since a table of the same name in our schema would be found first.
    schema, token = ("pg_temp", "footfall") if server.has_temp else (target.schema, uuid.uuid4().hex)
    parts = "rows", "out_of_order", "rejected", "matched", "known"
    names: dict[str, Any] = {part: sql.Identifier(schema, f"staging_{token}_{part}") for part in parts}
    return Staging(tuple(load_ids), is_temporary=server.has_temp, id_types=id_types, **names)


def create_table(connection: Connection, staging: Staging, part: str, statement: str) -> None:
    """Make one staging table where it is not made yet.

    `part` is its field in `Staging`, and `statement` names the SQL that makes it.

    Effects: in the transaction of the caller; notes the table in `staging.created`.
    """
    if part in staging.created:
        return
    fillings = {
        "name": getattr(staging, part),
        **create_kind(staging),
        **name_column_types(staging.id_types),
    }
    connection.execute(compose(SQL[statement], **fillings))
    staging.created.add(part)


def create_kind(staging: Staging) -> dict[str, sql.Composable]:
    """Give the words of `create table` for the kind of staging tables that this transaction has."""
    return {
        "kind": sql.SQL("temporary" if staging.is_temporary else "unlogged"),
        "on_commit": sql.SQL("on commit drop" if staging.is_temporary else ""),
    }


def compose_copy(statement: LiteralString, table: pa.Table, **names: sql.Composable) -> sql.Composed:
    """Compose the COPY that sends a table, with the columns of that table."""
    return compose(statement, columns=sql.SQL(", ").join(map(sql.Identifier, table.column_names)), **names)


def copy_table(connection: Connection, statement: Any, table: pa.Table) -> None:
    """Send a table by one binary COPY. Raises: FootfallError where the server took another number of rows."""
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(encoder.write_header())
            for batch in table.to_batches():
                copy.write(encoder.write_batch(batch))
            copy.write(encoder.finish())
        if cursor.rowcount != table.num_rows:
            raise FootfallError(f"sent {table.num_rows} rows, the server took {cursor.rowcount}; nothing was loaded")


def _replace_positions(staging: Staging, rows: pa.Table) -> pa.Table:
    """Replace the positions of rows by their line numbers, and append the columns load_id and, in a run, range."""
    positions = rows["position"].to_numpy()
    load_ids = np.array(staging.load_ids, dtype=np.int32)[read_file_numbers(positions)]
    lines = pa.array(read_line_numbers(positions))
    column = rows.schema.get_field_index("position")
    rows = rows.set_column(column, "line_number", lines).append_column("load_id", pa.array(load_ids))
    if staging.range is None:
        return rows
    return rows.append_column("range", pa.repeat(pa.scalar(staging.range, pa.int32()), rows.num_rows))


def stage_accepted(connection: Connection, staging: Staging, accepted: pa.Table) -> pa.Table:
    """Send accepted rows, in loading order, to staging or to the table; give those that went straight to the table.

    Effects: writes to tables in the transaction of the caller, and updates ids and counts in `staging`.
    """
    if not accepted.num_rows:
        return accepted
    is_first = _find_first(staging, accepted["interaction_id"])
    if "row_line" in accepted.column_names:
        accepted = accepted.drop(["row_line", "item"])
    accepted = _replace_positions(staging, accepted)
    if is_first.all():
        rows, out_of_order = accepted, accepted.slice(0, 0)
    else:
        rows, out_of_order = accepted.filter(pa.array(is_first)), accepted.filter(pa.array(~is_first))
    above = rows.slice(0, 0)
    if rows.num_rows:
        above = _send_first(connection, staging, rows)
        staging.rows_sent += rows.num_rows
        staging.first_by_load += _count_by_load(staging, rows)
    if out_of_order.num_rows:
        create_table(connection, staging, "out_of_order", "create_rows")
        statement = compose_copy(SQL["copy_rows"], out_of_order, name=staging.out_of_order)
        copy_table(connection, statement, out_of_order)
        staging.rows_sent_out_of_order += out_of_order.num_rows
        staging.out_of_order_by_load += _count_by_load(staging, out_of_order)
    return above


def _send_first(connection: Connection, staging: Staging, rows: pa.Table) -> pa.Table:
    """Send rows whose ids come for the first time: to staging, or straight to the table where no such id can be there.

    Gives the rows that went straight to the table. They are the last of `rows`, since the ids rise.
    """
    staged = 0 if staging.is_direct else rows.num_rows
    if staging.floor_id is not None:
        staged = int(np.searchsorted(rows["interaction_id"].to_numpy(), staging.floor_id, side="right"))
    below, above = rows.slice(0, staged), rows.slice(staged)
    if below.num_rows:
        create_table(connection, staging, "rows", "create_rows")
        copy_table(connection, compose_copy(SQL["copy_rows"], below, name=staging.rows), below)
    if above.num_rows:
        raw = above.drop(["line_number"])
        copy_table(connection, compose_copy(SQL["copy_raw"], raw), raw)
        staging.direct_by_load += _count_by_load(staging, above)
    return above


def _find_first(staging: Staging, ids: pa.ChunkedArray) -> np.ndarray:
    """Say for each row whether its id is surely new in this transaction.

    Shape: one bool for each row. Effects: `staging` remembers the ids.
    """
    if staging.id_types.interaction_id == "bigint":
        numbers = ids.to_numpy()
        highest = np.maximum.accumulate(np.concatenate(([staging.highest_id], numbers)))
        staging.highest_id = int(highest[-1])
        is_first: np.ndarray = numbers > highest[:-1]
        return is_first
    if staging.seen_ids is None:
        staging.seen_ids = SeenFilter()
    return staging.seen_ids.find_new(hash_ids(ids))


def _count_by_load(staging: Staging, rows: pa.Table) -> Counter[int]:
    """Count rows by load_id."""
    if len(staging.load_ids) == 1:
        return Counter({staging.load_ids[0]: rows.num_rows})
    load_ids, counts = np.unique(rows["load_id"].to_numpy(), return_counts=True)
    return Counter(dict(zip(load_ids.tolist(), counts.tolist(), strict=True)))


def stage_rejected(connection: Connection, staging: Staging, rejected: pa.Table) -> None:
    """Send rejected rows with their reasons to staging."""
    if not rejected.num_rows:
        return
    create_table(connection, staging, "rejected", "create_rejected")
    rejected = _replace_positions(staging, rejected)
    copy_table(connection, compose_copy(SQL["copy_rows"], rejected, name=staging.rejected), rejected)


@dataclass
class Sender:
    """Sends the rows of verdicts, batch by batch: to staging, or the accepted ones straight to the table.

    An engine may pickle it and call the copy in another process. The copy holds names, load_ids and counters but no
    connection: `connection` must be set on it before the first call.
    """

    staging: Staging
    connection: Connection

    def __call__(self, verdicts: Verdicts) -> pa.Table:
        """Send the rows of one batch; give those that went straight to the table.

        Effects: writes to tables in the transaction of the connection, and counts in `staging`.
        """
        sent = self.send_accepted(verdicts.accepted)
        stage_rejected(self.connection, self.staging, verdicts.rejected)
        return sent

    def send_accepted(self, accepted: pa.Table) -> pa.Table:
        """Send the accepted rows of one batch alone; give those that went straight to the table."""
        return stage_accepted(self.connection, self.staging, accepted)

    def __getstate__(self) -> dict[str, Any]:
        return {"staging": self.staging}


def prepare_server(connection: Connection) -> None:
    """Give the rest of the transaction memory for sorts and index builds, and planner settings for many rows."""
    fetch_one(connection, SQL["settings"])


def drop_staging(connection: Connection, staging: Staging) -> None:
    """Drop the staging tables that are not temporary, since COMMIT would keep them."""
    if not staging.is_temporary:
        for part in sorted(staging.created):
            connection.execute(compose(SQL["drop"], name=getattr(staging, part)))
