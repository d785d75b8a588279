"""Cut JSON documents into numbered records: the items of one list, or objects one after another.

Grain: one record for each item, in file order, with the line where it begins. Text between two items that is neither
blank nor a comma is a record of its own, so that nothing is dropped. A missing comma or an extra one does not matter.
Memory: one block and its records. An item over 1 MB is cut, while it streams by, to what the quarantine keeps of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from footfall.contract.first_line import choose_names
from footfall.contract.mapping import Layout
from footfall.contract.paths import parse_path
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.delimited import Content
from footfall.formats.encodings import UTF_8
from footfall.formats.exploding import explode_all
from footfall.formats.framing import choose_block_bytes
from footfall.formats.header import BOM
from footfall.formats.json_items import cut_items
from footfall.formats.json_lines import lay_out_json, open_json_lines, open_text
from footfall.formats.json_stream import Stream
from footfall.formats.numbering import Numbers
from footfall.sources import opening
from footfall.sources.recognition import refuse_binary, take_start

NAMES_KEPT = 100  # names of an object that a message may show
SNIFFED_BYTES = 2 << 20  # bytes; two lines have to end within them, or the content is not taken for JSON Lines


def open_json_document(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Give the layout of the records of a JSON document, and the records.

    If only the name of a file says that it is JSON, and the file begins with lines that are objects, it is read as JSON
    Lines.
    Raises: SourceError where the file is empty, or begins neither with an object nor with a list.
    """
    definition = contract.definition
    content, encoding = open_text(file, definition)
    if definition.format is None and definition.records is None and has_objects_on_lines(content()):
        return open_json_lines(file, contract, memory_limit_mb)
    # The text of an exploded item is made anew, in UTF-8: it is not the text that the file stores.
    kept = encoding if definition.explode is None else UTF_8
    batches = read_document(content, file.source, definition.records, memory_limit_mb, kept)
    layout = replace(lay_out_json(file.source, file.digest, contract, has_items=True), encoding=kept)
    return layout, explode_all(batches, definition, memory_limit_mb)


def has_objects_on_lines(blocks: Iterator[bytes]) -> bool:
    """Say whether a content begins with two lines that are an object each."""
    held = b""
    for block in blocks:
        held += block
        lines = [line for line in held.removeprefix(BOM).split(b"\n")[:-1] if line.strip()]
        if len(lines) >= 2 or len(held) > SNIFFED_BYTES:
            return len(lines) >= 2 and all(_is_object(line) for line in lines[:2])
    lines = [line for line in held.removeprefix(BOM).split(b"\n") if line.strip()]
    return len(lines) >= 2 and all(_is_object(line) for line in lines[:2])


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def read_document(
    content: Content,
    source: str,
    records: str | None = None,
    memory_limit_mb: int = 512,
    encoding: str = UTF_8,
) -> Iterator[pa.RecordBatch]:
    """Split content into batches of records, as `json_items.py` gives them.

    Raises: SourceError as `open_json_document` does, before the first batch; later where the document is cut, or holds
    no list at `records`.
    """
    refuse_binary(take_start(content())[0], source)
    stream = Stream(content(), choose_block_bytes(memory_limit_mb), source, encoding)
    stream.skip(BOM)
    first = stream.peek()
    if not first:
        raise stream.make_error("the file is empty; a document without records has at least []")
    if first not in (b"{", b"["):
        raise stream.make_refusal("a document begins with { or [")
    return _read_rows(stream, records)


def _read_rows(stream: Stream, records: str | None) -> Iterator[pa.RecordBatch]:
    numbers = Numbers()
    walker = _Walker(stream, records, parse_path(records).steps, numbers) if records is not None else None
    while first := stream.peek():
        if walker:
            yield from walker.walk(0)
        elif first == b"[":
            stream.expect(b"[", "a list")
            yield from cut_items(stream, numbers, is_list=True)
        else:
            yield from cut_items(stream, numbers, is_list=False)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Goes through a document to the list at `records`, and on to the end of the document."""

    stream: Stream
    records: str
    steps: tuple[str | int, ...]
    numbers: Numbers

    def walk(self, at: int) -> Iterator[pa.RecordBatch]:
        """Give the items of the list to which the steps from `at` on lead, and read the value at hand to its end."""
        if at == len(self.steps):
            self._open(b"[", "what stands there is no list")
            yield from cut_items(self.stream, self.numbers, is_list=True)
        elif isinstance(self.steps[at], int):
            yield from self._walk_list(at)
        else:
            yield from self._walk_object(at)

    def _walk_object(self, at: int) -> Iterator[pa.RecordBatch]:
        self._open(b"{", "no object stands on the way to it")
        seen: dict[str, None] = {}
        while self.stream.peek() != b"}":
            name = self.stream.take_name()
            if name != self.steps[at]:
                self.stream.skip_value()
            elif name in seen:
                raise self._make_refusal(f"the name {name!r} stands twice")
            else:
                yield from self.walk(at + 1)
            if name == self.steps[at] or len(seen) < NAMES_KEPT:
                seen[name] = None
            self._go_on(b"}")
        self.stream.expect(b"}", "the end of an object")
        if self.steps[at] not in seen:
            shown = choose_names(list(seen))
            raise self._make_refusal(f"there is {', '.join(shown)}" if shown else f"there is no {self.steps[at]!r}")

    def _walk_list(self, at: int) -> Iterator[pa.RecordBatch]:
        self._open(b"[", "no list stands on the way to it")
        count = 0
        while self.stream.peek() != b"]":
            if count == self.steps[at]:
                yield from self.walk(at + 1)
            else:
                self.stream.skip_value()
            count += 1
            self._go_on(b"]")
        self.stream.expect(b"]", "the end of a list")
        if count <= int(self.steps[at]):
            raise self._make_refusal(f"a list on the way to it has {count:,} items")

    def _open(self, bracket: bytes, otherwise: str) -> None:
        if self.stream.peek() != bracket:
            raise self._make_refusal(otherwise)
        self.stream.expect(bracket, "a bracket")

    def _go_on(self, end: bytes) -> None:
        if self.stream.peek() != end:
            self.stream.expect(b",", "a comma")

    def _make_refusal(self, reason: str) -> SourceError:
        line_number = self.stream.line_number
        return self.stream.make_error(
            f"has no list of records at records = {self.records!r}: on line {line_number:,}, {reason}"
        )
