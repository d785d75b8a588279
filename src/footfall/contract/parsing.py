"""TOML -> a source definition, every key checked. What is wrong is said with the file, the key and the cure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, get_args

from footfall.contract.definition import BLANKS, Condition, Field, FormatName, MadeFrom, Reference, SourceDefinition
from footfall.contract.definition_keys import CONDITION_KEYS, DELIMITED_KEYS, JSON_KEYS, KEYS, KEYS_OF_FIELD
from footfall.contract.limits import VALUE_CHARACTERS_MAX
from footfall.contract.paths import ARROW, parse_path
from footfall.contract.shapes import COLUMNS
from footfall.contract.timestamps import NAIVE_TIMESTAMP, OFFSET_TIMESTAMP
from footfall.errors import SettingsError

FORMATS: tuple[str, ...] = get_args(FormatName)
EPOCHS = ("epoch-s", "epoch-ms", "epoch-us", "epoch-ns")
DIRECTIVES = "YymdHIMSfpbBaAjz%"  # of strptime, as the kernel reads them
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
DELIMITER_CHARACTERS_MAX = 10


def parse_definition(name: str, values: object, file: str, *, is_time_zone: Callable[[str], bool]) -> SourceDefinition:
    """Read one definition from the table `[sources.NAME]` of a file.

    Raises: SettingsError naming the file, the key and the cure.
    """
    reader = _Reader(file, f"sources.{name}", is_time_zone)
    if not NAME_PATTERN.fullmatch(name):
        raise reader.make_refusal("", f"{name!r} is no name of a definition; use letters, digits, - and _")
    return reader.read(name, values)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the keys of one table; `place` is its name there."""

    file: str
    place: str
    is_time_zone: Callable[[str], bool]

    def make_refusal(self, key: str, reason: str) -> SettingsError:
        """Give the error of one key."""
        return SettingsError(f"{self.place}{'.' if key else ''}{key} in {self.file}: {reason}")

    def read(self, name: str, values: object) -> SourceDefinition:
        table = self.take_table("", values, KEYS)
        given: dict[str, Any] = {}
        for key, value in table.items():
            given[key] = self.read_field(key, value) if key in COLUMNS else self.read_key(key, value)
        self.check_together(given)
        definition = SourceDefinition(name=name, **given)
        self.check_references(definition)
        return definition

    def read_key(self, key: str, value: object) -> Any:
        if key in ("quoting", "header"):
            return self.take_bool(key, value)
        if key in ("match", "columns", "null_values"):
            return self.take_texts(key, value)
        if key == "where":
            return self.read_where(value)
        if key == "skip_lines":
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise self.make_refusal(key, f"{value!r} is not a number of lines from 0 on")
            return value
        text = self.take_text(key, value)
        if key == "format" and text not in FORMATS:
            raise self.make_refusal(key, f"{text!r} is no format; there are {', '.join(FORMATS)}")
        if key == "delimiter":
            return self.read_delimiter(text)
        if key == "encoding":
            return self.read_encoding(text)
        if key in ("explode", "records"):
            self.check_path(key, text)
        if key == "comment" and not text.strip():
            raise self.make_refusal(key, "a comment begins with a visible character, such as #")
        return text

    def read_delimiter(self, text: str) -> str:
        mark = "\t" if text.lower() in ("\\t", "tab") else text
        if mark == BLANKS:
            return mark
        if not mark or len(mark) > DELIMITER_CHARACTERS_MAX or any(each in '"\r\n\0' for each in mark):
            raise self.make_refusal(
                "delimiter",
                f'{text!r} cannot stand between fields; write one character or a few, "tab", or "blanks" for a run of '
                "spaces and tabs",
            )
        if mark == " " or mark.isalnum():
            raise self.make_refusal(
                "delimiter",
                f'{text!r} occurs in values; write "blanks" for a run of spaces and tabs, or another character',
            )
        return mark

    def read_encoding(self, text: str) -> str:
        try:
            name = codecs.lookup(text).name
            if name in ("utf-8", "utf-16"):
                return name
            if name == "utf-8-sig":
                return "utf-8"
            is_single = len(bytes(range(256)).decode(name, "replace")) == 256 and len("a,\n".encode(name)) == 3
            if is_single and len(b"\\u0041".decode(name)) == 6:
                return name
        except (LookupError, UnicodeError, ValueError):
            pass
        raise self.make_refusal(
            "encoding", f"{text!r} is not read; there are utf-8, utf-16, and those of one byte, such as windows-1252"
        )

    def read_where(self, value: object) -> tuple[Condition, ...]:
        if not isinstance(value, list):
            raise self.make_refusal(
                "where", 'a list of conditions is wanted, such as [{column = "event", in = ["view"]}]'
            )
        return tuple(self.read_condition(f"where[{at}]", each) for at, each in enumerate(value))

    def read_condition(self, key: str, value: object) -> Condition:
        table = self.take_table(key, value, CONDITION_KEYS)
        if "column" not in table or len(table) != 2:
            raise self.make_refusal(key, "a condition has a column, and one of in, not_in and missing")
        column = self.take_reference(f"{key}.column", table["column"])
        if "missing" in table:
            return Condition(column, is_missing=self.take_bool(f"{key}.missing", table["missing"]))
        name = "in" if "in" in table else "not_in"
        listed = table[name]
        if not isinstance(listed, list) or not listed:
            raise self.make_refusal(f"{key}.{name}", "a list of values is wanted")
        texts = tuple(self.take_constant(f"{key}.{name}", each) for each in listed)
        return Condition(column, is_in=texts) if name == "in" else Condition(column, not_in=texts)

    def read_field(self, name: str, value: object) -> Field:
        """Read one of the five fields: a column, or a table that says more."""
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return Field(columns=(self.take_reference(name, value),))
        table = self.take_table(name, value, KEYS_OF_FIELD[name])
        given: dict[str, Any] = {}
        ways = [key for key in ("column", "columns", "value", "from", "from_name") if key in table]
        if len(ways) != 1:
            known = ", ".join(
                key for key in ("column", "columns", "value", "from", "from_name") if key in KEYS_OF_FIELD[name]
            )
            raise self.make_refusal(name, f"says {' and '.join(ways) or 'nothing'} where one is wanted of: {known}")
        for key, each in table.items():
            given |= self.read_field_key(name, key, each)
        for key in ("default", "extract", "integers", "format", "time_zone"):
            if (
                key in table
                and ways[0] in ("value", "from", "from_name")
                and (ways[0], key) != ("from_name", "time_zone")
            ):
                raise self.make_refusal(f"{name}.{key}", f"has no effect beside {ways[0]}; leave it out")
        return Field(**given)

    def read_field_key(self, name: str, key: str, value: object) -> dict[str, Any]:
        place = f"{name}.{key}"
        if key == "column":
            references = value if isinstance(value, list) else [value]
            return {"columns": tuple(self.take_reference(place, each) for each in self.take_some(place, references))}
        if key == "columns":
            if not isinstance(value, list) or len(value) < 2:
                raise self.make_refusal(place, "a list of two columns or more is wanted")
            return {"joined": tuple(self.take_reference(place, each) for each in value)}
        if key in ("value", "default"):
            text = self.take_constant(place, value)
            if not text.strip(" \t"):
                raise self.make_refusal(place, "an empty value is a missing one")
            if (
                name == "timestamp"
                and key == "value"
                and not re.fullmatch(f"{NAIVE_TIMESTAMP}|{OFFSET_TIMESTAMP}", text)
            ):
                raise self.make_refusal(
                    place, f"{text!r} is not a timestamp; write one such as 2024-01-31 or 2024-01-31 12:00:00Z"
                )
            return {key: text}
        if key == "format":
            texts = self.take_texts(place, self.take_some(place, value if isinstance(value, list) else [value]))
            for each in texts:
                self.check_time_format(place, each)
            return {"formats": texts}
        text = self.take_text(place, value)
        if key == "extract":
            self.check_pattern(place, text)
            return {"extract": text}
        if key == "from":
            if text not in get_args(MadeFrom):
                raise self.make_refusal(place, f"{text!r} is none of {', '.join(get_args(MadeFrom))}")
            return {"made_from": text}
        if key == "integers":
            if text != "as-float":
                raise self.make_refusal(place, f'{text!r} is not known; there is "as-float", which takes 123.0 for 123')
            return {"is_float": True}
        if key == "time_zone":
            if not self.is_time_zone(text):
                raise self.make_refusal(place, f"{text!r} is not a time zone; write one such as Europe/Vienna")
            return {"time_zone": text}
        self.check_name_pattern(place, text)
        return {"from_name": text}

    def check_together(self, given: Mapping[str, Any]) -> None:
        """See that the keys fit each other."""
        kind = given.get("format")
        if kind not in (None, "csv"):
            for key in DELIMITED_KEYS:
                if key in given:
                    raise self.make_refusal(key, f"has no meaning for {kind}; it is for csv")
        if kind in ("csv", "parquet"):
            for key in JSON_KEYS:
                if key in given:
                    raise self.make_refusal(key, f"has no meaning for {kind}; it is for jsonl and json")
        if kind == "jsonl" and "records" in given:
            raise self.make_refusal("records", "has no meaning for jsonl, where each line is a record; it is for json")
        if kind == "parquet" and given.get("encoding", "utf-8") != "utf-8":
            raise self.make_refusal("encoding", "has no meaning for parquet, which says itself how its text is written")
        if given.get("columns") and given.get("header", True):
            raise self.make_refusal("columns", "names the fields of a file without a header; write header = false, too")
        if "columns" in given and len(set(given["columns"])) != len(given["columns"]):
            raise self.make_refusal("columns", "a name stands twice; give each field a name of its own")
        if given.get("quoting", True) and given.get("delimiter") and '"' in given["delimiter"]:
            raise self.make_refusal("delimiter", "a quote cannot stand between fields")

    def check_references(self, definition: SourceDefinition) -> None:
        """See that every column can be one in a file of this format."""
        places: list[tuple[str, Reference]] = [
            (f"where[{at}].column", each.column) for at, each in enumerate(definition.where)
        ]
        for name, field in zip(COLUMNS, definition.fields, strict=True):
            places += [(f"{name}.column", each) for each in (*field.columns, *field.joined)]
        for key, column in places:
            if not definition.header:
                self.check_named(key, column, definition.columns)
            if isinstance(column, int):
                if definition.format in ("json", "jsonl"):
                    raise self.make_refusal(
                        key, f"{column} is a position, and {definition.format} has names; write a path"
                    )
            elif definition.format in ("json", "jsonl"):
                self.check_path(key, column, may_be_outer=definition.explode is not None)
            elif ARROW in column:
                self.check_path(key, column.partition(ARROW)[2])

    def check_named(self, key: str, column: Reference, names: tuple[str, ...]) -> None:
        """See that a column of a file without a header is one of the names that the definition gives."""
        known = [name.strip(" \t").lower() for name in names]
        if isinstance(column, int) or known.count(column.lower()) == 1:
            return
        if known.count(column.partition(ARROW)[0].strip(" \t").lower()) != 1:
            raise self.make_refusal(key, f"{column!r} is none of `columns`, and there is no header; write its position")

    def check_path(self, key: str, text: str, *, may_be_outer: bool = False) -> None:
        try:
            path = parse_path(text)
        except ValueError as error:
            raise self.make_refusal(key, str(error)) from error
        if path.is_outer and not may_be_outer:
            raise self.make_refusal(
                key, f"{text!r} begins with .., which looks at what encloses a list; there is no explode"
            )

    def check_pattern(self, key: str, text: str) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            groups = re.compile(text).groups
            pc.match_substring_regex(pa.array([""]), text)  # the kernel reads patterns as Arrow does, without lookahead
        except (re.error, pa.ArrowInvalid, OverflowError, RecursionError) as error:
            raise self.make_refusal(key, f"{text!r} is no regular expression that is read here ({error})") from error
        if groups != 1:
            raise self.make_refusal(
                key, f"{text!r} has {groups} groups; put the part that is wanted, and no other, into ( )"
            )

    def check_time_format(self, key: str, text: str) -> None:
        if text == "iso" or text in EPOCHS:
            return
        found = re.findall("%(.?)", text)
        unknown = [f"%{each}" for each in found if not each or each not in DIRECTIVES]
        if not found or unknown:
            what = f"{unknown[0]} is not read" if unknown else f"{text!r} is no format of a time"
            raise self.make_refusal(
                key, f"{what}; there are iso, {', '.join(EPOCHS)}, and patterns such as %d/%m/%Y %H:%M"
            )

    def check_name_pattern(self, key: str, text: str) -> None:
        self.check_time_format(key, text)
        missing = [each for each in ("%Y", "%m", "%d") if each not in text]
        if text == "iso" or text in EPOCHS or (missing and "%j" not in text and "%y" not in text and "%b" not in text):
            raise self.make_refusal(
                key, f"{text!r} gives no day; write where the date stands, such as interactions-%Y-%m-%d"
            )

    def take_table(self, key: str, value: object, known: Collection[str]) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self.make_refusal(key, f"{value!r} is no table" if key else "is no table of keys and values")
        for name in value:
            if name not in known:
                close = get_close_matches(str(name), known, n=1)
                guess = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
                raise self.make_refusal(f"{key}.{name}" if key else str(name), f"is no key of a definition; {guess}")
        return value

    def take_reference(self, key: str, value: object) -> Reference:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        if isinstance(value, str) and value.strip(" \t"):
            return value.strip(" \t")
        raise self.make_refusal(key, f"{value!r} is no column; write its name, or its position from 1 on")

    def take_some(self, key: str, value: list[Any]) -> list[Any]:
        if not value:
            raise self.make_refusal(key, "the list is empty; name one at least")
        return value

    def take_texts(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.make_refusal(key, "a list of texts is wanted")
        return tuple(value)

    def take_text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.make_refusal(key, f"{value!r} is no text")
        return value

    def take_bool(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.make_refusal(key, f"{value!r} is neither true nor false")
        return value

    def take_constant(self, key: str, value: object) -> str:
        """Give a constant as the text that a file would hold."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, int | float):
            return str(value)
        if not isinstance(value, str):
            raise self.make_refusal(key, f"{value!r} is no value")
        if len(value) > 5 * VALUE_CHARACTERS_MAX or "\0" in value:
            raise self.make_refusal(key, "the value is too long, or holds a NUL")
        return value
