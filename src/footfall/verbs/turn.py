"""The turn of one load at the tables: the writer lock, and what must be true under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from footfall.contract.ids import IdTypes
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import take_writer_lock
from footfall.tables import ledger
from footfall.tables.ids import assert_types
from footfall.tables.schema import assert_current
from footfall.verbs.session import OthersForgottenError


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
    has_forgotten_others: Callable[[], bool]
    is_taken: bool = False

    def take(self) -> None:
        """Take the writer lock, and see that nothing changed that the load relies on. Effects: none the second time.

        Raises: DatabaseBusyError; SchemaError; LoadedMeanwhileError; OthersForgottenError, since the verdicts know who
        was forgotten before.
        """
        if self.is_taken:
            return
        take_writer_lock(self.connection, self.target)
        self.is_taken = True
        assert_types(self.connection, self.id_types)
        assert_current(self.connection, self.target)
        if self.has_forgotten_others():
            raise OthersForgottenError
        if later := ledger.find_loaded(self.connection, self.digests):
            raise LoadedMeanwhileError(later)
