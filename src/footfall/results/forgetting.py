"""The receipt of forgetting users: how many rows were removed from where. It never names a user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

# The places that forgetting cannot reach, for the reader of a receipt.
NOT_REACHED = (
    "source files, and what else the users are named in",
    "names of files and texts of errors in the ledger",
    "backups, and archives of the write-ahead log",
    "replicas, until they have replayed it",
    "reports and exports that were made before",
    "pages of the tables' files, until `vacuum full` writes them anew and the write-ahead log is recycled",
)


@dataclass(frozen=True, slots=True)
class ReceiptOfLoad:
    """What was removed of one load: rows of the table of interactions, and texts of rejected rows."""

    load_id: int
    rows_forgotten: int
    rows_blanked: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What forgetting users removed. `str(receipt)` is what the command line prints.

    Shape: `operation_id` is the row of the table `operations`, None where nothing was changed (`is_dry_run`). `users`
    were named, and of these `users_known` were forgotten before. `loads` has those of which something was removed.
    `counted_off` are the tables of counts that the rows were taken off. `not_reached` lists what may still name the
    users.
    Units: `rows_forgotten` left the table of interactions; `rows_blanked` are rejected rows of which no text is left.
    """

    operation_id: int | None
    forgotten_at: datetime
    users: int
    users_known: int
    rows_forgotten: int
    rows_blanked: int
    loads: tuple[ReceiptOfLoad, ...]
    counted_off: tuple[str, ...]
    is_dry_run: bool = False
    seconds: float = 0.0
    not_reached: tuple[str, ...] = NOT_REACHED

    def __str__(self) -> str:
        known = f" ({self.users_known:,} forgotten before)" if self.users_known else ""
        users = f"{self.users:,} user{'' if self.users == 1 else 's'}{known}"
        blanked = f"{_count_in_words(self.rows_blanked)} of the quarantine blanked"
        removed = f"{_count_in_words(self.rows_forgotten)} removed, {blanked}"
        end = "nothing was changed" if self.is_dry_run else f"operation {self.operation_id}"
        lines = [f"{users} {'would be ' if self.is_dry_run else ''}forgotten: {removed} ({end}, {self.seconds:,.1f} s)"]
        lines += [
            f"  load {load.load_id}: {_count_in_words(load.rows_forgotten)} removed, "
            f"{_count_in_words(load.rows_blanked)} blanked"
            for load in self.loads
        ]
        lines += [f"not reached: {each}" for each in self.not_reached]
        when = f"{self.forgotten_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return "\n".join([f"{when}: {lines[0]}", *lines[1:]])


def _count_in_words(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
