"""Choose the source definition of a file: the named one, else the one whose `match` fits, else Footfall's own form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from footfall.contract.definition import FormatName, SourceDefinition
from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.contract.mapping import read_file_time
from footfall.contract.patterns import is_id
from footfall.contract.terms import Contract
from footfall.errors import SettingsError, SourceError, UnknownNameError
from footfall.safe_text import find_scheme, mask_source
from footfall.sources.ignored import COMPRESSIONS
from footfall.sources.patterns import is_path_of

FORMATS_BY_ENDING: dict[str, FormatName] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one command, one for each source definition.

    `base` is the contract of Footfall's own form, `definitions` are those of footfall.toml. `named` is the name that
    the command gives, or None. The choices are remembered, since a definition is looked for with every file.
    """

    base: Contract
    definitions: Mapping[str, SourceDefinition] = field(default_factory=dict)
    named: str | None = None
    chosen: dict[str, Contract] = field(default_factory=dict, compare=False)

    def choose(self, source: str) -> Contract:
        """Give the contract by which the rows of a file are judged.

        Raises: SettingsError where two definitions fit its path, or the ids of the definition do not fit the tables;
        UnknownNameError where there is no definition of the name that the command gives.
        """
        definition = self._find(self.named) if self.named is not None else self._match(source)
        definition = definition or self._find_own()
        if definition is None:
            return self.base
        if definition.name not in self.chosen:
            assert_ids_fit(definition, self.base)
            self.chosen[definition.name] = replace(self.base, definition=definition)
        return self.chosen[definition.name]

    def check_all(self, sources: Iterable[str]) -> None:
        """Choose for all files before any is opened, so that a bad choice fails early. Raises: as `choose` does."""
        for source in sources:
            self.choose(source)

    def _find_own(self) -> SourceDefinition | None:
        """Give the definition of footfall.toml that takes the place of Footfall's own form."""
        own = self.base.definition
        found = self.definitions.get(own.name)
        return found and replace(found, delimiter=found.delimiter or own.delimiter)

    def _find(self, name: str) -> SourceDefinition | None:
        if name == self.base.definition.name:
            return None
        if name in self.definitions:
            return self.definitions[name]
        from footfall.contract.built_in import find_built_in, list_built_in  # heavy: parses TOML, and few are named

        if found := find_built_in(name):
            return found
        from difflib import get_close_matches

        known = [*self.definitions, *list_built_in()]
        close = get_close_matches(name, known, n=1)
        guess = f"did you mean {close[0]}?" if close else "`footfall sources` lists those there are"
        raise UnknownNameError(f"there is no source definition {name!r}; {guess}")

    def _match(self, source: str) -> SourceDefinition | None:
        fitting = [
            definition
            for definition in self.definitions.values()
            if any(is_path_of(pattern, source) for pattern in definition.match)
        ]
        if len(fitting) > 1:
            names = " and ".join(repr(definition.name) for definition in fitting)
            raise SettingsError(
                f"{mask_source(source)}: the definitions {names} in footfall.toml both match this file; narrow the "
                "`match` of one of them, or name one with --source"
            )
        return fitting[0] if fitting else None


def assert_ids_fit(definition: SourceDefinition, contract: Contract) -> None:
    """Check that the types of ids that a definition gives fit the tables. Raises: SettingsError with the cure."""
    wanted = {
        "interaction_id": "uuid" if definition.made_from else "text" if definition.interaction_id.joined else None,
    }
    for name in ("interaction_id", "user_id", "product_id"):
        if getattr(definition, name).is_float:
            wanted[name] = "bigint"
    _assert_constants_fit(definition, contract.id_types)
    for name, kind in wanted.items():
        there = contract.id_types.find_type(name)
        if kind is not None and kind != there:
            why = {
                "uuid": "makes ids of its own, which are UUIDs",
                "text": "joins several columns to an id, which is text",
                "bigint": "reads 123.0 as the whole number 123",
            }[kind]
            raise SettingsError(
                f"the definition {definition.name!r} {why}, and {name} is {there} here; set {name}_type = "
                f'"{kind}" (FOOTFALL_{name.upper()}_TYPE), and where the tables are made already, name another schema '
                "for these (--schema)"
            )


def _assert_constants_fit(definition: SourceDefinition, id_types: IdTypes) -> None:
    """Check that ids that are constants of a definition fit the tables. Raises: SettingsError with the cure."""
    for name, kind in zip(ID_COLUMNS, id_types, strict=True):
        field = getattr(definition, name)
        for key, text in (("value", field.value), ("default", field.default)):
            if text is not None and not is_id(text, kind):
                raise SettingsError(
                    f"the definition {definition.name!r} gives {name} the {key} {text!r}, and {name} is {kind} here; "
                    f'write another, or set {name}_type = "text" (FOOTFALL_{name.upper()}_TYPE), and where the tables '
                    "are made already, name another schema for these (--schema)"
                )


def find_format(definition: SourceDefinition, source: str) -> FormatName:
    """Say in which format a file is read: the definition's, else the one that its name says, else csv.

    Example:
        >>> find_format(SourceDefinition(), "in/Day.JSONL.gz")
        'jsonl'
    """
    if definition.format is not None:
        return definition.format
    name = strip_compression(_name_of(source))
    return next((kind for ending, kind in FORMATS_BY_ENDING.items() if name.endswith(ending)), "csv")


def find_delimiter(definition: SourceDefinition, source: str) -> str:
    """Find the delimiter of a file: the definition's, else a tab for files named *.tsv, else a comma."""
    if definition.delimiter is not None:
        return definition.delimiter
    return "\t" if strip_compression(_name_of(source)).endswith((".tsv", ".tab")) else ","


def name_contract(contract: Contract, source: str) -> str:
    """Give the fingerprint of a contract and of what the file's name decides: format, delimiter, the time of its rows.

    Example:
        >>> name_contract(Contract(), "a.csv") == Contract().make_fingerprint() != name_contract(Contract(), "a.tsv")
        True
    """
    definition = contract.definition
    kind = find_format(definition, source)
    if kind != "csv":
        definition = replace(definition, format=kind)
    elif (delimiter := find_delimiter(definition, source)) != ",":
        definition = replace(definition, delimiter=delimiter)
    try:
        time = read_file_time(definition, source)
    except SourceError:  # loading such a file fails with this error anyway
        time = None
    if time is not None:
        definition = replace(definition, timestamp=replace(definition.timestamp, value=time))
    return replace(contract, definition=definition).make_fingerprint()


def _name_of(source: str) -> str:
    return (urlsplit(source).path if find_scheme(source) else source).lower()


def strip_compression(name: str) -> str:
    """Give a name without the ending that says how the file is compressed.

    Example:
        >>> strip_compression("day.csv.gz")
        'day.csv'
    """
    return next((name.removesuffix(ending) for ending in COMPRESSIONS if name.endswith(ending)), name)
