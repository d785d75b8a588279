"""The verb `check`: the verdicts of a load, without a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from footfall import sources
from footfall.database import Target, silent
from footfall.errors import SourceError
from footfall.judging import (
    CONFLICT,
    Judged,
    Progress,
    Run,
    describe_file,
    judge,
    problem_groups,
    read,
    report_ignored,
    running,
)
from footfall.masking import shown
from footfall.notices import say_notices
from footfall.results import LoadResult, LoadSummary
from footfall.settings import Settings

if TYPE_CHECKING:
    from footfall.engines.repeats import Repeats


def check(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    warn: Callable[[str], None] = silent,
) -> LoadSummary:
    """Judge files against the contract, without a database: the verdicts of loading them into empty tables."""
    from footfall.engines import repeats as engine

    began = time.monotonic()
    found = sources.find_sources(names)
    report_ignored(found, warn)
    with (
        running(settings, Target("", settings.schema_, 0), warn, progress) as run,
        engine.remembering(run.memory_limit_mb // 4) as repeats,
    ):
        checked = [_check_one(run, source, number, repeats) for number, source in enumerate(found.paths)]
        rows_repeated = {}
        for fate in repeats.fates():
            result, judged = checked[fate.file_number]
            rows_repeated[fate.file_number] = fate.rows_repeated
            if fate.rows_conflict:
                judged.groups[CONFLICT] = (fate.rows_conflict, fate.line_number or 0, str(fate.interaction_id))
            moved = fate.rows_duplicate + fate.rows_conflict
            result = replace(
                result,
                rows_loaded=result.rows_loaded - moved,
                rows_duplicate=fate.rows_duplicate,
                rows_rejected=result.rows_rejected + fate.rows_conflict,
            )
            checked[fate.file_number] = result, judged
        results = tuple(
            replace(
                result,
                groups=problem_groups(result.source, judged.groups),
                notices=describe_file(run, judged, rows_repeated.get(number, 0)),
            )
            for number, (result, judged) in enumerate(checked)
        )
    for result in results:
        say_notices(result, warn)
    return LoadSummary(results, round(time.monotonic() - began, 3), found.ignored)


def _check_one(run: Run, source: str, number: int, repeats: Repeats) -> tuple[LoadResult, Judged]:
    """Judge one file; a file that cannot be read leaves nothing in `repeats`."""
    began = time.monotonic()
    digest = None
    try:
        with sources.open_source(source) as file:
            digest = file.digest
            (judged,), verdicts = judge(run, [read(run, file)])
            for verdict in verdicts:
                repeats.add(number, verdict.accepted)
            sources.assert_unchanged(file)
    except SourceError as error:
        repeats.forget(number)
        seconds = round(time.monotonic() - began, 3)
        failed = LoadResult(None, shown(source), digest, "failed", seconds=seconds, error=error.message)
        return replace(failed, exit_code=error.exit_code, retryable=error.retryable), Judged()
    seconds = round(time.monotonic() - began, 3)
    accepted, rejected = judged.rows_accepted, judged.rows_rejected
    result = LoadResult(None, shown(source), digest, "checked", judged.rows, accepted, 0, rejected, seconds)
    return result, judged
