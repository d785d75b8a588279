"""What a forked process of the kill tests runs. Imported before the fork, so that a load begins at once."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from footfall.errors import SettingsError
from footfall.formats import framing
from footfall.settings import load_settings
from footfall.tables import counts, first_load, known_files, runs
from footfall.tables.staged_run import RangeSender
from footfall.verbs import forget as forget_verb
from footfall.verbs import groups
from footfall.verbs import load as load_verb
from footfall.verbs import replay as replay_verb
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.runs import taking
from footfall.verbs.runs.planning import plan_run
from footfall.verbs.runs.staging import stage
from trials import ALWAYS_SETTLED_NS, loaded

__all__ = [
    "child",
    "mend_until_killed",
    "one_of_a_crowd",
    "one_of_operators",
    "plan_and_stage_until_killed",
    "stage_until_killed",
]

COMMANDS_OF_ONE = 8
FORGETTABLE_USERS = (2, 3)


def child(conninfo: str, csv: str, empty_path_bytes: int, temporary_folder: str) -> None:
    """Load a file; the parent kills this process meanwhile."""
    known_files.SETTLED_NS = ALWAYS_SETTLED_NS  # as in the process of the tests
    tempfile.tempdir = temporary_folder
    first_load.EMPTY_PATH_BYTES = empty_path_bytes
    loaded(conninfo, [csv])


def one_of_a_crowd(conninfo: str, names: list[str], together: int, temporary_folder: str) -> None:
    """Load files, so many in a transaction at most, and end with the exit code that the command would have."""
    known_files.SETTLED_NS = ALWAYS_SETTLED_NS  # as in the process of the tests
    tempfile.tempdir = temporary_folder
    groups.TOGETHER_FILES = together
    sys.exit(loaded(conninfo, names, max_rejected="1.0").exit_code)


def one_of_operators(conninfo: str, names: list[str], seed: int, temporary_folder: str) -> None:
    """Load, load again, take back, replay and forget, in an order of its own."""
    tempfile.tempdir = temporary_folder
    chance = random.Random(seed)
    for _ in range(COMMANDS_OF_ONE):
        name = chance.choice(names)
        settings = load_settings(
            database_url=conninfo, max_rejected="1.0", actions=chance.choice([None, ("click",)]), rehash=True
        )
        verb = chance.choice(["load", "load", "load again", "undo", "replay", "forget"])
        load_ids = list_standing(conninfo) if verb in {"undo", "replay"} else []
        if verb.startswith("load"):
            said: Any = load_verb.load([name], settings, again=verb == "load again", with_later=verb == "load again")
            assert said.exit_code == 0, said
        elif verb == "forget":
            forget_verb.forget([str(chance.choice(FORGETTABLE_USERS))], settings)
        elif load_ids:
            with suppress(SettingsError):  # another process may have taken it back meanwhile
                load_id = chance.choice(load_ids)
                if verb == "undo":
                    undo_verb.undo([load_id], settings, with_later=True)
                else:
                    replay_verb.replay(settings, [load_id])


def stage_until_killed(conninfo: str, token: str, number: int, batches: int) -> None:
    """Stage a range of a run; be killed when so many batches are sent, or before it is noted."""
    left, real = iter(range(batches)), RangeSender.send_accepted
    framing.BLOCK_BYTES_MAX = 1_500  # several batches

    def killed(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    def send_accepted(*values: Any) -> Any:
        if next(left, None) is None:
            killed()
        return real(*values)

    RangeSender.send_accepted = send_accepted  # type: ignore[method-assign]
    runs.note_range = killed
    stage(token, number, load_settings(database_url=conninfo))


def take_until_committed(conninfo: str, token: str, max_rejected: str) -> None:
    """Take a run; be killed when that is committed, before anybody hears of it."""
    real = taking.commit

    def commit(*values: Any) -> None:
        real(*values)
        os.kill(os.getpid(), signal.SIGKILL)

    taking.commit = commit
    taking.take(token, load_settings(database_url=conninfo, max_rejected=max_rejected))


def plan_and_stage_until_killed(conninfo: str, csv: str, range_bytes: int, ready: str) -> None:
    """Plan a run and hold it, stage all ranges but the last one, and wait in that one for the parent to kill this.

    The file `ready` says that it waits.
    """

    def wait(*_: Any) -> Any:
        Path(ready).touch()
        signal.pause()

    settings = load_settings(database_url=conninfo)
    with plan_run(csv, settings, range_bytes=range_bytes) as run:
        for number in range(run.ranges - 1):
            stage(run.token, number, settings)
        runs.note_range = wait
        stage(run.token, run.ranges - 1, settings)


def list_standing(conninfo: str) -> list[int]:
    """List the loads that stand."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("select load_id from loads where status = 'loaded' order by 1").fetchall()
    return [load_id for (load_id,) in rows]


def mend_until_killed(conninfo: str, tables: int) -> None:
    """Mend so many tables of counts; be killed before the next one, or before COMMIT where there is none."""
    left, real = iter(range(tables)), counts.compose

    def killed(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def compose(statement: LiteralString, /, **words: Any) -> Any:
        if statement == counts.SQL["remove_wrong"] and next(left, None) is None:
            killed()
        return real(statement, **words)

    counts.compose = compose  # type: ignore[assignment]
    if tables == len(counts.KEPT):
        psycopg.Connection.commit = killed  # type: ignore[method-assign]
    verify_verb.verify(load_settings(database_url=conninfo), repair=True)
