"""The verb `check`: the verdicts of a load of the same files into an empty database, without a database."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from footfall.contract.bound import assert_bound
from footfall.contract.notices import say_notices
from footfall.contract.sums import Judged, add_conflicts, problem_groups
from footfall.contract.value_shapes import Kinds
from footfall.errors import FootfallError, SourceError, TooManyRejectedError
from footfall.postgres.target import Target
from footfall.results import LoadResult, LoadSummary, Progress
from footfall.safe_text import shown
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.verbs.attempts import copy_masked
from footfall.verbs.judging import Run, describe_file, judge, read, running

log = logging.getLogger("footfall")

if TYPE_CHECKING:
    from footfall.engines.repeats import Repeats, RepeatsOfFile


REFUSED = "a load would load nothing of it"


@dataclass(slots=True)
class _CheckedFile:
    """One file of a check: its sums before ids are compared, its failure, or the number of the file that it copies."""

    source: str
    digest: str | None = None
    sums: Judged = field(default_factory=Judged)
    failure: FootfallError | None = None
    copy_of: int | None = None
    seconds: float = 0.0
    kinds_refused: Kinds = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def check(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> LoadSummary:
    """Judge files against the contract, without a database: the verdicts of loading them into empty tables.

    Raises: SourceError where a name leads to no file; later a failure is a result, as in a load.
    """
    from footfall.engines import repeats as engine

    began = time.monotonic()
    found = finding.find_sources(names)
    if found.ignored:
        log.warning(describe_ignored(found.ignored))
    with (
        running(settings, Target("", settings.schema_, 0), progress) as run,
        engine.remembering(run.memory_limit_mb // 4) as repeats,
    ):
        files: list[_CheckedFile] = []
        for number, source in enumerate(found.paths):
            files.append(_judge_file(run, source, number, repeats, files))
        results = _settle(run, files, repeats)
    for result in results:
        say_notices(result)
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), found.ignored)


def _judge_file(run: Run, source: str, number: int, repeats: Repeats, earlier: Iterable[_CheckedFile]) -> _CheckedFile:
    """Judge one file; a file that cannot be loaded, whatever the others hold, leaves nothing in `repeats`."""
    began = time.monotonic()
    checked = _CheckedFile(shown(source))
    try:
        with opening.open_source(source) as file:
            checked.digest = file.digest
            standing = (at for at, each in enumerate(earlier) if each.digest == file.digest and not each.failure)
            checked.copy_of = next(standing, None)
            if checked.copy_of is None:
                (checked.sums,), verdicts = judge(run, [read(run, file)])
                for verdict in verdicts:
                    repeats.add(number, verdict.accepted)
            opening.assert_unchanged(file)
        # Ids that repeat can only add rejected rows: a file that is over the bound now is refused in any case.
        result = _give_result(run, checked, None)
        assert_bound(result, run.max_rejected, REFUSED)
    except SourceError as error:
        repeats.forget(number)
        _refuse(checked, error, checked.sums.kinds)
    except TooManyRejectedError as error:
        repeats.forget(number)
        _refuse(checked, error, checked.sums.kinds)
        checked.notices = result.notices
    checked.seconds = round(time.monotonic() - began, 3)
    return checked


def _settle(run: Run, files: list[_CheckedFile], repeats: Repeats) -> list[LoadResult]:
    """Compare the ids of all files, in loading order, and refuse the files that have too many conflicts.

    The rows of a refused file claim no id. The first file that is over the bound is over it whatever comes later, so it
    is refused, and the files are compared once more without it, until none is over the bound.
    """
    while True:
        found = {each.file_number: each for each in repeats.find_repeats()}
        results = [_give_result(run, file, found.get(number)) for number, file in enumerate(files)]
        for number, (file, result) in enumerate(zip(files, results, strict=True)):
            if result.status != "checked":
                continue
            try:
                assert_bound(result, run.max_rejected, REFUSED)
            except TooManyRejectedError as error:
                _pass_on(files, number, repeats)
                _refuse(file, error, _with_conflicts(file.sums.kinds, found[number]))
                file.notices = result.notices
                break
        else:
            return results


def _pass_on(files: list[_CheckedFile], number: int, repeats: Repeats) -> None:
    """Let the first copy of a refused file take its own turn, as in a load, which would try it anew."""
    copies = [at for at, file in enumerate(files) if file.copy_of == number]
    if not copies:
        repeats.forget(number)
        return
    first, *others = copies
    repeats.pass_on(number, first)
    files[first].sums, files[first].copy_of = files[number].sums, None
    for other in others:
        files[other].copy_of = first


def _refuse(file: _CheckedFile, error: FootfallError, kinds: Kinds) -> None:
    file.failure, file.kinds_refused = copy_masked(error), kinds


def _give_result(run: Run, file: _CheckedFile, repeats: RepeatsOfFile | None) -> LoadResult:
    """Give the verdict on one file, its repeated ids counted; a file that is refused keeps its kinds of problems."""
    result = LoadResult(None, file.source, file.digest, "checked", seconds=file.seconds)
    if file.failure is not None:
        groups = problem_groups(file.source, file.kinds_refused)
        return replace(result, status="failed", failure=file.failure, groups=groups, notices=file.notices)
    if file.copy_of is not None:
        return replace(result, status="already-loaded")
    duplicate, conflict = (repeats.rows_duplicate, repeats.rows_conflict) if repeats else (0, 0)
    return replace(
        result,
        rows_read=file.sums.rows,
        rows_loaded=file.sums.rows_accepted - duplicate - conflict,
        rows_duplicate=duplicate,
        rows_rejected=file.sums.rows_rejected + conflict,
        groups=problem_groups(file.source, _with_conflicts(file.sums.kinds, repeats)),
        notices=describe_file(run, file.sums, repeats.rows_repeated if repeats else 0),
    )


def _with_conflicts(kinds: Kinds, repeats: RepeatsOfFile | None) -> Kinds:
    if repeats is None or not repeats.rows_conflict:
        return kinds
    kinds = dict(kinds)
    add_conflicts(kinds, repeats.rows_conflict, repeats.line_number or 0, str(repeats.interaction_id))
    return kinds
