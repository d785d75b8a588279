"""The verbs `footfall schema ...`: the tables shown, made or upgraded, opened to a reader."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.options import Database, Quiet, Schema, Verbose, ask_for_a_verb, begin, example, group
from footfall.output import write
from footfall.talk import log

schema_app = group("Show, create or upgrade the tables.", "footfall schema apply")
schema_app.callback(invoke_without_command=True)(ask_for_a_verb)


@schema_app.command("show", epilog=example("footfall schema show"))
def schema_show(
    database: Database = None, schema: Schema = None, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Show the version and text of the tables."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import upkeep

    write(upkeep.schema_show(settings))
    return 0


@schema_app.command("apply", epilog=example("footfall schema apply --schema footfall"))
def schema_apply(
    database: Database = None, schema: Schema = None, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Create or upgrade the tables. Where they are current nothing changes."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import upkeep

    write(upkeep.schema_apply(settings, warn=log.warning))
    return 0


@schema_app.command("grant", epilog=example("footfall schema grant analyst"))
def schema_grant(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role that exists.")],
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Let a role read. It sees interactions and counts, not the quarantine."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall import upkeep

    write(upkeep.schema_grant(settings, role))
    return 0
