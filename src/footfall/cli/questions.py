"""The commands that ask: query, rejects, loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footfall.cli.app import (
    Database,
    EscapeFormulas,
    Format,
    Quiet,
    Schema,
    Verbose,
    app,
    begin,
    call_option,
    make_example,
    make_setting_option,
)
from footfall.cli.asked import add_question_options
from footfall.cli.output import choose_form, open_destination, print_rows
from footfall.cli.talk import log
from footfall.errors import InterruptedLoadError, UnknownNameError

if TYPE_CHECKING:
    from footfall.settings import Settings

# The columns for which a screen has room. CSV and JSON have every column.
LEDGER_AT_A_GLANCE = (
    "load_id",
    "status",
    "rows_read",
    "rows_loaded",
    "rows_duplicate",
    "rows_rejected",
    "rows_skipped",
    "finished_at",
    "source",
    "error",
)
ROWS_SHOWN = 100  # rows: a few screens, unless --limit asks for more


@app.command(
    epilog=make_example(
        "footfall rejects --load 1",
        "footfall rejects --code missing-value --format csv",
        "footfall rejects --load 1 --as-file fix.csv",
    )
)
def rejects(
    load_id: Annotated[int | None, call_option("--load", metavar="ID", minimum=1, about="Of this load.")] = None,
    source: Annotated[str | None, call_option("--source", metavar="S", about="Of this source, as given.")] = None,
    code: Annotated[str | None, call_option("--code", metavar="C", about="With this problem.")] = None,
    limit: Annotated[
        int, call_option("--limit", metavar="N", minimum=1, about=f"At most so many; default {ROWS_SHOWN}.")
    ] = ROWS_SHOWN,
    closed: Annotated[bool, call_option("--closed", about="Also those that a replay or a mended file closed.")] = False,
    as_file: Annotated[
        Path | None,
        call_option("--as-file", metavar="FILE", about="Write all of one load to a new file to mend, as they were."),
    ] = None,
    database: Database = None,
    schema: Schema = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show rejected rows that are open. Each with its file, line number, text and problems."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    if as_file is not None:
        return _write_file(settings, as_file, load_id, source, code)
    from footfall.answers import words
    from footfall.verbs import rejects as rejects_verb

    rows, more = rejects_verb.show_rejects(
        settings, load_id=load_id, source=source, code=code, limit=limit, with_closed=closed
    )
    print_rows(words.make_rejected_table(rows, fmt, with_closed=closed), fmt, escape_formulas)
    if more:
        log.info("only the first %s are shown; --limit N shows more", f"{limit:,}")
    return 0


def _write_file(settings: Settings, path: Path, load_id: int | None, source: str | None, code: str | None) -> int:
    from footfall.verbs.mending import write_file

    written = write_file(settings, path, load_id=load_id, source=source, code=code)
    if written.left_out:
        log.warning(
            "%s of load %s are left out: they are over 64 KiB, of which only the beginning is kept, or forgotten",
            f"{written.left_out:,} row{'' if written.left_out == 1 else 's'}",
            written.load_id,
        )
    if written.rows:
        log.info(
            "%s: %s of load %s; mend them, then: footfall load %s --replays %s",
            path,
            f"{written.rows:,} row{'' if written.rows == 1 else 's'}",
            written.load_id,
            path,
            written.load_id,
        )
    else:
        log.info("no such row of load %s is open; nothing was written", written.load_id)
    return 0


@app.command(epilog=make_example("footfall loads", "footfall loads --limit 1 --format json"))
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
    from footfall.answers import grid
    from footfall.results import Table
    from footfall.verbs import loads as loads_verb

    table = loads_verb.show_loads(settings, limit=limit + 1)
    shown = Table(table.columns, table.rows[:limit])
    print_rows(grid.keep_columns(shown, LEDGER_AT_A_GLANCE) if fmt == "table" else shown, fmt, escape_formulas)
    if len(table.rows) > limit:
        log.info("older loads are not shown; --limit N shows more")
    return 0


@app.command(
    epilog=make_example(
        "footfall query per-day --since 2024-03-01 --until 2024-04-01",
        "footfall query top-users --limit 10 --output top.parquet",
        "footfall query user 42 --action purchase --format json",
        "footfall query --list",
    )
)
@add_question_options
def query(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The question; --list shows them all.")] = None,
    identifier: Annotated[
        str | None, typer.Argument(metavar="ID", help="Of a user or a product, where NAME is one of these.")
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
        str | None, make_setting_option("--reporting-time-zone", "ZONE", "Whose days are counted; default UTC.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    **asked: Any,
) -> int:
    """Ask a named question. Read-only; an answer without rows is an empty table."""
    settings = begin(quiet, verbose, database_url=database, schema=schema, reporting_time_zone=reporting_time_zone)
    how = choose_form(fmt, output)
    from footfall.answers import files, grid, words
    from footfall.answers.asked import Filters
    from footfall.verbs import query as query_verb

    if show_list:
        listed = query_verb.query_list(settings)
        with open_destination(output, how) as stream:
            if how == "table":
                stream.write(words.list_questions(listed.rows, grid.measure_width(stream)))
            else:
                files.print_answer(listed, how, stream, escape_formulas=escape_formulas)
        return 0
    if name is None:
        raise UnknownNameError("which question? `footfall query --list` shows them all")
    filters = Filters(identifier, **asked)
    if show_sql:
        with open_destination(output) as stream:
            stream.write(query_verb.query_sql(settings, name, filters) + "\n")
        return 0
    try:
        with query_verb.query(settings, name, filters) as answer:
            if answer.is_zoned:
                log.info("days are those of the time zone %s", settings.reporting_time_zone)
            with open_destination(output, how) as stream:
                files.print_answer(answer, how, stream, escape_formulas=escape_formulas)
    except KeyboardInterrupt as stop:
        raise InterruptedLoadError("interrupted; a question changes nothing") from stop
    return 0
