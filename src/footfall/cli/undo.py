"""The command that takes loads back."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.app import (
    Database,
    Quiet,
    Schema,
    TextOrJson,
    Verbose,
    WithLater,
    app,
    begin,
    call_option,
    make_example,
)
from footfall.cli.output import write

LoadIds = Annotated[
    list[int], typer.Argument(metavar="LOAD", min=1, help="Numbers of loads, as `footfall loads` lists them.")
]


@app.command(epilog=make_example("footfall undo 12", "footfall undo 12 13 --with-later --dry-run"))
def undo(
    loads: LoadIds,
    with_later: WithLater = False,
    dry_run: Annotated[bool, call_option("--dry-run", about="Say what would go, and change nothing.")] = False,
    fmt: TextOrJson = "table",
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Take loads back: rows, counts and quarantine become those of a history without them."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.answers import words
    from footfall.verbs import undo as undo_verb

    summary = undo_verb.undo(loads, settings, with_later=with_later, dry_run=dry_run)
    write(words.undo_json(summary) if fmt == "json" else str(summary))
    return 0
