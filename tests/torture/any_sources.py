"""Any source definition, and any file for it: what Hypothesis draws from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from asked import File
from footfall.contract.definition import Condition, Field, SourceDefinition
from mapped_values import SourceRules

# What stands in the files, whatever it is called: two columns for each field, so that a definition can choose.
COLUMNS = ("e1", "e2", "u1", "u2", "p1", "p2", "a1", "a2", "t1", "t2")
OF_FIELD = {"interaction_id": "e", "user_id": "u", "product_id": "p", "action": "a", "timestamp": "t"}
DELIMITERS = (",", ",", ";", "\t", "|", "::", "~~", "\u00a7", "blanks")
NULL_WORDS = ("NULL", "\\N", "-", "NaN")
ZONES = ("UTC", "UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kathmandu")
PATTERNS = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S.%f", "%b %d, %Y %I:%M:%S %p")
EPOCHS = ("epoch-s", "epoch-ms", "epoch-us", "epoch-ns")
UUIDS = ("0188a4e6-7b5c-7d3e-8f00-0123456789ab", "00000000-0000-0000-0000-000000000000")
ACTIONS = ("click", "view", "some one", " click ", "1", "caf\u00e9", 'a"b')
BAD_ACTIONS = ("a" * 501, "a" * 500, "\ufffd", "a\nb", "\ta")
IDS = {
    "bigint": ("1", "2", "3", "0", "007", " 12"),
    "uuid": (*UUIDS, UUIDS[0].upper(), "{" + UUIDS[1] + "}", UUIDS[0].replace("-", "")),
    "text": ("1", "2", "001", "some one", "x" * 200, "\u00fc", '"q"', "N5-1"),
}
BAD_IDS = {
    "bigint": ("12.0", "N5-1", "-1", "-0", "+3", "9" * 18, "9" * 19, "9" * 40, "x", "1 2", "1.5"),
    "uuid": ("1", UUIDS[0][:-1], UUIDS[0] + "0", "{" + UUIDS[0], UUIDS[0].replace("-", "", 1), "g" * 32),
    "text": ("x" * 201, "\U0001f600" * 200, "\U0001f600" * 201),
}
NAMED = "from-%Y-%m-%d"


@dataclass(frozen=True)
class Source:
    """A definition, the rules beside it, and files for it."""

    definition: SourceDefinition
    rules: SourceRules
    files: list[File]


def path_of(column: str, kind: str, *, is_outer: bool = False) -> str:
    """Give the name of a column as a definition writes it: a path, where the files are JSON."""
    if kind == "csv":
        return column
    inner = {"e2": '["e.2"]', "u2": "in.u2", "p2": "in.list[1].p2"}.get(column, column)
    return f"..{inner}" if is_outer else inner


@st.composite
def fields(draw: st.DrawFn, name: str, kind: str, id_type: str) -> Field:
    """Give one of the five fields."""
    letter = OF_FIELD[name]
    one, two = path_of(f"{letter}1", kind), path_of(f"{letter}2", kind)
    made = Field(columns=draw(st.sampled_from([(one,), (one,), (two,), (one, two), (two, one)])))
    extra = draw(st.integers(0, 9))
    if name == "timestamp":
        return draw(times(made, one, two))
    if name == "interaction_id" and extra < 3 and id_type == "uuid":
        return Field(made_from=draw(st.sampled_from(["record", "fields", "position"])))
    if name == "interaction_id" and extra < 2 and id_type == "text":
        return Field(joined=(one, two))
    constants = {"bigint": "7", "uuid": UUIDS[0], "text": "some one"}
    if extra == 3 and name != "interaction_id":
        return Field(value=constants[id_type])
    if extra in (4, 5):
        made = replace(made, default=constants[id_type])
    if extra in (5, 6) and id_type != "uuid":
        made = replace(made, extract=r"^[Nn]?([0-9]+)(?:-[0-9])?$")
    if extra == 7 and id_type == "bigint":
        made = replace(made, is_float=True)
    return made


@st.composite
def times(draw: st.DrawFn, made: Field, one: str, two: str) -> Field:
    """Give the field of the time."""
    zone = draw(st.sampled_from([None, None, *ZONES]))
    extra = draw(st.integers(0, 11))
    if extra == 0:
        return Field(value="2024-01-01")
    if extra == 1:
        return Field(from_name=NAMED, time_zone=zone)
    if extra == 2:
        return Field(joined=(one, two), time_zone=zone)
    formats = draw(
        st.one_of(
            st.just(("iso",)),
            st.sampled_from([*EPOCHS, *PATTERNS]).map(lambda each: (each,)),
            st.sampled_from([("iso", PATTERNS[0]), (PATTERNS[4], "iso"), PATTERNS[:2]]),
        )
    )
    return replace(
        made, formats=formats, time_zone=zone, default="2024-01-01" if extra == 3 and formats == ("iso",) else None
    )


@st.composite
def conditions(draw: st.DrawFn, kind: str) -> Condition:
    column = path_of(draw(st.sampled_from(["a1", "a2", "u2"])), kind)
    way = draw(st.integers(0, 3))
    if way < 2:
        return Condition(column, is_missing=bool(way))
    words = tuple(draw(st.lists(st.sampled_from(["click", "view", "1", "some one"]), min_size=1, max_size=2)))
    return Condition(column, is_in=words) if way == 2 else Condition(column, not_in=words)


@st.composite
def sources(draw: st.DrawFn, kind: str) -> Source:
    """Give a definition of a format, and some files for it, one of them perhaps twice."""
    id_types = tuple(draw(st.sampled_from(["bigint", "text", "uuid"])) for _ in range(3))
    actions = draw(st.sampled_from([None, None, ("click", "view", "some one", "true")]))
    rules = SourceRules(id_types, draw(st.sampled_from(ZONES)), actions)  # type: ignore[arg-type]
    of_fields = {
        name: draw(fields(name, kind, id_type))
        for name, id_type in zip(OF_FIELD, (*id_types, "text", "text"), strict=True)
    }
    says: dict[str, Any] = {
        "format": kind,
        "null_values": tuple(draw(st.lists(st.sampled_from(NULL_WORDS), max_size=2, unique=True))),
        "where": tuple(draw(st.lists(conditions(kind), max_size=2))) if draw(st.integers(0, 2)) == 0 else (),
        "encoding": draw(st.sampled_from(["utf-8"] * 6 + ["iso8859-1", "cp1252", "utf-16"])),
    }
    if kind == "csv":
        says |= draw(dialects())
    definition = SourceDefinition(name="shop", **says, **of_fields)
    if definition.header is False and not definition.columns:
        definition = by_position(definition)
    contents = draw(
        st.lists(
            csv_files(definition, rules) if kind == "csv" else json_files(definition, rules), min_size=1, max_size=3
        )
    )
    if draw(st.booleans()):
        contents.append(draw(st.sampled_from(contents)))
    ending = {"csv": "csv", "json": "json", "jsonl": "jsonl"}[kind]
    days = [draw(st.sampled_from(["2024-01-01", "2024-02-29"])) for _ in contents]
    return Source(definition, rules, [File(f"from-{d}.{ending}", each) for d, each in zip(days, contents, strict=True)])


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    header = draw(st.sampled_from([True, True, True, False]))
    return {
        "delimiter": draw(st.sampled_from(DELIMITERS)),
        "quoting": draw(st.sampled_from([True, True, True, False])),
        "header": header,
        "columns": COLUMNS if not header and draw(st.booleans()) else (),
        "skip_lines": draw(st.sampled_from([0, 0, 0, 1, 3])),
        "comment": draw(st.sampled_from([None, None, "#", "//"])),
    }


def by_position(definition: SourceDefinition) -> SourceDefinition:
    """Give the same definition, with its columns by their positions."""

    def position(name: Any) -> int:
        return COLUMNS.index(name) + 1

    changed: dict[str, Any] = {"where": tuple(replace(each, column=position(each.column)) for each in definition.where)}
    for name, each in zip(OF_FIELD, definition.fields, strict=True):
        changed[name] = replace(
            each, columns=tuple(map(position, each.columns)), joined=tuple(map(position, each.joined))
        )
    return replace(definition, **changed)


walls = st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1))  # noqa: DTZ001


@st.composite
def time_texts(draw: st.DrawFn, field: Field, *, is_of_format: bool) -> str:
    """Give a text for the time: one that a format of the field reads, or that some format reads."""
    wall = draw(walls)
    each = draw(st.sampled_from(field.formats if is_of_format else ["iso", "epoch-s", *PATTERNS]))
    if each == "iso":
        offset = draw(st.sampled_from(["", "", "Z", "+02:00", " UTC", " -0330"]))
        return draw(st.sampled_from([f"{wall:%Y-%m-%d}", wall.isoformat(" ") + offset, wall.isoformat("T") + offset]))
    if each in EPOCHS:
        digits = str(round(wall.timestamp())) + {"epoch-s": "", "epoch-ms": "123", "epoch-us": "123456"}.get(
            each, "1" * 9
        )
        return digits + draw(st.sampled_from(["", "", ".5", ".25", ".0"]))
    return wall.strftime(each)


@st.composite
def texts(draw: st.DrawFn, column: str, definition: SourceDefinition, rules: SourceRules) -> str:
    """Give what stands in one column, as text: mostly what is right there."""
    way = draw(st.integers(0, 39))
    letter = column[0]
    if way in (20, 21):
        return draw(st.sampled_from(["", " ", *NULL_WORDS]))
    if letter == "t":
        if definition.timestamp.joined:
            return draw(st.sampled_from(["2024-05-06", "2024-02-29"] if column == "t1" else ["7:01", "23:59:59Z", "x"]))
        return draw(time_texts(definition.timestamp, is_of_format=way not in (22, 23)))
    if letter == "a":
        return draw(st.sampled_from(BAD_ACTIONS if way in (24, 25) else ACTIONS))
    id_type = rules.id_types["eup".index(letter)]
    if letter == "e" and id_type != "uuid" and way < 16:
        return str(draw(st.integers(100, 140)))
    return draw(st.sampled_from(BAD_IDS[id_type] if way in (26, 27) else IDS[id_type]))


@st.composite
def csv_files(draw: st.DrawFn, definition: SourceDefinition, rules: SourceRules) -> bytes:
    """Give a delimited file for a definition."""
    blanks = definition.delimiter == "blanks"
    between = draw(st.sampled_from([" ", "\t", "  "])) if blanks else definition.delimiter or ","
    lines = draw(st.lists(st.sampled_from(["a report", "", "x,y"]), min_size=3, max_size=3))[: definition.skip_lines]
    if definition.header:
        lines.append(between.join(draw(st.sampled_from([each, each.upper()])) for each in COLUMNS))
    else:
        # The first row says how many fields a row has, where nothing else does.
        lines.append(between.join("1" for _ in COLUMNS))
    for _ in range(draw(st.integers(0, 7))):
        cells = []
        for column in COLUMNS:
            cell = draw(texts(column, definition, rules))
            special = (between.strip() or " ", '"', "\n", *(" \t" if blanks else ""))
            if definition.quoting and (
                any(each in cell for each in special) or not cell or draw(st.integers(0, 9)) == 0
            ):
                cell = '"' + cell.replace('"', '""') + '"'
            elif blanks:
                cell = cell.strip().replace(" ", "_") or "-"
            cells.append(cell)
        lines.append(between.join(cells))
        if draw(st.integers(0, 9)) == 0:
            lines.append(
                draw(st.sampled_from(["", "  ", "# a comment", "//", "1", '"', f'1{between}"x', between * 30]))
            )
    lines += (
        draw(st.lists(st.sampled_from(lines[definition.skip_lines + 1 :]), max_size=2))
        if len(lines) > definition.skip_lines + 1
        else []
    )
    content = draw(st.sampled_from(["\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n"]))
    return encode(draw, content, definition.encoding)


def encode(draw: st.DrawFn, content: str, encoding: str) -> bytes:
    held = content.encode(encoding, "replace")
    if encoding == "utf-16":
        return held
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(min(len(held), 40), len(held)))
        held = held[:at] + draw(st.sampled_from([b"\xff", b"\x81", b"\0", b"\xc3"])) + held[at:]
    return held


@st.composite
def json_values(draw: st.DrawFn, column: str, definition: SourceDefinition, rules: SourceRules) -> str:
    """Give one value as JSON: mostly a text that could stand in a delimited file."""
    way = draw(st.integers(0, 39))
    if way == 17:
        return draw(
            st.sampled_from(["null", "true", "[]", "{}", "[1]", '{"a":1,"a":2}', "NaN", '"\\u0000"', '"\\ud800"'])
        )
    text = draw(texts(column, definition, rules))
    if way < 8 and text.isascii() and text.isdigit() and str(int(text)) == text:
        return text
    if way in (18, 19):
        return draw(st.sampled_from(["5", "0", "12345678901234567890123", "1.5", "7.0"]))
    return json.dumps(text, ensure_ascii=draw(st.booleans()))


@st.composite
def objects(draw: st.DrawFn, definition: SourceDefinition, rules: SourceRules) -> str:
    """Give one object as text; now and then a name stands twice in it."""
    members = []
    for column in COLUMNS:
        if draw(st.integers(0, 19)) == 13:
            continue
        value = draw(json_values(column, definition, rules))
        name = "e.2" if column == "e2" else "in" if column in ("u2", "p2") else column
        if column == "u2":
            value = f'{{"u2": {value}, "list": [0, {{"p2": {draw(json_values("p2", definition, rules))}}}]}}'
        if column != "p2":
            members.append(f"{json.dumps(name)}: {value}")
    if members and draw(st.integers(0, 19)) == 0:
        members.append(draw(st.sampled_from(members)))
    members.append('"note": [1, {"x": 1, "x": 2}]')
    return "{" + ", ".join(members) + "}"


@st.composite
def json_files(draw: st.DrawFn, definition: SourceDefinition, rules: SourceRules) -> bytes:
    """Give a file of JSON Lines, or a JSON document."""
    found = draw(st.lists(objects(definition, rules), min_size=1, max_size=7))
    found += draw(st.lists(st.sampled_from(found), max_size=2))
    if definition.format == "jsonl":
        scraps = st.sampled_from(["", " ", "x", "[]", "5", "{", '{"e1":1}}', "{'e1':1}", '"'])
        lines = [each for one in found for each in ([one, draw(scraps)] if draw(st.integers(0, 9)) == 0 else [one])]
        return encode(draw, "\n".join(lines) + draw(st.sampled_from(["", "\n"])), definition.encoding)
    if draw(st.booleans()):
        found += draw(st.lists(st.sampled_from(["5", "null", "[]"]), max_size=1))
        content = "[" + draw(st.sampled_from([",", ",\n ", " , "])).join(found) + "]"
    else:
        content = draw(st.sampled_from(["\n", "", " "])).join(found)
    content = content[: draw(st.sampled_from([len(content)] * 9 + [len(content) // 2]))]
    return content.encode(definition.encoding, "replace")
