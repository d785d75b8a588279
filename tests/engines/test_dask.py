"""`load --engine dask`: workers stage the ranges of large files, and the tables are those of the ordinary load."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from psycopg.conninfo import make_conninfo

import footfall
from elsewhere import (
    HELD_STAGERS,
    RANGE_MB,
    STAGING_TABLES,
    all_stagers_held,
    ask,
    find_free_port,
    start_load,
    wait_for,
)
from every_row import find_differences
from footfall.settings import load_settings
from footfall.verbs import schema as schema_verb

SECRET = "hunter2-of-the-tables"


def test_the_ranges_of_a_worker_that_is_killed_are_staged_by_others(
    dask: Any, ordinary: str, database: str, large: str
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    address = make_conninfo(database, password=SECRET)
    with all_stagers_held(database):
        driver = start_load(address, large, "--engine", "dask", "--scheduler", dask.scheduler_address)
        wait_for(lambda: len(ask(database, HELD_STAGERS)) == 2, driver)
        killed = dask.workers[0].pid
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: dask.workers[0].pid not in (None, killed), driver)  # its nanny has started another one
    out, talk = driver.communicate(timeout=600)
    assert driver.returncode == 0, talk
    assert json.loads(out)["loads"][0]["status"] == "loaded"
    assert find_differences(ordinary, database, with_files=False) == {}
    assert footfall.verify(database_url=database).drift == ()
    assert ask(database, STAGING_TABLES) == []
    assert SECRET not in talk


def test_an_error_of_a_worker_is_that_of_the_file_and_no_secret_is_in_its_log(
    dask: Any, database: str, large: str
) -> None:
    wanted: Any = {"engine": "dask", "scheduler": dask.scheduler_address, "range_mb": RANGE_MB}
    nowhere = make_conninfo(database, dbname="nowhere", password=SECRET)
    (done,) = footfall.load(large, database_url=database, stager_url=nowhere, **wanted).loads
    assert isinstance(done.failure, footfall.errors.DatabaseUnavailableError)
    assert "nowhere" in done.failure.message
    said = str(dask.get_logs()) + done.failure.message
    assert "Compute Failed" in said  # Dask logs the task with its arguments
    assert SECRET not in said
    assert ask(database, STAGING_TABLES) == []


def test_a_scheduler_that_is_not_there_is_said(database: str, large: str) -> None:
    import dask

    wanted: Any = {"engine": "dask", "scheduler": f"tcp://127.0.0.1:{find_free_port()}", "range_mb": RANGE_MB}
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        (done,) = footfall.load(large, database_url=database, **wanted).loads
    assert isinstance(done.failure, footfall.errors.EngineError)
    assert "--scheduler" in done.failure.message
