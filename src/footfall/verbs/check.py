"""The verb `check`: without a database, give the verdicts that a load into an empty database would give."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from footfall.contract import value_shapes as shapes
from footfall.contract.bound import MaxRejected, assert_bound
from footfall.contract.notices import say_notices
from footfall.contract.sums import Sums, add_conflicts, make_problem_groups
from footfall.contract.value_shapes import Kinds
from footfall.contract.verdicts import Verdicts
from footfall.engines.in_process import Engine, open_engine
from footfall.errors import FootfallError, SourceError, TooManyRejectedError
from footfall.formats.reading import Reader
from footfall.results import LoadResult, LoadSummary, Progress
from footfall.safe_text import mask_source
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.verbs.attempts import copy_masked
from footfall.verbs.session import make_contracts

log = logging.getLogger("footfall")

if TYPE_CHECKING:
    from footfall.engines.repeats import Repeats, RepeatsOfFile


REFUSED = "a load would load nothing of it"


@dataclass(slots=True)
class _CheckedFile:
    """One file of a check: its sums before ids are compared, its failure, or the number of the file that it copies."""

    source: str
    digest: str | None = None
    sums: Sums = field(default_factory=Sums)
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
    """Judge files as a load into empty tables would, without a database.

    Raises: SourceError where a name leads to no file. A failure of a single file is part of the results, as in a load.
    """
    from footfall.engines.repeats import open_repeats

    began = time.monotonic()
    found = finding.find_sources(names, settings.matches)
    if found.ignored:
        log.warning(describe_ignored(found.ignored))
    contracts, memory_limit_mb = make_contracts(settings, settings.id_types), settings.memory_limit_mb
    contracts.check_all(found.paths)
    with (
        open_engine(contracts.base.find_latest(datetime.now(UTC)), memory_limit_mb, progress) as engine,
        open_repeats(memory_limit_mb // 4, contracts.base.id_types) as repeats,
    ):
        checker = _Checker(engine, Reader(contracts, memory_limit_mb), repeats, settings.max_rejected)
        for source in found.paths:
            checker.judge_file(source)
        results = checker.settle()
    for result in results:
        say_notices(result)
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), found.ignored)


@dataclass(frozen=True, slots=True)
class _Remember:
    """Receives the verdicts on one file: notes the ids of its rows, and its problems in case it is refused."""

    number: int
    repeats: Repeats
    kinds: Kinds = field(default_factory=dict)

    def __call__(self, verdicts: Verdicts) -> None:
        self.repeats.add(self.number, verdicts.accepted)
        for kinds in verdicts.kinds.values():
            shapes.add_all(self.kinds, kinds)


@dataclass(frozen=True, slots=True)
class _Checker:
    """Checks the files of one command, in loading order."""

    engine: Engine
    reader: Reader
    repeats: Repeats
    max_rejected: MaxRejected | None
    files: list[_CheckedFile] = field(default_factory=list)

    def judge_file(self, source: str) -> None:
        """Judge the next file. If it is refused whatever the others contain, its rows are removed from `repeats`."""
        began = time.monotonic()
        number, checked = len(self.files), _CheckedFile(mask_source(source))
        take = _Remember(number, self.repeats)
        try:
            with opening.open_source(source) as file:
                checked.digest = file.digest
                standing = (at for at, each in enumerate(self.files) if each.digest == file.digest and not each.failure)
                checked.copy_of = next(standing, None)
                if checked.copy_of is None:
                    (checked.sums,) = self.engine.run([self.reader.read(file)], take)
                opening.assert_unchanged(file)
            # Ids that repeat can only add rejected rows: a file that is over the bound now is refused in any case.
            result = self._give_result(checked, None)
            assert_bound(result, self.max_rejected, REFUSED)
        except SourceError as error:
            self.repeats.forget(number)
            _refuse(checked, error, take.kinds)
        except TooManyRejectedError as error:
            self.repeats.forget(number)
            _refuse(checked, error, take.kinds)
            checked.notices = result.notices
        checked.seconds = round(time.monotonic() - began, 3)
        self.files.append(checked)

    def settle(self) -> list[LoadResult]:
        """Compare the ids of all files, in loading order, and refuse the files that have too many conflicts.

        Later files have no influence on the first file that is over the bound, so it is refused. Its rows then no
        longer count as earlier rows, and the other files are compared again until none is over the bound.
        """
        while True:
            found = {each.file_number: each for each in self.repeats.find_repeats()}
            results = [self._give_result(file, found.get(number)) for number, file in enumerate(self.files)]
            for number, (file, result) in enumerate(zip(self.files, results, strict=True)):
                if result.status != "checked":
                    continue
                try:
                    assert_bound(result, self.max_rejected, REFUSED)
                except TooManyRejectedError as error:
                    self._pass_on(number)
                    _refuse(file, error, _include_conflicts(file.sums.kinds, found[number]))
                    file.notices = result.notices
                    break
            else:
                return results

    def _pass_on(self, number: int) -> None:
        """Put the first copy of a refused file in its place: a load would try the copy, since nothing was loaded."""
        files = self.files
        copies = [at for at, file in enumerate(files) if file.copy_of == number]
        if not copies:
            self.repeats.forget(number)
            return
        first, *others = copies
        self.repeats.pass_on(number, first)
        files[first].sums, files[first].copy_of = files[number].sums, None
        for other in others:
            files[other].copy_of = first

    def _give_result(self, file: _CheckedFile, repeats: RepeatsOfFile | None) -> LoadResult:
        """Make the result of one file, with its repeated ids counted; a refused file keeps its problems."""
        if file.failure is not None:
            failed = LoadResult.failed(file.source, file.digest, file.failure, file.notices)
            return replace(failed, groups=make_problem_groups(file.source, file.kinds_refused), seconds=file.seconds)
        result = LoadResult(None, file.source, file.digest, "checked", seconds=file.seconds)
        if file.copy_of is not None:
            return replace(result, status="already-loaded")
        duplicate, conflict = (repeats.rows_duplicate, repeats.rows_conflict) if repeats else (0, 0)
        rows_repeated = repeats.rows_repeated if repeats else 0
        return replace(
            result,
            rows_read=file.sums.rows,
            rows_loaded=file.sums.rows_accepted - duplicate - conflict,
            rows_duplicate=duplicate,
            rows_rejected=file.sums.rows_rejected + conflict,
            rows_skipped=file.sums.rows_skipped,
            groups=make_problem_groups(file.source, _include_conflicts(file.sums.kinds, repeats)),
            notices=file.sums.describe_oddities(rows_repeated, self.reader.contracts.base.actions),
        )


def _refuse(file: _CheckedFile, error: FootfallError, kinds: Kinds) -> None:
    file.failure, file.kinds_refused = copy_masked(error), kinds


def _include_conflicts(kinds: Kinds, repeats: RepeatsOfFile | None) -> Kinds:
    """Give a copy of `kinds` to which the conflicts of the file are added."""
    if repeats is None or not repeats.rows_conflict:
        return kinds
    kinds = dict(kinds)
    add_conflicts(kinds, repeats.rows_conflict, repeats.line_number or 0, str(repeats.interaction_id))
    return kinds
