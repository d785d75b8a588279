"""JSON documents -> numbered records: the items of one list, or objects one after another.

Grain: one per item, in file order, with the line where it begins. What stands between two items and is neither blank
nor a comma is a record of its own, so that nothing is dropped; whether commas are missing, or too many, does not matter.
Memory: one block and its records; an item over 1 MB is cut to what the quarantine keeps while it streams by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa

from footfall.contract.first_line import names_shown
from footfall.contract.mapping import Layout
from footfall.contract.paths import JsonPath, parse_path
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.delimited import BOM, Content, block_bytes
from footfall.formats.json_items import Numbers, cut_items
from footfall.formats.json_lines import lay_out_json, open_json_lines
from footfall.formats.json_stream import Stream
from footfall.sources import opening
from footfall.sources.recognition import begun, refuse_binary

SNIFFED_BYTES = 2 << 20  # bytes in which two records have to end for their lines to be told


def open_json_document(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Give the layout of the records of a JSON document, and the records.

    A file that is JSON Lines is read as such, where only its name says that it is JSON.
    Raises: SourceError where the file is empty, or begins neither with an object nor with a list.
    """
    definition = contract.definition
    if definition.format is None and definition.records is None and has_objects_on_lines(opening.read_content(file)):
        return open_json_lines(file, contract, memory_limit_mb)
    records = parse_path(definition.records) if definition.records is not None else None
    batches = read_document(lambda: opening.read_content(file), file.source, records, memory_limit_mb)
    return lay_out_json(file, contract, has_items=True), batches


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
    content: Content, source: str, records: JsonPath | None, memory_limit_mb: int = 512
) -> Iterator[pa.RecordBatch]:
    """Split content into batches of records, as `json_items.py` gives them.

    Raises: SourceError as `open_json_document` does, before the first batch; later where the document is cut, or holds
    no list at `records`.
    """
    refuse_binary(begun(content())[0], source)
    stream = Stream(content(), block_bytes(memory_limit_mb), source)
    stream.skip(BOM)
    first = stream.peek()
    if not first:
        raise stream.error("the file is empty; a document without records has at least []")
    if first not in (b"{", b"["):
        raise stream.refusal("a document begins with { or [")
    return _read_rows(stream, records)


def _read_rows(stream: Stream, records: JsonPath | None) -> Iterator[pa.RecordBatch]:
    numbers = Numbers()
    while first := stream.peek():
        if records is not None:
            yield from _walk(stream, records, 0, numbers)
        elif first == b"[":
            stream.expect(b"[", "a list")
            yield from cut_items(stream, numbers, is_list=True)
        else:
            yield from cut_items(stream, numbers, is_list=False)


def _walk(stream: Stream, records: JsonPath, at: int, numbers: Numbers) -> Iterator[pa.RecordBatch]:
    """Give the items of the list to which the steps from `at` on lead, and read on to the end of the value at hand."""
    if at == len(records.steps):
        if stream.peek() != b"[":
            raise _no_list(stream, records, "what stands there is no list")
        stream.expect(b"[", "a list")
        yield from cut_items(stream, numbers, is_list=True)
        return
    step = records.steps[at]
    is_list = isinstance(step, int)
    opening_byte, closing_byte = (b"[", b"]") if is_list else (b"{", b"}")
    if stream.peek() != opening_byte:
        raise _no_list(stream, records, f"{'a list' if is_list else 'an object'} is wanted on the way to it")
    stream.expect(opening_byte, "a bracket")
    seen: list[str] = []
    is_found = False
    count = 0
    while stream.peek() != closing_byte:
        if not is_list:
            name = stream.take_name()
            seen.append(name)
        if step == (count if is_list else name):
            if is_found:
                raise _no_list(stream, records, f"the name {name!r} stands twice")
            is_found = True
            yield from _walk(stream, records, at + 1, numbers)
        else:
            stream.skip_value()
        count += 1
        if stream.peek() != closing_byte:
            stream.expect(b",", "a comma")
    stream.expect(closing_byte, "a bracket")
    if not is_found:
        shown = names_shown(seen)
        raise _no_list(stream, records, f"there is {', '.join(shown)}" if shown else "nothing of that name is there")


def _no_list(stream: Stream, records: JsonPath, reason: str) -> SourceError:
    path = records.in_duckdb()
    return stream.error(f"has no list of records at records = {path} (line {stream.line_number:,}): {reason}")
