"""Know which module adds which command: a command imports its own module alone, and the help imports all."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from footfall.cli.app import app, ask_for_a_verb

# The commands that each module of this room adds, in the order of the help.
MODULES = {
    "definitions": ("guess", "sources"),
    "doctor": ("doctor",),
    "files": ("load", "check"),
    "forget": ("forget",),
    "metrics": ("metrics",),
    "notify": ("notify",),
    "page": ("serve",),
    "questions": ("rejects", "loads", "query"),
    "replay": ("replay",),
    "report": ("report",),
    "undo": ("undo",),
    "upkeep": ("verify", "schema"),
    "watch": ("watch",),
    "database": ("database",),
}
ORDER = [name for names in MODULES.values() for name in names]


@app.callback(invoke_without_command=True)
def _footfall(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from footfall.cli.output import write_version

        write_version()
        raise typer.Exit
    ask_for_a_verb(context)


def gather_commands(arguments: Sequence[str] = ()) -> typer.Typer:
    """Give the command line with the commands that these arguments need: those of one module, or all if none is named.

    Effects: imports the modules. Commands that an earlier call has brought in stay.
    """
    wanted = [module for module, names in MODULES.items() if arguments and arguments[0] in names]
    for module in wanted or MODULES:
        import_module(f"footfall.cli.{module}")
    app.registered_commands.sort(key=lambda each: ORDER.index(str(each.name or getattr(each.callback, "__name__", ""))))
    app.registered_groups.sort(key=lambda each: ORDER.index(str(each.name)))
    return app
