"""The commands that take files: load, check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from footfall.cli.app import (
    Again,
    Database,
    Delimiter,
    Engine,
    EscapeFormulas,
    Format,
    Master,
    MaxRejected,
    Quiet,
    Rehash,
    Retry,
    Scheduler,
    Schema,
    Source,
    Sources,
    TextOrJson,
    Verbose,
    WithLater,
    Workers,
    app,
    begin,
    call_option,
    make_example,
)
from footfall.cli.output import print_rows, write
from footfall.cli.talk import log
from footfall.cli.talk import show_progress as shown_progress

if TYPE_CHECKING:
    from footfall.results import LoadSummary


@app.command(
    epilog=make_example(
        "footfall load data/sample.csv", "zcat a.csv.gz | footfall load - --max-rejected 20% --format json"
    )
)
def load(
    sources: Sources,
    database: Database = None,
    schema: Schema = None,
    max_rejected: MaxRejected = None,
    source: Source = None,
    delimiter: Delimiter = None,
    retry: Retry = None,
    rehash: Rehash = None,
    workers: Workers = None,
    engine: Engine = None,
    master: Master = None,
    scheduler: Scheduler = None,
    again: Again = False,
    with_later: WithLater = False,
    replays: Annotated[
        int | None,
        call_option("--replays", metavar="LOAD", minimum=1, about="The files hold rejected rows of this load, mended."),
    ] = None,
    fmt: TextOrJson = "table",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Load files, each exactly once. Rejected rows are kept with their problems."""
    settings = begin(
        quiet,
        verbose,
        database_url=database,
        schema=schema,
        max_rejected=max_rejected,
        source=source,
        delimiter=delimiter,
        retry=retry,
        rehash=rehash,
        workers=workers,
        engine=engine,
        master=master,
        scheduler=scheduler,
    )
    from footfall.verbs import load as load_verb

    with shown_progress(quiet) as progress:
        how: Any = {"replays": replays, "again": again, "with_later": with_later}
        summary = load_verb.load(sources, settings, progress=progress, **how)
    write_summary(summary, fmt)
    talk_about(summary)
    with_rejects = [
        done.load_id
        for done in summary.loads
        if done.status == "loaded" and done.rows_rejected and done.replay_of is None
    ]
    if with_rejects:
        which = f" --load {with_rejects[0]}" if len(with_rejects) == 1 else ""
        log.info("`footfall rejects%s` shows the rejected rows", which)
    return summary.exit_code


@app.command(epilog=make_example("footfall check data/", "footfall check 'exports/*.csv.gz' --format csv"))
def check(
    sources: Sources,
    max_rejected: MaxRejected = None,
    source: Source = None,
    delimiter: Delimiter = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make the checks of a load into an empty database, without one. The exit code is that of the load."""
    settings = begin(quiet, verbose, max_rejected=max_rejected, source=source, delimiter=delimiter)
    from footfall.verbs import check as check_verb

    with shown_progress(quiet) as progress:
        summary = check_verb.check(sources, settings, progress=progress)
    if fmt == "csv":
        from footfall.answers import words

        print_rows(words.make_summary_table(summary), fmt, escape_formulas)
    else:
        write_summary(summary, fmt, is_check=True)
    talk_about(summary)
    return summary.exit_code


def write_summary(summary: LoadSummary, fmt: str, *, is_check: bool = False) -> None:
    if fmt == "json":
        from footfall.answers import words  # heavy, and not needed for the text that people read

        write(words.make_summary_json(summary, is_check=is_check))
    else:
        write(str(summary))


def talk_about(summary: LoadSummary) -> None:
    if all(each.status != "failed" for each in summary.loads):
        return
    from footfall.answers.words import list_failures
    from footfall.safe_text import escape_unprintable

    for source, reason in list_failures(summary):
        log.error("%s: %s", escape_unprintable(source), reason, extra={"fields": {"source": source}})
