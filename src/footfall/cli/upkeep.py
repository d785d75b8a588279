"""The commands that keep the tables in order: verify, schema."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.cli.app import (
    Database,
    Quiet,
    Schema,
    Verbose,
    app,
    ask_for_a_verb,
    begin,
    call_option,
    group,
    make_example,
)
from footfall.cli.output import print_rows, write
from footfall.cli.talk import log
from footfall.errors import DriftError


@app.command(epilog=make_example("footfall verify", "footfall verify --repair"))
def verify(
    repair: Annotated[bool, call_option("--repair", about="Replace kept counts by their recount.")] = False,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compare all that is kept with what it comes from. What differs is shown, and the exit code is 7."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.answers import words
    from footfall.answers.cures import list_cures
    from footfall.verbs import verify as verify_verb

    found = verify_verb.verify(settings, repair=repair)
    write(str(found))
    if found.drift:
        print_rows(words.make_drift_table(found), "table")
    if found.drift_count:
        for cure in list_cures(found):
            log.error("%s", cure)
        return DriftError.exit_code
    return 0


schema_app = group("Show, create or upgrade the tables.", "footfall schema apply")
schema_app.callback(invoke_without_command=True)(ask_for_a_verb)
app.add_typer(schema_app, name="schema")


@schema_app.command("show", epilog=make_example("footfall schema show"))
def schema_show(
    database: Database = None, schema: Schema = None, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Show the version and text of the tables."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.verbs import schema as schema_verb

    write(schema_verb.show_schema(settings))
    return 0


@schema_app.command(
    "apply", epilog=make_example("footfall schema apply --schema footfall", "footfall schema apply --with user-days")
)
def schema_apply(
    with_options: Annotated[
        list[str] | None,
        call_option("--with", metavar="OPTION", about="Keep more from now on, what is loaded included: user-days."),
    ] = None,
    without: Annotated[
        list[str] | None, call_option("--without", metavar="OPTION", about="Keep it no longer, and remove it.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Create or upgrade the tables. Where they are current nothing changes."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.verbs import schema as schema_verb

    write(schema_verb.upgrade_schema(settings, with_options=with_options or (), without=without or ()))
    return 0


@schema_app.command("grant", epilog=make_example("footfall schema grant analyst"))
def schema_grant(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role that exists.")],
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Let a role read. It sees interactions and counts, not the quarantine."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.verbs import schema as schema_verb

    write(schema_verb.grant_reading(settings, role))
    return 0
