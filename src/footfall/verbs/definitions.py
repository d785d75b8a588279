"""The verb `sources`, which lists the source definitions, and `guess --write`, which adds one to footfall.toml."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path

from footfall.answers.replacing import open_replacement
from footfall.contract.built_in import list_built_in, read_built_in_text
from footfall.contract.definition import BLANKS, OWN_FORM, OWN_NAME, Field, SourceDefinition
from footfall.contract.fitting import read_head
from footfall.contract.shapes import COLUMNS
from footfall.contract.writing import add_to_file, write_key, write_table_of, write_value
from footfall.errors import SettingsError, UnknownNameError
from footfall.formats.sniffing.telling import write_table
from footfall.results import Table
from footfall.results.guessing import Guess
from footfall.settings import TOML_FILE, Settings

OWN_ORIGIN = "docs/reference/contract.md"


def list_sources(settings: Settings) -> Table:
    """List the source definitions: those of footfall.toml, Footfall's own form, and the built-in ones."""
    rows = [(name, "footfall.toml", ", ".join(each.match), "") for name, each in settings.definitions.items()]
    for name in list_built_in():
        if name in settings.definitions:
            continue
        about, origin = ("Footfall's own form", OWN_ORIGIN) if name == OWN_NAME else read_head(name)
        rows.append((name, "built in", about, origin))
    return Table(("name", "where", "about", "origin"), tuple(rows))


def read_source(settings: Settings, name: str) -> str:
    """Give one source definition as TOML to start from.

    Raises: UnknownNameError with a name that is close.
    """
    if name in settings.definitions:
        return f"[sources.{write_key(name)}]\n" + write_table_of(describe(settings.definitions[name]))
    if name == OWN_NAME:
        return f"[sources.{OWN_NAME}]\n" + write_table_of({column: column for column in COLUMNS})
    known = [*settings.definitions, *list_built_in()]
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "`footfall sources` lists those there are"
        raise UnknownNameError(f"there is no source definition {name!r}; {hint}")
    return f"[sources.{write_key(name)}]\n{read_built_in_text(name)}"


def describe(definition: SourceDefinition) -> dict[str, object]:
    """Give the keys of a definition as TOML has them, without those that have their default."""
    keys: dict[str, object] = {}
    for key in ("match", "format", "delimiter", "quoting", "header", "skip_lines", "comment", "columns", "encoding"):
        keys[key] = getattr(definition, key)
    for key in ("null_values", "explode", "records", "id_space"):
        keys[key] = getattr(definition, key)
    if definition.delimiter is not None and definition.delimiter != BLANKS:
        keys["delimiter"] = {"\t": "tab"}.get(definition.delimiter, definition.delimiter)
    keys = {key: value for key, value in keys.items() if value != getattr(OWN_FORM, key)}
    if definition.where:
        keys["where"] = [
            {"column": each.column}
            | ({"in": list(each.is_in)} if each.is_in is not None else {})
            | ({"not_in": list(each.not_in)} if each.not_in is not None else {})
            | ({"missing": each.is_missing} if each.is_missing is not None else {})
            for each in definition.where
        ]
    return keys | {column: _describe_field(getattr(definition, column)) for column in COLUMNS}


def _describe_field(field: Field) -> object:
    keys: dict[str, object] = {}
    if field.columns:
        keys["column"] = field.columns[0] if len(field.columns) == 1 else list(field.columns)
    if field.joined:
        keys["columns"] = list(field.joined)
    named = {"value": field.value, "from": field.made_from, "from_name": field.from_name, "default": field.default}
    keys |= {key: value for key, value in named.items() if value is not None}
    if field.extract is not None:
        keys["extract"] = field.extract
    if field.is_float:
        keys["integers"] = "as-float"
    if field.formats != ("iso",):
        keys["format"] = field.formats[0] if len(field.formats) == 1 else list(field.formats)
    if field.time_zone is not None:
        keys["time_zone"] = field.time_zone
    return keys["column"] if list(keys) == ["column"] and not isinstance(keys["column"], list) else keys


def write_definition(made: Guess) -> Path:
    """Add a guessed definition to footfall.toml, with the types of ids that it needs.

    Effects: replaces the file as a whole; its existing text stays unchanged.
    Raises: SettingsError where the file has a definition of that name, or a setting that contradicts the guess.
    """
    try:
        text = TOML_FILE.read_bytes().decode() if TOML_FILE.is_file() else ""
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        found = tomllib.loads(text.removeprefix(mark))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{TOML_FILE} cannot be added to; mend it first") from error
    if made.name in found.get("sources", {}):
        raise SettingsError(
            f"{TOML_FILE} already has a definition {made.name!r}, which is kept; choose another name with --name"
        )
    for key, kind in made.settings.items():
        if key in found:
            raise SettingsError(
                f"{TOML_FILE} says {key} = {write_value(found[key])}, and these files need {kind!r}; nothing was "
                "written. Where tables are made with that type, name another schema for these files"
            )
    try:
        added = mark + add_to_file(text.removeprefix(mark), made.settings, write_table(made))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{TOML_FILE}: {error}; put the output of guess in by hand") from error
    _replace_file(TOML_FILE, added)
    return TOML_FILE


def _replace_file(path: Path, text: str) -> None:
    """Replace a file as a whole. Raises: SettingsError where it cannot be written."""
    try:
        with open_replacement(path.resolve()) as stream:
            stream.write(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}); give the right to write it") from error
