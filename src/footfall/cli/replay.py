"""The command that judges rejected rows again: replay."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.app import (
    Database,
    Quiet,
    Schema,
    Source,
    TextOrJson,
    Verbose,
    app,
    begin,
    call_option,
    make_example,
)
from footfall.cli.files import talk_about
from footfall.cli.output import write


@app.command(epilog=make_example("footfall replay", "footfall replay 3 --dry-run"))
def replay(
    load_ids: Annotated[
        list[int] | None, typer.Argument(metavar="LOAD", help="Loads whose rejected rows are judged; default all.")
    ] = None,
    dry_run: Annotated[bool, call_option("--dry-run", about="Say what would come in, and change nothing.")] = False,
    database: Database = None,
    schema: Schema = None,
    source: Source = None,
    fmt: TextOrJson = "table",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Judge rejected rows again, as the settings are now. What is valid comes in; what is not stays."""
    settings = begin(quiet, verbose, database_url=database, schema=schema, source=source)
    from footfall.answers import words
    from footfall.verbs import replay as replay_verb

    summary = replay_verb.replay(settings, load_ids or (), dry_run=dry_run)
    if fmt == "json":
        write(words.make_summary_json(summary))
    elif summary.loads:
        write(str(summary))
    talk_about(summary)
    return summary.exit_code
