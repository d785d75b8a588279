"""Read a whole file by a source definition, a second time: plain, slow, and without the product's code.

What it takes from the product is the shape of a definition alone. The law is applied here, too: rows one by one, in
loading order. Where it and Footfall differ, one of them is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import independent_reader as plain
import mapped_delimited
import mapped_json
from footfall.contract.definition import Condition, SourceDefinition
from independent_reader import COLUMNS, FileRefusedError, Problem
from mapped_values import Content, Held, Look, SourceRules, judge_values, take_field, time_of_name

BAD_BYTE = b"\xff"  # stands, in what was decoded from another encoding, for what that encoding does not have


@dataclass(frozen=True)
class Row:
    """One record and its verdict: accepted, duplicate, rejected or skipped. A row in conflict has a content, too.

    `identity` is what a made id is made of, beside the occurrence.
    """

    line_number: int
    item: int
    verdict: str
    content: Content | None = None
    problems: frozenset[Problem] = frozenset()
    identity: Any = None


@dataclass
class Tables:
    """What sequential truth remembers: the content of each id, in loading order, and the files that were delivered."""

    contents: dict[Any, Content] = field(default_factory=dict)
    delivered: set[bytes] = field(default_factory=set)

    def take_file(
        self, name: str, content: bytes, definition: SourceDefinition, rules: SourceRules
    ) -> list[Row] | None:
        """Take one file: its rows with their verdicts, None where it was delivered before.

        Raises: FileRefusedError, where the whole file is refused.
        """
        if content in self.delivered:
            return None
        rows = [self._take(row) for row in read_rows(name, content, definition, rules)]
        self.delivered.add(content)
        return rows

    def _take(self, row: Row) -> Row:
        if row.content is None:
            return row
        known = self.contents.setdefault(row.content.interaction_id, row.content)
        if known is row.content:
            return row
        if known == row.content:
            return replace(row, verdict="duplicate")
        conflict = frozenset([Problem("conflicting-duplicate", "interaction_id")])
        return replace(row, verdict="rejected", problems=conflict)


def read_rows(name: str, content: bytes, definition: SourceDefinition, rules: SourceRules) -> list[Row]:
    """Give every record of a file with its verdict before any other row is known.

    Raises: FileRefusedError.
    """
    text = decode_file(content, definition.encoding)
    fields = dict(zip(COLUMNS, definition.fields, strict=True))
    time = fields["timestamp"]
    instant = time_of_name(name, time, rules) if time.from_name is not None else None
    if isinstance(instant, Problem):
        raise FileRefusedError("a name without a time")
    rows = []
    occurrences: Counter[Any] = Counter()
    for place, whole, problems, look in see_records(text, definition):
        if problems or look is None:
            rows.append(Row(*place, "rejected", problems=problems))
            continue
        try:
            row = _judge(place, look, definition, rules, instant)
        except mapped_json.NameTwiceError:
            row = Row(
                *place, "rejected", problems=_no_record("not-an-object", whole if isinstance(whole, str) else whole[0])
            )
        if row.content is not None and definition.made_from is not None:
            made = _identity(definition, whole, content, place, row.content)
            occurrences[made] += 1
            row = replace(row, content=replace(row.content, interaction_id=(made, occurrences[made])), identity=made)
        rows.append(row)
    return rows


def _identity(definition: SourceDefinition, whole: Any, file: bytes, place: tuple[int, int], values: Content) -> Any:
    """Give what a made id is made of."""
    if definition.made_from == "position":
        return file, place
    fields = values.user_id, values.product_id, values.action, values.instant
    made = whole if definition.made_from == "record" else fields
    if definition.made_from == "record" and definition.timestamp.from_name is not None:
        made = whole, values.instant
    return definition.id_space_in_use, made


Seen = tuple[tuple[int, int], Any, frozenset[Problem], Look | None]


def see_records(content: bytes, definition: SourceDefinition) -> Iterator[Seen]:
    """Give the records of a file of any format: place, the whole of it, what is wrong with it, how to look into it.

    Raises: FileRefusedError.
    """
    if definition.format == "json":
        records = mapped_json.read_document(content, definition.records)
    elif definition.format == "jsonl":
        yield from _see_lines(content, definition)
        return
    else:
        names, cuts = mapped_delimited.read_cuts(content, definition)
        place_of = mapped_delimited.find_places(names, definition)
        for cut in cuts:
            problems = set()
            if isinstance(cut.fields, Problem):
                problems.add(cut.fields)
                if cut.fields.code != "too-long" and plain.decode(cut.raw) is None:
                    problems.add(Problem("bad-encoding", None))
            cells = [] if isinstance(cut.fields, Problem) else cut.fields
            look = mapped_delimited.look_in(cells, place_of, definition.null_values)
            yield (cut.line_number, 1), cut.raw, frozenset(problems), look
        return
    for record in _spread(records, definition):
        yield _see(record, definition)


def _see_lines(content: bytes, definition: SourceDefinition) -> Iterator[Seen]:
    for line in plain.split_lines(content):
        if line.is_blank:
            continue
        if len(line.content) > plain.MAX_RECORD_BYTES:
            yield (line.number, 1), line.content, frozenset([Problem("too-long", None)]), lambda _: Held()
            continue
        text = mapped_json.decode_line(line.content)
        record = mapped_json.Record(line.number, 1, text, mapped_json.parse_line(text))
        for each in _spread([record], definition):
            yield _see(each, definition)


def _spread(records: list[mapped_json.Record], definition: SourceDefinition) -> Iterator[mapped_json.Record]:
    for record in records:
        if definition.format == "json" and len(record.text.encode("utf-8", "replace")) > plain.MAX_RECORD_BYTES:
            yield replace(record, value=mapped_json.NoRecord("too-long"))
        elif definition.explode is None:
            yield record
        else:
            yield from mapped_json.explode(record, definition.explode)


def _see(record: mapped_json.Record, definition: SourceDefinition) -> Seen:
    whole = record.text if definition.explode is None else (record.text, record.item)
    place = (record.line_number, record.item)
    if not isinstance(record.value, mapped_json.NoRecord):
        return place, whole, frozenset(), mapped_json.look_in(record, definition.null_values)
    return place, whole, _no_record(record.value.code, record.text), None


def _no_record(code: str, text: str) -> frozenset[Problem]:
    """Give the problems of a record that cannot be looked into: what is no character matters then, wherever it is."""
    is_bad = code != "too-long" and mapped_json.has_bad_character(text)
    return frozenset({Problem(code, None)} | ({Problem("bad-encoding", None)} if is_bad else set()))


def _judge(
    place: tuple[int, int], look: Look, definition: SourceDefinition, rules: SourceRules, instant: int | None
) -> Row:
    for each in mapped_delimited.references(definition):
        look(each)  # a name that stands twice on the way to any of them makes the record none
    if not all(holds(each, look) for each in definition.where):
        return Row(*place, "skipped")
    fields = dict(zip(COLUMNS, definition.fields, strict=True))
    held = {name: take_field(each, look) for name, each in fields.items()}
    if instant is not None:
        held["timestamp"] = Held("1970-01-01")
    judged = judge_values(held, fields, rules)
    if not isinstance(judged, Content):
        return Row(*place, "rejected", problems=judged)
    return Row(*place, "accepted", content=judged if instant is None else replace(judged, instant=instant))


def holds(condition: Condition, look: Callable[[Any], Held]) -> bool:
    """Say whether a record meets a condition. A missing value is in no list."""
    held = look(condition.column)
    if condition.is_missing is not None:
        return held.is_missing == condition.is_missing
    if condition.is_in is not None:
        return held.text is not None and held.text in condition.is_in
    return condition.not_in is not None and (held.text is None or held.text not in condition.not_in)


def decode_file(content: bytes, encoding: str) -> bytes:
    """Give a file as UTF-8, with a bad byte where its encoding has no character, and without a byte order mark.

    Raises: FileRefusedError where it is UTF-16 and not said to be.
    """
    if encoding == "utf-8":
        return plain.without_mark(content)
    if encoding == "utf-16":
        if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FileRefusedError("UTF-16 without a byte order mark")
        # Half a pair becomes bytes that are no UTF-8; a true U+FFFD is a character like any other.
        return content.decode("utf-16", "surrogatepass").encode("utf-8", "surrogatepass")
    decoded = (content[at : at + 1].decode(encoding, "replace") for at in range(len(content)))
    return b"".join(BAD_BYTE if each == "\ufffd" else each.encode() for each in decoded)
