"""Footfall turns files of user interactions into counts that people can trust, in PostgreSQL.

The names in `__all__` and those of `footfall.runs` and `footfall.errors` are for callers; every other module below
`footfall` is private.
Warnings go to the logger `footfall`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from footfall import errors
    from footfall.answers.asked import Filters
    from footfall.contract.problems import PROBLEM_CODES
    from footfall.options import LoadOptions, Options, QueryOptions, ReportOptions
    from footfall.results import (
        Delivery,
        Discovery,
        Drift,
        FoundSources,
        IgnoredName,
        LoadResult,
        LoadSummary,
        Problem,
        ProblemGroup,
        ProblemShape,
        Progress,
        RejectedRow,
        Table,
        Verification,
    )
    from footfall.results.forgetting import Receipt, ReceiptOfLoad
    from footfall.results.guessing import Guess
    from footfall.results.undoing import UndoneLoad, UndoSummary
    from footfall.settings import Settings

__all__ = [
    "PROBLEM_CODES",
    "Delivery",
    "Discovery",
    "Drift",
    "FoundSources",
    "IgnoredName",
    "LoadOptions",
    "LoadResult",
    "LoadSummary",
    "Options",
    "Problem",
    "ProblemGroup",
    "ProblemShape",
    "Progress",
    "QueryOptions",
    "Receipt",
    "ReceiptOfLoad",
    "RejectedRow",
    "ReportOptions",
    "Table",
    "UndoSummary",
    "UndoneLoad",
    "Verification",
    "check",
    "discover",
    "errors",
    "find",
    "forget",
    "guess",
    "load",
    "loads",
    "query",
    "query_sql",
    "questions",
    "rejects",
    "replay",
    "report",
    "undo",
    "verify",
]

# Where the names are that are imported when they are first used: `import footfall` itself takes a few milliseconds.
_HOMES = {
    "PROBLEM_CODES": "footfall.contract.problems",
    **dict.fromkeys(("LoadOptions", "Options", "QueryOptions", "ReportOptions"), "footfall.options"),
    **dict.fromkeys(("Delivery", "Discovery", "Drift", "FoundSources", "IgnoredName"), "footfall.results"),
    **dict.fromkeys(("FirstRow", "Guess", "GuessedPart"), "footfall.results.guessing"),
    **dict.fromkeys(("Receipt", "ReceiptOfLoad"), "footfall.results.forgetting"),
    **dict.fromkeys(("UndoSummary", "UndoneLoad"), "footfall.results.undoing"),
    **dict.fromkeys(("LoadResult", "LoadSummary", "Progress", "Table", "Verification"), "footfall.results"),
    **dict.fromkeys(("Problem", "ProblemGroup", "ProblemShape", "RejectedRow"), "footfall.results"),
}


def load(
    *sources: str,
    replays: int | None = None,
    again: bool = False,
    with_later: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Unpack[LoadOptions],
) -> LoadSummary:
    """Load files, folders, patterns and URLs, each file exactly once: whole, or not at all.

    With `replays`, the files hold rejected rows of that load, mended: what comes in closes them. With `again`, a file
    that is loaded is taken back and loaded anew by the contract of today, in one transaction; `with_later` takes the
    later loads back, too, that cannot stand without it: the result of the file names them as `undone`.

    Effects: creates the tables in a schema that has none; what is loaded already changes nothing. `progress` is called
    some times a second.

    Raises: SettingsError, SourceError where a name leads to no file, SchemaError, DatabaseUnavailableError: before the
    first file. A file that fails is a result with status `failed`, not an exception.
    """
    from footfall.verbs import load as load_verb

    how: Any = {"replays": replays, "again": again, "with_later": with_later}
    return load_verb.load(list(sources), _choose_settings(settings), progress=progress, **how)


def check(
    *sources: str, progress: Callable[[Progress], None] | None = None, **settings: Unpack[LoadOptions]
) -> LoadSummary:
    """Judge files against the contract, without a database: the verdicts of a load into empty tables.

    Raises: SettingsError; SourceError where a name leads to no file. A file that a load would refuse is a result with
    status `failed`, not an exception.
    """
    from footfall.verbs import check as check_verb

    return check_verb.check(list(sources), _choose_settings(settings), progress=progress)


def find(*sources: str) -> FoundSources:
    """Find the files that `load` would take, in loading order, and the names that it would leave out.

    Effects: lists folders and objects of stores; opens no file and asks no database.

    Raises: SettingsError; SourceUnavailableError; SourceError where a name leads to no file, or a folder cannot be
    read.
    """
    from footfall.sources.finding import find_sources

    return find_sources(list(sources), _choose_settings({}).matches)


def guess(*sources: str, name: str | None = None, **settings: Unpack[Options]) -> Guess:
    """Look at files and propose a source definition that reads them: a draft to read and correct.

    Shape: `str(guess)` is TOML for footfall.toml; each of its `parts` has a confidence and a reason, `doubts` are those
    that could not be known, `rows` the first rows as they would be read.
    Effects: reads the files, all of small ones and places from all over large ones; writes nothing.

    Raises: SourceError with what a file is, where it cannot tell; SettingsError.
    """
    from footfall.verbs import guess as guess_verb

    return guess_verb.guess(list(sources), _choose_settings(settings), name=name)


def discover(*sources: str, **settings: Unpack[Options]) -> Discovery:
    """Find the files that `load` would take, and say of each which load brought it, by its digest.

    Effects: reads each file once, except those that a load has seen and that did not change; changes nothing.

    Raises: SettingsError, SourceError where a name leads to no file, SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs import discover as discover_verb

    return discover_verb.discover(list(sources), _choose_settings(settings))


def rejects(
    *,
    load: int | None = None,
    source: str | None = None,
    code: str | None = None,
    limit: int | None = None,
    closed: bool = False,
    **settings: Unpack[Options],
) -> tuple[RejectedRow, ...]:
    """Give open rejected rows with their problems, in the order of loads and lines: of a load, a source, a code.

    With `closed`, also those that a replay or a mended file closed.

    Effects: reads only. Without `limit` all rows are in memory.

    Raises: UnknownNameError with the list of codes; SettingsError, SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs import rejects as rejects_verb

    rows, _ = rejects_verb.show_rejects(
        _choose_settings(settings), load_id=load, source=source, code=code, limit=limit, with_closed=closed
    )
    return rows


def replay(*load_ids: int, dry_run: bool = False, **settings: Unpack[LoadOptions]) -> LoadSummary:
    """Judge rejected rows again under the contract of today: those of these loads, or all that are open.

    Shape: a result for each load of which something is valid now; what is not stays open.
    Effects: brings in what is valid now, as a load of its own for each load that rejected it; nothing with `dry_run`.

    Raises: UnknownNameError where there is no such load; SettingsError, SchemaError, DatabaseUnavailableError: before
    the first load. A load that cannot be replayed is a result with status `failed`, not an exception.
    """
    from footfall.verbs import replay as replay_verb

    return replay_verb.replay(_choose_settings(settings), load_ids, dry_run=dry_run)


def loads(*, limit: int | None = None, **settings: Unpack[Options]) -> Table:
    """Give the ledger, the newest load first: what was loaded, when, from where, with which result.

    Effects: reads only.

    Raises: SettingsError, SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs import loads as loads_verb

    return loads_verb.show_loads(_choose_settings(settings), limit=limit)


def query(name: str, **asked: Unpack[QueryOptions]) -> Table:
    """Ask a named question: `id`, `since`, `steps` and more (`QueryOptions`); other names are settings.

    Shape: `to_arrow()`, `to_pandas()` and `to_polars()` of the answer give it as a frame.
    Effects: none: one read-only transaction, in a session of its own: threads may ask at once. All rows of the answer
    are in memory.

    Raises: UnknownNameError with the list of names; QueryError, QueryTimeoutError, SettingsError, SchemaError,
    DatabaseUnavailableError.
    """
    from footfall.results import Table
    from footfall.verbs import query as query_verb

    settings, filters = _take_filters(asked)
    with query_verb.query(settings, name, filters) as answer:
        return Table(answer.columns, tuple(answer.rows), answer.types)


def query_sql(name: str, **asked: Unpack[QueryOptions]) -> str:
    """Give a named question as SQL with its values in it, for another tool. Effects: no database is asked.

    Raises: UnknownNameError with the list of names; QueryError, SettingsError.
    """
    from footfall.verbs import query as query_verb

    settings, filters = _take_filters(asked)
    return query_verb.query_sql(settings, name, filters)


def questions(**settings: Unpack[Options]) -> Table:
    """Give the name of every question, your own included, and what it answers. Effects: no database is asked.

    Raises: QueryError where the folder of your questions, or a file of it, cannot be used; SettingsError.
    """
    from footfall.results import Table
    from footfall.verbs import query as query_verb

    answer = query_verb.query_list(_choose_settings(settings))
    return Table(answer.columns, tuple(answer.rows), answer.types)


def report(output: str | Path | None = None, **asked: Unpack[ReportOptions]) -> str:
    """Make a report, by default of the last 30 days of the data: one HTML text without scripts.

    Shape: the keywords of the report are those of `ReportOptions`; other names are settings. The same tables and
    keywords give the same text but for the time of making, which `made_at` sets.
    Effects: reads only, and writes `output`, whole or not at all. It recounts first, unless `verify` is false.

    Raises: QueryError, SettingsError, SchemaError, DatabaseUnavailableError. What the recount finds is in the report.
    """
    from footfall.page.report import making

    wanted = {name: value for name, value in asked.items() if name in making.KEYWORDS}
    settings: Any = {name: value for name, value in asked.items() if name not in wanted}
    made = making.make_report(_choose_settings(settings), making.read_keywords(wanted))
    if output is not None:
        making.write_file(made, output)
    return made.html


def forget(
    *users: int | str | UUID,
    from_file: str | Path | None = None,
    dry_run: bool = False,
    **settings: Unpack[LoadOptions],
) -> Receipt:
    """Forget users: their rows leave tables, counts and quarantine, and no load brings them back.

    With `from_file`, also those of a file: one id on each line.

    Shape: the receipt says what was removed where, and never names a user.
    Effects: one transaction under the writer lock; none with `dry_run`. It reads all rows once.

    Raises: SettingsError where a text is no id; SourceError where the file cannot be read; SchemaError, DriftError,
    DatabaseUnavailableError.
    """
    from footfall.verbs import forget as forget_verb

    return forget_verb.forget(users, _choose_settings(settings), from_file=from_file, dry_run=dry_run)


def undo(*loads: int, with_later: bool = False, dry_run: bool = False, **settings: Unpack[Options]) -> UndoSummary:
    """Take loads back: the tables become those of a history without them; the ledger keeps them as undone.

    A row that a later load delivered, too, belongs to that load from then on. A load that was taken back before changes
    nothing.
    Effects: one transaction under the writer lock; none with `dry_run`.

    Raises: LaterLoadsError with the list where later loads cannot stand without these, unless `with_later` takes them
    back, too; SettingsError for a load that is not there; SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs import undo as undo_verb

    return undo_verb.undo(loads, _choose_settings(settings), with_later=with_later, dry_run=dry_run)


def verify(*, repair: bool = False, **settings: Unpack[Options]) -> Verification:
    """Compare all that is kept with what it comes from; with `repair`, mend the counts first.

    Effects: none without `repair`; with it one transaction. What differs is a value (`drift`), not an exception.

    Raises: SettingsError, SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs import verify as verify_verb

    return verify_verb.verify(_choose_settings(settings), repair=repair)


def _choose_settings(given: Options) -> Settings:
    from footfall.settings import load_settings

    return load_settings(**given)


def _take_filters(asked: QueryOptions) -> tuple[Settings, Filters]:
    """Part what a question is narrowed to from the settings."""
    from footfall.answers.asked import Filters
    from footfall.settings import load_settings

    filters: dict[str, Any] = {name: value for name, value in asked.items() if name in Filters.__slots__}
    return load_settings(**{k: v for k, v in asked.items() if k not in filters}), Filters(**filters)


def __getattr__(name: str) -> Any:
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "errors":
        return importlib.import_module("footfall.errors")
    raise AttributeError(f"module 'footfall' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
