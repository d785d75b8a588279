"""Read Parquet files as numbered records: the columns that the definition reads, in batches, in file order.

Grain: one record for each row. Its line number is its number in the file, from 1.
Memory: some pages of the columns that are read, and one batch. A row group is never in memory as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.contract.definition import Reference, SourceDefinition
from footfall.contract.mapping import Layout, Place, find_places, list_references, place_by_name, read_file_time
from footfall.contract.paths import ARROW, JsonPath, parse_path
from footfall.contract.terms import Contract
from footfall.errors import CorruptSourceError, SourceError
from footfall.formats.framing import choose_block_bytes
from footfall.formats.typed_columns import convert_column, find_kind
from footfall.safe_text import mask_source
from footfall.sources import compression, opening
from footfall.sources.recognition import START_BYTES, explain_error

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"
BUFFER_BYTES = 1 << 20  # bytes of the pages of each column that are read at a time
BATCH_ROWS_MAX = 131_072  # rows: about as many as a block of a delimited file has
BATCH_ROWS_LEAST = 1_024
ERROR_CHARACTERS_MAX = 200


def open_parquet(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Read the schema of a Parquet file; give the layout of its records, and the records.

    Raises: SourceError where it is no Parquet file, a column is missing, or has a type that is not read;
    CorruptSourceError where it is cut.
    """
    _assert_parquet(file)
    definition = contract.definition
    with _explain_arrow_errors(file):
        parquet = _open(file)
        schema = parquet.schema_arrow
    found = place_columns(definition, schema, file.source)
    is_whole = definition.made_from == "record"
    wanted = list(range(1, len(schema) + 1)) if is_whole else sorted({place.at for place in found.values()})
    names = tuple(schema.field(at - 1).name for at in wanted)
    types = tuple(_find_type(schema.field(at - 1), is_whole, file.source) for at in wanted)
    renumbered = {each: Place(wanted.index(place.at) + 1, place.path) for each, place in found.items()}
    places, conditions = find_places(definition, renumbered)
    surplus = () if is_whole else tuple(field.name for at, field in enumerate(schema, 1) if at not in wanted)
    layout = Layout(
        "parquet",
        contract,
        len(wanted),
        places,
        conditions,
        surplus,
        names=names,
        types=types,
        header=json.dumps(list(zip(names, types, strict=True))),
        file_time=read_file_time(definition, file.source),
    )
    layout = replace(layout, digest=file.digest) if definition.made_from == "position" else layout
    return layout, _read_batches(file, layout, wanted, choose_block_bytes(memory_limit_mb))


def _assert_parquet(file: opening.SourceFile) -> None:
    file.stream.seek(0)
    start = file.stream.read(START_BYTES)
    if not start:
        raise SourceError("the file is empty; a Parquet file without rows has a schema at least", source=file.source)
    if start.startswith(ENCRYPTED_MAGIC):
        raise SourceError("is an encrypted Parquet file; decrypt it where its keys are", source=file.source)
    if compression.find_decompressor(start):
        raise SourceError(
            "is compressed, and a Parquet file is compressed inside; decompress it and name it *.parquet",
            source=file.source,
        )
    if not start.startswith(MAGIC):
        plain = SourceError(
            "is not a Parquet file: it does not begin with PAR1; was it cut, or is its name wrong?", source=file.source
        )
        raise explain_error(plain, start, file.source)


def _open(file: opening.SourceFile) -> pq.ParquetFile:
    file.stream.seek(0)
    return pq.ParquetFile(
        file.stream,
        buffer_size=BUFFER_BYTES,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


@contextmanager
def _explain_arrow_errors(file: opening.SourceFile) -> Iterator[None]:
    """Say what is wrong with the file where Arrow cannot read it."""
    try:
        yield
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # an error of the disk, and not of the data
            raise
        what = mask_source(str(error).partition("\n")[0][:ERROR_CHARACTERS_MAX])
        if "ncrypt" in what or "ecrypt" in what:
            raise SourceError(
                f"is an encrypted Parquet file, or has encrypted columns ({what}); decrypt it where its keys are",
                source=file.source,
            ) from error
        if isinstance(error, pa.ArrowNotImplementedError):
            raise SourceError(
                f"the Parquet file holds what is not read ({what}); write it again, with other types or another "
                "compression",
                source=file.source,
            ) from error
        raise CorruptSourceError(
            f"the Parquet file is cut or corrupt ({what}); deliver it again", source=file.source
        ) from error


def place_columns(definition: SourceDefinition, schema: pa.Schema, source: str) -> dict[Reference, Place]:
    """Find the columns of a definition: by name, by position, or by the path into a struct."""
    inside: dict[Reference, Place] = {}
    names = [name.strip(" \t").lower() for name in schema.names]
    for reference in list_references(definition):
        if isinstance(reference, str) and reference.lower() not in names and ARROW not in reference:
            path = parse_path(reference)
            first = str(path.steps[0]).lower()
            if len(path.steps) > 1 and names.count(first) == 1:
                at = names.index(first)
                if pa.types.is_nested(schema.field(at).type):
                    inside[reference] = Place(at + 1, JsonPath(path.steps[1:]).write_for_duckdb())
    found = place_by_name(definition, [*schema.names, *map(str, inside)], source)
    return found | inside


def _find_type(field: pa.Field, is_whole: bool, source: str) -> str:
    kind = find_kind(field.type)
    if kind is not None:
        return kind
    cure = ', or write interaction_id = { from = "fields" }' if is_whole else ""
    raise SourceError(
        f"the column {field.name!r} is of the type {field.type}, which is not read; write it as text or as a "
        f"number{cure}",
        source=source,
    )


def _read_batches(
    file: opening.SourceFile, layout: Layout, wanted: list[int], size_bytes: int
) -> Iterator[pa.RecordBatch]:
    line_number = 1
    with _explain_arrow_errors(file):
        parquet = _open(file)
    schema = parquet.schema_arrow
    leaves = _number_leaves(schema)
    indices = [leaf for at in wanted for leaf in leaves[at - 1]]
    rows = _count_rows(parquet.metadata, size_bytes)
    # If a definition has constants alone, no column is read, and the batches have nothing but a number of rows.
    groups = range(parquet.metadata.num_row_groups)
    batches = iter(parquet.reader.iter_batches(rows, groups, column_indices=indices, use_threads=False))
    while True:
        with _explain_arrow_errors(file):
            batch = next(batches, None)
            if batch is None:
                return
            made = _make_batch(batch, layout, line_number)
        line_number += batch.num_rows
        # A batch may be much larger than the metadata say: they count a long text of a dictionary once.
        pieces = max(made.nbytes // max(size_bytes, 1), 1)
        for at in range(0, made.num_rows, step := max(made.num_rows // pieces, 1)):
            yield made.slice(at, step)


def _make_batch(batch: pa.RecordBatch, layout: Layout, line_number: int) -> pa.RecordBatch:
    count = batch.num_rows
    columns: list[pa.Array] = []
    bad = np.zeros(count, dtype=bool)
    for values, kind, name in zip(batch.columns, layout.types, layout.names, strict=True):
        try:
            column, is_bad = convert_column(values, kind)
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(f"column {name!r}: {error}") from error
        columns.append(column)
        if is_bad is not None:
            bad |= is_bad
    numbers = pa.array(np.arange(line_number, line_number + count, dtype=np.int64))
    # Empty bytes mark a record with bad bytes. The quarantine keeps none of them, since no bytes make up such a row.
    marks = pa.array([b""] * count, pa.binary(), mask=~bad) if bad.any() else pa.nulls(count, pa.binary())
    names = ["position", "raw_bytes", *(f"c{at}" for at in range(1, len(columns) + 1))]
    return pa.record_batch([numbers, marks, *columns], names=names)


def _number_leaves(schema: pa.Schema) -> list[range]:
    """Give for each column of the schema the numbers of the columns that Parquet stores for it."""
    found: list[range] = []
    for field in schema:
        begin = found[-1].stop if found else 0
        found.append(range(begin, begin + _count_leaves(field.type)))
    return found


def _count_leaves(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _count_leaves(kind.storage_type)
    if pa.types.is_struct(kind):
        return sum(_count_leaves(field.type) for field in kind)
    if pa.types.is_map(kind):
        return _count_leaves(kind.key_type) + _count_leaves(kind.item_type)
    return _count_leaves(kind.value_type) if pa.types.is_nested(kind) else 1


def _count_rows(metadata: Any, size_bytes: int) -> int:
    """Say how many rows a batch may have, from the bytes per row of the widest row group.

    The metadata of columns are not asked, since Arrow ends the whole process where they are corrupt.
    """
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    width = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return int(min(max(size_bytes / max(width, 1), BATCH_ROWS_LEAST), BATCH_ROWS_MAX))
