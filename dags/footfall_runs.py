"""Large files: each is planned, staged range by range by mapped tasks, on whichever workers there are, and taken.

Which ranges are staged is in the database and nowhere else. What the tasks pass to each other says what is to be done,
and is not believed: a range that is staged twice, late or by a task that Airflow took for dead is there once, and what
is missing when a run is taken is staged then.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, get_current_context, task
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException
from footfall_tasks import POOL, end_file, read_settings, write_conninfo

from footfall import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Context

    from footfall import Delivery, LoadResult

log = logging.getLogger("airflow.task.footfall")
STAGE_POOL = "footfall_stage"  # how many ranges are staged at a time; the set-up makes it
STAGER = "footfall_stager"  # a connection for tasks that stage; where there is none, they use that of the others
LARGE = "large"  # an XCom of `discover`: the files that are staged by ranges
MAPPED_MAX = 1000  # tasks that stage; Airflow maps over 1,024 at most
TAKES_MAX = 3  # of one try: so often are ranges staged anew, should users be forgotten meanwhile


def pick_large(deliveries: Iterable[Delivery], stage_bytes: int | None) -> list[str]:
    """Pick the files that are staged by ranges: those of so many bytes or more; none where no size is given."""
    return [each.source for each in deliveries if stage_bytes is not None and each.size_bytes >= stage_bytes]


def deal(runs: Iterable[dict[str, Any]], limit: int = MAPPED_MAX) -> list[dict[str, Any]]:
    """Deal the ranges of all runs to tasks, one range to each, or several where they would be more than `limit`.

    Shape: a dict for each task: the run's token, source and schema, and the numbers of its ranges.
    """
    runs = [run for run in runs if run["token"]]
    at_once = ceil(sum(run["ranges"] for run in runs) / max(limit - len(runs), 1)) or 1
    return [
        {name: run[name] for name in ("token", "source", "schema")}
        | {"numbers": list(range(first, min(first + at_once, run["ranges"])))}
        for run in runs
        for first in range(0, run["ranges"], at_once)
    ]


def read_stager(context: Context, schema: str) -> dict[str, Any]:
    """Give the settings of a task that stages: how to connect, with fewer rights where there is a connection for it."""
    try:
        connection = Connection.get(STAGER)
    except AirflowNotFoundException:
        return read_settings(context)
    return {"stager_url": write_conninfo(connection), "schema": schema}


def name_stager() -> dict[str, Any]:
    """Give the role of the tasks that stage as a setting of the plan, which grants it what staging takes."""
    try:
        role = Connection.get(STAGER).login
    except AirflowNotFoundException:
        return {}
    return {"stager_role": role} if role else {}


@task(multiple_outputs=False)
def large_files(paths: list[str]) -> list[str]:
    """Give the files that `discover` found to be staged by ranges: a task is mapped over a result and nothing else."""
    found: list[str] = get_current_context()["ti"].xcom_pull(task_ids="discover", key=LARGE)
    log.info("%s of %s files are staged by ranges", len(found), len(paths))
    return found


@task(pool=STAGE_POOL, map_index_template="{{ file_name }}", multiple_outputs=False)
def plan(path: str) -> dict[str, Any]:
    """Read one file for its digest and ranges, and make the tables of its run. Raises as `load` does."""
    from footfall import LoadResult, LoadSummary, runs

    context = get_current_context()
    context["file_name"] = Path(path).name
    settings = read_settings(context)
    try:
        run = runs.plan(path, **settings, **name_stager())
    except errors.FootfallError as error:
        return end_file(LoadSummary((LoadResult.failed(path, None, error),)), settings)
    known = run.already_loaded
    log.info("%s: %s", path, f"loaded already as load {known.load_id}" if known else f"{run.ranges} ranges")
    loaded = {"load_id": known.load_id, "digest": known.digest} if known else None
    return {"source": path, "token": run.token, "ranges": run.ranges, "schema": run.schema, "loaded": loaded}


@task(trigger_rule="all_done_min_one_success")
def ranges(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each task that stages its part; a file that could not be planned keeps no other one back."""
    return deal(runs)


@task(pool=STAGE_POOL, map_index_template="{{ range_name }}")
def stage(part: dict[str, Any]) -> None:
    """Stage a range. Raises: AirflowSkipException where the run is over: `take` says what became of the file."""
    from footfall import runs

    context = get_current_context()
    first, last = part["numbers"][0], part["numbers"][-1]
    span = str(first) if first == last else f"{first} to {last}"
    context["range_name"] = f"{Path(part['source']).name} {span}"
    settings = read_stager(context, part["schema"])
    for number in part["numbers"]:
        try:
            outcome = runs.stage(part["token"], number, **settings)
        except errors.RunGoneError as error:
            raise AirflowSkipException(f"{part['source']}: {error}") from error
        log.info("%s: range %s: %s", part["source"], number, outcome)


# After all that stage, whatever became of them: what is missing is staged here. One at a time: two takes would wait for
# each other, and neither could have an empty table for itself.
@task(
    pool=POOL,
    map_index_template="{{ file_name }}",
    trigger_rule="all_done",
    max_active_tis_per_dagrun=1,
    multiple_outputs=False,
)
def take(run: dict[str, Any]) -> dict[str, Any]:
    """Load what is staged of one file, in one transaction. Raises and gives as `load` does."""
    from footfall import LoadResult, LoadSummary

    context = get_current_context()
    context["file_name"] = Path(run["source"]).name
    settings = read_settings(context)
    try:
        result = _take(run, context["params"]["max_rejected"], settings)
    except errors.FootfallError as error:
        result = LoadResult.failed(run["source"], None, error)
    return end_file(LoadSummary((result,), schema=run["schema"]), settings)


def _take(run: dict[str, Any], max_rejected: str | None, settings: dict[str, Any]) -> LoadResult:
    from footfall import LoadResult, runs

    token, source, loaded = run["token"], run["source"], run["loaded"]
    if loaded:
        return LoadResult(status="already-loaded", source=source, **loaded)
    turns_left = TAKES_MAX
    while True:
        turns_left -= 1
        try:
            _stage_left(token, source, settings)
            result = runs.take(token, max_rejected=max_rejected, **settings)
        except errors.RunStaleError as error:
            if not turns_left:
                raise
            log.info("%s", error)
        except errors.RunGoneError as error:
            cure = "clear the task `plan` of this file and what is behind it"
            raise errors.RunGoneError(f"{error}; {cure}", source=source) from error
        else:
            return replace(result, source=source)  # the load that brought it may have had it by another name


def _stage_left(token: str, source: str, settings: dict[str, Any]) -> None:
    """Stage what is missing; nothing where the run is over: a take that is tried again, or cleared, says of what."""
    from footfall import runs

    with suppress(errors.RunGoneError):
        for number in runs.left(token, **settings):
            log.info("%s: range %s is staged now: it was missing, or is stale", source, number)
            runs.stage(token, number, **settings)


def read_stage_bytes() -> int | None:
    """Give the default of the parameter `stage_bytes` from the environment. Raises: ValueError for no number."""
    return int(os.environ.get("FOOTFALL_STAGE_BYTES") or 0) or None


def take_large(large: Any) -> Any:
    """Put the tasks of large files in their order; give what they come to, as that of `load`."""
    planned = plan.expand(path=large)
    staged = stage.expand(part=ranges(planned))
    taken = take.expand(run=planned)
    staged >> taken
    return taken
