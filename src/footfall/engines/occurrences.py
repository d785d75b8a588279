"""Number equal records of a file exactly, so that each row whose id is made of its record gets an id of its own.

A row whose record is certainly new in its file passes at once. All others wait on disk until the file is read, and are
numbered then, so that the ids do not depend on batches, memory or the filter.
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
from footfall.engines.spill import open_spilling_session, read_batches
from footfall.errors import TemporarySpaceError
from footfall.formats import texts
from footfall.formats.positions import read_file_numbers
from footfall.statements import read_statements

SQL = read_statements(__name__)

KEY_BYTES = 16
KEYS_AT_A_TIME = 2_000_000  # keys that are read back together: 32 MB
BATCH_ROWS = 100_000  # rows of a batch of numbered rows, which come at the end


def number_occurrences(batches: Iterable[Verdicts], memory_limit_mb: int) -> Iterator[Verdicts]:
    """Give each accepted row the id of its occurrence; rows that may repeat a record come after all others.

    Effects: writes temporary files, which are removed when the iterator ends. Rejected rows are passed on unchanged.
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
    """The keys of the rows that passed, and the rows that wait for the end of the file."""

    def __init__(self, opened: ExitStack, memory_limit_mb: int) -> None:
        self.opened = opened
        self.memory_limit_mb = memory_limit_mb
        self.seen = SeenFilter(_count_words(memory_limit_mb))
        self.firsts: IO[bytes] | None = None
        self.suspects: IO[bytes] | None = None
        self.writer: pa.RecordBatchStreamWriter | None = None

    def pass_new(self, rows: pa.Table) -> pa.Table:
        """Give the rows that are certainly the first with their record; keep the others."""
        rows = rows.combine_chunks()
        keys = _make_keys(rows)
        is_new = self.seen.find_new(_mix(keys))
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
        """Give the rows that waited in their order, each with the id of its occurrence."""
        if self.writer is None or self.suspects is None or self.firsts is None:
            return
        self.writer.close()
        with open_spilling_session(self.memory_limit_mb // 4, SQL["create_keys"]) as session:
            session.execute(texts.SQL["macros"])
            self._add_keys(session)
            for counted in _count_runs(read_batches(session, SQL["keys"], BATCH_ROWS)):
                _insert(session.cursor(), "add_occurrences", counted)
            numbers = _Taken(read_batches(session, SQL["occurrences"], BATCH_ROWS))
            ids = session.cursor()
            for rows in self._read_suspects():
                position, made = rows["position"], rows["interaction_id"]
                occurrence = numbers.take(rows.num_rows)
                ids.register("rows", pa.table({"position": position, "made": made, "occurrence": occurrence}))
                numbered = ids.sql(SQL["number"]).to_arrow_table()["interaction_id"]
                ids.unregister("rows")
                yield rows.set_column(1, rows.schema.field(1), numbered.cast(rows["interaction_id"].type))

    def _add_keys(self, session: duckdb.DuckDBPyConnection) -> None:
        """Note the keys of the rows that waited, and of the rows that passed and may equal one of them."""
        assert self.firsts is not None  # noqa: S101  (there is one wherever rows waited)
        waiting = SeenFilter(_count_words(self.memory_limit_mb))
        for rows in self._read_suspects():
            keys = _make_keys(rows)
            waiting.find_new(_mix(keys))
            _insert(session, "add_keys", {"position": rows["position"], "key": _to_binary(keys)})
        self.firsts.seek(0)
        while read := self.firsts.read(KEYS_AT_A_TIME * KEY_BYTES):
            keys = np.frombuffer(read, np.uint32).reshape(-1, 4)
            keys = keys[~waiting.find_unseen(_mix(keys))]
            _insert(session, "add_keys", {"position": pa.nulls(len(keys), pa.int64()), "key": _to_binary(keys)})

    def _read_suspects(self) -> Iterator[pa.Table]:
        assert self.suspects is not None  # noqa: S101  (there is one wherever rows waited)
        self.suspects.seek(0)
        for batch in pa.ipc.open_stream(self.suspects):
            yield pa.Table.from_batches([batch])


def _make_keys(rows: pa.Table) -> np.ndarray:
    """Make the keys of rows: the id that is made of the record, mixed with the number of its file.

    Shape: one array, with KEY_BYTES for each row.
    """
    ids = rows["interaction_id"].combine_chunks()
    begin, end = ids.offset * KEY_BYTES, (ids.offset + len(ids)) * KEY_BYTES
    keys = np.frombuffer(ids.buffers()[1] or b"", np.uint8)[begin:end].copy().view(np.uint32).reshape(-1, 4)
    keys[:, 3] ^= read_file_numbers(rows["position"].to_numpy()).astype(np.uint32)
    return keys.reshape(-1)


def _to_binary(keys: np.ndarray) -> pa.Array:
    data = np.ascontiguousarray(keys)
    rows = data.nbytes // KEY_BYTES
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), rows, [None, pa.py_buffer(data)])


def _mix(keys: np.ndarray) -> np.ndarray:
    """Make a 64-bit hash of each key. Keys are digests, so that joining their halves is enough."""
    halves = keys.reshape(-1).view(np.uint64).reshape(-1, 2)
    return halves[:, 0] ^ halves[:, 1]


def _count_runs(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Number the rows of each key from 1, in rows ordered by key; give the numbers of those that have a position."""
    last, number = b"", 0  # the key of the row before, and its number
    for batch in batches:
        column = batch["key"].cast(pa.binary(KEY_BYTES))
        keys = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 2)
        keys = keys[column.offset : column.offset + batch.num_rows]
        begins = np.concatenate(([True], (keys[1:] != keys[:-1]).any(axis=1)))
        starts = np.flatnonzero(begins)
        numbers = np.arange(1, len(keys) + 1) - starts[np.cumsum(begins) - 1]
        if keys[0].tobytes() == last:
            numbers[: starts[1] if len(starts) > 1 else None] += number
        last, number = keys[-1].tobytes(), int(numbers[-1])
        counted = pa.table({"position": batch["position"], "occurrence": numbers})
        yield counted.filter(counted["position"].is_valid())


class _Taken:
    """The numbers of a stream of batches, taken in pieces of any length."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches = batches
        self.rest = pa.chunked_array([], pa.int64())

    def take(self, count: int) -> pa.ChunkedArray:
        while len(self.rest) < count:
            self.rest = pa.chunked_array([*self.rest.chunks, next(self.batches)["occurrence"]])
        taken, self.rest = self.rest.slice(0, count), self.rest.slice(count)
        return taken


def _insert(session: duckdb.DuckDBPyConnection, statement: str, rows: Any) -> None:
    session.register("rows", rows if isinstance(rows, pa.Table) else pa.table(rows))
    session.execute(SQL[statement]).fetchall()
    session.unregister("rows")


def _open_temporary() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise TemporarySpaceError(
            f"no temporary file can be made: {error}; set TMPDIR to a folder with room where you may write"
        ) from error


def _count_words(memory_limit_mb: int) -> int:
    """Choose the size of the filter in words: a power of two that takes at most a sixteenth of the memory limit.

    A load has a second filter, for ids. With 64 MB for each of the two, a load of made ids took 523 MB.
    """
    return min(WORDS_MAX, 1 << ((memory_limit_mb << 20) // 128).bit_length() - 1)
