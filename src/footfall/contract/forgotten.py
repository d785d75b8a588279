"""Who is forgotten: ids by the keyed hash of their text, and the values of a record that may be such an id."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from footfall.contract.definition import BLANKS
from footfall.contract.ids import IdType
from footfall.contract.limits import ID_CHARACTERS_MAX
from footfall.contract.value_shapes import KindName

FORGOTTEN: KindName = ("forgotten-user", "user_id")
# How many ids are remembered as not forgotten. Looking one of them up takes less time than hashing it again.
KNOWN_MAX = 100_000
BIGINT_MAX = 2**63 - 1

INTEGER = re.compile(r"[+-]?[0-9]+")
UUID_TEXT = re.compile(r"[0-9A-Fa-f]{8}(-?)[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{12}")
QUOTED = re.compile(r'"((?:[^"]|"")*)"')
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
NUMBER = re.compile(r"(?:^|[\s,\[{]|(?<![0-9]):)\s*([+-]?[0-9]+)(?=[\s,\]}]|$)")


def read_id(text: str, id_type: IdType) -> str | None:
    """Give the one text of an id that stands for all its spellings; None where the text is no id of this type.

    Example:
        >>> read_id(" +007 ", "bigint")
        '7'
    """
    text = text.strip(" \t")
    if id_type == "bigint":
        if not INTEGER.fullmatch(text) or len(text.lstrip("+-0")) > len(str(BIGINT_MAX)):
            return None
        number = int(text)
        return str(number) if 0 <= number <= BIGINT_MAX else None
    if id_type == "uuid":
        return str(UUID(text)) if UUID_TEXT.fullmatch(text) else None
    return text if 1 <= len(text) <= ID_CHARACTERS_MAX else None


def write_id(value: int | bytes | str) -> str:
    """Give the one text of an id as the engine holds it: a number, a UUID of 16 bytes, or text."""
    return str(UUID(bytes=value)) if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The users who are forgotten, by the keyed hashes of their ids.

    `known` remembers ids that are not among them.
    """

    key: bytes
    hashes: frozenset[bytes]
    id_type: IdType
    known: set[str] = field(default_factory=set, compare=False, repr=False)

    def hash(self, text: str) -> bytes:
        """Hash the one text of an id with the key."""
        return hmac.digest(self.key, text.encode(), "sha256")

    def has(self, text: str) -> bool:
        """Say whether the user with this id is forgotten; `text` is its one text."""
        if text in self.known:
            return False
        is_forgotten = self.hash(text) in self.hashes
        if not is_forgotten and len(self.known) < KNOWN_MAX:
            self.known.add(text)
        return is_forgotten

    def is_among(self, fields: Iterable[str]) -> bool:
        """Say whether one of the fields of a record is the id of a user who is forgotten."""
        return any(self.has(text) for each in fields if (text := read_id(each, self.id_type)) is not None)


def list_fields(text: str, delimiter: str | None) -> Iterator[str]:
    """List each text that may be a field of a record that cannot be split into its fields.

    Shape: without a delimiter, the record is read as JSON. A text that is no field may be among them.

    Example:
        >>> sorted(set(list_fields('1,"7","a,b', ",")))
        ['1', '7', 'a', 'b']
        >>> {"user", "7", "00:00:42"} <= set(list_fields('{"user": 7, "at": "00:00:42"', None))
        True
    """
    if delimiter is None:
        yield from (_unescape(found[0]) for found in STRING.finditer(text))
        yield from (found[1] for found in NUMBER.finditer(text))
        yield from text.split('"')  # if a quote is missing, the text between two strings looks like a string
        return
    split: Callable[[str], list[str]] = str.split if delimiter == BLANKS else lambda line: line.split(delimiter)
    for line in re.split(r"[\r\n]", text):
        yield from (each.strip(' \t"') for each in split(line))
    yield from (found[1].replace('""', '"') for found in QUOTED.finditer(text))


def _unescape(string: str) -> str:
    try:
        return str(json.loads(string, strict=False))
    except ValueError:
        return string[1:-1]
