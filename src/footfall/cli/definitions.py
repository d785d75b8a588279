"""The commands about source definitions: guess, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footfall.cli.app import EscapeFormulas, Format, Quiet, Sources, Verbose, app, begin, call_option, make_example
from footfall.cli.output import print_rows, write
from footfall.cli.talk import log

if TYPE_CHECKING:
    from footfall.results.guessing import Guess

CELL_CHARACTERS_MAX = 40  # characters of a value among the first rows that are shown


@app.command(
    epilog=make_example("footfall guess exports/events.csv", "footfall guess 'logs/*.jsonl.gz' --name app --write")
)
def guess(
    sources: Sources,
    name: Annotated[
        str | None, call_option("--name", metavar="NAME", about="Of the definition; default: after the file.")
    ] = None,
    to_write: Annotated[
        bool, call_option("--write", about="Add it to footfall.toml, where no definition has that name.")
    ] = False,
    fmt: Annotated[Literal["toml", "json"], call_option("--format", about="How to print the definition.")] = "toml",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Look at files and propose how to read them. Comments say why, and what could not be known begins with NOT SURE.

    The first five rows, as they would be read, are shown on stderr: they may name people, and -q leaves them out.
    """
    settings = begin(quiet, verbose)
    from footfall.answers import words
    from footfall.verbs import definitions as definitions_verb
    from footfall.verbs import guess as guess_verb

    made = guess_verb.guess(sources, settings, name=name)
    if to_write:
        place = definitions_verb.write_definition(made)
        log.info("the definition %s is in %s now: footfall load FILE --source %s", made.name, place, made.name)
    write(words.guess_json(made) if fmt == "json" else made.toml.rstrip("\n"))
    _show_rows(made)
    return 0


def _show_rows(made: Guess) -> None:
    """Show the first rows as they would be read, one below the other. What is doubtful is counted."""
    from footfall.answers.words import describe_problems
    from footfall.contract.shapes import COLUMNS
    from footfall.safe_text import escape_unprintable

    table = [COLUMNS, *([_shorten(value) for value in row.values] for row in made.rows if row.values is not None)]
    widths = [max(len(row[at]) for row in table) for at in range(len(COLUMNS))]
    lines = iter("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in table)
    if made.rows:
        log.info("the first rows, as they would be read:")
        log.info("  %s", next(lines))
    for row in made.rows:
        place = f"line {row.line_number}" + (f" item {row.item}" if row.item else "")
        problems = escape_unprintable(describe_problems(row.problems))
        log.info("  %s", next(lines) if row.values else f"{place} is rejected: {problems}")
    if made.rows_skipped:
        rows = "one record" if made.rows_skipped == 1 else f"{made.rows_skipped:,} records"
        log.info("  %s before the last of these %s skipped", rows, "is" if made.rows_skipped == 1 else "are")
    if made.doubts:
        what = (
            "one thing could not be known: see its comment"
            if len(made.doubts) == 1
            else (f"{len(made.doubts)} things could not be known: see the comments")
        )
        log.info("%s that begins with NOT SURE" if len(made.doubts) == 1 else "%s that begin with NOT SURE", what)


def _shorten(value: str) -> str:
    from footfall.safe_text import escape_unprintable

    text = escape_unprintable(value)
    return text if len(text) <= CELL_CHARACTERS_MAX else text[: CELL_CHARACTERS_MAX - 3] + "..."


@app.command(epilog=make_example("footfall sources", "footfall sources mixpanel >> footfall.toml"))
def sources(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The one to print as TOML.")] = None,
    fmt: Format = "table",
    escape_formulas: EscapeFormulas = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """List the source definitions, or print one. Those of footfall.toml and those that are built in."""
    settings = begin(quiet, verbose)
    from footfall.verbs import definitions as definitions_verb

    if name is not None:
        write(definitions_verb.read_source(settings, name).rstrip("\n"))
        return 0
    print_rows(definitions_verb.list_sources(settings), fmt, escape_formulas)
    return 0
