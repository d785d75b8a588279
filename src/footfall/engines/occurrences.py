"""Ids that are made of records: which occurrence of its record a row is in its file, counted exactly.

Rows of a record that is surely new are the first of their kind, and pass. All others wait on disk until the file is
done; then they are counted, so that the ids do not depend on batches, memory or the filter.
Memory: a filter of at most a sixteenth of the limit, and a session that spills.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import IO, Any

import duckdb
import numpy as np
import pyarrow as pa

from footfall.contract.seen import WORDS_MAX, SeenFilter
from footfall.contract.verdicts import Verdicts
from footfall.engines.spill import spilling_session
from footfall.errors import TemporarySpaceError
from footfall.formats import texts
from footfall.formats.positions import file_numbers
from footfall.statements import statements

SQL = statements(__name__)

KEY_BYTES = 16
KEYS_AT_A_TIME = 2_000_000  # keys that are read back at a time: 32 MB
BATCH_ROWS = 100_000  # rows of a batch that is given at the end


def number_occurrences(batches: Iterable[Verdicts], memory_limit_mb: int) -> Iterator[Verdicts]:
    """Give each accepted row the id of its occurrence; rows that may not be the first of their record come at the end.

    Effects: writes temporary files, which are gone with the iterator. Rejected rows pass as they are.
    Raises: TemporarySpaceError.
    """
    with ExitStack() as opened:
        waiting = _Waiting(opened, memory_limit_mb)
        rejected = None
        for verdicts in batches:
            rejected = verdicts.rejected.slice(0, 0)
            yield replace(verdicts, accepted=waiting.pass_new(verdicts.accepted))
        if rejected is not None:
            for accepted in waiting.count():
                yield Verdicts(accepted, rejected, {}, ())


class _Waiting:
    """The keys of rows that passed, and the rows that wait."""

    def __init__(self, opened: ExitStack, memory_limit_mb: int) -> None:
        self.opened = opened
        self.memory_limit_mb = memory_limit_mb
        self.seen = SeenFilter(_count_words(memory_limit_mb))
        self.firsts: IO[bytes] | None = None
        self.suspects: IO[bytes] | None = None
        self.writer: pa.RecordBatchStreamWriter | None = None

    def pass_new(self, rows: pa.Table) -> pa.Table:
        """Give the rows that are surely the first of their record; keep the others."""
        rows = rows.combine_chunks()
        keys = _make_keys(rows)
        halves = keys.view(np.uint64).reshape(-1, 2)
        is_new = self.seen.find_new(halves[:, 0] ^ halves[:, 1])
        if self.firsts is None:
            self.firsts = self.opened.enter_context(_open_temporary())
        self.firsts.write(keys.reshape(-1, 4)[is_new].tobytes())
        if is_new.all():
            return rows
        suspects = rows.filter(pa.array(~is_new))
        if self.writer is None:
            self.suspects = self.opened.enter_context(_open_temporary())
            self.writer = pa.ipc.new_stream(self.suspects, suspects.schema)
        self.writer.write_table(suspects, max_chunksize=BATCH_ROWS)
        return rows.filter(pa.array(is_new))

    def count(self) -> Iterator[pa.Table]:
        """Give the rows that waited, in their order, with the ids of their occurrences."""
        if self.writer is None or self.suspects is None or self.firsts is None:
            return
        self.writer.close()
        with spilling_session(self.memory_limit_mb // 4, SQL["create_suspects"]) as session:
            session.execute(texts.SQL["macros"])
            for rows in self._read_suspects():
                position = rows["line_number"]
                keys = _to_binary(_make_keys(rows))
                named = {"position": position, "made": rows["interaction_id"], "key": keys}
                _insert(session, "add_suspects", "rows", named)
            self.firsts.seek(0)
            while read := self.firsts.read(KEYS_AT_A_TIME * KEY_BYTES):
                _insert(session, "find_held", "firsts", {"key": _to_binary(np.frombuffer(read, np.uint8))})
            numbered = session.sql(SQL["number"]).to_arrow_reader(BATCH_ROWS)
            ids = pa.chunked_array([], pa.binary())
            for rows in self._read_suspects():
                while len(ids) < rows.num_rows:
                    ids = pa.chunked_array([*ids.chunks, numbered.read_next_batch()["interaction_id"]], pa.binary())
                made = ids.slice(0, rows.num_rows).cast(rows["interaction_id"].type)
                yield rows.set_column(1, rows.schema.field(1), made)
                ids = ids.slice(rows.num_rows)

    def _read_suspects(self) -> Iterator[pa.Table]:
        assert self.suspects is not None  # noqa: S101  (there is one wherever rows waited)
        self.suspects.seek(0)
        for batch in pa.ipc.open_stream(self.suspects):
            yield pa.Table.from_batches([batch])


def _make_keys(rows: pa.Table) -> np.ndarray:
    """Give the keys of rows: 16 bytes each, the id that is made of the record with the number of its file in it.

    Shape: an array of KEY_BYTES a row, one behind the other.
    """
    ids = rows["interaction_id"].combine_chunks()
    begin, end = ids.offset * KEY_BYTES, (ids.offset + len(ids)) * KEY_BYTES
    keys = np.frombuffer(ids.buffers()[1] or b"", np.uint8)[begin:end].copy().view(np.uint32).reshape(-1, 4)
    keys[:, 3] ^= file_numbers(rows["line_number"].to_numpy()).astype(np.uint32)
    return keys.reshape(-1)


def _to_binary(keys: np.ndarray) -> pa.Array:
    data = np.ascontiguousarray(keys)
    rows = data.nbytes // KEY_BYTES
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), rows, [None, pa.py_buffer(data)])


def _insert(session: duckdb.DuckDBPyConnection, statement: str, name: str, columns: dict[str, Any]) -> None:
    session.register(name, pa.table(columns))
    session.execute(SQL[statement]).fetchall()
    session.unregister(name)


def _open_temporary() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise TemporarySpaceError(
            f"no temporary file can be made: {error}; set TMPDIR to a folder with room where you may write"
        ) from error


def _count_words(memory_limit_mb: int) -> int:
    """Say how many words the filter has: a sixteenth of the memory at most, as a power of two.

    A load has a second filter, of ids; with 64 MB for each of them a load of made ids took 523 MB.
    """
    return min(WORDS_MAX, 1 << ((memory_limit_mb << 20) // 128).bit_length() - 1)
