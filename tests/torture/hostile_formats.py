"""Hostile files of each format: one file whose every line is polluted in another way, or one small file many times.

A line carries an id of its own, so that few verdicts hang on another row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from footfall.contract.definition import BLANKS, Field, SourceDefinition
from independent_reader import COLUMNS
from mapped_values import SourceRules

TEXTS = SourceRules(("text", "text", "text"))
FIRST_ID = 100_000


@dataclass(frozen=True)
class HostileFile:
    """A file, the definition by which it is read, and the rules beside it."""

    name: str
    definition: SourceDefinition
    lines: list[bytes]
    rules: SourceRules = TEXTS
    ending: str = "csv"
    start: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        return b"\n".join([*self.start, *self.lines])


def polluted(line: bytes, scraps: list[bytes], step: int = 1) -> Iterator[bytes]:
    """Give a line with a scrap before or in place of each of its bytes, without each byte, and cut at each byte."""
    for at in range(0, len(line), step):
        for scrap in scraps:
            yield line[:at] + scrap + line[at:]
            yield line[:at] + scrap + line[at + 1 :]
        yield line[:at] + line[at + 1 :]
        yield line[:at]


def numbered(lines: list[bytes]) -> list[bytes]:
    """Give each line a number of its own where it has a #."""
    return [line.replace(b"#", b"%d" % number) for number, line in enumerate(lines, start=FIRST_ID)]


JSON_SCRAPS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\xff", b"\xc3", b"0", b"-", b"e", b".", b" ",
    b"\t", b"\x01",
    b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"\\ud83d\\ude00", b"\\x", b"\xef\xbb\xbf", b"null", b"NaN",
    b"/**/", b"'",
    b"\x7f", b"\xc2\x85", b"\r", b'":"', b'","', b'"a":1,', b'"id":"1",', b"[[", b"{}",
]  # fmt: skip
JSON_LINE = b'{"id":"#","u":{"id":7,"x":[1,{}]},"p":["p",2.5],"a":"vi\\u0065w","t":"2024-05-06T07:08:09Z","n":{"id":1}}'
JSON_LINES = SourceDefinition(
    name="shop", format="jsonl", interaction_id=Field(columns=("id",)), user_id=Field(columns=("u.id",)),
    product_id=Field(columns=("p[0]",)), action=Field(columns=("a",)), timestamp=Field(columns=("t",)),
)  # fmt: skip


def json_shapes() -> Iterator[bytes]:
    """Give lines that are odd as a whole, or in what stands at a wanted place."""
    line = JSON_LINE
    wholes = [
        b"", b" ", b"\t", b"x", b"[]", b"[{}]", b"null", b"5", b'""', b"{}", b"{", b"}", b"{}{}", b"{},",
        b",{}", b"true",
        b"{'id':1}", b"{id:1}", b'{"id":1,}', b'{"id"}', b'{"id":}', b"{1:1}", b"NaN", b'{"a":01}', b"//",
    ]  # fmt: skip
    yield from wholes
    values = [
        b"null", b"true", b"false", b"0", b"-0", b"7", b"1234567890123456789012345678901234567890", b"1.5",
        b"[]", b"[1]",
        b"{}", b'{"a":1}', b'{"a":1,"a":1}', b"[[[]]]", b'""', b'" "', b'" x "', b'"\\u0009x"', b'"\\ud83d\\ude00"',
        b'"\\ud83d"', b'"\\ude00\\ud83d"', b'"\\u0000"', b'"a\\u0000b"', b'"\\n"', b"NaN", b"Infinity", b"-Infinity",
        b'"' + b"x" * 200 + b'"', b'"' + b"x" * 201 + b'"', b'"' + b"x" * 501 + b'"', b'"2024-01-01"',
        b'"' + "\U0001f600".encode() * 200 + b'"', b'"\xef\xbf\xbd"', b'"\\ufffd"', b'"\\/\\b\\f"', b'"\xe2\x80\xa8"',
        b'"\\\\u0000"', b'"\\\\\\u0000"', b"1e2", b"[1,]", b'{"a":1,}', b"01", b"+1", b".5", b"1.", b"1_0",
        b"0x1", b"nan", b"inf",
    ]  # fmt: skip
    for old in (b'"#"', b"7", b'"p"', b'"vi\\u0065w"', b'"2024-05-06T07:08:09Z"', b"2.5", b"[1,{}]", b'{"id":1}'):
        for value in values:
            yield line.replace(old, value, 1)
    for old in (b'"u":', b'"id":7', b'"p":', b'"a":', b'"t":', b'"n":', b'"id":"#"'):
        name = old.split(b":")[0]
        yield line.replace(old, b'"other":', 1) if old.endswith(b":") else line.replace(old + b",", b"", 1)
        yield line.replace(old, name + b":null," + old, 1)
        yield line.replace(old, name.upper() + b":null," + old, 1)
        escaped = b'"' + b"".join(b"\\u%04x" % each for each in name.strip(b'"')) + b'"'
        yield line.replace(name, escaped, 1)
        yield line.replace(old, escaped + b":1," + old, 1)
    for size in (999_990, 1_000_000, 1_000_001):
        yield line[:-1].ljust(size - 1) + b"}"
        yield line.replace(b'"n":', b'"n":"' + b"x" * (size - len(line) - 8) + b'","m":')


def json_lines() -> HostileFile:
    """Give a file of JSON Lines of every kind."""
    lines = [*polluted(JSON_LINE, JSON_SCRAPS), *json_shapes()]
    return HostileFile("lines", JSON_LINES, numbered(lines), ending="jsonl")


def exploded_lines() -> HostileFile:
    """Give a file whose lines hold lists of rows."""
    items = b'{"id":"#","p":["p"],"a":"v","t":"2024-05-06"},{"id":"#b","p":[5],"a":"w","t":"2024-05-07"}'
    line = b'{"u":{"id":7},"rows":[' + items + b"]}"
    definition = replace(JSON_LINES, explode="rows", user_id=Field(columns=("..u.id",)))
    scraps = [b'"', b"{", b"}", b"[", b"]", b",", b"\xff", b"null", b"5,", b"{},", b"[],"]
    return HostileFile(
        "exploded",
        definition,
        numbered(list(polluted(line, scraps))),
        ending="jsonl",
    )


CSV_SCRAPS = [b'"', b'""', b"'", b" ", b"\t", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"#", b"\n", b'"\n', b"\xc2\xa0"]
CELLS = (b"#", b"7", b'"p, :~|"', b"view", b"2024-05-06T07:08:09Z", b"note")
OF_PLACES: dict[str, Any] = {
    name: Field(columns=(place,)) for place, name in enumerate(COLUMNS, start=1)
}  # fmt: skip


def dialects() -> Iterator[HostileFile]:
    """Give a file in each of several dialects, polluted in each place,
    with pieces of its delimiter among the scraps."""
    for mark, says in (
        ("::", {}), ("~~~", {"header": False}), ("\t", {"comment": "#!"}), ("|", {"quoting": False}), (BLANKS, {}),
        (BLANKS, {"quoting": False, "header": False}), (";", {"skip_lines": 2, "null_values": ("NULL", "n")}),
        ("::", {"quoting": False}), ("\u20ac", {}), (":|:", {"header": False, "columns": ("a", "b", "c", "d",
        "e", "f")}),
    ):  # fmt: skip
        between = b" " if mark == BLANKS else mark.encode()
        definition = SourceDefinition(name="shop", format="csv", delimiter=mark, **{**OF_PLACES, **says})
        cells = CELLS if definition.quoting else [each.strip(b'"').replace(between, b"") for each in CELLS]
        scraps = [
            *CSV_SCRAPS,
            between,
            between[:1],
            between[-1:],
            between * 2,
            b'"' + between,
            between + b'"',
            b"#!",
            b"NULL",
        ]
        lines = numbered(list(polluted(between.join(cells), scraps)))
        names = between.join(b"name%d" % each for each in range(len(CELLS)))
        start = [b"a report", b""][: definition.skip_lines] + ([names] if definition.header else [])
        start += [] if definition.header else [between.join(cells).replace(b"#", b"1")]
        yield HostileFile(f"{mark!r} {says}", definition, lines, start=start)
