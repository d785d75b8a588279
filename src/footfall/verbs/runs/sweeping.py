"""Sweep runs that are over: drop their tables if nobody holds the run and its lease has ended."""

from __future__ import annotations

from dataclasses import replace

from footfall.postgres.connection import hold_session
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin
from footfall.settings import Settings
from footfall.tables import runs
from footfall.verbs.session import open_target


def sweep(settings: Settings) -> int:
    """Drop the tables of runs that are over; give how many runs these were.

    Effects: waits for nobody. Runs that are at work, have a lease, or belong to another role stay.
    Raises: SettingsError, DatabaseUnavailableError.
    """
    with open_target(settings) as where, hold_session(where) as connection:
        return sweep_runs(connection, where)


def sweep_runs(connection: Connection, where: Target) -> int:
    """Drop the tables of runs that are over, as the next writer does.

    Effects: one transaction that looks for runs, and one for each run, which is rolled back where nothing is done.
    """
    unwilling = replace(where, lock_wait_s=0)
    begin(connection, where)
    found = runs.find_tables(connection, where.schema)
    connection.rollback()
    swept = 0
    for token in found:
        begin(connection, unwilling)
        if runs.sweep(connection, runs.name_tables(where.schema, token)):
            connection.commit()
            swept += 1
        else:
            connection.rollback()
    return swept
