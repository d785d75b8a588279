"""The turn of one load at the tables: the writer lock, what must be true under it, and rows that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from footfall.contract.ids import IdTypes
from footfall.contract.verdicts import Verdicts
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import take_writer_lock
from footfall.tables import direct, ledger
from footfall.tables import staging as staged
from footfall.tables.ids import assert_types
from footfall.tables.schema import assert_current

HELD_SHARE = 8  # a share of the memory limit: 64 MB of 512, about a million rows


class LoadedMeanwhileError(Exception):
    """Another load has loaded one of the files since this one looked. `loads` are those loads, by digest."""

    def __init__(self, loads: Mapping[str, ledger.FirstLoad]) -> None:
        super().__init__(", ".join(loads))
        self.loads = loads


@dataclass(slots=True)
class Turn:
    """The turn of one load, which it takes once, as late as it can."""

    connection: Connection
    target: Target
    id_types: IdTypes
    digests: Sequence[str]
    is_taken: bool = False

    def take(self) -> None:
        """Take the writer lock, and see that nothing changed that the load relies on. Effects: none the second time.

        Raises: DatabaseBusyError; SchemaError; LoadedMeanwhileError.
        """
        if self.is_taken:
            return
        take_writer_lock(self.connection, self.target)
        self.is_taken = True
        assert_types(self.connection, self.id_types)
        assert_current(self.connection, self.target)
        if later := ledger.find_loaded(self.connection, self.digests):
            raise LoadedMeanwhileError(later)


@dataclass(slots=True)
class Holder:
    """Holds accepted rows until `most_bytes` are there or the files are judged, and sends them in the turn of the load.

    A small file is judged before the lock is taken, and a large one sends its rows while the rest is judged. Rejected
    rows are sent at once, since they need no lock.
    """

    send: staged.Sender
    turn: Turn
    most_bytes: int
    held: list[pa.Table] = field(default_factory=list)
    bytes_held: int = 0
    is_open: bool = False

    def __call__(self, verdicts: Verdicts) -> None:
        """Take the verdicts on one batch. Raises: what `Turn.take` raises."""
        if self.is_open:
            self.send(verdicts)
            return
        staged.stage_rejected(self.send.connection, self.send.staging, verdicts.rejected)
        self.held.append(verdicts.accepted)
        self.bytes_held += verdicts.accepted.nbytes
        if self.bytes_held >= self.most_bytes:
            self.open()

    def open(self) -> None:
        """Take the turn, and send what is held. Raises: what `Turn.take` raises."""
        if self.is_open:
            return
        self.turn.take()
        direct.open_table(self.send.connection, self.send.staging)
        self.is_open = True
        while self.held:
            staged.stage_accepted(self.send.connection, self.send.staging, self.held.pop(0))
