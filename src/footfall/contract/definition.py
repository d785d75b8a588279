"""A source definition: how the records of one kind of files become interactions. `parsing` reads one from TOML."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from footfall.contract.shapes import COLUMNS

FormatName = Literal["csv", "jsonl", "json", "parquet"]
MadeFrom = Literal["record", "fields", "position"]
Reference = str | int  # a header name, a path in JSON, or a 1-based position
OWN_NAME = "footfall"


@dataclass(frozen=True, slots=True)
class Field:
    """Where one of the five values of an interaction comes from.

    Shape: `columns` are tried in order, and the first that is not missing gives the value. The columns `joined` are
    joined to one value: a key of several columns, or a date and a time. `value` is a constant for every record, and
    `default` the value of records in which all columns are missing. `extract` is a regular expression with one group.
    `made_from` says what an interaction id is made of. With `is_float`, 123.0 is read as the id 123. `formats`,
    `time_zone` and `from_name` belong to a timestamp: how it is written, the zone of times without one, and the
    pattern of file names that contain it.
    """

    columns: tuple[Reference, ...] = ()
    joined: tuple[Reference, ...] = ()
    value: str | None = None
    default: str | None = None
    extract: str | None = None
    made_from: MadeFrom | None = None
    is_float: bool = False
    formats: tuple[str, ...] = ("iso",)
    time_zone: str | None = None
    from_name: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that every interaction meets. Exactly one of `is_in`, `not_in` and `is_missing` is not None."""

    column: Reference
    is_in: tuple[str, ...] | None = None
    not_in: tuple[str, ...] | None = None
    is_missing: bool | None = None


def _make_field_of_name(name: str) -> Field:
    return Field(columns=(name,))


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """How files of one kind are read. Each attribute is a key of a definition; without any, it is Footfall's own form.

    Shape: `format` and `delimiter` are None where the name of the file decides. `delimiter` is one character or more,
    or BLANKS for a run of spaces and tabs. `columns` names the fields of a file without a header. `explode` is the path
    of a list whose items are rows, `records` the path of the list of records in a JSON document.
    `match` holds the patterns of the paths that the definition is for; it has no influence on verdicts.
    """

    name: str = OWN_NAME
    match: tuple[str, ...] = ()
    format: FormatName | None = None
    delimiter: str | None = None
    quoting: bool = True
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    comment: str | None = None
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    explode: str | None = None
    records: str | None = None
    id_space: str | None = None
    interaction_id: Field = field(default_factory=lambda: _make_field_of_name("interaction_id"))
    user_id: Field = field(default_factory=lambda: _make_field_of_name("user_id"))
    product_id: Field = field(default_factory=lambda: _make_field_of_name("product_id"))
    action: Field = field(default_factory=lambda: _make_field_of_name("action"))
    timestamp: Field = field(default_factory=lambda: _make_field_of_name("timestamp"))

    @property
    def fields(self) -> tuple[Field, ...]:
        """The five fields, in the order of COLUMNS."""
        return tuple(getattr(self, column) for column in COLUMNS)

    @property
    def made_from(self) -> MadeFrom | None:
        """What interaction ids are made of; None where the files have ids."""
        return self.interaction_id.made_from

    @property
    def id_space_in_use(self) -> str:
        """The text that is mixed into made ids, so that different kinds of files get different ids."""
        return self.name if self.id_space is None else self.id_space

    def write_fingerprint_words(self) -> str:
        """Write all keys that can change a verdict as text. Definitions with the same verdicts give the same text."""
        words = asdict(self)
        for key in ("name", "match", "id_space"):
            del words[key]
        if self.made_from in ("record", "fields"):
            words["id_space"] = self.id_space_in_use
        return json.dumps(words, sort_keys=True)


BLANKS = "blanks"
OWN_FORM = SourceDefinition()
