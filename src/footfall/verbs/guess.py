"""The verb guess: files -> a source definition to start from, which people read and correct."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from footfall.contract.built_in import BuiltIn, find_built_in
from footfall.contract.definition import OWN_FORM, OWN_NAME, SourceDefinition
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.parsing import NAME_PATTERN, parse_definition
from footfall.contract.shapes import COLUMNS
from footfall.contract.writing import write_comment, write_key, write_value
from footfall.errors import SettingsError
from footfall.formats.sniffing.choose_time import ENDINGS
from footfall.formats.sniffing.looking import Look, join_looks, look_at
from footfall.formats.sniffing.preview import read_rows
from footfall.formats.sniffing.proposal import propose
from footfall.formats.sniffing.records import Records
from footfall.results.guessing import Guess, GuessedPart
from footfall.settings import Settings
from footfall.sources.finding import find_sources

FILES_MAX = 20  # files that are looked at, from all over those that were named
NOT_SURE = "NOT SURE: "
PLACE = "the proposed definition"


def guess(sources: list[str], settings: Settings, *, name: str | None = None) -> Guess:
    """Look at files and propose a source definition that reads them.

    Effects: reads the files, all of small ones and places from all over large ones; writes nothing.

    Raises: SourceError with what a file is, where it cannot tell; SettingsError where the name is none.
    """
    paths = find_sources(sources).paths
    step = -(-len(paths) // FILES_MAX)
    looks = [look_at(path) for path in paths[::step]]
    records, is_whole = join_looks(looks)
    given = name or _make_name(looks)
    if not NAME_PATTERN.fullmatch(given) or given == OWN_NAME:
        raise SettingsError(f"--name: {given!r} is no name of a definition; use letters, digits, - and _")
    set_types = read_set_types(settings)
    proposal = propose(records, looks[0].file_name, looks[0].source, set_types)
    definition = parse_definition(given, proposal.definition, PLACE, is_time_zone=lambda zone: True)
    parts = proposal.parts
    if len(paths) > len(looks):
        told = f"{len(looks)} of {len(paths)} files were looked at"
        parts = (GuessedPart("", None, "likely", told), *parts)
    needed = {key: kind for key, kind in proposal.types.items() if set_types.get(key, "bigint") != kind and not _fits(set_types.get(key), kind)}
    built_in = find_built_in(proposal.definition, records_names(records))
    rows = read_rows(records, definition)
    made = Guess(
        name=given,
        sources=tuple(look.source for look in looks),
        looks_like=records.looks_like,
        rows_seen=records.rows,
        is_whole=is_whole and len(paths) == len(looks),
        definition=proposal.definition,
        settings=needed,
        parts=parts,
        built_in=built_in.name if built_in else None,
        rows=rows,
    )
    return _with_text(made, definition, built_in)


def _fits(set_type: str | None, needed: str) -> bool:
    """Say whether ids of a type fit tables that are set to another one: text takes whole numbers."""
    return set_type == "text" and needed == "bigint"


def records_names(records: Records) -> frozenset[str]:
    """Give the names and paths that the records have."""
    return frozenset(str(column.reference).lower() for column in records.columns if not isinstance(column.reference, int))


def read_set_types(settings: Settings) -> dict[str, str]:
    """Give the types of ids that are set, by the names of their settings, and the zone of naive times."""
    names = [f"{column}_type" for column in ID_COLUMNS]
    given = settings.model_fields_set
    found = {name: str(getattr(settings, name)) for name in names if name in given}
    return found | {"source_time_zone": settings.source_time_zone}


def _make_name(looks: list[Look]) -> str:
    """Make a name of a file's: small letters, digits and hyphens, without endings and days."""
    stem = ENDINGS.sub("", looks[0].file_name)
    stem = re.sub(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[T_-]?\d{2,6})?", "", stem)
    stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower()
    return stem[:40] if stem and stem != OWN_NAME and not stem.isdigit() else "events"


def _with_text(made: Guess, definition: SourceDefinition, built_in: BuiltIn | None) -> Guess:
    from dataclasses import replace

    return replace(made, toml=write_guess(made, is_own_form=_is_own_form(definition), built_in=built_in))


def _is_own_form(definition: SourceDefinition) -> bool:
    from dataclasses import replace

    same = {column: getattr(OWN_FORM, column) for column in COLUMNS}
    lowered = {
        column: replace(field, columns=tuple(str(each).lower() for each in field.columns))
        for column, field in zip(COLUMNS, definition.fields, strict=True)
    }
    return lowered == same and definition.format == "csv" and (definition.delimiter, definition.header, definition.skip_lines) == (
        None,
        True,
        0,
    )


def write_guess(made: Guess, *, is_own_form: bool = False, built_in: BuiltIn | None = None) -> str:
    """Write a guess as TOML: settings, then the table, with a comment above each key that says why."""
    seen = "all of it" if made.is_whole else "samples from all over"
    files = ", ".join(made.sources[:3]) + (f" and {len(made.sources) - 3} more" if len(made.sources) > 3 else "")
    lines = write_comment(f"{files}: {made.looks_like}; {made.rows_seen:,} rows were looked at, {seen}.")
    doubts = len(made.doubts)
    if doubts:
        lines += write_comment(f"{doubts} line{'s' if doubts > 1 else ''} below begin{'' if doubts > 1 else 's'} with NOT SURE: look at these first.")
    if is_own_form:
        lines += write_comment("This is Footfall's own form: it loads without a definition.")
    if built_in is not None:
        about = built_in.about.rstrip(".")
        lines += write_comment(f"It fits the built-in definition {built_in.name} ({about}): load it with --source {built_in.name}.")
    if made.settings:
        lines += write_comment("The types of ids that these files need; they stand above every [table], and hold for all sources.")
        lines += [f"{key} = {write_value(value)}" for key, value in made.settings.items()]
    lines += ["", *_write_remarks(made, ""), f"[sources.{write_key(made.name)}]"]
    lines += write_comment(f"match = {write_value(list(made.sources[:1]))}", "Loads need no --source with: ")
    for key, value in made.definition.items():
        lines += _write_remarks(made, key)
        lines.append(f"{key} = {write_value(value)}")
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    return text


def _write_remarks(made: Guess, key: str) -> list[str]:
    lines: list[str] = []
    for part in made.parts:
        if part.key == key:
            lead = NOT_SURE if part.confidence == "not sure" else ""
            about = f"{key}: " if key and part.confidence != "sure" else ""
            lines += write_comment(f"{about}{part.reason}", lead)
    return lines


def guess_object(made: Guess) -> dict[str, Any]:
    """Give a guess as an object for JSON."""
    return {
        "name": made.name,
        "files": list(made.sources),
        "looks_like": made.looks_like,
        "rows_seen": made.rows_seen,
        "is_whole": made.is_whole,
        "built_in": made.built_in,
        "settings": made.settings,
        "definition": made.definition,
        "parts": [_part_object(part) for part in made.parts],
        "doubts": [_part_object(part) for part in made.doubts],
        "rows": [dict(zip(COLUMNS, row, strict=True)) for row in made.rows],
    }


def _part_object(part: GuessedPart) -> Mapping[str, Any]:
    return {"key": part.key or None, "value": part.value, "confidence": part.confidence, "reason": part.reason}
