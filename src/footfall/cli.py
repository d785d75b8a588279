"""Parse -> call -> print -> exit code.

Data goes to stdout, talk to stderr. What is heavy is imported where it is used, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.exceptions import TyperException

from footfall.cli_database import database_app
from footfall.cli_schema import schema_app
from footfall.errors import DriftError, FootfallError, InterruptedLoadError, UnknownNameError
from footfall.options import (
    Database,
    Delimiter,
    EscapeFormulas,
    Format,
    MaxRejected,
    Quiet,
    Rehash,
    Retry,
    Schema,
    Sources,
    TextOrJson,
    Verbose,
    ask_for_a_verb,
    begin,
    call_option,
    example,
    group,
    setting,
)
from footfall.output import destination, form, stdout, write
from footfall.talk import log, talk
from footfall.talk import progress as shown_progress

if TYPE_CHECKING:
    from footfall.results import LoadSummary, Table

# What a screen has room for; CSV and JSON have every column.
LEDGER_AT_A_GLANCE = (
    "load_id",
    "status",
    "rows_read",
    "rows_loaded",
    "rows_duplicate",
    "rows_rejected",
    "finished_at",
    "source",
    "error",
)
OPEN_FILES = 4096  # files; more than one transaction takes, with what else is open
ROWS_SHOWN = 100  # rows; a screen or three, unless --limit asks for more


app = group(
    "Turn files of user interactions into counts that people can trust, in PostgreSQL.\n\n"
    "Options come after the verb. Settings: options, then FOOTFALL_* variables, .env, footfall.toml.",
    "footfall load data/sample.csv",
    "footfall rejects",
    "footfall verify",
)
app.add_typer(schema_app, name="schema")
app.add_typer(database_app, name="database")


@app.callback(invoke_without_command=True)
def _footfall(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        with stdout() as stream:
            stream.write(f"footfall {version_of('footfall')}\n")
        raise typer.Exit
    ask_for_a_verb(context)


@app.command(
    epilog=example("footfall load data/sample.csv", "zcat a.csv.gz | footfall load - --max-rejected 20% --format json")
)
def load(
    sources: Sources,
    database: Database = None,
    schema: Schema = None,
    max_rejected: MaxRejected = None,
    delimiter: Delimiter = None,
    retry: Retry = None,
    rehash: Rehash = None,
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
        delimiter=delimiter,
        retry=retry,
        rehash=rehash,
    )
    from footfall import pipeline, report

    with shown_progress(quiet) as progress:
        summary = pipeline.load(sources, settings, progress=progress, warn=log.warning)
    write(report.summary_json(summary) if fmt == "json" else report.summary_text(summary))
    _talk_about(summary)
    with_rejects = [done.load_id for done in summary.loads if done.status == "loaded" and done.rows_rejected]
    if with_rejects:
        which = f" --load {with_rejects[0]}" if len(with_rejects) == 1 else ""
        log.info("`footfall rejects%s` shows the rejected rows", which)
    return summary.exit_code


@app.command(epilog=example("footfall check data/", "footfall check 'exports/*.csv.gz' --format csv"))
def check(
    sources: Sources,
    max_rejected: MaxRejected = None,
    delimiter: Delimiter = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Make the checks of a load into an empty database, without one. The exit code is that of the load."""
    settings = begin(quiet, verbose, max_rejected=max_rejected, delimiter=delimiter)
    from footfall import checking, report

    with shown_progress(quiet) as progress:
        summary = checking.check(sources, settings, progress=progress, warn=log.warning)
    if fmt == "csv":
        _print(report.summary_table(summary), fmt, escape_formulas)
    else:
        write(report.summary_json(summary, is_check=True) if fmt == "json" else report.summary_text(summary))
    _talk_about(summary)
    return summary.exit_code


@app.command(epilog=example("footfall rejects --load 1", "footfall rejects --code missing-value --format csv"))
def rejects(
    load_id: Annotated[int | None, call_option("--load", metavar="ID", minimum=1, about="Of this load.")] = None,
    source: Annotated[str | None, call_option("--source", metavar="S", about="Of this source, as given.")] = None,
    code: Annotated[str | None, call_option("--code", metavar="C", about="With this problem.")] = None,
    limit: Annotated[
        int, call_option("--limit", metavar="N", minimum=1, about=f"At most so many; default {ROWS_SHOWN}.")
    ] = ROWS_SHOWN,
    database: Database = None,
    schema: Schema = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show rejected rows. Each with its file, line number, text and problems."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import report, retrieval
    from footfall.contract import PROBLEM_CODES

    if code is not None and code not in PROBLEM_CODES:
        known = "\n".join(f"  {each}: {sentence}" for each, sentence in PROBLEM_CODES.items())
        raise UnknownNameError(f"--code (FOOTFALL_CODE): there is no problem {code!r}; choose one of these:\n{known}")
    rows, more = retrieval.rejects(settings, load_id=load_id, source=source, code=code, limit=limit)
    _print(report.rejected_table(rows, fmt), fmt, escape_formulas)
    if more:
        log.info("only the first %s are shown; --limit N shows more", f"{limit:,}")
    return 0


@app.command(epilog=example("footfall loads", "footfall loads --limit 1 --format json"))
def loads(
    limit: Annotated[
        int, call_option("--limit", metavar="N", minimum=1, about=f"At most so many; default {ROWS_SHOWN}.")
    ] = ROWS_SHOWN,
    database: Database = None,
    schema: Schema = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show the ledger. What was loaded, when, from where, with which result; the newest first."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import report, retrieval
    from footfall.results import Table

    table = retrieval.loads(settings, limit=limit + 1)
    shown = Table(table.columns, table.rows[:limit])
    _print(report.narrowed(shown, LEDGER_AT_A_GLANCE) if fmt == "table" else shown, fmt, escape_formulas)
    if len(table.rows) > limit:
        log.info("older loads are not shown; --limit N shows more")
    return 0


@app.command(
    epilog=example(
        "footfall query per-day --since 2024-03-01 --until 2024-04-01",
        "footfall query top-users --limit 10 --output top.parquet",
        "footfall query user 42 --action purchase --format json",
        "footfall query --list",
    )
)
def query(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The question; --list shows them all.")] = None,
    identifier: Annotated[
        int | None, typer.Argument(metavar="ID", min=1, help="Of a user or a product, where NAME is one of these.")
    ] = None,
    since: Annotated[
        str | None, call_option("--since", metavar="T", about="From this date or time on, of the reporting time zone.")
    ] = None,
    until: Annotated[str | None, call_option("--until", metavar="T", about="Before this date or time.")] = None,
    action: Annotated[str | None, call_option("--action", metavar="A", about="Only this action.")] = None,
    user: Annotated[int | None, call_option("--user", metavar="ID", minimum=1, about="Only of this user.")] = None,
    product: Annotated[
        int | None, call_option("--product", metavar="ID", minimum=1, about="Only this product.")
    ] = None,
    per: Annotated[
        Literal["day", "week", "month"] | None, call_option("--per", about="Count active users in each; default day.")
    ] = None,
    limit: Annotated[
        int | None, call_option("--limit", metavar="N", minimum=1, about="At most so many rows; top-*: default 5.")
    ] = None,
    fmt: Annotated[
        Literal["table", "csv", "json", "parquet"] | None,
        call_option("--format", about="How to print; default: as FILE ends, table on a terminal, else csv."),
    ] = None,
    escape_formulas: EscapeFormulas = False,
    output: Annotated[
        str | None, call_option("--output", metavar="FILE", about="Write to a file, whole or not at all.")
    ] = None,
    show_sql: Annotated[bool, call_option("--sql", about="Print the SQL with its values; ask nothing.")] = False,
    show_list: Annotated[bool, call_option("--list", about="Show every question, your own included.")] = False,
    reporting_time_zone: Annotated[
        str | None, setting("--reporting-time-zone", "ZONE", "Whose days are counted; default UTC.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Ask a named question. Read-only; an answer without rows is an empty table."""
    settings = begin(quiet, verbose, database_url=database, schema=schema, reporting_time_zone=reporting_time_zone)
    how = form(fmt, output)
    from footfall import report, retrieval
    from footfall.queries import Filters

    if show_list:
        with destination(output, how) as stream:
            report.print_answer(retrieval.query_list(settings), how, stream, escape_formulas=escape_formulas)
        return 0
    if name is None:
        raise UnknownNameError("which question? `footfall query --list` shows them all")
    filters = Filters(identifier, since, until, action, user, product, per, limit)
    if show_sql:
        with destination(output) as stream:
            stream.write(retrieval.query_sql(settings, name, filters) + "\n")
        return 0
    try:
        with retrieval.query(settings, name, filters) as answer:
            if answer.is_zoned:
                log.info("days are those of the time zone %s", settings.reporting_time_zone)
            with destination(output, how) as stream:
                report.print_answer(answer, how, stream, escape_formulas=escape_formulas)
    except KeyboardInterrupt as stop:
        raise InterruptedLoadError("interrupted; a question changes nothing") from stop
    return 0


@app.command(epilog=example("footfall verify", "footfall verify --repair"))
def verify(
    repair: Annotated[bool, call_option("--repair", about="Replace kept counts by their recount.")] = False,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Recount all that is kept. What differs is shown, and the exit code is 7."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import report, upkeep

    found = upkeep.verify(settings, repair=repair, warn=log.warning)
    write(report.verification_text(found))
    if found.drift:
        _print(report.drift_table(found), "table")
    if found.drift_count:
        log.error("%s", "this drift cannot be repaired; report it" if repair else DriftError().message)
        return DriftError.exit_code
    return 0


def _print(table: Table, fmt: Literal["table", "csv", "json"], escape_formulas: bool = False) -> None:
    from footfall import report

    with stdout() as stream:
        report.print_table(table, fmt, stream, escape_formulas=escape_formulas)


def _talk_about(summary: LoadSummary) -> None:
    from footfall.report import escaped, failures

    for source, reason in failures(summary):
        log.error("%s: %s", escaped(source), reason, extra={"fields": {"source": source}})


def _allow_open_files() -> None:
    """Let this process hold open the files of one transaction; many systems allow 256 or 1,024 unless asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    """Run one command line and give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be text; it is shown escaped, and never ends a load.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    _allow_open_files()
    if talk not in log.handlers:
        log.addHandler(talk)
        log.propagate = False
    command = typer.main.get_command(app)
    try:
        # Not `app()`: typer would answer Ctrl-C and a closed pipe itself.
        with command.make_context("footfall", sys.argv[1:]) as context:
            return int(command.invoke(context))
    except typer.Exit as done:
        return done.exit_code
    except TyperException as error:
        at = getattr(error, "ctx", None)
        path = at.command_path if at else "footfall"
        order = " (options come after the verb)" if path == "footfall" and hasattr(error, "option_name") else ""
        message = error.format_message().rstrip(".")
        log.error("%s; try `%s --help`%s", message, path, order)
        return error.exit_code
    except FootfallError as error:
        return _fail(error.message, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(InterruptedLoadError().message, InterruptedLoadError.exit_code)
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  (the last place before the user: one line, not a traceback)
        return _fail(f"unexpected {type(error).__name__}: {error}; run it again with -v and report what it prints", 1)


def _fail(message: str, exit_code: int) -> int:
    import traceback

    from footfall.masking import mask

    log.error("%s", mask(message))
    log.debug("%s", mask(traceback.format_exc()))
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
