"""Open a source file as records: find its layout first, and read its batches of records lazily."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footfall.contract.mapping import Layout, list_references
from footfall.contract.terms import Contract
from footfall.errors import CorruptSourceError, SourceError
from footfall.formats.choosing import Contracts, find_format
from footfall.sources import opening

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("footfall")


@dataclass(frozen=True, slots=True)
class Reading:
    """A source file that is being read: the layout of its records, and an iterator that reads them."""

    file: opening.SourceFile
    layout: Layout
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the files of one command. `said` holds the warnings that were given, so that none is repeated."""

    contracts: Contracts
    memory_limit_mb: int
    said: set[str] = field(default_factory=set)

    def read(self, file: opening.SourceFile) -> Reading:
        """Find where the five values stand in a file's records; the records are read when the batches are taken.

        Effects: warns of ignored columns, once for the same columns.
        Raises: SourceError where the file is empty, or not one that its source definition can read.
        """
        contract = self.contracts.choose(file.path)
        try:
            layout, batches = open_records(file, contract, self.memory_limit_mb)
        except CorruptSourceError:
            raise
        except SourceError as error:
            if find_format(contract.definition, file.path) == "parquet":
                raise
            from footfall.formats.encodings import begin_as_text
            from footfall.sources.recognition import explain_error

            start = begin_as_text(opening.read_content(file), contract.definition.encoding)
            raise explain_error(error, start, file.source, find_format(contract.definition, file.path)) from error
        if layout.surplus:
            read = ", ".join(map(str, list_references(contract.definition)))
            surplus = ", ".join(map(repr, layout.surplus))
            self._warn_once(file.source, f"ignoring the columns {surplus}; only {read} are read")
        if layout.absent:
            self._warn_once(file.source, layout.absent)
        return Reading(file, layout, batches)

    def _warn_once(self, source: str, words: str) -> None:
        if words not in self.said:
            self.said.add(words)
            log.warning(f"{source}: {words}")

    def read_later(self, file: opening.SourceFile) -> Reading:
        """Find the layout now, and open the file anew when its batches are taken. Until then it takes no memory."""

        def read_again() -> Iterator[pa.RecordBatch]:
            yield from self.read(file).batches

        return Reading(file, self.read(file).layout, read_again())


def open_records(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Open a file in the format of its definition; a format is imported only when it is used, which takes time."""
    kind = find_format(contract.definition, file.path)
    if kind == "jsonl":
        from footfall.formats.json_lines import open_json_lines

        return open_json_lines(file, contract, memory_limit_mb)
    if kind == "json":
        from footfall.formats.json_document import open_json_document

        return open_json_document(file, contract, memory_limit_mb)
    if kind == "parquet":
        from footfall.formats.parquet import open_parquet

        return open_parquet(file, contract, memory_limit_mb)
    from footfall.formats.delimited import open_delimited

    return open_delimited(file, contract, memory_limit_mb)


def join_batches(readings: Sequence[Reading], memory_limit_mb: int) -> Iterator[pa.RecordBatch]:
    """Give the records of several files in batches as large as those of one file, with the positions of the rows."""
    from footfall.formats.framing import choose_block_bytes
    from footfall.formats.positions import make_positions

    if len(readings) == 1:
        yield from readings[0].batches
        return
    waiting: list[pa.RecordBatch] = []
    size_bytes = 0
    for number, reading in enumerate(readings):
        for batch in reading.batches:
            positions = make_positions(batch.column("position"), number)
            waiting.append(batch.set_column(0, "position", positions))
            size_bytes += batch.nbytes
            if size_bytes >= choose_block_bytes(memory_limit_mb):
                yield _join(waiting)
                waiting, size_bytes = [], 0
    if waiting:
        yield _join(waiting)


def _join(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches() or batches
    return batch
