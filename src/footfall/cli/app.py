"""Build the groups of commands, and the help and the options of all commands. Nothing heavy is imported."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footfall.cli.talk import log, talk

if TYPE_CHECKING:
    from footfall.settings import Settings

PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


def make_example(*commands: str) -> str:
    # \b keeps the line breaks of the paragraph.
    return "\b\n" + "\n".join(["Examples:" if len(commands) > 1 else "Example:", *(f"  {each}" for each in commands)])


def group(about: str, *examples: str) -> typer.Typer:
    return typer.Typer(
        help=about,
        epilog=make_example(*examples),
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )


def make_setting_option(option: str, metavar: str | None, about: str) -> Any:
    # typer's envvar is not used: settings.py alone reads these, so that each value has one way in and one message.
    variable = {"--database": "FOOTFALL_DATABASE_URL"}.get(option, "FOOTFALL_" + option[2:].upper().replace("-", "_"))
    return typer.Option(option, metavar=metavar, help=f"{about}  [env var: {variable}]", show_default=False)


def call_option(*names: str, about: str, metavar: str | None = None, minimum: int | None = None) -> Any:
    variable = "FOOTFALL_" + names[0][2:].upper().replace("-", "_")
    return typer.Option(
        *names, help=about, metavar=metavar, min=minimum, envvar=variable, show_envvar=True, show_default=False
    )


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files, folders (*.csv, *.tsv, *.json, *.jsonl, *.parquet), patterns, URLs (s3, gs, abfs, https), or - "
        "for stdin.",
    ),
]
Database = Annotated[
    str | None,
    make_setting_option(
        "--database", "URL", "Anything libpq accepts. Without it: PGHOST, PGSERVICE, ..., else the embedded one."
    ),
]
Schema = Annotated[str | None, make_setting_option("--schema", "NAME", "Schema of Footfall's tables; default public.")]
MaxRejected = Annotated[
    str | None,
    make_setting_option(
        "--max-rejected", "X", "Load nothing of a file with more rejected rows: a share (0.2, 20%) or a number."
    ),
]
Source = Annotated[
    str | None,
    make_setting_option(
        "--source", "NAME", "The source definition that says how the files are read; `footfall sources`."
    ),
]
Delimiter = Annotated[
    str | None, make_setting_option("--delimiter", "C", "One character between fields, or tab; default a comma.")
]
Rehash = Annotated[
    bool | None, make_setting_option("--rehash", None, "Read every file, even one that was loaded and did not change.")
]
Retry = Annotated[bool | None, make_setting_option("--retry", None, "Load a file again when the connection was lost.")]
Workers = Annotated[
    int | None,
    make_setting_option("--workers", "N", "Processes that judge and stage large plain files; default 1."),
]
Engine = Annotated[
    str | None,
    make_setting_option("--engine", "NAME", "Who stages large plain files: processes (default), spark or dask."),
]
Master = Annotated[
    str | None,
    make_setting_option("--master", "URL", "With --engine spark: spark://, yarn, local[4], or sc:// of Spark Connect."),
]
Scheduler = Annotated[str | None, make_setting_option("--scheduler", "URL", "With --engine dask: tcp:// or tls://.")]
Again = Annotated[
    bool, call_option("--again", about="Take a file that is loaded back, and load it anew by the contract of today.")
]
WithLater = Annotated[
    bool,
    call_option("--with-later", about="Take back the later loads, too, that cannot stand without what goes."),
]
TextOrJson = Annotated[Literal["table", "json"], call_option("--format", about="How to print the result.")]
Format = Annotated[Literal["table", "csv", "json"], call_option("--format", about="How to print the result.")]
EscapeFormulas = Annotated[
    bool,
    call_option("--escape-formulas", about="In CSV: put ' before text that a spreadsheet would take for a formula."),
]
Quiet = Annotated[bool, call_option("--quiet", "-q", about="Say nothing on stderr while all goes well.")]
Verbose = Annotated[bool, call_option("--verbose", "-v", about="Say more, and show where an error came from.")]


def ask_for_a_verb(context: typer.Context) -> None:
    """Show the help of a group on stderr if no verb is given."""
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


@contextmanager
def _keep_plugins_out() -> Iterator[None]:
    """Keep pydantic from looking for plugins while a class of ours is made: it would read a file of every package.

    Effects: a variable of the environment, set for the length of the block.
    """
    before = os.environ.get(PLUGINS)
    os.environ[PLUGINS] = "__all__"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PLUGINS]
        else:
            os.environ[PLUGINS] = before


def begin(quiet: bool, verbose: bool, **options: object) -> Settings:
    """Set how much is said, and give the settings in force. Every verb does this first."""
    log.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    with _keep_plugins_out():
        from footfall.settings import load_settings

    settings = load_settings(**options)
    talk.is_json = settings.log_format == "json"
    if settings.engine == "spark":
        from footfall.without_pandas import let_pandas_in

        let_pandas_in()
    return settings


app = group(
    "Turn files of user interactions into counts that people can trust, in PostgreSQL.\n\n"
    "Options come after the verb. Settings: options, then FOOTFALL_* variables, .env, footfall.toml.",
    "footfall load data/sample.csv",
    "footfall rejects",
    "footfall verify",
)
