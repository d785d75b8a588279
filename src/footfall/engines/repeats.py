"""Find ids that repeat in the files of one check, and so the duplicates and conflicts of a load, without a database.

Content is compared by a 64-bit hash. Two different contents of one id with the same hash would count as a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.ids import IdType, IdTypes
from footfall.engines.spill import open_spilling_session, read_batches
from footfall.statements import read_statements

SQL = read_statements(__name__)

BATCH_ROWS = 100_000  # rows that are compared at a time
TYPES_IN_DUCKDB: dict[IdType, str] = {"bigint": "bigint", "uuid": "blob", "text": "varchar"}


@dataclass(frozen=True, slots=True)
class RepeatsOfFile:
    """The rows of one file whose ids came before. The line number and the id are those of its first conflict.

    `rows_repeated` counts the rows whose id came before in the same file.
    """

    file_number: int
    rows_duplicate: int
    rows_conflict: int
    line_number: int | None
    interaction_id: str | None
    rows_repeated: int


@contextmanager
def open_repeats(memory_mb: int, id_types: IdTypes) -> Iterator[Repeats]:
    """Open a store of ids of these types that takes at most `memory_mb` of memory."""
    create = SQL["create_seen"].format(interaction_id=TYPES_IN_DUCKDB[id_types.interaction_id])
    with open_spilling_session(memory_mb, create) as session:
        yield Repeats(session)


class Repeats:
    """The ids and contents of the accepted rows of all files so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def add(self, file_number: int, rows: pa.Table) -> None:
        """Note accepted rows of one file."""
        self.session.register("rows", rows)
        self.session.execute(SQL["add_seen"], [file_number]).fetchall()
        if "row_line" in rows.column_names:
            self.session.execute(SQL["add_lines"], [file_number]).fetchall()
        self.session.unregister("rows")

    def forget(self, file_number: int) -> None:
        """Forget the rows of a file that a load would refuse, so that later rows with their ids are no repeats."""
        for statement in ("forget", "forget_lines"):
            self.session.execute(SQL[statement], [file_number]).fetchall()

    def pass_on(self, file_number: int, copy_number: int) -> None:
        """Move the rows of a file to a later copy of it, so that they count in the copy's place in the order."""
        for statement in ("pass_on", "pass_lines_on"):
            self.session.execute(SQL[statement], [copy_number, file_number]).fetchall()

    def find_repeats(self) -> list[RepeatsOfFile]:
        """Count the rows of each file whose id came before with the same content, and with other content.

        Effects: reads all rows that are noted, and changes nothing.
        """
        found = _Found()
        for batch in read_batches(self.session, SQL["in_order"], BATCH_ROWS):
            found.add(batch)
        return [self._find_line(found.files[number]) for number in sorted(found.files)]

    def _find_line(self, repeats: RepeatsOfFile) -> RepeatsOfFile:
        """Replace the number of the first conflict by its line, if its position counts the rows of its file."""
        if repeats.line_number is None:
            return repeats
        place = [repeats.file_number, repeats.line_number]
        row = self.session.execute(SQL["row_line"], place).fetchone()
        return replace(repeats, line_number=row[0]) if row else repeats


class _Found:
    """The repeats found so far in rows that come ordered by id, and for each id in the order of the files."""

    def __init__(self) -> None:
        self.files: dict[int, RepeatsOfFile] = {}
        self.last: pa.RecordBatch | None = None  # the last row of the batch before
        self.first = (0, 0)  # the file and the content of the first row of its id

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the repeats in the next batch of rows."""
        is_first = np.ones(batch.num_rows, bool)
        ids = batch["interaction_id"]
        is_first[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        goes_on = self.last is not None and self.last["interaction_id"][0] == ids[0]
        self.last = batch.slice(batch.num_rows - 1)
        is_first[0] = not goes_on
        files, contents = batch["file_number"].to_numpy(), batch["content"].to_numpy()
        begin = np.maximum.accumulate(np.where(is_first, np.arange(batch.num_rows), -1))
        first_files = np.where(begin < 0, self.first[0], files[begin])
        first_contents = np.where(begin < 0, np.uint64(self.first[1]), contents[begin])
        self.first = int(first_files[-1]), int(first_contents[-1])
        repeats = np.flatnonzero(~is_first)
        is_same = contents[repeats] == first_contents[repeats]
        is_own = files[repeats] == first_files[repeats]
        for number in np.unique(files[repeats]).tolist():
            of_file = files[repeats] == number
            conflicts = batch.take(pa.array(repeats[of_file & ~is_same]))
            self._note(number, int((of_file & is_same).sum()), conflicts, int((of_file & is_own).sum()))

    def _note(self, number: int, rows_duplicate: int, conflicts: pa.RecordBatch, rows_repeated: int) -> None:
        known = self.files.get(number) or RepeatsOfFile(number, 0, 0, None, None, 0)
        if conflicts.num_rows:
            lines = conflicts["position"].to_numpy()
            at = int(lines.argmin())
            if known.line_number is None or lines[at] < known.line_number:
                first = _write_id(conflicts["interaction_id"][at].as_py())
                known = replace(known, line_number=int(lines[at]), interaction_id=first)
        self.files[number] = replace(
            known,
            rows_duplicate=known.rows_duplicate + rows_duplicate,
            rows_conflict=known.rows_conflict + conflicts.num_rows,
            rows_repeated=known.rows_repeated + rows_repeated,
        )


def _write_id(interaction_id: int | str | bytes | None) -> str | None:
    if isinstance(interaction_id, bytes):
        return str(UUID(bytes=interaction_id))
    return None if interaction_id is None else str(interaction_id)
