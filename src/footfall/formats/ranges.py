"""Cut a source file into ranges of bytes that begin and end where records do, and read each range alone.

Plain delimited files and JSON Lines in UTF-8 are cut. Every other file is one range as a whole: a compressed file, a
file in another encoding, a JSON document, Parquet, and a file whose rows must be numbered over the whole file. That is
so where ids are made from `record` or `fields`, and where rows are items of lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footfall.contract.mapping import Layout
from footfall.contract.terms import Contract
from footfall.formats.choosing import find_delimiter, find_format
from footfall.formats.reading import open_records
from footfall.sources import compression, opening, recognition
from footfall.sources.ranged import read_between

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.formats.cutting import Cutter
    from footfall.formats.framing import Lines

RANGE_BYTES_LEAST = 64 << 20  # bytes; the 0.2 s before the first row of a range are then a tenth of its time
RANGES_MAX = 1_000  # ranges of one file; Airflow maps a task over at most 1,024
MADE_OVER_FILE = ("record", "fields")  # made ids that need the number of each row among the equal ones of its file


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file that can be read alone. Units: bytes from the beginning of the file; `end` is not in the range.

    `line_number` is the number of the line at `begin`. The range that begins at 0 also holds the header and whatever
    else stands before the records.
    """

    begin: int
    end: int
    line_number: int


def choose_range_bytes(size_bytes: int, shares: int = 1) -> int:
    """Say how large the ranges of a file of this size are, so that each is worth a task and there are not too many.

    `shares` is how many stage ranges at once, each of them as many.
    """
    range_bytes = max(RANGE_BYTES_LEAST, -(-size_bytes // RANGES_MAX))
    ranges = -(-size_bytes // range_bytes)
    return range_bytes if shares == 1 else -(-size_bytes // (-(-ranges // shares) * shares))


def can_be_cut(file: opening.SourceFile, contract: Contract) -> bool:
    """Say whether a file can be read in ranges. Effects: reads its first bytes."""
    definition = contract.definition
    if find_format(definition, file.path) not in ("csv", "jsonl") or definition.encoding != "utf-8":
        return False
    if definition.made_from in MADE_OVER_FILE or definition.explode is not None:
        return False
    file.stream.seek(0)
    return compression.find_decompressor(file.stream.read(recognition.START_BYTES)) is None


class Planner:
    """Finds the ranges of one file from its bytes while they are read, as they have to be for the digest.

    Raises: SourceError where the file has no header, or is not what its definition says.
    """

    def __init__(self, file: opening.SourceFile, contract: Contract, range_bytes: int) -> None:
        self.size_bytes = 0
        self.cutter: Cutter | None = None
        if can_be_cut(file, contract):
            self.cutter = _make_cutter(file, contract, range_bytes)

    def take(self, block: bytes) -> None:
        """Take the next bytes of the file, from its very first on."""
        self.size_bytes += len(block)
        if self.cutter is not None:
            self.cutter.take(block)

    def finish(self) -> tuple[Range, ...]:
        """Give the ranges, in order, without a gap; the last ends where the file does."""
        cuts = self.cutter.finish() if self.cutter is not None else []
        begins = [(0, 1), *((cut.position, cut.line_number) for cut in cuts)]
        ends = [*(cut.position for cut in cuts), self.size_bytes]
        return tuple(Range(begin, end, line) for (begin, line), end in zip(begins, ends, strict=True))


def plan_ranges(file: opening.SourceFile, contract: Contract, range_bytes: int) -> tuple[Range, ...]:
    """Cut a file into ranges of about so many bytes; one range where it cannot be cut.

    Effects: reads the file once.
    Raises: SourceError where the file has no header, or is not what its definition says.
    """
    planner = Planner(file, contract, range_bytes)
    for block in read_between(file, 0, file.size_bytes):
        planner.take(block)
    return planner.finish()


def open_range(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int, part: Range
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Give the layout of a file's records and the records of one of its ranges, with their lines in the file.

    Raises: as `open_records`; SourceChangedError where the file ends before the range.
    """
    if part.begin == 0 and part.end >= file.size_bytes:
        return open_records(file, contract, memory_limit_mb)
    layout, lines = _go_to_records(file, contract, _find_line_end(file, part), part.end if part.begin == 0 else None)
    if part.begin:
        from footfall.formats.framing import Lines

        lines = Lines(read_between(file, part.begin, part.end), lines.dialect, part.line_number)
    if layout.kind == "json":
        from footfall.formats.json_lines import cut_lines

        return layout, cut_lines(lines, memory_limit_mb)
    from footfall.formats.framing import choose_block_bytes, cut_records

    return layout, cut_records(lines, layout.field_count, choose_block_bytes(memory_limit_mb))


def _make_cutter(file: opening.SourceFile, contract: Contract, range_bytes: int) -> Cutter:
    from footfall.formats.cutting import Cut, Cutter

    layout, lines = _go_to_records(file, contract)
    return Cutter(lines.dialect, layout.field_count, Cut(lines.position, lines.line_number), range_bytes)


def _go_to_records(
    file: opening.SourceFile, contract: Contract, line_end: int | None = None, end: int | None = None
) -> tuple[Layout, Lines]:
    """Read what stands before the records of a file that can be cut; give their layout, and their lines up to `end`."""

    def read_content() -> Iterator[bytes]:
        return opening.read_content(file) if end is None else read_between(file, 0, end)

    if find_format(contract.definition, file.path) == "jsonl":
        from footfall.formats import json_lines

        lines = json_lines.go_to_lines(read_content, file.source, line_end=line_end)
        return json_lines.lay_out_file(file, contract, lines.dialect.encoding), lines
    from footfall.formats import delimited

    delimiter = find_delimiter(contract.definition, file.path)
    header, lines = delimited.read_header(read_content, file.source, delimiter, contract.definition, line_end)
    return delimited.lay_out_file(file, contract, header), lines


def _find_line_end(file: opening.SourceFile, part: Range) -> int:
    """Give the byte that ends lines: it is the last one before the range, or the last one of the first range."""
    place = part.begin or part.end
    return next(read_between(file, place - 1, place))[0]
