"""`load --engine spark`: executors stage the ranges of large files, and the tables are those of the ordinary load."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psycopg.conninfo import make_conninfo

import footfall
from elsewhere import (
    HELD_STAGERS,
    OTHER_SESSIONS,
    RANGE_MB,
    STAGING_TABLES,
    all_stagers_held,
    ask,
    start_load,
    wait_for,
)
from every_row import find_differences
from footfall.results import LoadSummary
from footfall.settings import load_settings
from footfall.verbs import schema as schema_verb

SECRET = "hunter2-of-the-tables"


def load_by_spark(spark: Any, name: str, database: str, **options: Any) -> LoadSummary:
    """Load a file by the classic door. The password is one that the server does not ask for."""
    address = make_conninfo(database, password=SECRET)
    wanted: dict[str, Any] = {"engine": "spark", "master": spark.master, "range_mb": RANGE_MB}
    return footfall.load(name, database_url=address, **(wanted | options))


def test_executors_give_the_tables_of_the_ordinary_load(spark: Any, ordinary: str, database: str, large: str) -> None:
    (done,) = load_by_spark(spark, large, database).loads
    assert done.status == "loaded", done.error
    assert find_differences(ordinary, database, with_files=False) == {}
    assert footfall.verify(database_url=database).drift == ()
    assert ask(database, STAGING_TABLES) == []


def test_the_ranges_of_an_executor_that_is_killed_are_staged_by_others(
    spark: Any, ordinary: str, database: str, large: str
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with ThreadPoolExecutor(1) as pool:
        with all_stagers_held(database):
            load = pool.submit(load_by_spark, spark, large, database)
            held = wait_for(lambda: len(found := ask(database, HELD_STAGERS)) == 2 and found)
            killed = spark.list_executors()[0]
            killed.kill()
            killed.wait()
            wait_for(lambda: set(held) - set(ask(database, OTHER_SESSIONS)))  # what it had begun is rolled back
        (done,) = load.result().loads
    assert done.status == "loaded", done.error
    assert find_differences(ordinary, database, with_files=False) == {}
    assert ask(database, STAGING_TABLES) == []


def test_executors_give_the_same_tables_through_spark_connect(
    spark: Any, ordinary: str, database: str, large: str
) -> None:
    driver = start_load(make_conninfo(database, password=SECRET), large, "--engine", "spark", "--master", spark.connect)
    out, talk = driver.communicate(timeout=600)
    assert driver.returncode == 0, talk
    assert json.loads(out)["loads"][0]["status"] == "loaded"
    assert find_differences(ordinary, database, with_files=False) == {}
    assert ask(database, STAGING_TABLES) == []
    assert SECRET not in talk


def test_an_error_of_an_executor_is_that_of_the_file(spark: Any, database: str, large: str) -> None:
    nowhere = make_conninfo(database, dbname="nowhere", password=SECRET)
    (done,) = load_by_spark(spark, large, database, stager_url=nowhere).loads
    assert isinstance(done.failure, footfall.errors.DatabaseUnavailableError)
    assert "nowhere" in done.failure.message
    assert SECRET not in done.failure.message
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]
    assert ask(database, STAGING_TABLES) == []


def test_an_error_of_an_executor_comes_through_spark_connect(spark: Any, database: str, large: str) -> None:
    nowhere = make_conninfo(database, dbname="nowhere", password=SECRET)
    driver = start_load(database, large, "--engine", "spark", "--master", spark.connect, FOOTFALL_STAGER_URL=nowhere)
    out, talk = driver.communicate(timeout=600)
    assert driver.returncode == footfall.errors.DatabaseUnavailableError.exit_code, talk
    assert "nowhere" in json.loads(out)["loads"][0]["error"]
    assert SECRET not in out + talk


def test_no_secret_is_in_what_spark_keeps_and_shows(spark: Any) -> None:
    """Runs last: it reads what the tests before it left."""
    said = spark.read_all_said()
    assert "nowhere" in said  # the task that failed before told its error there
    assert SECRET not in said
