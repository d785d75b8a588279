"""One file, read whole and read in ranges under small limits: the same records, and the same numbers of their lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from footfall.contract.definition import SourceDefinition
from footfall.contract.limits import RECORD_BYTES_MAX, RECORD_LINES_MAX
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats import cutting, framing, header
from footfall.formats.ranges import Range, open_range, plan_ranges
from footfall.formats.reading import open_records
from footfall.sources.opening import SourceFile

MEMORY_MB = 64
Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class CutFile:
    """A file, how it is read, where it may be cut, and the limits: small ones, so that few bytes reach them."""

    content: bytes
    definition: SourceDefinition
    range_bytes: int
    lines_max: int = RECORD_LINES_MAX
    bytes_max: int = RECORD_BYTES_MAX
    block_bytes: int = framing.BLOCK_BYTES_MAX
    look_bytes: int = cutting.LOOK_BYTES
    look_bytes_max: int = cutting.LOOK_BYTES_MAX


@contextmanager
def limit(file: CutFile) -> Iterator[None]:
    """Make the limits of a file those of the product."""
    limits = {
        "RECORD_LINES_MAX": file.lines_max,
        "RECORD_BYTES_MAX": file.bytes_max,
        "READABLE_BYTES": file.bytes_max + 1,
        "BLOCK_BYTES_MAX": file.block_bytes,
        "LOOK_BYTES": file.look_bytes,
        "LOOK_BYTES_MAX": file.look_bytes_max,
    }
    with ExitStack() as stack:
        for module in (framing, header, cutting):
            for name, value in limits.items():
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, value))
        yield


def open_file(file: CutFile) -> SourceFile:
    """Give a file as one that was opened."""
    name = "a.jsonl" if file.definition.format == "jsonl" else "a.csv"
    return SourceFile(name, io.BytesIO(file.content), "digest", len(file.content), None, 0, name)


def read_whole(file: CutFile) -> Rows | None:
    """Give the records of the file as the ordinary reader gives them; None where it refuses the file."""
    try:
        _, batches = open_records(open_file(file), Contract(file.definition), MEMORY_MB)
        return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    except SourceError:
        return None


def read_ranges(file: CutFile, ranges: tuple[Range, ...]) -> Rows:
    """Give the records of all ranges, each range opened anew."""
    rows: Rows = []
    for part in ranges:
        layout, batches = open_range(open_file(file), Contract(file.definition), MEMORY_MB, part)
        assert layout == open_records(open_file(file), Contract(file.definition), MEMORY_MB)[0]
        rows += [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    return rows


def cut_at_all_records(file: CutFile, rows: Rows) -> tuple[Range, ...]:
    """Give one range for each record, cut where its line begins: all cuts that there can be."""
    end = b"\n" if b"\n" in file.content else b"\r"
    begins, at = [0], 0
    while (at := file.content.find(end, at) + 1) > 0:
        begins.append(at)
    places = [(begins[line - 1], line) for line, *_ in rows[1:] if isinstance(line, int)]
    ends = [*(begin for begin, _ in places), len(file.content)]
    starts = [(0, 1), *places]
    return tuple(Range(begin, stop, line) for (begin, line), stop in zip(starts, ends, strict=True))


def check(file: CutFile) -> tuple[int, int]:
    """Read a file whole, in the ranges that are planned, and in one range a record; count the cuts of both.

    Raises: AssertionError where they differ.
    """
    with limit(file):
        wanted = read_whole(file)
        try:
            ranges = plan_ranges(open_file(file), Contract(file.definition), file.range_bytes)
        except SourceError:
            assert wanted is None, file
            return 0, 0
        if wanted is None:
            return 0, 0
        assert [part.begin for part in ranges] == [0, *(part.end for part in ranges[:-1])], file
        assert ranges[-1].end == len(file.content), file
        assert read_ranges(file, ranges) == wanted, (file, ranges)
        every = cut_at_all_records(file, wanted)
        assert read_ranges(file, every) == wanted, (file, every)
        return len(ranges) - 1, len(every) - 1
