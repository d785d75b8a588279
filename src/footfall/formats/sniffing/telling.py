"""Write a guess as TOML, with a comment above each key that says why it was chosen."""

from __future__ import annotations

from dataclasses import replace

from footfall.contract.definition import OWN_FORM, SourceDefinition
from footfall.contract.fitting import read_head
from footfall.contract.writing import write_comment, write_key, write_value
from footfall.results.guessing import Guess

NOT_SURE = "NOT SURE: "  # the comment of everything doubtful begins with it
SOURCES_NAMED = 3


def is_own_form(definition: SourceDefinition) -> bool:
    """Say whether a definition is Footfall's own form, so that its files load without one."""
    lowered = [
        replace(field, columns=tuple(str(each).lower() for each in field.columns)) for field in definition.fields
    ]
    interaction_id, user_id, product_id, action, timestamp = lowered
    plain = replace(
        definition,
        name=OWN_FORM.name,
        format=None,
        interaction_id=interaction_id,
        user_id=user_id,
        product_id=product_id,
        action=action,
        timestamp=timestamp,
    )
    return plain == OWN_FORM and definition.format == "csv"


def write_guess(made: Guess, *, is_own: bool = False) -> str:
    """Write a guess as TOML: the settings that it needs, then the table, with comments that say why."""
    lines = [*_write_head(made, is_own), *(f"{key} = {write_value(value)}" for key, value in made.settings.items())]
    return "\n".join(lines) + f"\n\n{write_table(made)}"


def write_table(made: Guess) -> str:
    """Write the table of a guess."""
    lines = [f"[sources.{write_key(made.name)}]", *_write_remarks(made, "")]
    lines += write_comment(f"match = {write_value(list(made.sources[:1]))}", "With a match, loads need no --source: ")
    for key, value in made.definition.items():
        lines += [*_write_remarks(made, key), f"{key} = {write_value(value)}"]
    return "\n".join(lines) + "\n"


def _write_head(made: Guess, is_own: bool) -> list[str]:
    seen = "all of it" if made.is_whole else "from all over"
    files = ", ".join(made.sources[:SOURCES_NAMED])
    if len(made.sources) > SOURCES_NAMED:
        files += f" and {len(made.sources) - SOURCES_NAMED:,} more"
    rows = f"{made.rows_seen:,} row{' was' if made.rows_seen == 1 else 's were'} looked at"
    lines = write_comment(f"{files}: {made.looks_like}; {rows}, {seen}.")
    if made.doubts:
        lines += write_comment(f"What begins with {NOT_SURE.strip()} could not be known: look at it first.")
    if is_own:
        lines += write_comment("This is Footfall's own form: it loads without a definition.")
    if made.built_in is not None:
        about = read_head(made.built_in)[0].rstrip(".")
        lines += write_comment(
            f"It fits the built-in {made.built_in} ({about}): load it with --source {made.built_in}."
        )
    if made.settings:
        lines += write_comment("The types that the ids of these files need; they hold for the tables of all sources.")
    return lines


def _write_remarks(made: Guess, key: str) -> list[str]:
    lines: list[str] = []
    for part in made.parts:
        if part.key == key:
            lead = NOT_SURE if part.confidence == "not sure" else ""
            about = f"{key}: " if key and part.confidence != "sure" else ""
            lines += write_comment(f"{about}{part.reason}", lead)
    return lines
