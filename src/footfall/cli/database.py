"""The verbs `footfall database ...`: the embedded PostgreSQL started, stopped, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footfall.cli.app import Quiet, Verbose, app, ask_for_a_verb, begin, group, make_example
from footfall.cli.output import write
from footfall.cli.talk import log

if TYPE_CHECKING:
    from pathlib import Path


database_app = group(
    "Start or stop the embedded PostgreSQL. For those who have none; its folder is FOOTFALL_HOME.",
    "footfall database start",
)
database_app.callback(invoke_without_command=True)(ask_for_a_verb)
app.add_typer(database_app, name="database")


@database_app.command("start", epilog=make_example("footfall database start"))
def database_start(quiet: Quiet = False, verbose: Verbose = False) -> int:
    """Start it. It runs until `footfall database stop`."""
    home = _choose_home(quiet, verbose)
    from footfall.postgres.embedded import clients

    log.info("PostgreSQL runs until `footfall database stop`: %s", clients.start(home))
    return 0


@database_app.command("stop", epilog=make_example("footfall database stop"))
def database_stop(quiet: Quiet = False, verbose: Verbose = False) -> int:
    """Stop it. Its data stays."""
    home = _choose_home(quiet, verbose)
    from footfall.postgres.embedded import clients

    log.info("PostgreSQL is stopped" if clients.stop(home) else "PostgreSQL was not running")
    return 0


@database_app.command("status", epilog=make_example("footfall database status"))
def database_status(quiet: Quiet = False, verbose: Verbose = False) -> int:
    """Show whether it runs, and where."""
    home = _choose_home(quiet, verbose)
    from footfall.postgres.embedded import clients

    now = clients.find_status(home)
    state = ("running, kept by `footfall database start`" if now.pinned else "running") if now.running else "stopped"
    facts = {"state": state, "home": now.home, "version": now.version, "url": now.url, "pid": now.pid}
    write("\n".join(f"{name}: {fact}" for name, fact in facts.items() if fact is not None))
    return 0


@database_app.command("url", epilog=make_example('psql "$(footfall database url)"'))
def database_url(quiet: Quiet = False, verbose: Verbose = False) -> int:
    """Show its address, for psql and others."""
    home = _choose_home(quiet, verbose)
    from footfall.postgres.embedded import clients

    write(clients.find_url(home))
    return 0


def _choose_home(quiet: bool, verbose: bool) -> Path:
    settings = begin(quiet, verbose)
    from footfall.postgres.embedded import clients

    return settings.home or clients.find_default_home()
