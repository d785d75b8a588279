"""Complete a load whose rows are staged: merge -> conflicts -> quarantine -> ledger -> commit.

Every load ends here, whether this process has judged its rows, or several have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footfall.contract.bound import MaxRejected, assert_bound
from footfall.contract.mapping import Layout
from footfall.contract.sums import Sums, make_problem_groups
from footfall.errors import FootfallError
from footfall.formats.positions import make_positions
from footfall.postgres.target import Connection
from footfall.results import LoadResult
from footfall.results.undoing import describe_gone_along
from footfall.sources import opening
from footfall.tables import known_files, ledger
from footfall.tables import merge as merging
from footfall.tables import quarantine as quarantining
from footfall.tables import staging as staged
from footfall.verbs.again import record_again
from footfall.verbs.attempts import Attempt, make_entry

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from footfall.tables.taking_back import Plan
    from footfall.verbs.mending import MendedReader

ROWS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")
# Reads the conflicting rows of the file with this number again, by a bitmap of their lines.
RereadConflicts = Callable[[int, "np.ndarray"], Iterator[tuple["pa.Table", list[str]]]]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file whose rows are all staged, with its layout and the sums of its verdicts."""

    attempt: Attempt
    file: opening.SourceFile
    layout: Layout
    sums: Sums


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of loads needs: how to read their conflicts again, and how many rows may be rejected.

    `mended` is the reader of a file that mends another load. `taken_back` has the loads that these loads replace.
    """

    reread: RereadConflicts
    max_rejected: MaxRejected | None
    mended: MendedReader | None = None
    taken_back: Plan | None = None


def complete(
    connection: Connection, staging: staged.Staging, files: Sequence[StagedFile], ending: Ending
) -> list[LoadResult]:
    """Merge the staged rows of files, keep those that are rejected, and record the loads; `commit` comes next.

    Gives the results of the loads.

    Shape: `files` has one file for each load_id of `staging`, in its order.
    Effects: in the transaction of the caller, which holds the writer lock. Notes load_id, result and notices of each
    attempt.
    Raises: TooManyRejectedError; FootfallError where the numbers of rows do not add up.
    """
    merged = merging.merge(connection, staging)
    if any(load.rows_conflict for load in merged.values()):
        _reject_conflicts(connection, staging, files, ending.reread)
    rows_kept = quarantining.quarantine(connection, staging)
    rows_rejected = sum(each.sums.rows_rejected for each in files)
    if rows_kept != rows_rejected:
        raise FootfallError(f"{rows_rejected} rows were rejected, {rows_kept} are in quarantine; nothing was loaded")
    mended, taken_back = ending.mended, ending.taken_back
    rows_open = mended.close_rows(connection, staging.load_ids[0]) if mended else 0
    staged.drop_staging(connection, staging)
    merging.analyze_tables(connection, sum(load.rows_loaded for load in merged.values()))
    results = []
    for each, load_id in zip(files, staging.load_ids, strict=True):
        attempt = each.attempt
        attempt.load_id = load_id
        result = _report_loaded(each, merged[load_id])
        if mended:
            result = mended.report(result, rows_open)
        if taken_back:
            result = replace(result, undone=taken_back.loads)
        attempt.notices = result.notices
        _assert_law(result)
        assert_bound(result, ending.max_rejected, "nothing was loaded; `footfall check` shows why")
        if taken_back:
            result = replace(result, notices=(*result.notices, *describe_gone_along(taken_back.loads, load_id)))
        _record_loaded(connection, each, result)
        if taken_back:
            record_again(connection, taken_back, attempt)
        attempt.result = result
        results.append(result)
    return results


def commit(connection: Connection, files: Sequence[tuple[Attempt, opening.SourceFile]]) -> None:
    """Remember files, see that none changed, and commit. Effects: notes in each attempt that its COMMIT is sent.

    Raises: SourceChangedError, and nothing is committed.
    """
    known_files.keep(connection, (file for _, file in files))
    for attempt, file in files:
        opening.assert_unchanged(file)
        attempt.is_committing = True
    connection.commit()


def _reject_conflicts(
    connection: Connection, staging: staged.Staging, files: Sequence[StagedFile], reread: RereadConflicts
) -> None:
    """Stage the rows that the merge found to be conflicts as rejected rows, and count them as rejected."""
    conflicting = merging.find_conflict_lines(connection, staging)
    for number, (load_id, each) in enumerate(zip(staging.load_ids, files, strict=True)):
        if load_id in conflicting:
            for rejected, ids in reread(number, conflicting[load_id]):
                each.sums.move_to_conflicts(rejected, ids[0])
                positions = make_positions(rejected["position"], number)
                staged.stage_rejected(connection, staging, rejected.set_column(0, "position", positions))


def _report_loaded(each: StagedFile, merged: merging.Merged) -> LoadResult:
    file, sums = each.file, each.sums
    return LoadResult(
        each.attempt.load_id,
        file.source,
        file.digest,
        "loaded",
        sums.rows,
        merged.rows_loaded,
        merged.rows_duplicate,
        sums.rows_rejected,
        groups=make_problem_groups(file.source, sums.kinds),
        rows_skipped=sums.rows_skipped,
        notices=sums.describe_oddities(merged.rows_repeated, each.layout.contract.actions),
    )


def _assert_law(result: LoadResult) -> None:
    if result.rows_read != result.rows_loaded + result.rows_duplicate + result.rows_rejected + result.rows_skipped:
        raise FootfallError(
            f"{result.rows_read} rows read are not {result.rows_loaded} loaded, "
            f"{result.rows_duplicate} duplicate, {result.rows_rejected} rejected and {result.rows_skipped} skipped; "
            "nothing of it was loaded",
            source=result.source,
        )


def _record_loaded(connection: Connection, each: StagedFile, result: LoadResult) -> None:
    entry = make_entry(each.layout.contract, each.attempt, "loaded", header=each.layout.header)
    ledger.record(connection, replace(entry, **{name: getattr(result, name) for name in (*ROWS, "replay_of")}))
