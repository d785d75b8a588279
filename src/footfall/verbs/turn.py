"""The turn of one load at the tables: the writer lock, and what must be true under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footfall.postgres.transactions import take_writer_lock
from footfall.tables import ledger
from footfall.tables.ids import assert_types
from footfall.tables.schema import assert_current
from footfall.verbs.again import take_back
from footfall.verbs.session import LoadSession

if TYPE_CHECKING:
    from footfall.tables.taking_back import Plan


class LoadedMeanwhileError(Exception):
    """Another load has loaded one of the files since this one looked. `loads` are those loads, by digest."""

    def __init__(self, loads: Mapping[str, ledger.FirstLoad]) -> None:
        super().__init__(", ".join(loads))
        self.loads = loads


class OthersForgottenError(Exception):
    """Another command forgot users while rows were judged: they are judged anew."""


@dataclass(slots=True)
class Turn:
    """The turn of one load, which it takes once, as late as it can.

    `taken_back` has the loads that this one replaces, with --again.
    """

    session: LoadSession
    digests: Sequence[str]
    is_taken: bool = False
    taken_back: Plan | None = None

    def take(self) -> None:
        """Take the writer lock, and check that nothing changed that the load relies on; a second call does nothing.

        Effects: with --again, the earlier loads of the files are taken back, before any row is sent to the table.
        Raises: DatabaseBusyError; SchemaError; LoadedMeanwhileError; LaterLoadsError; OthersForgottenError where users
        were forgotten after the rows were judged.
        """
        if self.is_taken:
            return
        connection = self.session.connection
        take_writer_lock(connection, self.session.target)
        self.is_taken = True
        assert_types(connection, self.session.id_types)
        assert_current(connection, self.session.target)
        if self.session.has_forgotten_others():
            raise OthersForgottenError
        found = ledger.find_loaded(connection, self.digests)
        if later := self.session.find_staying(found):
            raise LoadedMeanwhileError(later)
        if found:
            self.taken_back = take_back(self.session, [first.load_id for first in found.values()])
