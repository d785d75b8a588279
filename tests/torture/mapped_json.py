"""Read JSON a second time, with Python's own `json` and nothing of the product: values by path, lines, documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
    """NaN or an infinity as it is written: JSON has none of them."""


MARK = "\ue000"  # a name that no test writes: its value is a NoNumber
# Many programs write a comma behind the last member or item, and NaN or infinities in any letters.
LAST_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=[ \t\n\r]*[}\]])', re.DOTALL)
NO_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?(?:nan|inf(?:inity)?)(?![\w.])', re.DOTALL | re.IGNORECASE)


class NameTwiceError(Exception):
    """A name on the way to a value stands twice in its object."""


@dataclass(frozen=True)
class NoRecord:
    """In place of an object: what is wrong with a record as a whole."""

    code: str


DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: NoNumber(pairs[0][1]) if pairs and pairs[0][0] == MARK else Members(tuple(pairs)),
    parse_int=lambda digits: Whole("0" if digits == "-0" else digits),
    parse_float=lambda text: Broken(repr(float(text))),
)


def decode(text: str) -> Any:
    """Give the value of a text that holds JSON, or the little more than JSON that is read.

    Raises: ValueError, RecursionError.
    """

    def drop_comma(found: re.Match[str]) -> str:
        before = text[: found.start()].rstrip(BLANK)[-1:]
        return "" if found[0] == "," and before not in ("", "{", "[", ",", ":") else found[0]

    text = text.strip(BLANK)
    strict = LAST_COMMA.sub(drop_comma, text)
    marked = NO_NUMBERS.sub(
        lambda found: found[0] if found[0][0] == '"' else json.dumps({MARK: found[0]}),
        strict,
    )
    return DECODER.decode(marked)


@dataclass(frozen=True)
class Record:
    """One record as it was cut: its place, its text, the object, and the one that encloses the list it was in.

    `value` is a NoRecord where there is nothing to look into.
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

    Raises: NameTwiceError where a name of the path stands twice in its object.
    """
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, Members):
            found = [each for name, each in value.pairs if name == step]
            if len(found) > 1:
                raise NameTwiceError(step)
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
    if isinstance(value, NoNumber) and value in null_values:
        return MISSING
    if isinstance(value, list | Members | NoNumber):
        return Held(code="not-a-value")
    return hold(str(value), null_values)


def read_text_at(text: str, path: str, null_values: tuple[str, ...]) -> Held:
    """Give the value at a path in a text that holds JSON."""
    try:
        value = decode(text)
    except (ValueError, RecursionError):
        return Held(code="not-a-value")
    try:
        return hold_value(follow(value, read_path(path)[0]), null_values)
    except NameTwiceError:
        return Held(code="not-a-value")


def look_in(record: Record, null_values: tuple[str, ...]) -> Callable[[Reference], Held]:
    """Give what looks at a path of one record. It raises NameTwiceError where a name stands twice."""

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
    """Give the object of a line, or a NoRecord where it is none."""
    try:
        value = decode(text)
    except (ValueError, RecursionError):
        return NoRecord("not-an-object")
    return value if isinstance(value, Members) else NoRecord("not-an-object")


def explode(record: Record, path: str) -> Iterator[Record]:
    """Give each item of the list at a path as a record of its own; what has no list stays a record."""
    found: Any = record.value
    if not isinstance(found, NoRecord):
        try:
            found = follow(found, read_path(path)[0])
        except NameTwiceError:
            found = NoRecord("not-an-object")
    if isinstance(found, list):
        for item, each in enumerate(found, start=1):
            value = each if isinstance(each, Members) else NoRecord("not-an-object")
            yield replace(record, item=item, value=value, outer=record.value)
        return
    if not isinstance(found, NoRecord):
        found = NoRecord("missing-value" if found is None else "not-a-value")
    yield replace(record, value=found)


def read_document(content: bytes, records: str | None) -> list[Record]:
    """Give the records of a document: a list, an object that holds one at a path, or objects one after another.

    What stands between two records, and is neither blank nor a comma, is a record, too: nothing is left out.
    Raises: FileRefusedError where the document is cut, or none.
    """
    text = decode_line(content)
    place = _skip(text, 0)
    if text[place : place + 1] not in ("{", "["):
        raise FileRefusedError("a document that begins neither with an object nor with a list")
    found: list[tuple[int, str]] = []
    while place < len(text):
        if records is not None:
            place = _walk(text, place, read_path(records)[0], found)
        elif text[place] == "[":
            place = _cut_items(text, place + 1, found, is_list=True)
        else:
            place = _cut_items(text, place, found, is_list=False)
        place = _skip(text, place)
    numbered: list[Record] = []
    for start, item in found:
        line = text.count("\n", 0, start) + 1
        before = numbered[-1].item if numbered and numbered[-1].line_number == line else 0
        numbered.append(Record(line, before + 1, item, parse_line(item)))
    return numbered


def _cut_items(text: str, place: int, found: list[tuple[int, str]], *, is_list: bool) -> int:
    """Cut items up to the bracket that closes their list, or to the end; give the place behind it.

    An item is what brackets enclose, or what stands between them and commas. Which bracket it is, is for later.
    """
    start: int | None = None
    depth = 0
    while place < len(text):
        here = text[place]
        if here == '"':
            start = place if start is None else start
            place = _end_of_string(text, place)
            continue
        if text[place : place + 2] in ('\\"', "\\\\"):  # no string begins behind a backslash, outside of strings too
            start = place if start is None else start
            place += 2
            continue
        if here in "[{":
            if depth == 0 and start is not None:
                _take(text, start, place, found)
            start = place if depth == 0 else start
            depth += 1
        elif here in "]}" and depth == 0:
            if start is not None:
                _take(text, start, place, found)
            if here != "]" or not is_list:
                raise FileRefusedError("a bracket closes that none has opened")
            return place + 1
        elif here in "]}":
            depth -= 1
            if depth == 0 and start is not None:
                _take(text, start, place + 1, found)
                start = None
        elif here == "," and depth == 0:
            if start is not None:
                _take(text, start, place, found)
            start = None
        elif here not in BLANK and start is None:
            start = place
        place += 1
    if is_list or depth:
        raise FileRefusedError("the document is cut")
    if start is not None:
        _take(text, start, place, found)
    return place


def _take(text: str, start: int, stop: int, found: list[tuple[int, str]]) -> None:
    found.append((start, text[start:stop].rstrip(BLANK + ",")))


def _end_of_string(text: str, place: int) -> int:
    """Give the place behind the string that begins there. Raises: FileRefusedError where it does not end."""
    place += 1
    while place < len(text) and text[place] != '"':
        place += 2 if text[place] == "\\" else 1
    if place >= len(text):
        raise FileRefusedError("the document is cut, in a string")
    return place + 1


def _walk(text: str, place: int, steps: tuple[Step, ...], found: list[tuple[int, str]]) -> int:
    """Go to the list at a path and take its items; give the place behind the value at hand.

    Raises: FileRefusedError where there is no such list, or the document is none.
    """
    wanted = {str: "{", int: "["}[type(steps[0])] if steps else "["
    if text[place : place + 1] != wanted:
        raise FileRefusedError("no list at the path")
    place = _skip(text, place + 1)
    if not steps:
        return _cut_items(text, place, found, is_list=True)
    times = number = 0
    while text[place : place + 1] not in ("}", "]"):
        name: Step = number
        try:
            if wanted == "{":
                name, place = DECODER.raw_decode(text, place)
                place = _skip(text, _skip(text, place) + 1)
            if name == steps[0]:
                times += 1
                place = _walk(text, place, steps[1:], found)
            else:
                _, place = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise FileRefusedError("no JSON document") from error
        number += 1
        place = _skip(text, place)
        if text.startswith(",", place):
            place = _skip(text, place + 1)
    if times != 1:
        raise FileRefusedError("no list at the path, or two")
    return place + 1


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in BLANK:
        place += 1
    return place
