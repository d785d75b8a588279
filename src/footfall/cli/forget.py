"""The command that forgets users."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.app import Database, Quiet, Schema, TextOrJson, Verbose, app, begin, call_option, make_example
from footfall.cli.output import write


@app.command(epilog=make_example("footfall forget --from-file leavers.txt", "footfall forget 4711 --dry-run"))
def forget(
    users: Annotated[
        list[str] | None, typer.Argument(metavar="USER", help="Ids of users, as `user_id` has them.")
    ] = None,
    from_file: Annotated[
        str | None,
        call_option("--from-file", metavar="FILE", about="A file with an id on each line, or - for stdin."),
    ] = None,
    dry_run: Annotated[bool, call_option("--dry-run", about="Say what would go, and change nothing.")] = False,
    fmt: TextOrJson = "table",
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Forget users for good: their rows go, and no load brings them back. Prints a receipt that names nobody."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.answers import words
    from footfall.verbs import forget as forget_verb

    receipt = forget_verb.forget(users or (), settings, from_file=from_file, dry_run=dry_run)
    write(words.make_receipt_json(receipt) if fmt == "json" else str(receipt))
    return 0
