"""The verb guess: files -> a source definition to start from, which people read and correct."""

from __future__ import annotations

import re
from dataclasses import replace

from footfall.contract.built_in import is_time_zone
from footfall.contract.definition import OWN_NAME
from footfall.contract.fitting import find_fitting
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.parsing import NAME_PATTERN, parse_definition
from footfall.errors import SettingsError
from footfall.formats.sniffing.choose_time import ENDINGS
from footfall.formats.sniffing.looking import Look, join_looks, look_at
from footfall.formats.sniffing.preview import read_rows
from footfall.formats.sniffing.proposal import propose
from footfall.formats.sniffing.records import Records
from footfall.formats.sniffing.telling import is_own_form, write_guess
from footfall.results.guessing import Guess, GuessedPart
from footfall.settings import Settings
from footfall.sources.finding import find_sources

FILES_MAX = 20  # files that are looked at, from all over those that were named
DAY = re.compile(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[T_-]?\d{2,6})?")
NAME_CHARACTERS_MAX = 40
PLACE = "the proposed definition"


def guess(sources: list[str], settings: Settings, *, name: str | None = None) -> Guess:
    """Look at files and propose a source definition that reads them.

    Effects: reads the files, all of small ones and places from all over large ones; writes nothing.

    Raises: SourceError with what a file is, where it cannot tell; SettingsError where the name is none.
    """
    if name is not None and (not NAME_PATTERN.fullmatch(name) or name == OWN_NAME):
        raise SettingsError(f"--name: {name!r} cannot name a definition; use letters, digits, - and _")
    paths = find_sources(sources).paths
    step = -(-len(paths) // FILES_MAX)
    looks = [look_at(path) for path in paths[::step]]
    records, is_whole = join_looks(looks)
    given = name or _make_name(looks[0])
    set_types = read_set_types(settings)
    proposal = propose(records, looks[0].file_name, looks[0].source, set_types)
    definition = parse_definition(given, proposal.definition, PLACE, is_time_zone=is_time_zone)
    parts = proposal.parts
    if len(paths) > len(looks):
        told = f"{len(looks):,} of {len(paths):,} files were looked at"
        parts = (GuessedPart("", None, "likely", told), *parts)
    made = Guess(
        name=given,
        sources=tuple(look.source for look in looks),
        looks_like=records.looks_like,
        rows_seen=records.rows,
        is_whole=is_whole and len(paths) == len(looks),
        definition=proposal.definition,
        settings={key: kind for key, kind in proposal.types.items() if not _fits(set_types.get(key, "bigint"), kind)},
        parts=parts,
        built_in=find_fitting(proposal.definition, _list_names(records)),
        rows=read_rows(proposal.records, definition),
    )
    return replace(made, toml=write_guess(made, is_own=is_own_form(definition)))


def _fits(set_type: str, needed: str) -> bool:
    """Say whether ids of a type fit tables of another: text takes whole numbers, too."""
    return set_type == needed or (set_type, needed) == ("text", "bigint")


def _list_names(records: Records) -> frozenset[str]:
    """Give the names and paths that the records have."""
    return frozenset(each.reference.lower() for each in records.columns if isinstance(each.reference, str))


def read_set_types(settings: Settings) -> dict[str, str]:
    """Give the types of ids that are set, by the names of their settings, and the zone of naive times."""
    given = {f"{column}_type": getattr(settings, f"{column}_type", None) for column in ID_COLUMNS}
    return {name: kind for name, kind in given.items() if kind} | {"source_time_zone": settings.source_time_zone}


def _make_name(look: Look) -> str:
    """Make a name of a file's: small letters, digits and hyphens, without endings and days."""
    stem = DAY.sub("", ENDINGS.sub("", look.file_name))
    stem = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower()[:NAME_CHARACTERS_MAX]
    return stem if stem and stem != OWN_NAME and not stem.isdigit() else "events"
