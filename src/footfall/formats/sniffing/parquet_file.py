"""Read a Parquet file as records by columns: rows of its first and last row groups, and of some between."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, BinaryIO

from footfall.errors import SourceError
from footfall.formats.sniffing.records import Column, Records

MAGIC = b"PAR1"
GROUPS_MAX = 12  # row groups that are read
ROWS_OF_GROUP_MAX = 4_000


def read_parquet(stream: BinaryIO, source: str) -> tuple[Records, bool]:
    """Read rows of a Parquet file, and say whether these are all of its rows.

    Raises: SourceError where it is broken, or has a column that cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream)
        groups = file.metadata.num_row_groups
        step = max(1, -(-groups // GROUPS_MAX))
        chosen = sorted({*range(0, groups, step), *([groups - 1] if groups else [])})
        rows: list[dict[str, Any]] = []
        for group in chosen:
            for batch in file.iter_batches(ROWS_OF_GROUP_MAX, row_groups=[group]):
                rows += batch.to_pylist()
                break
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"is a Parquet file that cannot be read ({error}); write it again", source=source) from error
    names = file.schema_arrow.names
    columns = tuple(
        Column(
            name,
            name,
            tuple(_write_text(row[name]) for row in rows),
            is_list=any(isinstance(row[name], list) for row in rows[:100]),
        )
        for name in names
    )
    is_whole = len(rows) == file.metadata.num_rows
    return Records(columns, len(rows), {"format": "parquet"}, "a Parquet file"), is_whole


def _write_text(value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
