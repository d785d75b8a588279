"""Load one large file by many: plan its ranges, stage them wherever there are cores, take them in one transaction.

    run = runs.plan("events.csv")
    for number in range(run.ranges):    # anywhere, in any order, as often as need be
        runs.stage(run.token, number)
    result = runs.take(run.token)

The database is the witness of what is staged: no return value of `stage` has to reach anybody. Where
`run.already_loaded` is a result, there is nothing to stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack

if TYPE_CHECKING:
    from footfall.options import LoadOptions, Options
    from footfall.results import LoadResult
    from footfall.results.running import Run
    from footfall.settings import Settings

__all__ = ["Run", "left", "plan", "stage", "sweep", "take"]

DAY_HOURS = 24


def plan(
    path: str, /, *, lease_hours: float = DAY_HOURS, range_bytes: int | None = None, **settings: Unpack[LoadOptions]
) -> Run:
    """Plan a run of one file: its digest, its ranges, and the job in the database.

    Shape: ranges are numbered from 0. A file that is loaded already has a result instead.
    Units: `lease_hours` says for how long the run is kept while nobody stages; `range_bytes` is about the size of one.
    Effects: reads the file once; makes the tables of the run, and in a schema without tables all of them; sweeps runs
    that are over.

    Raises: SettingsError; SourceError, SchemaError, DatabaseUnavailableError.
    """
    from footfall.verbs.runs import planning

    how = planning.Plan(lease_s=lease_hours * 3600, range_bytes=range_bytes)
    return planning.plan(path, _choose_settings(settings), how)


def stage(token: str, number: int, **settings: Unpack[Options]) -> Literal["staged", "staged-already"]:
    """Stage one range of a run; idempotent, and no visible table is written.

    Effects: one transaction. What was set when the run was planned is in its job: only how to connect is read here.

    Raises: RunGoneError where the run is not there any more; SettingsError where versions differ; SourceError,
    SourceChangedError; DatabaseUnavailableError.
    """
    from footfall.verbs.runs import staging

    return staging.stage(token, number, _choose_settings(settings))


def take(token: str, **settings: Unpack[LoadOptions]) -> LoadResult:
    """Load what is staged, in one transaction: the result is that of `footfall load` of the file.

    Idempotent: a second take of a run gives the load that brought the file, as `already-loaded`.

    Raises: RunStaleError where ranges must be staged anew; RunGoneError where the run is gone and its file is not
    loaded; what a load raises.
    """
    from footfall.verbs.runs import taking

    return taking.take(token, _choose_settings(settings))


def left(token: str, **settings: Unpack[Options]) -> list[int]:
    """List the numbers of the ranges that are not staged yet.

    Raises: RunGoneError where the run is not there any more; SettingsError; DatabaseUnavailableError.
    """
    from footfall.verbs.runs import staging

    return staging.find_left(token, _choose_settings(settings))


def sweep(**settings: Unpack[Options]) -> int:
    """Drop the tables of runs that nobody holds and whose lease is over, as each plan does; give how many runs.

    Raises: SettingsError; DatabaseUnavailableError.
    """
    from footfall.verbs.runs import sweeping

    return sweeping.sweep(_choose_settings(settings))


def _choose_settings(given: Options) -> Settings:
    from footfall.settings import load_settings

    return load_settings(**given)


def __getattr__(name: str) -> Any:
    if name == "Run":
        from footfall.results.running import Run

        return Run
    raise AttributeError(f"module 'footfall.runs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
