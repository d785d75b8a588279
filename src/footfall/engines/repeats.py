"""Ids that come again in the files of one check: the sequential truth without a database.

Content is compared by its 64-bit hash: two contents of one id that share it would be taken for a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import duckdb
import pyarrow as pa

from footfall.contract.ids import IdType, IdTypes
from footfall.engines.spill import spilling_session
from footfall.statements import statements

SQL = statements(__name__)

TYPES_IN_DUCKDB: dict[IdType, str] = {"bigint": "bigint", "uuid": "blob", "text": "varchar"}


@dataclass(frozen=True, slots=True)
class RepeatsOfFile:
    """The rows of one file whose ids had come before. The line number and the id are those of its first conflict.

    `rows_repeated`: of these rows, those whose id came first in the same file.
    """

    file_number: int
    rows_duplicate: int
    rows_conflict: int
    line_number: int | None
    interaction_id: str | None
    rows_repeated: int


@contextmanager
def remembering(memory_mb: int, id_types: IdTypes) -> Iterator[Repeats]:
    """Open a memory of ids of these types that holds at most `memory_mb` in memory."""
    create = SQL["create_seen"].format(interaction_id=TYPES_IN_DUCKDB[id_types.interaction_id])
    with spilling_session(memory_mb, create) as session:
        yield Repeats(session)


class Repeats:
    """The accepted rows of the files so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def add(self, file_number: int, rows: pa.Table) -> None:
        """Take note of the accepted rows of one file."""
        self.session.register("rows", rows)
        self.session.execute(SQL["add_seen"], [file_number]).fetchall()
        if "row_line" in rows.column_names:
            self.session.execute(SQL["add_lines"], [file_number]).fetchall()
        self.session.unregister("rows")

    def forget(self, file_number: int) -> None:
        """Forget a file of which a load would load nothing: its rows claim no id."""
        for statement in ("forget", "forget_lines"):
            self.session.execute(SQL[statement], [file_number]).fetchall()

    def pass_on(self, file_number: int, copy_number: int) -> None:
        """Give the rows of a file to a later copy of it, so that they take their turn there."""
        for statement in ("pass_on", "pass_lines_on"):
            self.session.execute(SQL[statement], [copy_number, file_number]).fetchall()

    def find_repeats(self) -> list[RepeatsOfFile]:
        """Count, for each file, the rows whose id had come before: with the same content, and with other content.

        Effects: none, but it reads all rows that are remembered.
        """
        rows = self.session.execute(SQL["find_repeats"]).fetchall()
        return [replace(RepeatsOfFile(*row), interaction_id=_as_text(row[4])) for row in rows]


def _as_text(interaction_id: int | str | bytes | None) -> str | None:
    if isinstance(interaction_id, bytes):
        return str(UUID(bytes=interaction_id))
    return None if interaction_id is None else str(interaction_id)
