"""Deliveries that are hard to take in ranges: what stands at their borders, and what rows say of one another.

Each is written from a seed, so that it is the same wherever it is staged.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from footfall.contract.limits import RECORD_BYTES_MAX, RECORD_LINES_MAX

HEADER = b"interaction_id,user_id,product_id,action,timestamp"
REORDERED = b"timestamp,note,user_id,interaction_id,action,product_id"
ACTIONS = (b"click", b"view", b"buy", "größe".encode())
BREAKS = (1, 2, 3, RECORD_LINES_MAX - 1, RECORD_LINES_MAX, RECORD_LINES_MAX + 1)
SMALL_ROWS = 800
DEFINITIONS = """
[sources.shop]
match = ["shop*.txt"]
format = "csv"
delimiter = ";"
null_values = ["-"]
interaction_id = { column = "id" }
user_id = { column = "user", integers = "as-float" }
product_id = { column = "item", extract = "p([0-9]+)" }
action = { column = "what", default = "none" }
timestamp = { column = "at", format = ["epoch-s", "%d/%m/%Y"], time_zone = "Europe/Vienna" }
where = [{ column = "kind", not_in = ["test"] }]

[sources.placed]
match = ["placed*.csv"]
interaction_id = { from = "position" }

[sources.recorded]
match = ["recorded*.csv"]
interaction_id = { from = "record" }

[sources.lines]
match = ["lines*.jsonl"]
format = "jsonl"
interaction_id = "id"
user_id = "u.id"
product_id = "p[0]"
action = "a"
timestamp = "t"
"""


@dataclass(frozen=True)
class CutDelivery:
    """A file to be loaded in ranges, and what is there before it.

    `write` makes the files in a folder and gives their names: those that are loaded before, then the one in question.
    `forgotten` are users who were forgotten before it.
    """

    name: str
    write: Callable[[Path], list[str]]
    range_bytes: int = 8 << 10
    options: Mapping[str, Any] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    is_long: bool = False

    def __str__(self) -> str:
        return self.name


def write_row(chance: random.Random, number: int, ids: int) -> bytes:
    """Give one row: most are new, some repeat or contradict another one of any place."""
    at = chance.randrange(1, ids) if chance.random() < 0.1 else number
    user = at % 97 + (1 if chance.random() < 0.98 else 50)
    return b"%d,%d,%d,%s,2024-0%d-1%d 10:%02d:%02d" % (
        at, user, at % 13 + 1, ACTIONS[at % 4], at % 9 + 1, at % 7, at % 60, at % 59,
    )  # fmt: skip


def write_dirty_rows(rows: int, seed: int) -> bytes:
    """Give rows under another order of fields, mixed line ends, and all that a row can be instead of one."""
    chance = random.Random(seed)
    lines = [b"\xef\xbb\xbf" + REORDERED]
    for number in range(1, rows + 1):
        cells = write_row(chance, number, rows).split(b",")
        note = chance.choice((b"", b"-", b'"a, b"', b"n\xc3\xb6te"))
        lines.append(b",".join((cells[4], note, cells[1], cells[0], cells[3], cells[2])))
        if chance.random() < 0.25:
            lines.append(write_dirt(chance, lines[-1]))
    return b"".join(line + chance.choice((b"\n", b"\n", b"\n", b"\r\n")) for line in lines)


def write_dirt(chance: random.Random, row: bytes) -> bytes:
    """Give what is no row, or one that is hard to cut: near it the borders of records are easily taken for others."""
    odd: tuple[Callable[[], bytes], ...] = (
        lambda: b'2024-01-01,"open,3,4,click,5',
        lambda: b'"',
        lambda: b'2024-01-01,"' + chance.choice((b"\n", b"\r\n")).join([b"x"] * chance.choice(BREAKS)) + b'",3,4,c,5',
        lambda: b'2024-01-01,"' + b"\n".join([row] * chance.choice((2, 3, 50))) + b'",3,4,c,5',
        lambda: row.replace(b",", b"\0,", 1),
        lambda: row + b"\xff",
        lambda: row.replace(b"click", b"\xef\xbf\xbd"),
        lambda: row[: len(row) // 2],
        lambda: row + b",more",
        lambda: b"",
        lambda: b" \t",
        lambda: b"\r",
        lambda: row.replace(b"-1", b"-3", 1),
        lambda: REORDERED,
    )
    return chance.choice(odd)()


def write_long_lines(end: bytes) -> bytes:
    """Give rows between lines and records of about a megabyte, which are read apart."""
    rows = [HEADER + b",note"]
    for number, size in enumerate((-1, 0, 1, 70_000, 2_000_000), start=1):
        rows += [b"%d,2,3,a,2024-01-01,%d" % (10 * number + at, at) for at in range(5)]
        length = RECORD_BYTES_MAX + size
        rows.append((b"%d,2,3,a,2024-01-01," % (10 * number + 6)).ljust(length, b"x"))
        rows.append((b'%d,2,3,a,2024-01-01,"' % (10 * number + 7) + end).ljust(length - 1, b"y") + b'"')
        rows.append((b'%d,2,3,a,2024-01-01,"' % (10 * number + 8)).ljust(length, b"z"))
    return end.join(rows)


def write_lone_quotes(rows: int) -> bytes:
    """Give rows each of which holds one quote: no line but the first is sure to begin a record."""
    return b"\n".join([HEADER, *(b'%d,%d,",click,2024-01-01' % (number, number % 7) for number in range(rows))])


def write_lines(rows: int, seed: int) -> bytes:
    """Give objects a line, with lines between them that are none."""
    chance = random.Random(seed)
    odd = (
        b"",
        b" ",
        b"{",
        b"[]",
        b"null",
        b'{"id":1,}',
        b"\xff",
        b'{"id":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b'"\\n',
        b"{}\r",
    )
    lines = []
    for number in range(1, rows + 1):
        at = chance.randrange(1, rows) if chance.random() < 0.1 else number
        user = at % 50 + (chance.random() < 0.02)
        row = {
            "id": at,
            "u": {"id": user},
            "p": [at % 9],
            "a": "v\u00fc\n"[: at % 3 + 1],
            "t": f"2024-05-0{at % 9 + 1}",
        }
        lines.append(json.dumps(row, ensure_ascii=chance.random() < 0.5).encode())
        if chance.random() < 0.1:
            lines.append(chance.choice(odd))
    return b"".join(line + chance.choice((b"\n", b"\n", b"\r\n")) for line in lines)


def write_shop_rows(rows: int, seed: int) -> bytes:
    """Give rows that only their source definition can read; some are no interactions by it."""
    chance = random.Random(seed)
    lines = ["kind;id;user;item;what;at"]
    for number in range(rows):
        at = chance.randrange(rows) if chance.random() < 0.1 else number
        when = chance.choice((str(1_700_000_000 + at), f"0{at % 9 + 1}/03/2024", "-", "never"))
        kind = "test" if at % 11 == 0 else "real"
        lines.append(f"{kind};{at};{at % 40}.0;p{at % 9};{('v', '-', 'buy')[at % 3]};{when}")
    return "\n".join(lines).encode()


def shuffle_rows(content: bytes, seed: int) -> bytes:
    """Put the rows below the header in random order."""
    header, *rows = content.splitlines(keepends=True)
    random.Random(seed).shuffle(rows)
    return b"".join([header, *rows])


def write_plain_rows(numbers: Iterable[int], ids: int, seed: int) -> bytes:
    chance = random.Random(seed)
    return b"\n".join([HEADER, *(write_row(chance, number, ids) for number in numbers), b""])


def write_falling_rows(*steps: range) -> bytes:
    """Give rows whose ids are those of each step; of an id that comes again, every third row contradicts the first."""
    seen: set[int] = set()
    lines = [HEADER]
    for number in (number for step in steps for number in step):
        user = 2 if number in seen and number % 3 == 0 else 1
        lines.append(b"%d,%d,3,click,2024-01-01 10:00:%02d" % (number, user, number % 60))
        seen.add(number)
    return b"\n".join(lines)


def write_id_rows(rows: int, seed: int) -> bytes:
    """Give rows whose ids are UUIDs, users are text and products UUIDs; ids do not rise."""
    chance = random.Random(seed)
    lines = [HEADER]
    for number in range(rows):
        at = chance.randrange(rows) if chance.random() < 0.1 else number
        key = str(UUID(int=random.Random(at).getrandbits(128)))
        text = key if chance.random() < 0.97 else chance.choice((key.upper(), key.replace("-", ""), "no uuid", ""))
        user = f"\u00fcser {at % 40}" if chance.random() < 0.98 else ""
        lines.append(f"{text},{user},{UUID(int=at % 9 << 70)},click,2024-01-0{at % 9 + 1}".encode())
    return b"\n".join(lines)


def of(*contents: tuple[str, Callable[[], bytes]]) -> Callable[[Path], list[str]]:
    """Give what writes these files."""

    def write(folder: Path) -> list[str]:
        (folder / "footfall.toml").write_text(DEFINITIONS)
        for name, content in contents:
            (folder / name).write_bytes(content())
        return [str(folder / name) for name, _ in contents]

    return write


MADE = {"interaction_id_type": "uuid"}
IDS = {"interaction_id_type": "uuid", "user_id_type": "text", "product_id_type": "uuid"}
DELIVERIES = (
    CutDelivery("dirty rows", of(("dirty.csv", lambda: write_dirty_rows(SMALL_ROWS, 1))), 12 << 10),
    CutDelivery(
        "dirty rows over dirty rows",
        of(
            ("first.csv", lambda: write_dirty_rows(SMALL_ROWS // 2, 2)),
            ("dirty.csv", lambda: write_dirty_rows(SMALL_ROWS, 3)),
        ),
        12 << 10,
        forgotten=("7", "11"),
    ),
    CutDelivery("long lines", of(("long.csv", lambda: write_long_lines(b"\r\n"))), 4 << 20),
    CutDelivery("a lone quote on every line", of(("quotes.csv", lambda: write_lone_quotes(SMALL_ROWS)))),
    CutDelivery("compressed", of(("dirty.csv.gz", lambda: gzip.compress(write_dirty_rows(SMALL_ROWS, 4), 1)))),
    CutDelivery(
        "rows in random order",
        of(("shuffled.csv", lambda: shuffle_rows(write_plain_rows(range(1, 1_000), 1_000, 5), 5))),
    ),
    CutDelivery(
        "ids that are there, and ids above them",
        of(
            ("first.csv", lambda: write_plain_rows(range(200, 500), 500, 6)),
            ("second.csv", lambda: write_plain_rows([*range(600, 800), *range(100, 700)], 800, 7)),
        ),
    ),
    CutDelivery(
        "ids that fall and come again",
        of(
            ("first.csv", lambda: write_falling_rows(range(50))),
            ("second.csv", lambda: write_falling_rows(range(900, 1_000), range(500, 600), range(550, 1_000))),
        ),
        3 << 10,
    ),
    CutDelivery("UUIDs and text", of(("ids.csv", lambda: write_id_rows(SMALL_ROWS, 8))), options=IDS),
    CutDelivery(
        "ids made of places", of(("placed.csv", lambda: write_plain_rows(range(SMALL_ROWS), 99, 9))), options=MADE
    ),
    CutDelivery(
        "ids made of records", of(("recorded.csv", lambda: write_plain_rows(range(SMALL_ROWS), 99, 10))), options=MADE
    ),
    CutDelivery("JSON Lines", of(("lines.jsonl", lambda: write_lines(SMALL_ROWS, 11))), forgotten=("3",)),
    CutDelivery("a source definition", of(("shop.txt", lambda: write_shop_rows(SMALL_ROWS, 12))), forgotten=("3",)),
    CutDelivery("a header alone", of(("header.csv", lambda: HEADER))),
    CutDelivery("one row", of(("one.csv", lambda: HEADER + b"\n1,1,1,click,2024-01-01")), 1),
    CutDelivery("30,000 dirty rows", of(("dirty.csv", lambda: write_dirty_rows(30_000, 13))), 512 << 10),
    CutDelivery(
        "1,000,000 dirty rows", of(("dirty.csv", lambda: write_dirty_rows(1_000_000, 14))), 8 << 20, is_long=True
    ),
)
