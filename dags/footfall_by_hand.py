"""What is done by hand and seldom: take loads back, judge rejected rows again, forget users.

Each is a DAG without a schedule: one task, a recount behind it, and a form for its parameters. The id of a user is no
parameter: Airflow keeps parameters in its database, shows them to whoever may read the DAG, and cannot forget them.
Whoever forgets puts a file with the ids, one on a line, into the folder FOOTFALL_FORGET_FOLDER of the worker; the
parameter is the file's name, and the task removes the file when the users are forgotten.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from footfall_tasks import DEFAULTS, read_settings

from footfall import errors

log = logging.getLogger("airflow.task.footfall")
FORGET_FOLDER = "FOOTFALL_FORGET_FOLDER"
LOADS_MAX = 100  # of one run
LOAD_ID = {"type": "integer", "minimum": 1}
DATABASE = Param("footfall", type="string", minLength=1, description="Airflow's connection to PostgreSQL.")
DRY_RUN = Param(True, type="boolean", description="Say what would be done, and change nothing.")

DOC_UNDO = """
### Take loads back

`footfall undo`: the rows of these loads go, from rows, counts and quarantine, in one transaction; the ledger keeps the
loads as undone. A later load that delivered the same rows keeps them. Where a later load cannot stand without these,
nothing is done and the log lists it, unless `with_later` takes it back, too.

Run it with `dry_run` first: the log says what would go.
"""
DOC_REPLAY = """
### Judge rejected rows again

`footfall replay`: rejected rows of these loads, or of all where none is named, are judged under today's settings. What
is valid now comes in as a load of its own; the rest stays rejected.
"""
DOC_FORGET = """
### Forget users

`footfall forget`: the rows of these users go, and no later load brings them back.

**Never write the id of a user into a form of Airflow**: it would stay in Airflow's database and be shown. Put a file
with the ids, one on a line, into the folder that the worker has in FOOTFALL_FORGET_FOLDER, and give its name, which
must say nothing of a user either. The file is removed when the users are forgotten, and stays with `dry_run` and after
a failure. The receipt, which names nobody, is in the log and in the XCom `return_value`.
"""


def by_hand(name: str, about: str, **params: Param) -> Callable[..., Any]:
    """Give the decorator of a DAG that nobody but a person starts."""
    return dag(
        dag_id=name,
        schedule=None,
        start_date=datetime.fromisoformat("2024-01-01T00:00:00+00:00"),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=12),
        doc_md=about,
        tags=["footfall", "by hand"],
        params={**params, "connection": DATABASE, "dry_run": DRY_RUN},
        default_args=DEFAULTS,
    )


@task(multiple_outputs=False)
def verify(_: Any) -> dict[str, int]:
    """Recount everything that is kept. Raises: DriftError."""
    import footfall

    found = footfall.verify(**read_settings(get_current_context()))
    log.info("%s", found)
    if found.drift_count:
        raise errors.DriftError(f"{found.drift_count} kept numbers differ from their recount; see `footfall verify`")
    return {"rows_raw": found.rows_raw, "pairs": found.pairs}


@by_hand(
    "footfall_undo",
    DOC_UNDO,
    loads=Param(None, type="array", items=LOAD_ID, minItems=1, maxItems=LOADS_MAX, description="Numbers of loads."),
    with_later=Param(False, type="boolean", description="Take later loads back, too, that cannot stand without these."),
)
def footfall_undo() -> None:
    """Take loads back."""

    @task(multiple_outputs=False)
    def undo() -> dict[str, Any]:
        """Take back the loads of the run. Gives their numbers, those of later ones included."""
        import footfall

        context = get_current_context()
        asked = context["params"]
        done = footfall.undo(
            *asked["loads"], with_later=asked["with_later"], dry_run=asked["dry_run"], **read_settings(context)
        )
        log.info("%s", done)
        names = ("rows_removed", "rows_passed", "rows_rejected")
        figures = {name: sum(getattr(each, name) for each in done.loads) for name in names}
        return {"loads": [each.load_id for each in done.loads], "dry_run": asked["dry_run"], **figures}

    verify(undo())


@by_hand(
    "footfall_replay",
    DOC_REPLAY,
    loads=Param(
        [], type="array", items=LOAD_ID, maxItems=LOADS_MAX, description="Numbers of loads; none: all with open rows."
    ),
)
def footfall_replay() -> None:
    """Judge rejected rows again."""

    @task(multiple_outputs=False)
    def replay() -> dict[str, Any]:
        """Replay the loads of the run. Raises: what a second try may cure as it is; all else as a failure at once."""
        import footfall

        context = get_current_context()
        asked = context["params"]
        summary = footfall.replay(*asked["loads"], dry_run=asked["dry_run"], **read_settings(context))
        log.info("%s", summary)
        failures = [result.failure for result in summary.loads if result.failure is not None]
        for failure in failures:
            if failure.retryable:
                raise failure
        if failures:
            raise AirflowFailException("; ".join(str(failure) for failure in failures))
        names = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
        figures = {name: sum(getattr(each, name) for each in summary.loads) for name in names}
        return {"loads": [each.load_id for each in summary.loads], "dry_run": asked["dry_run"], **figures}

    verify(replay())


@by_hand(
    "footfall_forget",
    DOC_FORGET,
    file=Param(
        None,
        type="string",
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$",
        description="Name of a file in the folder FOOTFALL_FORGET_FOLDER. No id of a user here, nor in the name.",
    ),
)
def footfall_forget() -> None:
    """Forget users."""

    @task(multiple_outputs=False)
    def forget() -> dict[str, Any]:
        """Forget the users of the file, then remove it. Gives the receipt's numbers, which name nobody.

        Raises: what a second try may cure; all else as a failure at once, without a text of the file.
        """
        import footfall

        context = get_current_context()
        asked = context["params"]
        place = find_file(asked["file"])
        try:
            receipt = footfall.forget(from_file=place, dry_run=asked["dry_run"], **read_settings(context))
        except errors.FootfallError as error:
            if error.retryable:
                raise
            # The words of an error may hold a line of the file, and the log of a task is kept.
            raise AirflowFailException(
                f"nothing was forgotten ({type(error).__name__}); "
                f"`footfall forget --dry-run --from-file {place.name}` on the worker says why"
            ) from None
        log.info("%s", receipt)
        if not asked["dry_run"]:
            place.unlink(missing_ok=True)
            log.info("the file %s is removed", place.name)
        numbers = ("users", "users_known", "rows_forgotten", "rows_blanked")
        figures = {name: getattr(receipt, name) for name in numbers}
        return {"operation_id": receipt.operation_id, "dry_run": asked["dry_run"], **figures}

    verify(forget())


def find_file(name: str) -> Path:
    """Give the file with the ids. Raises: AirflowFailException where there is no folder for it, or no such file."""
    folder = os.environ.get(FORGET_FOLDER)
    if not folder:
        raise AirflowFailException(f"the worker has no folder for such files: set {FORGET_FOLDER} in its environment")
    place = Path(folder) / name
    if place.is_symlink() or not place.is_file():
        raise AirflowFailException(f"there is no file {name} in the folder {FORGET_FOLDER} of the worker")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AirflowFailException(f"the worker may not remove files from {FORGET_FOLDER}; give it the right")
    return place


footfall_undo()
footfall_replay()
footfall_forget()
