"""Take loads back: the tables become those of a history without them.

The caller holds the writer lock, and begins and ends the transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from footfall.contract.ids import IdTypes
from footfall.errors import DriftError, LaterLoadsError, SettingsError
from footfall.postgres.target import Connection
from footfall.results.undoing import UndoneLoad
from footfall.statements import read_statements
from footfall.tables import overlaps, removal, replays
from footfall.tables.removal import Scratch

SQL = read_statements(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """The loads that go, and the rows of theirs that pass to loads that stay."""

    loads: tuple[UndoneLoad, ...]
    passing: tuple[overlaps.Passing, ...]

    @property
    def load_ids(self) -> list[int]:
        """The loads that go, in the order of their numbers."""
        return sorted(load.load_id for load in self.loads)


def find_standing(connection: Connection, load_ids: Iterable[int]) -> tuple[list[int], list[int]]:
    """Split loads into those that stand and those that are undone already.

    Raises: SettingsError for a load that is not in the ledger, or that failed.
    """
    wanted = sorted(set(load_ids))
    found = {row.load_id: row.status for row in _find_loads(connection, wanted)}
    for load_id in wanted:
        if load_id not in found:
            raise SettingsError(f"there is no load {load_id}; `footfall loads` lists them")
        if found[load_id] == "failed":
            raise SettingsError(f"load {load_id} failed: nothing of it is there; `footfall loads` lists the others")
    standing = [load_id for load_id in wanted if found[load_id] == "loaded"]
    return standing, [load_id for load_id in wanted if load_id not in standing]


def plan(connection: Connection, scratch: Scratch, load_ids: Sequence[int], *, with_later: bool) -> Plan:
    """Find what goes if these standing loads go. Effects: makes two tables of this transaction.

    Replays and loads of mended rows go with the load that they mend.
    Raises: LaterLoadsError with the list of later loads that would have to go, unless `with_later` allows it.
    """
    mending = set(replays.find_replays(connection, load_ids))
    load_ids = [*load_ids, *mending]
    later = {each.load_id: each for each in overlaps.find_dependents(connection, load_ids)}
    if later and not with_later:
        raise LaterLoadsError(_list_later(later.values()))
    going = sorted({*load_ids, *later})
    passing = tuple(overlaps.find_heirs(connection, scratch, going))
    there, known = Counter[int](), Counter[int]()
    for each in passing:
        there[each.first_load_id] += each.rows_there
        known[each.first_load_id] += each.rows_known
    loads = tuple(
        UndoneLoad(
            row.load_id,
            row.source,
            row.rows_loaded - row.rows_forgotten - there[row.load_id],
            there[row.load_id],
            row.rows_rejected,
            row.load_id in later,
            row.replay_of if row.load_id in mending or row.load_id in later else None,
        )
        for row in _find_loads(connection, going)
    )
    return Plan(loads, passing)


def take_back(connection: Connection, scratch: Scratch, id_types: IdTypes, plan: Plan) -> None:
    """Take the loads of a plan back.

    Effects: rows, counts, quarantine, overlaps and ledger are those of a history without them; the ledger keeps the
    loads as undone. The cost grows with the rows that go or pass; `removal.take_away` says for which counts it is more.
    Raises: DriftError where the rows of a load are not as many as the ledger says; the caller rolls back.
    """
    load_ids = plan.load_ids
    removed = removal.create_removed(connection, scratch, id_types)
    overlaps.pass_rows(connection, scratch, load_ids, plan.passing)
    rows = removal.remove_loads(connection, removed, load_ids)
    for load in plan.loads:
        if rows[load.load_id] != load.rows_removed:
            raise DriftError(
                f"load {load.load_id} has {rows[load.load_id] + load.rows_passed} rows, and "
                f"{load.rows_removed + load.rows_passed} by the ledger; nothing was changed; see `footfall verify`"
            )
    removal.take_away(connection, scratch, id_types)
    replays.reopen_rows(connection, load_ids)
    connection.execute(SQL["remove_rejected"], {"load_ids": load_ids})
    connection.execute(SQL["mark_undone"], {"load_ids": load_ids})


def describe(plan: Plan, *, asked: Sequence[int]) -> dict[str, Any]:
    """Give what the record of the operation says of a plan: loads and numbers of rows."""
    return {
        "loads": list(asked),
        "undone": [
            {
                "load_id": load.load_id,
                "rows_removed": load.rows_removed,
                "rows_passed": load.rows_passed,
                "rows_rejected": load.rows_rejected,
            }
            for load in plan.loads
        ],
        "passed": [{"from": each.first_load_id, "to": each.heir_id, "rows": each.rows_known} for each in plan.passing],
    }


def _list_later(later: Iterable[overlaps.Dependent]) -> str:
    lines = [f"  load {each.load_id} ({each.source}): {each.why}" for each in later]
    return "\n".join(
        [
            "nothing was changed: later loads cannot stand without what shall be taken back",
            *lines,
            "--with-later (FOOTFALL_WITH_LATER=1) takes these back, too; their files can then be loaded again",
        ]
    )


def _find_loads(connection: Connection, load_ids: Sequence[int]) -> list[Any]:
    return connection.execute(SQL["find_loads"], {"load_ids": load_ids}).fetchall()
