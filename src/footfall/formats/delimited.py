"""Delimited files: read the names of their fields and their records, which `delimited.sql` splits into fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from footfall.contract.definition import OWN_FORM, SourceDefinition
from footfall.contract.mapping import Layout, describe_absent, find_places, list_surplus, place_by_name, read_file_time
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.choosing import find_delimiter
from footfall.formats.encodings import UTF_8, decode_blocks, find_encoding
from footfall.formats.framing import Lines, choose_block_bytes, cut_records
from footfall.formats.header import HeaderRecord, count_first_fields, number_fields, skip_to_begin, take_header
from footfall.formats.quoting import CR, LF, Dialect
from footfall.sources import opening
from footfall.sources.recognition import refuse_binary, take_start

Content = Callable[[], Iterator[bytes]]


def find_line_end(content: Content, source: str) -> int:
    """Say which byte ends a line: LF, or CR where the whole content holds no LF.

    Raises: SourceError for an empty file, and for one whose first bytes are no text.
    """
    has_cr = False
    start, blocks = take_start(content())
    refuse_binary(start, source)
    for block in blocks:
        if LF in block:
            return LF
        has_cr = has_cr or CR in block
    if not start:
        raise SourceError("the file is empty; a file without rows has at least a header", source=source)
    return CR if has_cr else LF


def read_records(
    content: Content, source: str, delimiter: str, memory_limit_mb: int = 512, definition: SourceDefinition = OWN_FORM
) -> tuple[HeaderRecord, Iterator[pa.RecordBatch]]:
    """Split content into its header and batches of records.

    Shape: batches of framing.SCHEMA, numbered from the line behind the header on, each of at most BLOCK_BYTES_MAX.
    Raises: SourceError where there is no header, or the content is not in the encoding of the definition.
    """
    header, lines = read_header(content, source, delimiter, definition)
    return header, cut_records(lines, len(header.fields), choose_block_bytes(memory_limit_mb))


def read_header(
    content: Content, source: str, delimiter: str, definition: SourceDefinition, line_end: int | None = None
) -> tuple[HeaderRecord, Lines]:
    """Read the header of a content; give it, and the lines from the first record on.

    `line_end` is the byte that ends a line, where a look at the content has already found it; else None.
    Raises: SourceError where there is no header, or the content is not in the encoding of the definition.
    """
    encoding = find_encoding(content(), definition.encoding, source)

    def read_text() -> Iterator[bytes]:
        return content() if encoding == UTF_8 else decode_blocks(content(), encoding, source)

    comment = (definition.comment or "").encode()
    line_end = line_end or find_line_end(read_text, source)
    dialect = Dialect(delimiter, line_end, definition.quoting, comment, encoding)
    lines = Lines(read_text(), dialect)
    skip_to_begin(lines, definition.skip_lines)
    if definition.header:
        header = take_header(lines, source)
    else:
        fields = list(definition.columns) or [""] * count_first_fields(lines)
        header = HeaderRecord(fields, dialect, number_fields(len(fields), dialect))
    return header, lines


def open_delimited(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Read the header of a delimited file; give the layout of its records, and the records.

    Raises: SourceError where there is no header, or a column is missing from it.
    """
    definition = contract.definition
    delimiter = find_delimiter(definition, file.path)
    record, batches = read_records(
        lambda: opening.read_content(file), file.source, delimiter, memory_limit_mb, definition
    )
    return lay_out_file(file, contract, record), batches


def lay_out_file(file: opening.SourceFile, contract: Contract, header: HeaderRecord) -> Layout:
    """Give the layout of the records of a file with this header. Raises: SourceError where a column is missing."""
    layout = lay_out(contract, header.fields, header.dialect.delimiter, file.source)
    layout = replace(layout, encoding=header.dialect.encoding, header=header.text)
    return replace(layout, digest=file.digest) if contract.definition.made_from == "position" else layout


def lay_out(contract: Contract, fields: Sequence[str], delimiter: str, source: str) -> Layout:
    """Give the layout of records whose fields have these names. Raises: SourceError where a column is missing."""
    definition = contract.definition
    found = place_by_name(definition, fields, source)
    places, conditions = find_places(definition, found)
    surplus = tuple(name for name in list_surplus(fields, found) if definition.header or name)
    time = read_file_time(definition, source)
    absent = describe_absent(definition, found)
    return Layout("delimited", contract, len(fields), places, conditions, surplus, absent, delimiter, file_time=time)
