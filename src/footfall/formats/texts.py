"""The mapping in SQL: expressions that give the five texts of a record from the list of its texts.

The expressions hold positions and names of variables; every value of a definition is a variable of the session.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from footfall.contract.definition import Condition, Field
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.mapping import Layout, Place
from footfall.contract.patterns import find_plain_id_pattern, find_plain_time
from footfall.contract.shapes import COLUMNS
from footfall.statements import read_statements

SQL = read_statements(__name__)


ANY_TEXT = "any text"  # instead of a pattern: the text begins and ends with a visible character


@dataclass(frozen=True, slots=True)
class Form:
    """The statements that give the relation `texts` of one layout, and what they need.

    Shape: `plain` gives the records in plain form, or is None where the format knows no such form; `texts` gives every
    record. `variables` are to be set in the session. `plain_line` is the pattern of a whole line in plain form, or None
    where the statement itself tells which records are in plain form. `suspect_line` is the pattern of a part that shows
    that a line may not be in plain form, or None. `macros` are statements that make macros of the layout. `records`
    gives line, raw_bytes and size_bytes of each record where the batches do not hold them, or is None.
    """

    plain: str | None
    texts: str
    variables: dict[str, Any]
    plain_line: str | None = None
    suspect_line: str | None = None
    macros: str | None = None
    records: str | None = None


@dataclass(frozen=True, slots=True)
class Expressions:
    """The expressions of one layout, by name, and the variables that they read.

    Shape: `of` has the five fields, `is_skipped`, and `not_values`: a list of names. `plain` has the
    expressions for records in plain form. The texts of the columns in `trusted` have matched their pattern by then, and
    `plain` gives the others only where they match theirs. Its `is_nested` is true where a list or an object may stand
    in the place of a value.
    """

    of: dict[str, str]
    plain: dict[str, str]
    trusted: dict[int, str]
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """How a format gives the record as a whole: the expressions of its text, and of where it stands in its file.

    `field` is the expression of one of its texts. With `can_nest`, the list `g` says which texts are lists or objects.
    With `plain_has_nested`, records in plain form have that list, too. With `is_matched`, a pattern has matched the
    whole line before a text is taken for plain.
    """

    text: str = "line"
    position: str = "position"
    field: str = "f[{at}]"
    can_nest: bool = False
    plain_has_nested: bool = False
    is_matched: bool = False


def compose_expressions(layout: Layout, record: Record) -> Expressions:
    """Give the expressions of the five texts for one layout."""
    composer = _Composer(layout, record)
    texts = {column: composer.compose_field(column) for column in COLUMNS}
    of = texts | {"interaction_id": composer.compose_id(texts)}
    trusted = composer.find_trusted()
    plain = {
        column: text
        if composer.is_trusted(column, trusted)
        else composer.refuse_nested(column, composer.gate(column, text))
        for column, text in of.items()
    }
    skipped = composer.compose_skipped()
    not_values = composer.compose_not_values()
    return Expressions(
        of | {"is_skipped": skipped, "not_values": not_values},
        plain | {"is_skipped": skipped, "is_nested": composer.compose_nested()},
        trusted,
        dict(composer.list_variables()),
    )


@dataclass(frozen=True, slots=True)
class _Composer:
    layout: Layout
    record: Record

    def find_field(self, column: str) -> tuple[Field, tuple[Place, ...]]:
        at = COLUMNS.index(column)
        return self.layout.definition.fields[at], self.layout.places[at]

    def compose_field(self, column: str) -> str:
        """Give the expression of one text; null where the record has none."""
        field, places = self.find_field(column)
        if field.value is not None or (column == "timestamp" and field.from_name is not None):
            return f"getvariable('{column}_value')"
        if not places:
            return f"getvariable('{column}_default')" if field.default is not None else "null::varchar"
        texts = [self._compose_text(place, f"{column}_{number}") for number, place in enumerate(places, 1)]
        if len(texts) > 1 or self.layout.definition.null_values or field.default is not None:
            texts = [f"present({text})" for text in texts]
        if field.joined:
            if column == "timestamp":
                return self._finish(column, " || ' ' || ".join(f"trim({text}, e' \\t')" for text in texts))
            return self._finish(column, " || ':' || ".join(f"key_part({text})" for text in texts))
        return self._finish(column, texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})")

    def _finish(self, column: str, text: str) -> str:
        field, _ = self.find_field(column)
        found = text
        if field.extract is not None:
            found = f"extracted({found}, getvariable('{column}_extract'))"
        if field.is_float:
            found = f"without_zeros({found})"
        if field.default is not None:
            found = f"case when {text} is null then getvariable('{column}_default') else {found} end"
        return found

    def _compose_text(self, place: Place, variable: str) -> str:
        if place.path is None:
            return self.record.field.format(at=place.at)
        return SQL["text_in_json"].format(field=self.record.field.format(at=place.at), variable=variable)

    def compose_id(self, texts: dict[str, str]) -> str:
        """Give the expression of the interaction's id, which may be made from the record."""
        made_from = self.layout.definition.made_from
        if made_from == "record" and self.layout.definition.timestamp.from_name is not None:
            return SQL["made_of_record_and_time"].format(record=self.record.text, timestamp=texts["timestamp"])
        if made_from == "record":
            return SQL["made_of_record"].format(record=self.record.text)
        if made_from == "fields":
            return SQL["made_of_fields"].format(**{name: f"trim({text}, e' \\t')" for name, text in texts.items()})
        if made_from == "position":
            return SQL["made_of_position"].format(position=self.record.position)
        return texts["interaction_id"]

    def compose_skipped(self) -> str:
        """Give the expression that says whether a record is no interaction: true, false, never null."""
        conditions = self.layout.definition.where
        each = [
            self._compose_condition(number, condition, place)
            for number, (condition, place) in enumerate(zip(conditions, self.layout.conditions, strict=True), 1)
        ]
        return f"not ({' and '.join(each)})" if each else "false"

    def _compose_condition(self, number: int, condition: Condition, place: Place) -> str:
        text = f"present({self._compose_text(place, f'where_{number}')})"
        if condition.is_missing is not None:
            return f"{text} is {'' if condition.is_missing else 'not '}null"
        listed = f"coalesce(list_contains(getvariable('where_{number}_values'), trim({text}, e' \\t')), false)"
        return listed if condition.is_in is not None else f"not {listed}"

    def compose_not_values(self) -> str:
        """Give the expression of the names of fields where a list or an object stands, or null."""
        cases = []
        for column in COLUMNS:
            field, places = self.find_field(column)
            nested = [self._nest(place, f"{column}_{number}") for number, place in enumerate(places, 1)]
            texts = [self._compose_text(place, f"{column}_{number}") for number, place in enumerate(places, 1)]
            if any(nested) and field.joined:
                parts = [
                    f"(present({text}) is not null and {each})"
                    for text, each in zip(texts, nested, strict=True)
                    if each
                ]
                cases.append(f"case when {' or '.join(parts)} then '{column}' end")
            elif any(nested):
                # Only the first column that is not missing counts, since its text is the one that is taken.
                whens = " ".join(
                    f"when present({text}) is not null then {each or 'false'}"
                    for text, each in zip(texts, nested, strict=True)
                )
                cases.append(f"case when case {whens} end then '{column}' end")
        if not cases:
            return "null::varchar[]"
        return f"list_filter([{', '.join(cases)}], lambda name: name is not null)"

    def compose_nested(self) -> str:
        """Give the expression that says of a plain record whether one of its texts may be a list or an object."""
        looks = []
        for column in COLUMNS:
            _, places = self.find_field(column)
            pattern = self._find_plain_pattern(column)
            if self.record.can_nest and not (pattern and pattern != ANY_TEXT and self._is_simple(column, pattern)):
                looks += [
                    SQL["looks_nested"].format(text=self._compose_text(place, f"{column}_{number}"))
                    for number, place in enumerate(places, 1)
                ]
        return " or ".join(looks) or "false"

    def _nest(self, place: Place, variable: str) -> str:
        if place.path is not None:
            return SQL["nested_in_json"].format(field=self.record.field.format(at=place.at), variable=variable)
        return SQL["nested"].format(at=place.at) if self.record.can_nest else ""

    def find_trusted(self) -> dict[int, str]:
        """Give, by position, the patterns of the columns whose texts are right where they match it.

        Such a column is the only one of its field, and the field takes its text as it is. A column that belongs to two
        fields is not among them.
        """
        found: dict[int, str] = {}
        uses: dict[int, int] = {}
        if not self.record.is_matched:
            return found
        for column, places in zip(COLUMNS, self.layout.places, strict=True):
            for place in places:
                uses[place.at] = uses.get(place.at, 0) + 1
            if (pattern := self._find_plain_pattern(column)) and self._is_simple(column, pattern):
                found[places[0].at] = pattern
        return {at: pattern for at, pattern in found.items() if uses[at] == 1}

    def is_trusted(self, column: str, trusted: dict[int, str]) -> bool:
        _, places = self.find_field(column)
        pattern = self._find_plain_pattern(column)
        return bool(pattern and self._is_simple(column, pattern) and places[0].at in trusted)

    def _find_plain_pattern(self, column: str) -> str | None:
        """Give the pattern of texts of a field that are right as they stand; None where each has to be looked at."""
        if column == "timestamp":
            return find_plain_time(self.layout.contract)
        if column in ID_COLUMNS:
            return find_plain_id_pattern(self.layout.contract.id_types.find_type(column)) or ANY_TEXT
        return ANY_TEXT

    def _is_simple(self, column: str, pattern: str) -> bool:
        field, places = self.find_field(column)
        is_one = len(places) == 1 and places[0].path is None
        is_bare = field.extract is None and field.default is None and not field.is_float
        nulls = self.layout.definition.null_values
        return (
            is_one and is_bare and not (nulls and (pattern == ANY_TEXT or any(re.fullmatch(pattern, w) for w in nulls)))
        )

    def gate(self, column: str, text: str) -> str:
        """Give a text only where it is right as it stands: without blanks around it, and as its pattern says."""
        if column == "interaction_id" and self.layout.definition.made_from:
            return text
        pattern = self._find_plain_pattern(column)
        if pattern and pattern != ANY_TEXT:
            return f"case when regexp_full_match({text}, getvariable('{column}_plain')) then {text} end"
        return f"case when {text} <> '' and {text} = trim({text}, e' \\t') then {text} end"

    def refuse_nested(self, column: str, text: str) -> str:
        """Give a text only where none of the columns of a field holds a list, an object, or a NUL within one."""
        _, places = self.find_field(column)
        found = " or ".join(
            self._nest(place, f"{column}_{number}")
            for number, place in enumerate(places, 1)
            if place.path is not None or self.record.plain_has_nested
        )
        return f"case when not ({found} or contains({text}, chr(0))) then {text} end" if found else text

    def list_variables(self) -> Iterator[tuple[str, Any]]:
        """Give the variables of the expressions."""
        definition = self.layout.definition
        yield "null_values", list(definition.null_values)
        yield "id_space", json.dumps(definition.id_space_in_use)
        yield "digest", self.layout.digest or ""
        for column, field, places in zip(COLUMNS, definition.fields, self.layout.places, strict=True):
            value = self.layout.file_time if column == "timestamp" and field.from_name is not None else field.value
            for name, each in (("value", value), ("default", field.default), ("extract", field.extract)):
                if each is not None:
                    yield f"{column}_{name}", each
            if (pattern := self._find_plain_pattern(column)) and pattern != ANY_TEXT:
                yield f"{column}_plain", pattern
            for number, place in enumerate(places, 1):
                if place.path is not None:
                    yield f"{column}_{number}", place.path
        for number, (condition, place) in enumerate(zip(definition.where, self.layout.conditions, strict=True), 1):
            values = condition.is_in if condition.is_in is not None else condition.not_in
            if values is not None:
                yield f"where_{number}_values", list(values)
            if place.path is not None:
                yield f"where_{number}", place.path
