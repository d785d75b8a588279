"""Cut JSON Lines into numbered records: each line that is not blank is a record, and should be an object.

Memory: as for delimited files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from footfall.contract.definition import SourceDefinition
from footfall.contract.json_places import place_by_path
from footfall.contract.mapping import Layout, find_places, read_file_time
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.delimited import Content, find_line_end
from footfall.formats.encodings import UTF_8, decode_blocks, find_encoding
from footfall.formats.exploding import explode_all
from footfall.formats.framing import Lines, choose_block_bytes, cut_records
from footfall.formats.header import BOM
from footfall.formats.json_escapes import mark_bad_escapes
from footfall.formats.quoting import Dialect
from footfall.sources import opening
from footfall.sources.recognition import take_start


def open_json_lines(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Give the layout of the records of a file in JSON Lines, and the records.

    Raises: SourceError where the file is empty, or no line at its beginning is an object.
    """
    definition = contract.definition
    content, encoding = open_text(file, definition)
    batches = read_lines(content, file.source, memory_limit_mb, encoding)
    layout = lay_out_file(file, contract, encoding)
    return layout, explode_all(batches, definition, memory_limit_mb)


def lay_out_file(file: opening.SourceFile, contract: Contract, encoding: str) -> Layout:
    """Give the layout of the records of a file in JSON Lines."""
    has_items = contract.definition.explode is not None
    layout = lay_out_json(file.source, file.digest, contract, has_items=has_items)
    return layout if has_items else replace(layout, encoding=encoding)


def open_text(file: opening.SourceFile, definition: SourceDefinition) -> tuple[Content, str]:
    """Give the content of a file as text in UTF-8, and the encoding in which it is stored.

    Raises: SourceError where the content is not in the encoding of the definition.
    """
    encoding = find_encoding(opening.read_content(file), definition.encoding, file.source)

    def read_text() -> Iterator[bytes]:
        return decode_blocks(opening.read_content(file), encoding, file.source)

    return read_text, encoding


def lay_out_json(source: str, digest: str, contract: Contract, *, has_items: bool) -> Layout:
    """Give the layout of records in JSON."""
    definition = contract.definition
    places = place_by_path(definition, source)
    of_fields, conditions = find_places(definition, places.found)
    return Layout(
        "json",
        contract,
        len(places.inner) + len(places.outer),
        of_fields,
        conditions,
        paths=tuple(path.write_for_duckdb() for path in places.inner),
        has_items=has_items,
        file_time=read_file_time(definition, source),
        digest=digest if definition.made_from == "position" else None,
    )


def read_lines(
    content: Content, source: str, memory_limit_mb: int = 512, encoding: str = UTF_8
) -> Iterator[pa.RecordBatch]:
    """Split content into batches of records, one a line.

    Shape: batches of `framing.SCHEMA`, numbered from the first line on.
    Raises: SourceError as `open_json_lines` does, before the first batch.
    """
    return cut_lines(go_to_lines(content, source, encoding), memory_limit_mb)


def go_to_lines(content: Content, source: str, encoding: str = UTF_8, line_end: int | None = None) -> Lines:
    """Give the lines of a content behind its byte order mark. `line_end` is the byte that ends a line, if it is known.

    Raises: SourceError as `open_json_lines` does.
    """
    dialect = Dialect(",", line_end or find_line_end(content, source), quoting=False, encoding=encoding)
    _assert_has_objects(take_start(content())[0], source)
    lines = Lines(content(), dialect)
    lines.fill(len(BOM))
    lines.rest = lines.rest.removeprefix(BOM)
    return lines


def cut_lines(lines: Lines, memory_limit_mb: int) -> Iterator[pa.RecordBatch]:
    """Give batches of the records of some lines, one a line."""
    for batch in cut_records(lines, 1, choose_block_bytes(memory_limit_mb)):
        yield mark_bad_escapes(batch)


def _assert_has_objects(start: bytes, source: str) -> None:
    """See that a content may be JSON Lines, by the lines at its start.

    Raises: SourceError where none of them begins an object, or where all of them are one document.
    """
    text = start.removeprefix(BOM)
    lines = [line for line in re.split(rb"[\r\n]+", text) if line.strip()]
    if not lines:
        return
    if lines[0].strip() in (b"{", b"[") or re.match(rb"\s*\[\s*\{", text):
        raise SourceError(
            "is one JSON document over all of its lines, and not JSON Lines, which has an object on each; give it a "
            'name that ends in .json, or write format = "json" in a source definition',
            source=source,
        )
    if not any(line.lstrip().startswith(b"{") for line in lines):
        raise SourceError(
            "is not JSON Lines: no line at its beginning is a JSON object; is its format another one (`format` in a "
            "source definition, or the ending of its name)?",
            source=source,
        )
