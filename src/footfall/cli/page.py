"""The command that shows the page: serve."""

from __future__ import annotations

from typing import Annotated

from footfall.cli.app import (
    Database,
    Quiet,
    Schema,
    Verbose,
    app,
    begin,
    call_option,
    make_example,
    make_setting_option,
)
from footfall.errors import SettingsError

EXTRA = ("anyio", "starlette", "uvicorn")  # packages that the extra `page` installs


@app.command(
    epilog=make_example(
        "footfall serve", "footfall serve --port 8080 --open", "footfall serve --host 0.0.0.0 --token ''"
    )
)
def serve(
    port: Annotated[
        int, call_option("--port", metavar="N", minimum=0, about="Listen there; default 8765, 0 takes any.")
    ] = 8765,
    host: Annotated[
        str,
        call_option("--host", metavar="ADDRESS", about="Listen on this address; beyond loopback with --token only."),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        call_option("--token", metavar="T", about="Let in who has it; '' makes one and prints it with the address."),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        call_option("--allowed-host", metavar="NAME", about="A name by which a proxy calls the page; may be repeated."),
    ] = None,
    is_opened: Annotated[bool, call_option("--open", about="Open it in a browser.")] = False,
    reporting_time_zone: Annotated[
        str | None, make_setting_option("--reporting-time-zone", "ZONE", "Whose days are counted; default UTC.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show questions and the ledger in a browser. It reads, and changes nothing."""
    settings = begin(quiet, verbose, database_url=database, schema=schema, reporting_time_zone=reporting_time_zone)
    from footfall.cli.output import write

    try:
        from footfall.page.serving import Place, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise SettingsError(
            "the page needs further packages; install them with: pip install 'footfall[page]'"
        ) from error

    serve(settings, Place(host, port, tuple(allowed_host or ()), token, is_opened), say=write)
    return 0
