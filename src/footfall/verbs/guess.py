"""The verb guess: files -> a source definition to start from, which people read and correct."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

from footfall.contract.built_in import is_time_zone
from footfall.contract.definition import OWN_NAME
from footfall.contract.fitting import find_fitting
from footfall.contract.ids import ID_COLUMNS, IdType
from footfall.contract.parsing import NAME_PATTERN, parse_definition
from footfall.contract.terms import Contract
from footfall.errors import SettingsError, SourceError
from footfall.formats.sniffing.choose_time import ENDINGS
from footfall.formats.sniffing.looking import Look, join_looks, look_at
from footfall.formats.sniffing.proposal import propose
from footfall.formats.sniffing.records import Records
from footfall.formats.sniffing.telling import is_own_form, write_guess
from footfall.results.guessing import FirstRow, Guess, GuessedPart
from footfall.settings import Settings
from footfall.sources.finding import find_sources
from footfall.sources.opening import SourceFile, open_for_a_look
from footfall.verbs.first_rows import read_first_rows

FILES_MAX = 20  # files that are looked at, spread evenly over those that were named
DAY = re.compile(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[T_-]?\d{2,6})?")
NAME_CHARACTERS_MAX = 40
PLACE = "the proposed definition"


def guess(sources: list[str], settings: Settings, *, name: str | None = None) -> Guess:
    """Look at files and propose a source definition that reads them.

    Effects: reads small files completely and large ones in places spread over them; writes nothing.

    Raises: SourceError where it cannot tell how to read a file; SettingsError where `name` cannot be a name.
    """
    if name is not None and (not NAME_PATTERN.fullmatch(name) or name == OWN_NAME):
        raise SettingsError(f"--name: {name!r} cannot name a definition; use letters, digits, - and _")
    paths = find_sources(sources).paths
    step = -(-len(paths) // FILES_MAX)
    with ExitStack() as opened:
        first = opened.enter_context(open_for_a_look(paths[0]))  # opened once, since stdin can be read only once
        looks = [look_at(first), *map(_open_and_look, paths[step::step])]
        return _propose(looks, first, settings, name, len(paths))


def _open_and_look(path: str) -> Look:
    with open_for_a_look(path) as file:
        return look_at(file)


def _propose(looks: list[Look], first: SourceFile, settings: Settings, name: str | None, files: int) -> Guess:
    records, is_whole = join_looks(looks)
    given = name or _make_name(looks[0])
    set_types = read_set_types(settings)
    proposal = propose(records, looks[0].file_name, looks[0].source, set_types)
    definition = parse_definition(given, proposal.definition, PLACE, is_time_zone=is_time_zone)
    parts = proposal.parts
    if files > len(looks):
        told = f"{len(looks):,} of {files:,} files were looked at"
        parts = (GuessedPart("", None, "likely", told), *parts)
    types = {key: kind for key, kind in proposal.types.items() if not _fits(set_types.get(key, "bigint"), kind)}
    id_types = replace(
        settings.id_types, **{key.removesuffix("_type"): cast(IdType, kind) for key, kind in types.items()}
    )
    contract = replace(settings.contract, definition=definition, id_types=id_types)
    rows, rows_skipped, unread = _read_rows(first, contract)
    made = Guess(
        name=given,
        sources=tuple(look.source for look in looks),
        looks_like=records.looks_like,
        rows_seen=records.rows,
        is_whole=is_whole and files == len(looks),
        definition=proposal.definition,
        settings=types,
        parts=(*unread, *parts),
        built_in=find_fitting(proposal.definition, _list_names(records)),
        rows=rows,
        rows_skipped=rows_skipped,
    )
    return replace(made, toml=write_guess(made, is_own=is_own_form(definition)))


def _read_rows(file: SourceFile, contract: Contract) -> tuple[tuple[FirstRow, ...], int, tuple[GuessedPart, ...]]:
    """Read the first rows as a load would; if that fails, give the failure as a doubt about the whole definition."""
    try:
        return *read_first_rows(file, contract), ()
    except SourceError as error:
        return (), 0, (GuessedPart("", None, "not sure", f"a load could not read the file so: it {error.reason}"),)


def _fits(set_type: str, needed: str) -> bool:
    """Say whether ids of the type `needed` fit tables of `set_type`; text also takes whole numbers."""
    return set_type == needed or (set_type, needed) == ("text", "bigint")


def _list_names(records: Records) -> frozenset[str]:
    """List the names and paths of the columns of the records, in lower case."""
    return frozenset(each.reference.lower() for each in records.columns if isinstance(each.reference, str))


def read_set_types(settings: Settings) -> dict[str, str]:
    """Give the types of ids that are set, by the names of their settings, and the zone of naive times."""
    given = {f"{column}_type": getattr(settings, f"{column}_type", None) for column in ID_COLUMNS}
    return {name: kind for name, kind in given.items() if kind} | {"source_time_zone": settings.source_time_zone}


def _make_name(look: Look) -> str:
    """Make the name of a definition from a file's name: lower case letters, digits and _, without endings and days."""
    stem = DAY.sub("", ENDINGS.sub("", look.file_name))
    stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower()[:NAME_CHARACTERS_MAX]
    return stem if stem and stem != OWN_NAME and not stem.isdigit() else "events"
