"""Read a file by its source definition, in plain Python: slow, small, and apart from Footfall.

It knows what the shapes of this folder need, and no more. What it cannot read it rejects, as Footfall does.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from wild_shape import FIELDS, MADE, NAME, Row, Shape

UNITS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1}  # microseconds in one
Record = dict[str, Any] | list[str]


@dataclass
class Reading:
    """What became of the rows of a file."""

    rows: list[Row] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    skipped: int = 0
    rejected: dict[int, tuple[str, ...]] = field(default_factory=dict)


class Problem(Exception):  # noqa: N818 - a problem is a word of Footfall's
    """A value that breaks a rule; its text is the code."""


def read_shape(shape: Shape) -> Reading:
    """Read the file of a shape by its own definition."""
    definition = tomllib.loads(shape.section)["sources"][NAME]
    kinds = dict(zip(FIELDS, (*shape.types, "action", "timestamp"), strict=True))
    reading, seen = Reading(), dict[object, Row]()
    for place, record in read_records(shape, definition):
        reading.read += 1
        if not all(is_held(condition, record) for condition in definition.get("where", [])):
            reading.skipped += 1
            continue
        if isinstance(record, list) and (names := definition.get("columns")) and len(record) != len(names):
            reading.rejected[place] = ("too-many-fields" if len(record) > len(names) else "too-few-fields",)
            continue
        values, problems = [], []
        for name in FIELDS:
            try:
                values.append(read_field(definition, name, kinds[name], record))
            except Problem as problem:
                problems.append(str(problem))
        row = Row(*values) if not problems else None
        if row is None:
            reading.rejected[place] = tuple(problems)
        elif row.interaction_id != MADE and seen.setdefault(row.interaction_id, row) is not row:
            assert seen[row.interaction_id] == row, "no shape has a conflict"
            reading.duplicate += 1
        else:
            reading.rows.append(row)
    return reading


def read_records(shape: Shape, definition: dict[str, Any]) -> Iterator[tuple[int, Record]]:
    """Give the records of a file with the number of the line where each begins."""
    text = shape.content.decode(definition.get("encoding", "utf-8"))
    form = definition.get("format") or shape.file.rpartition(".")[2]
    if form == "json":
        document = json.loads(text)
        for number, one in enumerate(walk(document, definition["records"]) if "records" in definition else document, 1):
            yield number, one
    elif form == "jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            outer = json.loads(line)
            if path := definition.get("explode"):
                for item in walk(outer, path) or []:
                    yield number, item | {"..": outer}
            else:
                yield number, outer
    else:
        assert form == "csv", form
        yield from read_delimited(text, definition)


def read_delimited(text: str, definition: dict[str, Any]) -> Iterator[tuple[int, Record]]:
    """Give the records of delimited text: by name where there is a header, else as a list."""
    header: list[str] | None = None
    skip = definition.get("skip_lines", 0)
    for number, line in enumerate(text.splitlines(), 1):
        if number <= skip or not line.strip() or line.startswith(definition.get("comment", "\0")):
            continue
        values = split_line(line, definition)
        if header is None and definition.get("header", True):
            header = [value.strip() for value in values]
        elif header is None:
            yield number, values
        else:
            yield number, dict(zip(header, values, strict=True))


def split_line(line: str, definition: dict[str, Any]) -> list[str]:
    """Split one line into its fields; no shape has a field that runs over lines."""
    delimiter = definition.get("delimiter", ",")
    if delimiter == "blanks":
        return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]
    if len(delimiter) > 1 and delimiter != "tab":
        return line.split(delimiter)
    mark = "\t" if delimiter == "tab" else delimiter
    return next(csv.reader([line], delimiter=mark)) if definition.get("quoting", True) else line.split(mark)


def walk(value: Any, path: str) -> Any:
    """Follow a dotted path into an object; what is not there is None."""
    if path.startswith(".."):
        value, path = value[".."], path[2:]
    if isinstance(value, dict) and path in value:
        return value[path]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def take(definition: dict[str, Any], column: str | int, record: Record) -> str | None:
    """Give the value of a column as trimmed text, None where it is missing."""
    if isinstance(record, list):
        position = column - 1 if isinstance(column, int) else definition["columns"].index(column)
        value: Any = record[position]
    elif isinstance(column, str) and "->" in column:
        outer, _, path = column.partition("->")
        value = walk(json.loads(record[outer.strip()]), path.strip())
    else:
        value = walk(record, str(column))
    text = "" if value is None else str(value).strip()
    return None if text == "" or text in definition.get("null_values", []) else text


def is_held(condition: dict[str, Any], record: Record) -> bool:
    """Say whether a record is among those that `where` names."""
    return take({}, condition["column"], record) in condition["in"]


def read_field(definition: dict[str, Any], name: str, kind: str, record: Record) -> object:
    """Give the value of a field, or raise the code of its problem."""
    says = definition[name]
    says = says if isinstance(says, dict) else {"column": says}
    if says.get("from"):
        return MADE
    text = says.get("value")
    if text is None and "columns" in says:
        parts = [take(definition, column, record) for column in says["columns"]]
        text = None if None in parts else " ".join(str(part) for part in parts)
    elif text is None:
        columns = says["column"] if isinstance(says["column"], list) else [says["column"]]
        text = next((found for column in columns if (found := take(definition, column, record)) is not None), None)
        if text is not None and "extract" in says:
            found = re.search(says["extract"], text)
            text = found[1] if found else None
        text = says.get("default") if text is None else text
    if text is None:
        raise Problem("missing-value")
    if says.get("integers"):
        text = str(text).removesuffix(".0")
    return convert(str(text), kind, says.get("format", "iso"))


def convert(text: str, kind: str, form: str) -> object:
    """Give a text as a value of its kind."""
    try:
        if kind == "bigint":
            return int(text)
        if kind == "uuid":
            return UUID(text)
        return read_time(text, form) if kind == "timestamp" else text
    except ValueError:
        codes = {"bigint": "not-an-integer", "uuid": "not-a-uuid"}
        raise Problem(codes.get(kind, "not-a-timestamp")) from None


def read_time(text: str, form: str) -> datetime:
    """Give an instant; one without a zone is in UTC."""
    if form in UNITS:
        whole, _, rest = text.partition(".")
        assert rest.strip("0") == "", "no shape has a broken epoch"
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(whole) * UNITS[form])
    text = text.replace(" UTC", "Z") if form == "iso" else text
    found = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def count_rows(rows: list[Row] | tuple[Row, ...]) -> Counter[Row]:
    """Give rows as a set in which a row may come more than once."""
    return Counter(rows)
