"""The daily run: files of user interactions -> exact counts in PostgreSQL.

Every task calls `footfall`, the package that the command line calls, too. Tasks pass names, digests and numbers of rows
to each other; the rows go from the file to PostgreSQL and nowhere else.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import (
    Asset,
    BaseSensorOperator,
    CronDataIntervalTimetable,
    Param,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from footfall_runs import LARGE, large_files, pick_large, read_stage_bytes, take_large
from footfall_tasks import DEFAULTS, POOL, ROWS, end_file, read_settings, send

from footfall import errors

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger("airflow.task.footfall")
COUNTS = Asset(name="interactions", uri="footfall://interactions", group="footfall")
REPORTS = "footfall_reports"  # another one, for the report; where there is none, it is a file and nothing more
FILES_MAX = 1000  # files of one run; Airflow maps a task over 1,024 at most, and the next run takes the rest

DOC = """
### User interactions

Takes the files of a folder into PostgreSQL, each exactly once, and keeps the counts exact.

| task | what it does | in the words of extract, transform, load |
|---|---|---|
| `wait_for_files` | waits, without a worker, until a file of the run is there; it deletes nothing | |
| `discover` | finds the files of the run that no load has brought yet, by their SHA-256 | extract |
| `large_files` | picks the files of `stage_bytes` bytes or more: they go by the four last tasks of this table | |
| `check` | judges every row of the others and says in its log what a load will reject | transform |
| `load` | one file each: accepted rows, counts, quarantine and ledger in one transaction | load |
| `verify` | recounts everything that is kept | |
| `summarize` | adds up the rows read, loaded, duplicate and rejected, and tells the asset `interactions` | |
| `report` | writes the report, and mails it, where the parameter `report` names a file; else it is skipped | |
| `plan` | one large file each: its digest and its ranges; makes the tables that staging writes to | extract |
| `ranges` | gives each range a task | |
| `stage` | one range each, on any worker: judges its rows and sends them, and no reader sees them yet | transform |
| `take` | one large file each, when all is staged: what `load` does with a file, in one transaction | load |

A file that cannot be loaded fails at once, and the others are loaded; what a second try may cure, such as a lost
database, is tried again. Run it again whenever you like: what is loaded already changes nothing.

The parameter `pattern` may hold the date of the run as in `interactions-%Y-%m-%d.csv`: a backfill takes each day's own.
"""


class WaitForFiles(BaseSensorOperator):
    """Wait for the first file of the run, in the triggerer, so that no worker is held while a file is late."""

    minute = timedelta(minutes=1)

    def execute(self, context: Context, event: Any = None) -> None:
        """Look once, then defer. Raises: a failure where no file is there in time, counted from the run's start."""
        names = _names(context)
        if _matching(names):
            self.log.info("a file %s is there", names)
            return
        until = context["dag_run"].start_date + context["params"]["wait_minutes"] * self.minute
        left = until - datetime.now(UTC)
        if left <= timedelta(0):
            raise AirflowFailException(f"there is no file {names}; put it there, or wait for it with wait_minutes")
        self.log.info("no file %s yet; waiting until %s", names, until)
        # The triggerer is but a clock: which names are files of the run, Footfall alone says.
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=self.poke_interval)), method_name="execute")


def _names(context: Context) -> str:
    """Give the glob of the run's files: folder and pattern, with the run's date in it."""
    folder, pattern = context["params"]["folder"], _date(context).strftime(context["params"]["pattern"])
    return f"{folder.rstrip('/')}/{pattern}" if _is_url(folder) else str(Path(folder) / pattern)


def _date(context: Context) -> datetime:
    """Give the date of the run. One that an asset or a person started may have no interval: then the day it runs on."""
    return context.get("data_interval_start") or context["dag_run"].run_after


def _is_url(name: str) -> bool:
    return "://" in name


def _matching(names: str) -> bool:
    """Say whether a file of the run is there, by the rule of `footfall load`.

    Raises: what a second try may cure, such as a store that is away. Nothing there is no error: it may come.
    """
    import footfall

    try:
        footfall.find(names)
    except errors.SourceError as error:
        if error.retryable:
            raise
        log.info("%s", error)
        return False
    return True


@dag(
    dag_id="user_interactions",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime.fromisoformat("2024-01-01T00:00:00+00:00"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    doc_md=DOC,
    tags=["footfall", "interactions"],
    params={
        "folder": Param(
            os.environ.get("FOOTFALL_INBOX", "inbox"),
            type="string",
            minLength=1,
            description="Folder of the files, or its URL in a store.",
        ),
        "pattern": Param(
            "*.csv*",
            type="string",
            minLength=1,
            description="Names of files; %Y-%m-%d is the date of the run.",
        ),
        "max_rejected": Param(
            None,
            type=["null", "string"],
            pattern=r"^([0-9]+%?|[0-9]*\.[0-9]+%?)$",
            description="Load nothing of a file with more rejected rows: 20%, 0.2 or a number. Empty: no bound.",
        ),
        "connection": Param("footfall", type="string", minLength=1, description="Airflow's connection to PostgreSQL."),
        "report": Param(
            os.environ.get("FOOTFALL_REPORT") or None,
            type=["null", "string"],
            description="Write a report to this file of the worker; %Y-%m-%d is the date of the run. Empty: none.",
        ),
        "stage_bytes": Param(
            read_stage_bytes(),
            type=["null", "integer"],
            minimum=1,
            description="Files of so many bytes or more are staged by ranges, on several workers. Empty: none.",
        ),
        "wait_minutes": Param(60, type="integer", minimum=0, maximum=1440, description="How long a file may be late."),
    },
    default_args=DEFAULTS,
)
def user_interactions() -> None:
    """Put the tasks in their order."""

    @task
    def discover() -> list[str]:
        """Give the files of the run that no load has brought yet, in loading order."""
        import footfall

        context = get_current_context()
        names = _names(context)
        if not _matching(names):  # they went away after they were waited for
            context["ti"].xcom_push(key=LARGE, value=[])
            return []
        found = footfall.discover(names, **read_settings(context))
        context["ti"].xcom_push(key="ignored", value=[str(each) for each in found.ignored[:FILES_MAX]])
        for each in found:
            state = "new" if each.load_id is None else f"loaded already as load {each.load_id}"
            log.info("%s: %s", each.source, state)
        new = [each for each in found if each.load_id is None]
        if len(new) > FILES_MAX:
            log.warning("%s files are new; this run takes the first %s, the next one goes on", len(new), FILES_MAX)
        large = pick_large(new[:FILES_MAX], context["params"]["stage_bytes"])
        context["ti"].xcom_push(key=LARGE, value=large)
        return [each.source for each in new[:FILES_MAX]]

    @task
    def check(paths: list[str], large: list[str]) -> list[str]:
        """Say in the log what a load will reject, and why; a file that is bad is left to its own load to fail.

        Gives the files that are loaded as a whole.
        """
        import footfall

        paths = [path for path in paths if path not in large]
        if paths:
            summary = footfall.check(*paths)
            log.info("%s", summary)
            for result in summary.loads:
                if result.failure is not None:
                    log.warning("%s: %s", result.source, result.failure.reason)
        return paths

    @task(pool=POOL, map_index_template="{{ file_name }}", multiple_outputs=False)
    def load(path: str) -> dict[str, Any]:
        """Load one file. Raises: what may be cured by a second try as it is; all else as a failure at once."""
        import footfall

        context = get_current_context()
        context["file_name"] = Path(path).name
        settings = read_settings(context)
        return end_file(footfall.load(path, max_rejected=context["params"]["max_rejected"], **settings), settings)

    @task(trigger_rule="all_done", multiple_outputs=False)
    def verify(loads: Any, taken: Any) -> dict[str, int]:
        """Recount everything that is kept, whatever became of the files. Raises: DriftError."""
        import footfall

        found = footfall.verify(**read_settings(get_current_context()))
        log.info("%s", found)
        if found.drift_count:
            raise errors.DriftError(
                f"{found.drift_count} kept numbers differ from their recount; see `footfall verify`"
            )
        return {"rows_raw": found.rows_raw, "pairs": found.pairs}

    @task(trigger_rule="all_done", outlets=[COUNTS], multiple_outputs=False)
    def summarize(paths: list[str] | None, loads: Any, taken: Any, verified: dict[str, int] | None) -> dict[str, Any]:
        """Add up what came in and tell the asset. Raises: where a file or the recount failed, so that the run fails."""
        done = [each for each in (*(loads or []), *(taken or [])) if each]
        total = {name: sum(each[name] for each in done) for name in ROWS}
        log.info("%s", ", ".join(f"{name} {number}" for name, number in total.items()))
        failed = sorted(set(paths or []) - {each["source"] for each in done})
        if paths is None or failed:
            raise AirflowFailException(f"not loaded: {', '.join(failed) or 'nothing was found out about the files'}")
        if verified is None:
            raise AirflowFailException("the recount failed; see the task verify")
        figures = {"files": len(done), **total, **verified}
        get_current_context()["outlet_events"][COUNTS].extra = figures
        return figures

    @task(trigger_rule="all_done", multiple_outputs=False)
    def report(verified: Any) -> str:
        """Write the report and mail it, whatever became of the files: it says so. Gives the name of its file.

        Raises: AirflowSkipException where the run names no file.
        """
        import footfall

        context = get_current_context()
        name = context["params"]["report"]
        if not name:
            raise AirflowSkipException("no report is asked for: the parameter `report` names no file")
        place = Path(_date(context).strftime(name))
        place.parent.mkdir(parents=True, exist_ok=True)
        footfall.report(place, **read_settings(context))
        log.info("the report is in %s", place)
        send(REPORTS, f"Footfall: {place.stem}", "The report is attached: a page to open in a browser.", log, place)
        return str(place)

    paths = discover()
    large = large_files(paths)
    loads = load.expand(path=check(paths, large))
    taken = take_large(large)
    verified = verify(loads, taken)
    # Beside `summarize`, not behind it: what the last tasks of a run come to is what the run comes to.
    report(verified)
    summarize(paths, loads, taken, verified)
    WaitForFiles(task_id="wait_for_files", poke_interval=30) >> paths


user_interactions()
