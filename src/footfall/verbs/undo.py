"""The verb `undo`: take loads back, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError
from footfall.postgres.connection import open_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Server, Target
from footfall.postgres.transactions import begin, roll_back, take_writer_lock
from footfall.results.undoing import UndoSummary
from footfall.settings import Settings
from footfall.tables import operations, removal, taking_back
from footfall.tables.ids import find_id_types
from footfall.tables.schema import assert_current, assert_ready
from footfall.verbs.attempts import confirm_operation
from footfall.verbs.session import find_version, open_target

VERB = "undo"  # the word in the table `operations`


def undo(
    load_ids: Sequence[int], settings: Settings, *, with_later: bool = False, dry_run: bool = False
) -> UndoSummary:
    """Take loads back: the tables become those of a history without them.

    A row that a later load delivered, too, belongs to that load from then on. A load that was taken back before is left
    as it is.
    Effects: one transaction under the writer lock; `dry_run` rolls it back.
    Raises: SettingsError for a load that is not there; LaterLoadsError with the list of later loads that cannot stand
    without these, unless `with_later` takes them back, too.
    """
    began = time.monotonic()
    if not load_ids:
        raise SettingsError("name the loads that shall be taken back; `footfall loads` lists them")
    with open_target(settings) as where:
        connection, server = open_session(where)
        attempt = _Attempt(where, connection, server)
        try:
            with translate_driver_errors(connection):
                assert_ready(find_version(connection, where), where)
                summary = attempt.run(load_ids, with_later=with_later, dry_run=dry_run)
        except FootfallError as error:
            if not (attempt.is_committing and isinstance(error, DatabaseUnavailableError)):
                roll_back(connection)
                raise
            summary = attempt.find_outcome(error)
        except BaseException:
            roll_back(connection)
            raise
        finally:
            connection.close()
    return replace(summary, seconds=round(time.monotonic() - began, 3))


@dataclass(slots=True)
class _Attempt:
    """One try of an undo, and everything that is needed to ask afterwards whether it was committed."""

    target: Target
    connection: Connection
    server: Server
    operation_id: int | None = None
    summary: UndoSummary | None = None
    is_committing: bool = False

    def run(self, load_ids: Sequence[int], *, with_later: bool, dry_run: bool) -> UndoSummary:
        """Take loads back in one transaction, from begin to commit."""
        connection, started_at = self.connection, datetime.now(UTC)
        begin(connection, self.target)
        take_writer_lock(connection, self.target)
        assert_current(connection, self.target)
        standing, gone = taking_back.find_standing(connection, load_ids)
        scratch = removal.open_scratch(self.target, self.server)
        plan = taking_back.plan(connection, scratch, standing, with_later=with_later)
        summary = UndoSummary(plan.loads, tuple(gone), is_dry_run=dry_run)
        if dry_run or not plan.loads:
            connection.rollback()
            return summary
        taking_back.take_back(connection, scratch, find_id_types(connection), plan)
        details = taking_back.describe(plan, asked=standing)
        self.operation_id = operations.record(connection, VERB, started_at, details)
        self.summary, self.is_committing = summary, True
        connection.commit()
        return summary

    def find_outcome(self, error: FootfallError) -> UndoSummary:
        """Give the summary if the transaction was committed although the answer to its COMMIT was lost.

        Raises: as `confirm_operation`.
        """
        self.connection.close()
        outcomes = "the loads are taken back, or nothing was changed, and the same command says which"
        confirm_operation(self.target, self.operation_id, error, outcomes)
        if self.summary is None:
            raise error
        return self.summary
