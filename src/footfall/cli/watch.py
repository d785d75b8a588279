"""The command that loads what arrives: watch."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.app import (
    Database,
    Delimiter,
    MaxRejected,
    Quiet,
    Retry,
    Schema,
    Source,
    Verbose,
    app,
    begin,
    call_option,
    make_example,
)
from footfall.errors import SettingsError

SECONDS_MAX = 86_400.0
Places = Annotated[
    list[str],
    typer.Argument(metavar="FOLDER", help="Folders, patterns, files, and places of a store (s3, gs, abfs)."),
]


@app.command(
    epilog=make_example(
        "footfall watch /srv/inbox", "footfall watch s3://bucket/exports/ --poll 60", "footfall watch inbox --once"
    )
)
def watch(
    places: Places,
    once: Annotated[bool, call_option("--once", about="Load what has settled, and end: for cron.")] = False,
    settle: Annotated[
        float,
        call_option("--settle", metavar="SECONDS", about="A file that grew is loaded when it did not for so long; 3."),
    ] = 3.0,
    poll: Annotated[
        float, call_option("--poll", metavar="SECONDS", about="Look so often where nothing tells of changes; 10.")
    ] = 10.0,
    metrics: Annotated[
        str | None,
        call_option("--metrics", metavar="ADDRESS", about="Answer /metrics and /healthz there: :9187, or HOST:PORT."),
    ] = None,
    database: Database = None,
    schema: Schema = None,
    max_rejected: MaxRejected = None,
    source: Source = None,
    delimiter: Delimiter = None,
    retry: Retry = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Load what arrives, once it has settled. SIGTERM or Ctrl-C ends it between two files."""
    settings = begin(
        quiet,
        verbose,
        database_url=database,
        schema=schema,
        max_rejected=max_rejected,
        source=source,
        delimiter=delimiter,
        retry=retry,
    )
    for option, seconds, least in (("--settle", settle, 0.0), ("--poll", poll, 0.1)):
        if not least <= seconds <= SECONDS_MAX:
            raise SettingsError(f"{option}: {seconds:g} is not a number of seconds from {least:g} to {SECONDS_MAX:g}")
    from contextlib import ExitStack, closing

    from footfall.cli.service_manager import ServiceManager
    from footfall.sources.waiting import stop_at_signals
    from footfall.verbs import watch as watch_verb
    from footfall.verbs.watch_telling import Teller

    plan = watch_verb.WatchPlan(settle, poll, once)
    with ExitStack() as opened:
        stop = opened.enter_context(stop_at_signals())
        manager = opened.enter_context(closing(ServiceManager()))
        teller = opened.enter_context(closing(Teller(settings)))
        listener = watch_verb.Listener(on_state=manager.follow, on_file=teller.take)
        if metrics is not None:
            from footfall.verbs.metrics_server import start_metrics_server

            opened.enter_context(closing(start_metrics_server(metrics, settings, listener.state)))
        return watch_verb.watch(places, settings, plan, stop, listener)
