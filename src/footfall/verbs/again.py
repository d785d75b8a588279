"""Take back the earlier load of a file for `load --again`, in the same transaction that loads the file anew."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footfall.errors import FootfallError, LaterLoadsError

if TYPE_CHECKING:  # the tables are heavy, and not needed where nothing is taken back
    from footfall.postgres.target import Connection
    from footfall.tables import removal, taking_back
    from footfall.tables.ledger import FirstLoad
    from footfall.verbs.attempts import Attempt
    from footfall.verbs.session import LoadSession

VERB = "load --again"  # the word in the table `operations`


@dataclass(slots=True)
class Again:
    """What one command with --again may take back, and the loads that it has made so far.

    `own` has the loads that this command made. They are never taken back: neither for the same bytes under another
    name, nor as later loads of another file.
    """

    with_later: bool = False
    own: set[int] = field(default_factory=set)

    def leave_own(self, found: Mapping[str, FirstLoad], unsure: Container[int]) -> dict[str, FirstLoad]:
        """Keep the loads that stay: those that this command made, even if it is not sure that it did (`unsure`)."""
        return {
            digest: first for digest, first in found.items() if first.load_id in self.own or first.load_id in unsure
        }

    def plan(self, connection: Connection, scratch: removal.Scratch, load_ids: Sequence[int]) -> taking_back.Plan:
        """Find everything that goes with these loads. Raises: LaterLoadsError where later loads must go and may not."""
        from footfall.tables import taking_back

        plan = taking_back.plan(connection, scratch, load_ids, with_later=self.with_later)
        for load in plan.loads:
            if load.is_later and load.load_id in self.own:
                both = " ".join(map(str, plan.load_ids))
                raise LaterLoadsError(
                    f"load {load.load_id} ({load.source}), which this command has just made, would have to go, too; "
                    f"nothing of this file was changed; take both back with `footfall undo {both} --with-later`, then "
                    "load their files in order"
                )
        return plan


def take_back(session: LoadSession, load_ids: Sequence[int]) -> taking_back.Plan:
    """Take loads back under the writer lock, in the transaction that loads their file anew.

    Raises: LaterLoadsError with the list of later loads that cannot stand without them, and may not go along.
    """
    from footfall.tables import removal, taking_back

    if session.again is None:
        raise FootfallError("a file that is loaded stays as it is")
    scratch = removal.open_scratch(session.target, session.server)
    plan = session.again.plan(session.connection, scratch, load_ids)
    taking_back.take_back(session.connection, scratch, session.id_types, plan)
    return plan


def record_again(connection: Connection, plan: taking_back.Plan, attempt: Attempt) -> None:
    """Record that a load took the place of others. Effects: in the transaction of the caller."""
    from footfall.tables import operations, taking_back

    asked = [load.load_id for load in plan.loads if not load.went_along]
    details = taking_back.describe(plan, asked=asked) | {"load_id": attempt.load_id}
    operations.record(connection, VERB, attempt.started_at, details)
