"""A shape of file as it is found in public: bytes made here, a source definition, and what must come of them.

The rows of a shape are what its maker meant before it wrote them down, so that nothing that reads files is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

MADE = "made"  # stands where the id of the interaction is made by Footfall
NAME = "wild"  # of the source definition in every test
DEFINITION_LINES_MAX = 12  # the table's name is one of them
FIELDS = ("interaction_id", "user_id", "product_id", "action", "timestamp")


class Row(NamedTuple):
    """One interaction as it must stand in the table, apart from its load."""

    interaction_id: object
    user_id: object
    product_id: object
    action: str
    timestamp: datetime


@dataclass(frozen=True)
class Guess:
    """What an expert wants `footfall guess` to propose for a shape, where it cannot be the shape's own definition.

    `says`: patterns; each must be found in what guess prints, since it cannot know this. `loose`: fields that no file
    of this shape decides: guess may put a constant, or another column, if it says so. `others`: for a field, the
    values of another column that an expert could choose as well. `refusal`: a pattern of what guess says where no
    definition is right (exit 3). `padded`: whether 00012 may be the integer 12.
    """

    says: tuple[str, ...] = ()
    loose: frozenset[str] = frozenset()
    others: Mapping[str, tuple[tuple[object, ...], ...]] = field(default_factory=dict)
    refusal: str | None = None
    padded: bool = False


# What guess must say where no column holds a field, and the field that it may then fill as it likes.
NO_PRODUCT = Guess(says=("product",), loose=frozenset({"product_id"}))
NO_ACTION = Guess(says=("action",), loose=frozenset({"action"}))
NO_PRODUCT_OR_ACTION = Guess(says=("product", "action"), loose=frozenset({"product_id", "action"}))
NO_USER_OR_ACTION = Guess(says=("user", "action"), loose=frozenset({"user_id", "action"}))
NO_TIME = "time"


@dataclass(frozen=True)
class Shape:
    """A file of a shape, how to read it, and the right result.

    Units: `rejected` maps the place of a rejected row (line, for an exploded list that of its record) to the codes of
    its problems; all other numbers are rows. `refused`: the code of the problem of all rows, where no definition can
    read such a file. `types`: of interaction_id, user_id and product_id.
    """

    name: str
    file: str
    content: bytes
    definition: str
    types: tuple[str, str, str]
    rows: tuple[Row, ...]
    read: int
    duplicate: int = 0
    skipped: int = 0
    rejected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    refused: str | None = None
    guess: Guess = Guess()
    about: str = ""

    @property
    def settings(self) -> str:
        """Give the whole footfall.toml: the types of ids that the tables need, and the definition."""
        names = ("interaction_id_type", "user_id_type", "product_id_type")
        types = "".join(f'{name} = "{kind}"\n' for name, kind in zip(names, self.types, strict=True))
        return f"{types}\n{self.section}\n"

    @property
    def is_made(self) -> bool:
        """Say whether Footfall makes the ids of the interactions."""
        return any(row.interaction_id == MADE for row in self.rows)

    @property
    def section(self) -> str:
        """Give the definition as a table of TOML."""
        return f"[sources.{NAME}]\n{self.definition.strip()}"

    @property
    def numbers(self) -> dict[str, int]:
        """Give what a load must say of the file."""
        return {
            "rows_read": self.read,
            "rows_loaded": len(self.rows),
            "rows_duplicate": self.duplicate,
            "rows_rejected": len(self.rejected),
            "rows_skipped": self.skipped,
        }


PAGES = ("/home", "/products", "/products/a7", "/products/b12", "/cart", "/checkout", "/help")
START = datetime(2024, 3, 1, 8, 0, tzinfo=UTC)


def pick(count: int, *of: object) -> int:
    """Give a number below `count` that looks like chance, and is the same each time."""
    return int.from_bytes(sha256(repr(of).encode()).digest()[:8]) % count


def choose(values: Sequence[str], *of: object) -> str:
    """Give one of some values, as `pick` does."""
    return values[pick(len(values), *of)]


def make_instant(number: int, micros: int = 0, since: datetime = START) -> datetime:
    """Give the instant of a row: rising, about two hours apart, never at a round minute throughout."""
    return since + timedelta(seconds=7001 * number + pick(3600, "second", number), microseconds=micros)


def make_day(number: int, since: datetime = START) -> datetime:
    """Give midnight of the day of a row."""
    return (since + timedelta(days=number * 2 + pick(2, "day", number))).replace(hour=0)


def make_hex(length: int, *of: object) -> str:
    """Give so many hexadecimal digits."""
    return sha256(repr(of).encode()).hexdigest()[:length]


def join_lines(lines: Iterable[str], end: str = "\n") -> bytes:
    """Give lines as the bytes of a file."""
    return "".join(line + end for line in lines).encode()


def join_fields(records: Iterable[Sequence[object]], delimiter: str = ",") -> list[str]:
    """Give each record as one line; what must be quoted is quoted already."""
    return [delimiter.join(str(value) for value in record) for record in records]


def format_iso(moment: datetime, between: str = " ", end: str = "", micros: int = 0) -> str:
    """Give an instant as `2024-03-01 08:00:00`, with so many decimals, and what stands behind it."""
    decimals = f".{moment.microsecond:06}"[: micros + 1] if micros else ""
    return f"{moment:%Y-%m-%d}{between}{moment:%H:%M:%S}{decimals}{end}"


def make_constant_time(year: int) -> datetime:
    """Give the instant that a definition names where the file has none."""
    return datetime(year, 1, 1, tzinfo=UTC)


def make_seconds(number: int) -> int:
    """Give the instant of a row as seconds since 1970."""
    return int(make_instant(number).timestamp())
