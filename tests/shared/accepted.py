"""Accepted rows straight into the tables: one transaction, as a load has it, without a file and an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.contract.verdicts import Verdicts
from footfall.engines import counting
from footfall.postgres.connection import open_session
from footfall.postgres.target import Target
from footfall.postgres.transactions import begin, take_writer_lock
from footfall.tables import first_load, ledger, merge, quarantine, schema_options, staging

Row = tuple[Any, Any, Any, str, int]  # the ids as Python has them; the action; minutes of 2024
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
ARROW = {"bigint": pa.int64(), "text": pa.string(), "uuid": pa.binary(16)}


def to_table(rows: Sequence[Row], id_types: IdTypes, first_line: int = 2) -> pa.Table:
    """Give accepted rows as the engine gives them."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    table = {"position": pa.array(range(first_line, first_line + len(rows)), pa.int64())}
    for name, values in zip(ID_COLUMNS, columns, strict=False):
        kind = id_types.find_type(name)
        table[name] = pa.array([v.bytes if isinstance(v, UUID) else v for v in values], ARROW[kind])
    table["action"] = pa.array(columns[3], pa.string())
    instants = [BEGIN + timedelta(minutes=minutes) for minutes in columns[4]]
    table["timestamp"] = pa.array(instants, pa.timestamp("us", tz="UTC"))
    return pa.table(table)


REJECTED = pa.schema(
    [
        *(("position", pa.int64()), ("item", pa.int64()), ("raw_line", pa.string()), ("raw_bytes", pa.binary())),
        *(("raw_size_bytes", pa.int64()), ("problems", pa.string())),
    ]
)


def load_rows(
    database: str,
    id_types: IdTypes,
    *batches: Sequence[Row],
    schema: str = "public",
    is_direct: bool = False,
    rows_skipped: int = 0,
) -> merge.Merged:
    """Load batches of rows as one file; give what became of them. Conflicts are quarantined without their text."""
    target = Target(database, schema, 600)
    connection, server = open_session(target)
    with connection:
        begin(connection, target)
        (load_id,) = ledger.take_load_ids(connection, 1)
        staged = staging.open_staging(target, server, [load_id], id_types)
        send = staging.Sender(staged, connection)
        sent, tables = 0, []
        for rows in batches:
            tables.append(to_table(rows, id_types, sent + 2))
            sent += len(rows)
        verdicts = [Verdicts(table, REJECTED.empty_table(), {}, ()) for table in tables]
        take_writer_lock(connection, target)
        if is_direct:
            assert first_load.open_empty_table(connection, staged)
            with counting.open_counts(64, schema_options.list_kept(connection, id_types)) as counted:
                for one in verdicts:
                    counted.add(send(one))
                with counted.count_large():
                    first_load.build_raw_indexes(connection)
                first_load.copy_counts(connection, counted.read_tables())
        else:
            for one in verdicts:
                send(one)
        merged = merge.merge(connection, staged)[load_id]
        conflicting = merge.find_conflict_lines(connection, staged) if merged.rows_conflict else {}
        for bits in conflicting.values():
            lines = [line for line in range(len(bits) * 8) if bits[line // 8] >> (line % 8) & 1]
            problems = '[{"code": "conflicting-duplicate", "field": "interaction_id", "value": ""}]'
            rejected = [(line, 0, "", None, 0, problems) for line in lines]
            columns = [
                pa.array(column, of.type) for column, of in zip(zip(*rejected, strict=True), REJECTED, strict=True)
            ]
            staging.stage_rejected(connection, staged, pa.table(columns, schema=REJECTED))
        assert quarantine.quarantine(connection, staged) == merged.rows_conflict
        staging.drop_staging(connection, staged)
        digest = hashlib.sha256(f"{load_id} {batches}".encode()).hexdigest()
        now = datetime.now(UTC)
        ledger.record(
            connection,
            ledger.Entry(
                *(load_id, f"{load_id}.csv", digest, 1, "loaded", "contract", now, "0"),
                rows_read=sent + rows_skipped,
                rows_loaded=merged.rows_loaded,
                rows_duplicate=merged.rows_duplicate,
                rows_rejected=merged.rows_conflict,
                rows_skipped=rows_skipped,
            ),
        )
        connection.commit()
    return merged
