"""The command that writes a report: one HTML file to keep, print or send."""

from __future__ import annotations

from typing import Annotated

from footfall.cli.app import (
    Database,
    Quiet,
    Schema,
    Verbose,
    app,
    begin,
    call_option,
    make_example,
    make_setting_option,
)
from footfall.cli.output import open_destination, refuse_terminal
from footfall.cli.talk import log
from footfall.errors import DriftError, InterruptedLoadError


@app.command(
    epilog=make_example(
        "footfall report --output report.html",
        "footfall report --since 2024-05-01 --until 2024-06-01 --title 'May in the shop' --output may.html",
        "footfall report --funnel view,add_to_cart,purchase --output report.html",
    )
)
def report(
    since: Annotated[
        str | None,
        call_option("--since", metavar="T", about="From this date or time on; default 30 days before."),
    ] = None,
    until: Annotated[
        str | None, call_option("--until", metavar="T", about="Before this date or time; default the end of the data.")
    ] = None,
    title: Annotated[str | None, call_option("--title", metavar="TEXT", about="What stands above it.")] = None,
    funnel: Annotated[
        str | None,
        call_option("--funnel", metavar="A,B,...", about="The steps of its funnel; default the most frequent actions."),
    ] = None,
    output: Annotated[
        str | None, call_option("--output", metavar="FILE", about="Write to a file, whole or not at all.")
    ] = None,
    no_verify: Annotated[bool, call_option("--no-verify", about="Do not recount first; the report says so.")] = False,
    with_user_ids: Annotated[
        bool, call_option("--with-user-ids", about="Name users; without it there are numbers of users alone.")
    ] = False,
    made_at: Annotated[
        str | None, call_option("--made-at", metavar="T", about="Say that it was made then; default now.")
    ] = None,
    reporting_time_zone: Annotated[
        str | None, make_setting_option("--reporting-time-zone", "ZONE", "Whose days are counted; default UTC.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write a report. One HTML file without scripts; where the recount finds differences it says so, exit code 7."""
    settings = begin(quiet, verbose, database_url=database, schema=schema, reporting_time_zone=reporting_time_zone)
    refuse_terminal(output, "a report is a page, not for a terminal; name a file with --output report.html")
    from footfall.page.report.making import Options, make_report

    options = Options(since, until, title, funnel, not no_verify, with_user_ids, made_at)
    try:
        made = make_report(settings, options)
    except KeyboardInterrupt as stop:
        raise InterruptedLoadError("interrupted; a report changes nothing") from stop
    with open_destination(output) as stream:
        stream.write(made.html)
    log.info("%s%s", f"{output}: " if output else "", made.name)
    if made.has_drift:
        log.error("the recount found differences: see footfall verify")
        return DriftError.exit_code
    return 0
