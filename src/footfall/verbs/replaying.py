"""Judge the open rejected rows of one load again, and bring in what is valid now, in one transaction.

Step by step: read the rows page by page -> judge them under the contract of today -> stage what is valid -> take the
writer lock -> merge -> close the rows that came in, were there already or are no interactions -> ledger -> commit.
A row that is still rejected, or is a conflict, stays open and untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.mapping import Layout
from footfall.contract.sums import CONFLICT
from footfall.contract.terms import Contract
from footfall.contract.verdicts import Verdicts
from footfall.engines.forgotten import PROBLEMS
from footfall.engines.in_process import Engine
from footfall.errors import FootfallError, SettingsError, UnknownNameError
from footfall.formats.choosing import Contracts, name_contract
from footfall.formats.quarantined import Origin, lay_out_again, read_again
from footfall.postgres.target import Connection
from footfall.postgres.transactions import begin, take_writer_lock
from footfall.results import LoadResult
from footfall.tables import ledger, operations, replays, user_removal
from footfall.tables import merge as merging
from footfall.tables import staging as staged
from footfall.tables.ids import assert_types
from footfall.tables.schema import assert_current
from footfall.verbs.attempts import Attempt, make_entry
from footfall.verbs.session import LoadSession

# Equal records are rejected together, so that their places can be counted again. A conflict is the exception: an equal
# record of its file may have come in, and is then not in the quarantine.
UNNUMBERED = "its id was made of its place among equal records of the file, which is not kept for conflicts"


class RowsChangedError(Exception):
    """Another command closed or removed rows that were being judged; they are judged anew."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the open rows of one load. `result` is None where none of them is valid now.

    Shape: `rows_open` is how many are left open; `impossible` is how many of these could not be judged, by reason.
    """

    load_id: int
    result: LoadResult | None
    rows_open: int
    impossible: dict[str, int]


def find_contract(found: Any, contracts: Contracts) -> tuple[Origin, Contract]:
    """Give the origin by which the records of a load are read, and its contract of today.

    Raises: UnknownNameError where its source definition is gone.
    """
    origin = Origin(found.load_id, found.source, found.digest, found.header)
    named = contracts.named or found.definition
    try:
        contract = replace(contracts, named=named).choose(origin.source)
    except UnknownNameError as error:
        if contracts.named:
            raise
        raise UnknownNameError(
            f"load {found.load_id} was read by the source definition {named!r}, and there is none of this name today; "
            "write it into footfall.toml, or name another one with --source"
        ) from error
    return origin, contract


@dataclass(frozen=True, slots=True)
class Judge:
    """The session, the engine and the contracts with which one command judges the rows of its loads."""

    session: LoadSession
    engine: Engine
    contracts: Contracts


def replay_load(judge: Judge, found: Any, attempt: Attempt, *, dry_run: bool) -> Replayed:
    """Judge the open rows of one load again, from begin to commit; the session is connected.

    Effects: one transaction under the writer lock; none where nothing is valid now, or with `dry_run`.
    Raises: FootfallError, or an error of the driver; the caller then rolls the transaction back. SourceError where the
    records cannot be read again.
    """
    session = judge.session
    connection, target = session.connection, session.target
    begin(connection, target)
    origin, contract = find_contract(found, judge.contracts)
    layout = lay_out_again(origin, contract)
    (load_id,) = ledger.take_load_ids(connection, 1)
    attempt.load_id, attempt.digest = load_id, f"replay of load {origin.load_id} as load {load_id}"
    staging = staged.open_staging(target, session.server, [load_id], session.id_types)
    rows = _Rows(layout)
    judge.engine.forgotten = session.read_memory().forgotten
    for verdicts in judge.engine.judge(layout, rows.read(session, origin.load_id)):
        staged.stage_accepted(connection, staging, rows.take(verdicts))
    take_writer_lock(connection, target)
    assert_types(connection, staging.id_types)
    assert_current(connection, target)
    if session.has_forgotten_others():
        raise RowsChangedError(f"users were forgotten while the rejected rows of load {origin.load_id} were judged")
    if not replays.stands(connection, origin.load_id):
        raise SettingsError(f"load {origin.load_id} was taken back meanwhile; there is nothing to replay")
    merged = merging.merge(connection, staging)[load_id]
    conflicting = merging.find_conflict_lines(connection, staging) if merged.rows_conflict else {}
    lines, items = rows.list_closed(conflicting.get(load_id))
    _close(connection, origin.load_id, load_id, (lines, items))
    if rows.forgotten:  # users whose rows `forget` could not recognize under the contract of its day
        user_removal.blank_rows(connection, origin.load_id, sorted(rows.forgotten), PROBLEMS)
    result = _report(attempt, origin, merged, len(lines))
    rows_open = rows.rows_open - len(lines)
    if not len(lines) or dry_run:
        if dry_run or not rows.forgotten:
            connection.rollback()
        else:
            staged.drop_staging(connection, staging)
            connection.commit()
        checked = replace(result, load_id=None, status="checked") if len(lines) else None
        return Replayed(origin.load_id, checked, rows_open, rows.impossible)
    staged.drop_staging(connection, staging)
    merging.analyze_tables(connection, merged.rows_loaded)
    attempt.size_bytes = rows.size_bytes
    _record(connection, layout, origin, attempt, result)
    details = {"replay_of": origin.load_id, "load_id": load_id, "rows_closed": len(lines), "rows_open": rows_open}
    operations.record(connection, "replay", attempt.started_at, details)
    attempt.result, attempt.is_committing = result, True
    connection.commit()
    return Replayed(origin.load_id, result, rows_open, rows.impossible)


def _close(connection: Connection, origin_id: int, load_id: int, closed: tuple[np.ndarray, np.ndarray]) -> None:
    """Close rows of a load. Raises: RowsChangedError where some of them are no longer open."""
    if replays.close_rows(connection, origin_id, *closed, load_id) != len(closed[0]):
        raise RowsChangedError(f"the rejected rows of load {origin_id} changed while they were judged")
    replays.forget_conflicts(connection, load_id)


def _report(attempt: Attempt, origin: Origin, merged: merging.Merged, rows_read: int) -> LoadResult:
    """Give the result of a replay. Raises: FootfallError where more rows came in than were closed."""
    rows_skipped = rows_read - merged.rows_loaded - merged.rows_duplicate
    if rows_skipped < 0:
        raise FootfallError(f"load {origin.load_id}: more rows came in than were closed; nothing was changed")
    return LoadResult(
        attempt.load_id,
        attempt.source,
        attempt.digest,
        "loaded",
        rows_read,
        merged.rows_loaded,
        merged.rows_duplicate,
        rows_skipped=rows_skipped,
        replay_of=origin.load_id,
    )


def _record(connection: Connection, layout: Layout, origin: Origin, attempt: Attempt, result: LoadResult) -> None:
    names = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped", "replay_of")
    entry = replace(
        make_entry(layout.contract, attempt, "loaded"),
        contract=name_contract(layout.contract, origin.source),
        **{name: getattr(result, name) for name in names},
    )
    ledger.record(connection, entry)


@dataclass(slots=True)
class _Page:
    """The rows of one batch. `is_open` is false for rows that are judged only so that equal records are numbered."""

    positions: np.ndarray
    lines: np.ndarray
    items: np.ndarray
    is_open: np.ndarray


def _is_conflict(row: Any) -> bool:
    return any(problem["code"] == CONFLICT[0] for problem in row.problems)


@dataclass(slots=True)
class _Rows:
    """The rows of one load while they are judged: the pages that were read, and the rows that may be closed.

    Where ids are made of records that may repeat, closed rows are judged too, so that each open row keeps its number.
    """

    layout: Layout
    judged: int = 0
    rows_open: int = 0
    size_bytes: int = 0
    impossible: dict[str, int] = field(default_factory=dict)
    pages: deque[_Page] = field(default_factory=deque)
    closed_positions: set[int] = field(default_factory=set)
    closing: list[_Page] = field(default_factory=list)
    forgotten: set[tuple[int, int]] = field(default_factory=set)

    def read(self, session: LoadSession, load_id: int) -> Iterator[pa.RecordBatch]:
        """Give the rows as batches of records, and note the line and item of each."""
        are_numbered = self.layout.definition.made_from in ("record", "fields")
        for found in replays.read_rows(session.connection, load_id, with_closed=are_numbered):
            unnumbered = [row for row in found if are_numbered and _is_conflict(row)]
            rows = [row for row in found if not (are_numbered and _is_conflict(row))]
            left_open = sum(row.replayed_by is None for row in unnumbered)
            if left_open:
                self.impossible[UNNUMBERED] = self.impossible.get(UNNUMBERED, 0) + left_open
                self.rows_open += left_open
            again = read_again(rows, self.layout, self.judged + 1)
            for row, reason in again.impossible:
                if row.replayed_by is None:  # type: ignore[attr-defined]
                    self.impossible[reason] = self.impossible.get(reason, 0) + 1
                    self.rows_open += 1
            if not again.rows:
                continue
            kept: list[Any] = list(again.rows)
            page = _Page(
                again.batch["position"].to_numpy(),
                np.array([row.line_number for row in kept], np.int64),
                np.array([row.item for row in kept], np.int64),
                np.array([row.replayed_by is None for row in kept], bool),
            )
            self.judged += len(kept)
            self.rows_open += int(page.is_open.sum())
            self.size_bytes += sum(row.raw_size_bytes for row in kept if row.replayed_by is None)
            self.closed_positions.update(page.positions[~page.is_open].tolist())
            self.pages.append(page)
            yield again.batch

    def take(self, verdicts: Verdicts) -> pa.Table:
        """Give the accepted rows that are open; note which rows may close.

        Verdicts come in the order of the batches. After them come accepted rows whose made ids may repeat, which the
        engine held back; these rows are noted already.
        """
        accepted = verdicts.accepted
        theirs = verdicts.rejected.filter(pc.equal(verdicts.rejected["raw_size_bytes"], 0))
        self.forgotten.update(zip(theirs["position"].to_pylist(), theirs["item"].to_pylist(), strict=True))
        if self.closed_positions and accepted.num_rows:
            is_open = [at not in self.closed_positions for at in accepted["position"].to_pylist()]
            accepted = accepted.filter(pa.array(is_open, pa.bool_()))
        if self.pages:
            page = self.pages.popleft()
            rejected = verdicts.rejected
            refused = set(zip(rejected["position"].to_pylist(), rejected["item"].to_pylist(), strict=True))
            may_close = page.is_open & np.array(
                [place not in refused for place in zip(page.lines.tolist(), page.items.tolist(), strict=True)], bool
            )
            self.closing.append(
                _Page(page.positions[may_close], page.lines[may_close], page.items[may_close], may_close)
            )
        return accepted

    def list_closed(self, conflicting: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """List line and item of the rows that close: those that are not rejected, no conflict, and not forgotten."""
        if not self.closing:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        positions, lines, items = (
            np.concatenate([getattr(page, name) for page in self.closing]) for name in ("positions", "lines", "items")
        )
        stays = np.array([place in self.forgotten for place in zip(lines.tolist(), items.tolist(), strict=True)], bool)
        if conflicting is not None:
            stays |= merging.are_bits_set(conflicting, positions)
        return lines[~stays], items[~stays]
