"""A source definition and the columns of one file -> the layout, which says where the five texts stand in a record."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from footfall.contract.definition import BLANKS, OWN_NAME, Reference, SourceDefinition
from footfall.contract.first_line import choose_names, describe_look
from footfall.contract.paths import ARROW, parse_path
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.errors import SourceError

# Explains the ways to make ids. Only the owner of the files knows which is right.
MAKE_IDS = (
    "; files without an id of the interaction need a definition that says how ids are made: interaction_id = "
    '{ from = "record" } of the whole record and its number among equal ones, "fields" of the five values alone, '
    '"position" of the file and the line'
)
Kind = Literal["delimited", "json", "parquet", "kept"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the position of its text in a record, from 1, and a path where that text is JSON."""

    at: int
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All that the kernel must know about a file before its records. Files of one layout can be judged together.

    Shape: `places` has the places of each field in the order of COLUMNS, and of each field in the order of the
    definition; a field without any is a constant or a made id. `conditions` has the place of each condition.
    `surplus` are the names of ignored columns. `absent` is a sentence about missing columns that have a substitute.
    `field_count` is the number of texts in a record. `paths` are JSON paths in DuckDB's form, one for each text.
    `has_items` is true where several rows may begin on one line, which are then numbered there. `names` and `types`
    belong to the columns of a Parquet file; its rows that the quarantine kept are of the kind `kept`. `encoding` is
    that of the stored bytes, as Python names it. `file_time` is the timestamp in the name of the file. `digest` is that
    of the file, where ids are made of it. `header` names the fields of a record, as the ledger keeps it; files that
    differ in nothing else can be judged together.
    """

    kind: Kind
    contract: Contract
    field_count: int
    places: tuple[tuple[Place, ...], ...]
    conditions: tuple[Place, ...] = ()
    surplus: tuple[str, ...] = ()
    absent: str | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    paths: tuple[str, ...] = ()
    has_items: bool = False
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    file_time: str | None = None
    digest: str | None = None
    header: str | None = dataclasses.field(default=None, compare=False)

    @property
    def definition(self) -> SourceDefinition:
        """The source definition by which the file is read."""
        return self.contract.definition


def list_references(definition: SourceDefinition) -> tuple[Reference, ...]:
    """List the columns that a definition names, each once: first those of the fields, then those of the conditions."""
    found = [each for field in definition.fields for each in (*field.columns, *field.joined)]
    return tuple(dict.fromkeys([*found, *(each.column for each in definition.where)]))


def place_by_name(definition: SourceDefinition, fields: Sequence[str], source: str) -> dict[Reference, Place]:
    """Find the columns of a definition among those of a file by name, in any case, or by position.

    Raises: SourceError where a column is missing or its name stands twice.

    Example:
        >>> fields = ["timestamp", " User_ID", "interaction_id", "product_id", "action"]
        >>> [place.at for place in place_by_name(SourceDefinition(), fields, "a.csv").values()]
        [3, 2, 4, 5, 1]
    """
    names = [field.strip(" \t").lower() for field in fields]
    found: dict[Reference, Place] = {}
    missing: dict[Reference, str] = {}
    for reference in list_references(definition):
        if isinstance(reference, int):
            if reference > len(names):
                raise SourceError(
                    f"has {len(names):,} columns, and the definition {definition.name!r} names column {reference}",
                    source=source,
                )
            found[reference] = Place(reference)
            continue
        name, path = reference, None
        if ARROW in reference and reference.lower() not in names:
            name, _, steps = reference.partition(ARROW)
            name, path = name.strip(" \t"), parse_path(steps).write_for_duckdb()
        if names.count(name.lower()) > 1:
            raise SourceError(f"the header names the column {name!r} twice; keep one of them", source=source)
        if name.lower() in names:
            found[reference] = Place(names.index(name.lower()) + 1, path)
        else:
            missing[reference] = name
    needed = _list_needed(definition, found)
    if wanting := [name for reference, name in missing.items() if reference in needed]:
        raise SourceError(_describe_missing(definition, wanting, list(fields)), source=source)
    return found


def _list_needed(definition: SourceDefinition, found: Mapping[Reference, Place]) -> set[Reference]:
    """List the columns that a file must have: all that no other column and no default can replace."""
    needed: set[Reference] = {each.column for each in definition.where}
    for field in definition.fields:
        needed |= set(field.joined)
        if field.default is None and not any(each in found for each in field.columns):
            needed |= set(field.columns)
    return needed


def describe_absent(definition: SourceDefinition, found: Mapping[Reference, Place]) -> str | None:
    """Say which columns of a definition a file does not have and can do without; None where it has all."""
    absent = [str(each) for each in list_references(definition) if each not in found]
    if not absent:
        return None
    one = len(absent) == 1
    return f"has no column {', '.join(map(repr, absent))}; what stands in for {'it' if one else 'them'} is taken"


def list_surplus(fields: Sequence[str], found: dict[Reference, Place]) -> tuple[str, ...]:
    """List the names of a header that no field and no condition reads."""
    used = {place.at for place in found.values()}
    return tuple(field.strip(" \t") for at, field in enumerate(fields, 1) if at not in used)


def find_places(
    definition: SourceDefinition, found: dict[Reference, Place]
) -> tuple[tuple[tuple[Place, ...], ...], tuple[Place, ...]]:
    """List the places of the five fields, and those of the conditions."""
    places = tuple(
        tuple(found[each] for each in (*field.columns, *field.joined) if each in found) for field in definition.fields
    )
    return places, tuple(found[each.column] for each in definition.where)


def read_file_time(definition: SourceDefinition, source: str) -> str | None:
    """Read the timestamp in the name of a file as text; None where the definition does not take it from there.

    Raises: SourceError where the name does not fit the pattern.

    Example:
        >>> from footfall.contract.definition import Field
        >>> read_file_time(SourceDefinition(timestamp=Field(from_name="log-%Y%m%d")), "in/log-20260301.csv.gz")
        '2026-03-01T00:00:00'
    """
    pattern = definition.timestamp.from_name
    if pattern is None:
        return None
    name = source.rstrip("/").rpartition("/")[2]
    for end in [len(name), *(found.start() for found in reversed(list(re.finditer(r"\.", name))))]:
        try:
            return datetime.strptime(name[:end], pattern).isoformat()  # noqa: DTZ007  (read in the zone of the source)
        except ValueError:
            continue
    raise SourceError(
        f"the name {name!r} does not fit timestamp.from_name = {pattern!r} of the definition {definition.name!r}",
        source=source,
    )


def _describe_missing(definition: SourceDefinition, missing: list[str], fields: list[str]) -> str:
    """Say which columns a header lacks, and what the file looks like, without quoting a value of a row."""
    if not definition.header:
        return (
            f"has no header by the definition {definition.name!r}, which reads {', '.join(map(repr, missing))}; write "
            "the position of a column, or list the names of all in `columns`"
        )
    delimiter = " " if definition.delimiter == BLANKS else definition.delimiter or ","
    shown = choose_names(fields)
    look = describe_look(delimiter.join(fields), delimiter, COLUMNS)
    named = ", ".join(repr(name) for name in missing)
    if definition.name == OWN_NAME:
        wanted = f"the first line must name {', '.join(COLUMNS)}"
    else:
        wanted = f"the definition {definition.name!r} reads {'it' if len(missing) == 1 else 'them'}"
    ids = [str(each) for each in definition.interaction_id.columns]
    is_alone = definition.name != OWN_NAME or missing == ids
    made = MAKE_IDS if is_alone and any(each in missing for each in ids) else ""
    return (
        f"the header has no column {named} (it has {len(fields):,} column{'' if len(fields) == 1 else 's'}"
        + (f", among them {', '.join(shown)}" if shown else "")
        + f"); {wanted}{made}"
        + (f"; {look}" if look else "")
    )
