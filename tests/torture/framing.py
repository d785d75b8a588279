"""One input of a fuzzer -> a file and limits; framed twice, by the product and by the independent reader.

Shape of an input: byte 0 the delimiter, 1 what stands before the content, 2 the size of the blocks that the file comes
in, 3 the most lines of a record, 4 its most bytes; the rest is the content.
"""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

import independent_reader
from factories import make_contract, make_layout
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError
from footfall.formats import delimited
from footfall.formats import framing as product
from footfall.formats import header as header_of_product

DELIMITERS = (",", ";", "\t", "|", "^", "]", "\\", "é", "€")
HEADER_BYTES = 70  # bytes; a limit below the length of a header refuses every file
Framed = tuple[list[str], list[tuple[int, bytes, int]]] | None


@dataclass(frozen=True)
class Framing:
    """A file, how it comes, and the limits under which it is framed: small ones, so that few bytes reach them."""

    content: bytes
    delimiter: str
    block_bytes: int
    lines_max: int
    bytes_max: int


def framing(data: bytes) -> Framing:
    """Read an input of the fuzzer; every input is one."""
    kind, start, block, lines, size = data[:5].ljust(5, b"\0")
    delimiter = DELIMITERS[kind % len(DELIMITERS)]
    header = delimiter.join(COLUMNS).encode()
    starts = (
        b"",
        header + b"\n",
        header + b"\r\n",
        header + b"\r",
        header + delimiter.encode(),
        b"\xef\xbb\xbf\n" + header,
    )
    return Framing(
        starts[start % len(starts)] + data[5:], delimiter, block + 1, lines % 8 + 1, HEADER_BYTES + size % 64
    )


def framed_by_the_reader(file: Framing) -> Framed:
    """Give the names of the header, and (line number, bytes carried along, size) of each record; None if refused."""
    limits = {"MAX_RECORD_LINES": file.lines_max, "MAX_RECORD_BYTES": file.bytes_max}
    with patch.multiple(independent_reader, **limits):
        try:
            lines = independent_reader.split_lines(independent_reader.without_mark(file.content))
            names, rest = independent_reader.read_header(lines, file.delimiter)
        except independent_reader.FileRefusedError:
            return None
        found = independent_reader.split_records(rest, file.delimiter, len(names))
        return names, [(number, raw, len(raw)) for number, raw, _ in found]


def framed_by_the_product(file: Framing) -> Framed:
    """Give the same of the product."""
    limits = {
        "RECORD_LINES_MAX": file.lines_max,
        "RECORD_BYTES_MAX": file.bytes_max,
        "READABLE_BYTES": file.bytes_max + 1,
        "BLOCK_BYTES_MAX": file.block_bytes,
        "RAW_BYTES_MAX": 1 << 20,
    }
    blocks = [file.content[at : at + file.block_bytes] for at in range(0, len(file.content), file.block_bytes)]
    of_header = {name: limits[name] for name in ("RECORD_LINES_MAX", "RECORD_BYTES_MAX", "READABLE_BYTES")}
    with patch.multiple(product, **limits), patch.multiple(header_of_product, **of_header):
        try:
            record, batches = delimited.read_records(lambda: iter(blocks), "a.csv", file.delimiter)
            make_layout(record.fields, make_contract(file.delimiter))
        except SourceError:
            return None
        rows = [row for batch in batches for row in batch.to_pylist()]
    return [name.strip(" \t").lower() for name in record.fields], [
        (row["position"], row["raw_bytes"] or row["line"].encode(), row["size_bytes"]) for row in rows
    ]


def difference(data: bytes) -> str | None:
    """Say how the two differ on one input; None where they agree."""
    file = framing(data)
    wanted, found = framed_by_the_reader(file), framed_by_the_product(file)
    if wanted is not None:
        wanted = wanted[0], [(number, raw[: file.bytes_max + 1], size) for number, raw, size in wanted[1]]
    return None if wanted == found else f"{file}\nthe reader:  {wanted}\nthe product: {found}"


def outside_the_account(data: bytes) -> list[str]:
    """Say which lines behind the header are not exactly one record's, and not blank, by the product's own records.

    A record's bytes must be those of whole lines, the last line's end apart; empty where the file is refused.
    """
    file = framing(data)
    framed = framed_by_the_product(file)
    if framed is None:
        return []
    lines = independent_reader.split_lines(independent_reader.without_mark(file.content))
    with patch.multiple(independent_reader, MAX_RECORD_LINES=file.lines_max, MAX_RECORD_BYTES=file.bytes_max):
        _, lines = independent_reader.read_header(lines, file.delimiter)
    records_left = {number: (raw, size) for number, raw, size in framed[1]}
    wrong = ["two records of one line"] if len(records_left) < len(framed[1]) else []
    while lines:
        line, *lines = lines
        if (record := records_left.pop(line.number, None)) is None:
            wrong += [] if line.is_blank else [f"line {line.number} is in no record: {line.content!r}"]
            continue
        text, end = line.content, line.end
        while len(text) < record[1] and lines:
            text, end = text + end + lines[0].content, lines[0].end
            del lines[0]
        if (text[: file.bytes_max + 1], len(text)) != record:
            wrong.append(f"line {line.number}: {record} is not whole lines: {text!r}")
    return wrong + [f"a record of no line: {number}" for number in records_left]
