"""The command that tries who is told: notify."""

from __future__ import annotations

from typing import Annotated

from footfall.cli.app import Database, Quiet, Schema, Verbose, app, begin, call_option, make_example
from footfall.cli.talk import log


@app.command(epilog=make_example("footfall notify", "footfall notify --if-silent"))
def notify(
    if_silent: Annotated[
        bool, call_option("--if-silent", about="Tell only where nothing was loaded for `nothing_for_hours`: for cron.")
    ] = False,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Send a test to whom [notify] in footfall.toml names. Loads and verify tell by themselves."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.verbs import notify as notify_verb

    if not if_silent:
        notify_verb.tell_test(settings)
        log.info("told")
    elif notify_verb.tell_if_silent(settings):
        log.info("told of silence")
    return 0
