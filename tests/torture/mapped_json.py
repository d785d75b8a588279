"""Read JSON a second time, with Python's own `json` and nothing of the product: values by path, lines, documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from footfall.contract.definition import Reference
from independent_reader import FileRefusedError
from mapped_values import MISSING, Held, hold

Step = str | int
STEPS = re.compile(r'\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[\]"]+)')
BLANK = " \t\n\r"


@dataclass(frozen=True)
class Members:
    """An object as it is written: the members in their order, names that stand twice included."""

    pairs: tuple[tuple[str, Any], ...]


class Whole(str):
    """The digits of a whole number, however many."""


class Broken(str):
    """A number with a fraction or an exponent, as Python would write it."""


class NoNumber(str):
    """NaN or an infinity, which JSON does not have."""


class NotAnObjectError(Exception):
    """A record that is no object, or one in which a name on the way to a value stands twice."""


DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: Members(tuple(pairs)),
    parse_int=lambda digits: Whole("0" if digits == "-0" else digits),
    parse_float=lambda text: Broken(repr(float(text))),
    parse_constant=NoNumber,
)


@dataclass(frozen=True)
class Record:
    """One record as it was cut: its place, its text, the object, and the one that encloses the list it was in.

    `value` is NotAnObjectError where the record is none.
    """

    line_number: int
    item: int
    text: str
    value: Any
    outer: Any = None


def read_path(text: str) -> tuple[tuple[Step, ...], bool]:
    """Give the steps of a path, and whether it begins at what encloses an exploded list."""
    text = text.strip()
    is_outer = text.startswith("..")
    text = text.removeprefix("..").removeprefix(".")
    steps: list[Step] = []
    for number, quoted, name in STEPS.findall(text):
        steps.append(int(number) if number else json.loads(quoted) if quoted else name.strip())
    return tuple(steps), is_outer


def follow(value: Any, steps: tuple[Step, ...]) -> Any:
    """Give the value at a path; None where there is none.

    Raises: NotAnObjectError where a name of the path stands twice in its object.
    """
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, Members):
            found = [each for name, each in value.pairs if name == step]
            if len(found) > 1:
                raise NotAnObjectError(step)
            value = found[0] if found else None
        else:
            value = None
    return value


def hold_value(value: Any, null_values: tuple[str, ...]) -> Held:
    """Give a value of JSON as the text that it stands for."""
    if value is None:
        return MISSING
    if value is True or value is False:
        return hold("true" if value else "false", null_values)
    if isinstance(value, list | Members | NoNumber):
        return Held(code="not-a-value")
    return hold(str(value), null_values)


def read_text_at(text: str, path: str, null_values: tuple[str, ...]) -> Held:
    """Give the value at a path in a text that holds JSON."""
    try:
        value = DECODER.decode(text.strip(BLANK))
    except (ValueError, RecursionError):
        return Held(code="not-a-value")
    try:
        return hold_value(follow(value, read_path(path)[0]), null_values)
    except NotAnObjectError:
        return Held(code="not-a-value")


def look_in(record: Record, null_values: tuple[str, ...]) -> Callable[[Reference], Held]:
    """Give what looks at a path of one record. It raises NotAnObjectError where a name stands twice."""

    def look(reference: Reference) -> Held:
        steps, is_outer = read_path(str(reference))
        return hold_value(follow(record.outer if is_outer else record.value, steps), null_values)

    return look


def decode_line(content: bytes) -> str:
    """Give a line as text: what is no character of any text, a NUL included, becomes a surrogate that stands alone."""
    return content.decode("utf-8", "surrogateescape").replace("\0", "\udc00")


def has_bad_character(text: str) -> bool:
    """Say whether a line holds bytes, or escapes, of what is no character of any text."""
    escapes = re.sub(r"\\\\", "", text).lower()
    alone = re.sub(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", "", escapes)
    return bool(re.search(r"[\ud800-\udfff]|\\u0000|\\ud[89a-f][0-9a-f]{2}", alone))


def parse_line(text: str) -> Any:
    """Give the object of a line, or NotAnObjectError as a value where it is none."""
    try:
        value = DECODER.decode(text.strip(BLANK))
    except (ValueError, RecursionError):
        return NotAnObjectError(text)
    return value if isinstance(value, Members) else NotAnObjectError(text)


def explode(record: Record, path: str) -> Iterator[Record]:
    """Give each item of the list at a path as a record of its own; a list that is not there has none."""
    if isinstance(record.value, NotAnObjectError):
        yield record
        return
    try:
        found = follow(record.value, read_path(path)[0])
    except NotAnObjectError as error:
        found = error
    if found is None:
        return
    if not isinstance(found, list):
        yield Record(record.line_number, 1, record.text, NotAnObjectError(path))
        return
    for item, each in enumerate(found, start=1):
        value = each if isinstance(each, Members) else NotAnObjectError(path)
        yield Record(record.line_number, item, record.text, value, record.value)


def read_document(text: str, records: str | None) -> list[Record]:
    """Give the records of a document: a list, an object that holds one at a path, or objects one after another.

    Raises: FileRefusedError where the text is no such document to its very end.
    """
    text = text.lstrip(BLANK)
    if not text:
        raise FileRefusedError("an empty document")
    try:
        if records is not None:
            value, end = DECODER.raw_decode(text)
            found = follow(value, read_path(records)[0])
            if text[end:].strip(BLANK) or not isinstance(found, list):
                raise FileRefusedError("no list of records at its path")
            return [_record(at, repr(each), each) for at, each in enumerate(found, start=1)]
        if text.startswith("["):
            return list(_read_list(text))
        return list(_read_sequence(text))
    except (ValueError, RecursionError, NotAnObjectError) as error:
        raise FileRefusedError("no JSON document") from error


def _record(number: int, text: str, value: Any) -> Record:
    return Record(number, 1, text, value if isinstance(value, Members) else NotAnObjectError(text))


def _read_list(text: str) -> Iterator[Record]:
    """Give the items of a list that is all of a text. Raises: ValueError."""
    place = _skip(text, 1)
    number = 0
    while number or not text.startswith("]", place):
        value, end = DECODER.raw_decode(text, place)
        number += 1
        yield _record(number, text[place:end], value)
        place = _skip(text, end)
        if not text.startswith(",", place):
            break
        place = _skip(text, place + 1)
    if not text.startswith("]", place) or text[place + 1 :].strip(BLANK):
        raise ValueError("the list does not end, or something is behind it")


def _read_sequence(text: str) -> Iterator[Record]:
    """Give objects that stand one after another. Raises: ValueError."""
    place = number = 0
    while place < len(text):
        if not text.startswith("{", place):
            raise ValueError("something that is no object")
        value, end = DECODER.raw_decode(text, place)
        number += 1
        yield _record(number, text[place:end], value)
        place = _skip(text, end)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in BLANK:
        place += 1
    return place
