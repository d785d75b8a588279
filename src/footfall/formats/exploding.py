"""Turn records that hold a list of rows into these rows, each with what its fields take from the record around it.

Grain: one row for each item of the list, so none for an empty list. A record without such a list stays one row.
Memory: the text of a record once, and what its rows take from around them once for each row of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.definition import SourceDefinition
from footfall.contract.json_places import place_by_path
from footfall.contract.limits import RECORD_BYTES_MAX, VALUE_CHARACTERS_MAX
from footfall.contract.paths import JsonPath, parse_path
from footfall.formats import texts as mapping
from footfall.formats.framing import LINE_BYTES_LEAST, choose_block_bytes
from footfall.formats.json_names import compose_name_twice, list_path_variables
from footfall.formats.numbering import Numbers, find_lines
from footfall.statements import read_statements

SQL = read_statements(__name__)

OF_RECORD = ("record_digest", "outer_texts", "outer_nested", "framing_code", "framing_value")


def explode_all(
    batches: Iterator[pa.RecordBatch], definition: SourceDefinition, memory_limit_mb: int
) -> Iterator[pa.RecordBatch]:
    """Give the rows of batches of records, or the records themselves where nothing is to be exploded.

    Shape: batches with the numbers of `numbering.py`, `record_item` (the number of the item in its record), and the
    columns OF_RECORD.
    """
    if definition.explode is None:
        yield from batches
        return
    statement = _compose_records(definition)
    numbers = Numbers()
    with closing(_open_session(definition)) as session:
        for batch in batches:
            session.register("lines", find_lines(batch))
            records = session.sql(statement).to_arrow_table().combine_chunks()
            session.unregister("lines")
            for rows in _take_rows(records, choose_block_bytes(memory_limit_mb)):
                yield numbers.add(rows)


def _open_session(definition: SourceDefinition) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect(":memory:")
    for name, value in {"threads": 1, "temp_directory": "", "python_enable_replacements": False}.items():
        session.execute(f"set {name} = $1", [value])
    list_path, outer = _find_paths(definition)
    variables: dict[str, Any] = list_path_variables((list_path, *outer)) | {
        "paths": [path.write_for_duckdb() for path in outer],
        "list_path": list_path.write_for_duckdb(),
        "list_and_paths": [path.write_for_duckdb() for path in (list_path, *outer)],
        "items_path": f"{list_path.write_for_duckdb()}[*]",
        "null_values": list(definition.null_values),
        "record_bytes_max": RECORD_BYTES_MAX,
        "value_characters_max": VALUE_CHARACTERS_MAX,
    }
    for name, value in variables.items():
        session.execute(f"set variable {name} = $1", [value])
    session.execute(mapping.SQL["macros"])
    return session


def _find_paths(definition: SourceDefinition) -> tuple[JsonPath, tuple[JsonPath, ...]]:
    return parse_path(definition.explode or ""), place_by_path(definition, "").outer


def _compose_records(definition: SourceDefinition) -> str:
    list_path, outer = _find_paths(definition)
    nested = ", ".join(f"is_no_value(kinds[{at}], texts[{at}])" for at in range(1, len(outer) + 1))
    return SQL["records"].format(
        name_twice=compose_name_twice((list_path, *outer)),
        texts=SQL["texts" if outer else "no_texts"],
        nested=f"[{nested}]::boolean[]",
        digest=SQL["digest" if definition.made_from == "record" else "no_digest"],
    )


def _take_rows(records: pa.Table, block_size: int) -> Iterator[pa.RecordBatch]:
    """Give the rows of some records in batches of about `block_size` bytes."""
    if not records.num_rows:
        return
    items = records["items"].combine_chunks()
    texts = items.flatten()
    # A record without a list has no length here. It counts as -1: one row that is no item.
    counts = pc.fill_null(pc.list_value_length(items), -1).to_numpy(zero_copy_only=False)
    rows_of = np.abs(counts)
    parent = np.repeat(np.arange(len(rows_of)), rows_of)
    number = np.arange(len(parent)) - np.repeat(np.cumsum(rows_of) - rows_of, rows_of)
    is_item = np.repeat(counts > 0, rows_of)
    if not len(parent):
        return
    # Where a record has no list, its one row has the text of the record itself.
    lines = records["line"].combine_chunks()
    pool = pa.concat_arrays([texts.cast(pa.string()), lines])
    at = np.where(is_item, np.cumsum(is_item) - 1, len(texts) + parent)
    sizes = np.where(
        is_item, pc.binary_length(pool).take(pa.array(at)).to_numpy(), records["size_bytes"].to_numpy()[parent]
    )
    weights = sizes + records["outer_bytes"].to_numpy()[parent] + LINE_BYTES_LEAST
    begins = np.flatnonzero(np.diff(np.cumsum(weights) // block_size, prepend=-1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(parent)], strict=True):
        of, is_own = pa.array(parent[begin:end]), pa.array(is_item[begin:end])
        line = pool.take(pa.array(at[begin:end]))
        raw = records["raw_bytes"].combine_chunks().take(of)
        # The stored bytes of an item are not known any more. Its text, which marks the bad ones, takes their place.
        raw = pc.if_else(pc.and_(is_own, pc.is_valid(raw)), line.cast(pa.binary()), raw)
        yield pa.record_batch(
            {
                "position": records["position"].combine_chunks().take(of),
                "line": line,
                "raw_bytes": raw,
                "size_bytes": pa.array(sizes[begin:end]),
                "record_item": pa.array(np.where(is_item, number + 1, 0)[begin:end]),
                **{name: records[name].combine_chunks().take(of) for name in OF_RECORD},
            }
        )
