"""Judge files, and send their rows: to the empty tables, straight to tables with rows, or to staging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from footfall.contract.sums import Sums
from footfall.contract.verdicts import Verdicts
from footfall.engines.in_process import Engine
from footfall.formats.reading import Reading
from footfall.postgres.target import Connection
from footfall.sources import opening
from footfall.tables import direct, first_load, large
from footfall.tables import staging as staged
from footfall.tables.schema_options import list_kept
from footfall.verbs.turn import Turn

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.engines.counting import Counts

T = TypeVar("T")

HELD_SHARE = 8  # held rows may take an eighth of the memory limit: 64 MB of 512, about a million rows
COUNTS_SHARE = 4  # counts may take a quarter of the memory limit


def judge(engine: Engine, readings: Sequence[Reading], send: staged.Sender, turn: Turn) -> list[Sums]:
    """Judge files, and send their rows; give the sums of each file.

    Effects: writes to tables in the transaction of the sender; in the end, the turn of the load is taken.
    Raises: LoadedMeanwhileError.
    """
    _try_empty_path(send, turn, [reading.file for reading in readings])
    if send.staging.is_direct:
        return fill_empty_table(
            *(send.connection, send.staging, engine.memory_limit_mb),
            lambda count: engine.run(readings, lambda verdicts: count(send(verdicts))),
        )
    if send.staging.id_types.interaction_id != "bigint":
        sums = engine.run(readings, send)
        turn.take()
        return sums
    with ExitStack() as opened:
        hold = _Holder(engine.memory_limit_mb, readings, send, turn, opened)
        sums = engine.run(readings, hold)
        hold.open()
        if hold.counts:
            add_counts(send.connection, send.staging, hold.counts)
    return sums


@dataclass(slots=True)
class _Holder:
    """Holds accepted rows until many are there or the files are judged, and sends them in the turn of the load.

    A small file is judged before the lock is taken, and a large one sends its rows while the rest is judged. Rejected
    rows are sent at once, since they need no lock. `counts` counts the rows that go straight to the table, if they are
    many compared with the rows that are there.
    """

    memory_limit_mb: int
    readings: Sequence[Reading]
    send: staged.Sender
    turn: Turn
    opened: ExitStack
    held: list[pa.Table] = field(default_factory=list)
    bytes_held: int = 0
    is_open: bool = False
    counts: Counts | None = None

    def __call__(self, verdicts: Verdicts) -> None:
        """Take the verdicts on one batch. Raises: what `Turn.take` raises."""
        staged.stage_rejected(self.send.connection, self.send.staging, verdicts.rejected)
        if self.is_open:
            self._send(verdicts.accepted)
            return
        self.held.append(verdicts.accepted)
        self.bytes_held += verdicts.accepted.nbytes
        if self.bytes_held >= self.memory_limit_mb * 1_000_000 // HELD_SHARE:
            self.open()

    def open(self) -> None:
        """Take the turn, and send what is held. Raises: what `Turn.take` raises."""
        if self.is_open:
            return
        self.is_open = True
        self.turn.take()
        direct.open_table(self.send.connection, self.send.staging)
        self._open_counts()
        while self.held:
            self._send(self.held.pop(0))

    def _open_counts(self) -> None:
        counts = open_fitting_counts(self.send, self._expect_rows(), self.memory_limit_mb)
        self.counts = self.opened.enter_context(counts)

    def _expect_rows(self) -> int:
        """Estimate the rows of the files, as if the rest had as many rows for each byte as the part that is read."""
        bytes_read = sum(reading.file.stream.tell() for reading in self.readings)
        size_bytes = sum(reading.file.size_bytes for reading in self.readings)
        rows = sum(table.num_rows for table in self.held)
        return int(rows * max(size_bytes, 1) / max(bytes_read, 1))

    def _send(self, accepted: pa.Table) -> None:
        above = staged.stage_accepted(self.send.connection, self.send.staging, accepted)
        if self.counts and above.num_rows:
            self.counts.add(above)


@contextmanager
def open_fitting_counts(send: staged.Sender, rows: int, memory_limit_mb: int) -> Iterator[Counts | None]:
    """Give counts for the rows that go straight to the table, or None if they are few compared with the table."""
    connection, staging = send.connection, send.staging
    if staging.floor_id is None or not large.is_worth(connection, rows) or not first_load.are_plain(connection):
        yield None
        return
    from footfall.engines.counting import open_counts

    with open_counts(memory_limit_mb // COUNTS_SHARE, list_kept(connection, staging.id_types)) as counts:
        yield counts


def add_counts(connection: Connection, staging: staged.Staging, counts: Counts) -> None:
    """Add the counts of the rows that went straight to the table, if these are many compared with the table.

    Effects: none if they are few; the merge then adds them.
    """
    if not large.is_worth(connection, staging.direct_by_load.total()):
        return
    counts.count()
    staged.prepare_server(connection)
    large.prepare(connection)
    for kept in list_kept(connection, staging.id_types):
        with counts.take_known_keys(kept, large.read_keys(connection, kept)):
            large.add(connection, staging, kept, partial(counts.read_known, kept), partial(counts.read_new, kept))
    staging.are_counts_added = True


def _try_empty_path(send: staged.Sender, turn: Turn, files: Sequence[opening.SourceFile]) -> None:
    """Prepare the path into empty tables, if the tables are empty and the files are large.

    Effects: for such files, takes the turn of the load now instead of later, and may drop the empty tables' keys.
    """
    if sum(file.size_bytes for file in files) < first_load.EMPTY_PATH_BYTES or not first_load.is_empty(send.connection):
        return
    turn.take()
    if first_load.is_empty(send.connection):
        first_load.open_empty_table(send.connection, send.staging)


def fill_empty_table(
    connection: Connection,
    staging: staged.Staging,
    memory_limit_mb: int,
    send: Callable[[Callable[[pa.Table], None]], T],
) -> T:
    """Send rows straight to the empty table, build its key, then send the counts; give what `send` gives.

    Effects: calls `send` with a function that counts the rows of a batch.
    """
    from footfall.engines import counting

    kept = list_kept(connection, staging.id_types)
    with counting.open_counts(memory_limit_mb // COUNTS_SHARE, kept) as counts:
        sent = send(counts.add)
        with counts.count_large():
            first_load.build_raw_indexes(connection)
        first_load.copy_counts(connection, counts.read_tables())
    return sent
