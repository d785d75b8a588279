"""Ask the product about files by a source definition, as its users do: a footfall.toml, and the public functions.

The answers come in a shape that the second reader can give, too.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

import footfall
from footfall.contract.definition import Condition, Field, SourceDefinition
from independent_reader import COLUMNS, FileRefusedError
from mapped_values import SourceRules
from source_reader import Row, Tables

NAME = "shop"
SAYS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")
DIALECT = ("quoting", "header", "skip_lines", "comment", "columns")
PLAIN = SourceDefinition()


@dataclass(frozen=True)
class File:
    """One file as it is delivered: its name, and what is in it."""

    name: str
    content: bytes


@dataclass
class Answer:
    """What is said of one file: its counts, and the rows of each kind of problem with the first of their lines."""

    status: str
    counts: dict[str, int] = field(default_factory=dict)
    problems: dict[tuple[str, str | None], tuple[int, int]] = field(default_factory=dict)

    def without_lines(self) -> tuple[Any, ...]:
        """Give the same without the lines: where in a document a record stands, two readers may count otherwise."""
        return self.status, self.counts, {key: rows for key, (rows, _) in self.problems.items()}


def as_toml(definition: SourceDefinition, rules: SourceRules) -> str:
    """Give a footfall.toml that says what a definition and the rules say, and no more."""
    settings: dict[str, Any] = {"max_rejected": "1.0", "source_time_zone": rules.source_time_zone}
    if rules.actions is not None:
        settings["actions"] = list(rules.actions)
    for column, id_type in zip(COLUMNS, rules.id_types, strict=False):
        if id_type != "bigint":
            settings[f"{column}_type"] = id_type
    says: dict[str, Any] = {}
    for key in ("match", "format", "delimiter", *DIALECT, "encoding", "null_values", "explode", "records", "id_space"):
        value = getattr(definition, key)
        if value is not None and value != getattr(PLAIN, key):
            says[key] = value
    if definition.where:
        says["where"] = [_condition(each) for each in definition.where]
    says |= {column: _field(each) for column, each in zip(COLUMNS, definition.fields, strict=True)}
    lines = [f"{key} = {_inline(value)}" for key, value in settings.items()]
    return "\n".join([*lines, f"[sources.{NAME}]", *(f"{key} = {_inline(value)}" for key, value in says.items()), ""])


def _field(of: Field) -> Any:
    keys = {"value": of.value, "default": of.default, "extract": of.extract, "from": of.made_from}
    keys |= {"time_zone": of.time_zone, "from_name": of.from_name, "integers": "as-float" if of.is_float else None}
    keys |= {"columns": of.joined or None, "format": of.formats if of.formats != ("iso",) else None}
    says = {key: value for key, value in keys.items() if value is not None}
    if of.columns:
        says["column"] = of.columns if len(of.columns) > 1 else of.columns[0]
    return says["column"] if list(says) == ["column"] and len(of.columns) == 1 else says


def _condition(of: Condition) -> dict[str, Any]:
    keys = {"column": of.column, "in": of.is_in, "not_in": of.not_in, "missing": of.is_missing}
    return {key: value for key, value in keys.items() if value is not None}


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def write(definition: SourceDefinition, rules: SourceRules, files: list[File]) -> list[str]:
    """Write the files and the footfall.toml into the working folder; give the names of the files in their order."""
    Path("footfall.toml").write_text(as_toml(definition, rules), encoding="utf-8")
    names = []
    for at, each in enumerate(files):
        folder = Path(f"{at:03}")  # a file's name may say when its rows were; its folder gives the order
        folder.mkdir(exist_ok=True)
        (folder / each.name).write_bytes(each.content)
        names.append(str(folder / each.name))
    return names


def check(definition: SourceDefinition, rules: SourceRules, files: list[File]) -> list[Answer]:
    """Give what `footfall.check` says of these files."""
    results = footfall.check(*write(definition, rules, files), source=NAME).loads  # type: ignore[call-arg]
    assert len(results) == len(files)
    return [_answer(each) for each in results]


def load(conninfo: str, definition: SourceDefinition, rules: SourceRules, files: list[File]) -> list[Answer]:
    """Load these files; give what `footfall.load` says of them."""
    names = write(definition, rules, files)
    return [_answer(each) for each in footfall.load(*names, source=NAME, database_url=conninfo).loads]  # type: ignore[call-arg]


def _answer(result: Any) -> Answer:
    if result.status in ("failed", "already-loaded"):
        return Answer(result.status)
    counts = {key: getattr(result, key) for key in SAYS}
    return Answer(
        "taken", counts, {(each.code, each.field): (each.rows, each.sample_line_number) for each in result.groups}
    )


def expect(definition: SourceDefinition, rules: SourceRules, files: list[File], tables: Tables) -> list[Answer]:
    """Give what the second reader says of these files, in the same shape."""
    answers = []
    for file in files:
        try:
            rows = tables.take_file(file.name, file.content, definition, rules)
        except FileRefusedError:
            answers.append(Answer("failed"))
            continue
        if rows is None:
            answers.append(Answer("already-loaded"))
            continue
        verdicts = Counter(each.verdict for each in rows)
        found = [len(rows), *(verdicts[each] for each in ("accepted", "duplicate", "rejected", "skipped"))]
        problems: dict[tuple[str, str | None], tuple[int, int]] = {}
        for row in rows:
            for each in row.problems:
                count, first = problems.get((each.code, each.field), (0, row.line_number))
                problems[each.code, each.field] = count + 1, first
        answers.append(Answer("taken", dict(zip(SAYS, found, strict=True)), problems))
    return answers


@dataclass
class Kept:
    """What is kept of some files: the interactions, and the problems of each rejected row by its line.

    An id that is made or joined stands there as `...`: which one it is, is for the product to say.
    """

    interactions: list[tuple[Any, ...]] = field(default_factory=list)
    problems: dict[int, set[tuple[str, str | None]]] = field(default_factory=dict)


def read_kept(conninfo: str, *, is_id_known: bool) -> Kept:
    """Read it from the tables."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set timezone to 'UTC'")
        interactions = connection.execute(
            "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw"
        ).fetchall()
        rejected = connection.execute("select line_number, problems from rejected_interactions").fetchall()
    problems = {line: {(each["code"], each["field"]) for each in found} for line, found in rejected}
    return Kept(sorted((row if is_id_known else (..., *row[1:]) for row in interactions), key=repr), problems)


def keep(rows: list[Row], *, is_id_known: bool) -> Kept:
    """Give it as the second reader has it."""
    kept = Kept()
    for row in rows:
        if row.verdict == "accepted" and row.content is not None:
            at = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.content.instant)
            made = row.content.interaction_id if is_id_known else ...
            kept.interactions.append((made, row.content.user_id, row.content.product_id, row.content.action, at))
        elif row.problems:
            kept.problems.setdefault(row.line_number, set()).update((each.code, each.field) for each in row.problems)
    kept.interactions.sort(key=repr)
    return kept


def difference(wanted: Kept, found: Kept, content: bytes) -> list[tuple[Any, ...]]:
    """Say where two differ: lines that are rejected otherwise, and interactions that one of them lacks."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    places = sorted(wanted.problems.keys() | found.problems.keys())
    problems = [
        (number, lines[number - 1][:300] if number <= len(lines) else b"", *map(repr, (one, other)))
        for number in places
        if (one := wanted.problems.get(number)) != (other := found.problems.get(number))
    ]
    missing = Counter(map(repr, wanted.interactions)) - Counter(map(repr, found.interactions))
    surplus = Counter(map(repr, found.interactions)) - Counter(map(repr, wanted.interactions))
    return [*problems, *(("not loaded", each) for each in missing), *(("loaded", each) for each in surplus)]
