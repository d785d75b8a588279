"""Accepted rows -> staging by binary COPY -> merge; rejected rows -> quarantine. One transaction, one file or several.

Nothing here begins or ends a transaction: `transaction` does, where it can be seen.
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
from footfall.formats.positions import file_numbers, line_numbers
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Server, Target
from footfall.statements import statements
from footfall.tables.id_hashes import hash_ids
from footfall.tables.ids import name_column_types

SQL = statements(__name__)


@dataclass(slots=True)
class Staging:
    """What the loads of one transaction have sent so far, and where.

    `load_ids` are those of its files, in loading order; rows come with positions, which say whose they are.
    `is_direct`: the table was seen empty under the writer lock, so rows go to it at once and its key comes after them.
    A row is out of order where its interaction_id may have come before: of numbers, where it is not above those of all
    rows before it; of text and UUIDs, where `seen_ids` does not know it for new.
    Units: rows_* count rows sent, first_of and out_of_order_of those of each load; `highest_id` is the highest
    interaction_id so far, of numbers.
    """

    load_ids: tuple[int, ...]
    rows: sql.Identifier
    out_of_order: sql.Identifier
    rejected: sql.Identifier
    matched: sql.Identifier
    is_temporary: bool
    id_types: IdTypes
    is_direct: bool = False
    highest_id: int = -1
    seen_ids: SeenFilter | None = None
    rows_sent: int = 0
    rows_sent_out_of_order: int = 0
    first_of: Counter[int] = field(default_factory=Counter)
    out_of_order_of: Counter[int] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)


def open_staging(target: Target, server: Server, load_ids: Sequence[int], id_types: IdTypes) -> Staging:
    """Name the staging tables of a transaction: temporary ones, or tables of our schema where TEMP is not granted.

    Effects: none yet; each table is made when its first row comes, in the transaction, and is gone with it.
    """
    # Temporary tables have the same names in each load, so that the server's statistics know each statement once. They
    # are named in full, since a table of our schema would come first.
    schema, token = ("pg_temp", "footfall") if server.has_temp else (target.schema, uuid.uuid4().hex)
    rows, out_of_order, rejected, matched = (
        sql.Identifier(schema, f"staging_{token}_{part}") for part in ("rows", "out_of_order", "rejected", "matched")
    )
    names = rows, out_of_order, rejected, matched
    return Staging(tuple(load_ids), *names, is_temporary=server.has_temp, id_types=id_types)


def create_table(connection: Connection, staging: Staging, part: str, statement: str) -> None:
    if part in staging.created:
        return
    words = {
        "name": getattr(staging, part),
        "kind": sql.SQL("temporary" if staging.is_temporary else "unlogged"),
        "on_commit": sql.SQL("on commit drop" if staging.is_temporary else ""),
        **name_column_types(staging.id_types),
    }
    connection.execute(compose(SQL[statement], **words))
    staging.created.add(part)


def compose_copy(statement: LiteralString, table: pa.Table, **names: sql.Composable) -> sql.Composed:
    """Compose the COPY of a table: its columns are those of the statement."""
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


def _with_loads(staging: Staging, rows: pa.Table) -> pa.Table:
    """Turn the positions of rows into their load and their line number."""
    positions = rows["line_number"].to_numpy()
    load_ids = np.array(staging.load_ids, dtype=np.int32)[file_numbers(positions)]
    lines = pa.array(line_numbers(positions))
    at = rows.schema.get_field_index("line_number")
    return rows.set_column(at, "line_number", lines).append_column("load_id", pa.array(load_ids))


def stage_accepted(connection: Connection, staging: Staging, accepted: pa.Table) -> pa.Table:
    """Send accepted rows, in loading order, to staging or the empty table; give those that are first of their id."""
    if not accepted.num_rows:
        return accepted
    is_first = _find_first(staging, accepted["interaction_id"])
    if "row_line" in accepted.column_names:
        accepted = accepted.drop(["row_line"])
    accepted = _with_loads(staging, accepted)
    if is_first.all():
        rows, out_of_order = accepted, accepted.slice(0, 0)
    else:
        rows, out_of_order = accepted.filter(pa.array(is_first)), accepted.filter(pa.array(~is_first))
    if rows.num_rows:
        if staging.is_direct:
            raw = rows.drop(["line_number"])
            copy_table(connection, compose_copy(SQL["copy_raw"], raw), raw)
        else:
            create_table(connection, staging, "rows", "create_rows")
            copy_table(connection, compose_copy(SQL["copy_rows"], rows, name=staging.rows), rows)
        staging.rows_sent += rows.num_rows
        staging.first_of += _rows_of(staging, rows)
    if out_of_order.num_rows:
        create_table(connection, staging, "out_of_order", "create_rows")
        statement = compose_copy(SQL["copy_rows"], out_of_order, name=staging.out_of_order)
        copy_table(connection, statement, out_of_order)
        staging.rows_sent_out_of_order += out_of_order.num_rows
        staging.out_of_order_of += _rows_of(staging, out_of_order)
    return rows


def _find_first(staging: Staging, ids: pa.ChunkedArray) -> np.ndarray:
    """Say of each row whether its id surely comes for the first time. Effects: `staging` remembers the ids."""
    if staging.id_types.interaction_id == "bigint":
        numbers = ids.to_numpy()
        highest = np.maximum.accumulate(np.concatenate(([staging.highest_id], numbers)))
        staging.highest_id = int(highest[-1])
        is_first: np.ndarray = numbers > highest[:-1]
        return is_first
    if staging.seen_ids is None:
        staging.seen_ids = SeenFilter()
    return staging.seen_ids.find_new(hash_ids(ids))


def _rows_of(staging: Staging, rows: pa.Table) -> Counter[int]:
    """Count rows by load."""
    if len(staging.load_ids) == 1:
        return Counter({staging.load_ids[0]: rows.num_rows})
    load_ids, counts = np.unique(rows["load_id"].to_numpy(), return_counts=True)
    return Counter(dict(zip(load_ids.tolist(), counts.tolist(), strict=True)))


def stage_rejected(connection: Connection, staging: Staging, rejected: pa.Table) -> None:
    """Send rejected rows with their reasons to staging."""
    if not rejected.num_rows:
        return
    create_table(connection, staging, "rejected", "create_rejected")
    rejected = _with_loads(staging, rejected)
    copy_table(connection, compose_copy(SQL["copy_rows"], rejected, name=staging.rejected), rejected)


@dataclass
class Sender:
    """Takes verdicts, batch by batch, and sends their rows to staging, or the accepted ones to the empty table.

    It can be pickled, so that an engine may call it in another process: it holds names, load_ids and counters. The
    connection stays behind; the copy is given one of its own as `connection` before it is called.
    """

    staging: Staging
    connection: Connection

    def __call__(self, verdicts: Verdicts) -> pa.Table:
        """Send the rows of one batch; give the accepted ones that are first of their id.

        Effects: writes to tables in the transaction at hand, and counts in `staging`.
        """
        sent = stage_accepted(self.connection, self.staging, verdicts.accepted)
        stage_rejected(self.connection, self.staging, verdicts.rejected)
        return sent

    def __getstate__(self) -> dict[str, Any]:
        return {"staging": self.staging}


def prepare_server(connection: Connection) -> None:
    """Give the rest of the transaction memory to sort and build in, and plans that fit many rows."""
    fetch_one(connection, SQL["settings"])


def drop_staging(connection: Connection, staging: Staging) -> None:
    """Drop staging tables that the end of the transaction would keep."""
    if not staging.is_temporary:
        for part in sorted(staging.created):
            connection.execute(compose(SQL["drop"], name=getattr(staging, part)))
