"""The columns of an answer as Arrow, which pandas, polars, DuckDB and others take without copying values one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from footfall.errors import QueryError, SettingsError
from footfall.results.cells import find_exact_float, write_cell

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

# OIDs of the types of columns, as pg_type has them.
TEXT_OID = 25
INSTANT_OID = 1184  # timestamptz
UUID_OID = 2950
# A type that is not here becomes text. A numeric becomes a double, since readers expect that.
ARROW_TYPES = {
    16: "bool",
    20: "int64",
    21: "int16",
    23: "int32",
    700: "float",
    701: "double",
    1082: "date32",
    1114: "timestamp[us]",
    1700: "double",
}


def find_arrow_type(oid: int) -> pa.DataType:
    """Give the type of Arrow that holds every value of a type of the server; instants are in UTC."""
    import pyarrow as pa

    if oid == INSTANT_OID:
        return pa.timestamp("us", tz="UTC")
    if oid == UUID_OID:
        return pa.uuid()
    return pa.type_for_alias(ARROW_TYPES.get(oid, "string"))


def make_arrow_table(
    columns: tuple[str, ...], types: tuple[int, ...], rows: Iterable[tuple[Any, ...]], advice: str
) -> pa.Table:
    """Lay rows out as columns. Without `types` each column gets the type that its values have.

    Raises: QueryError where a value has no exact place in its column; `advice` says what to do then.
    """
    import pyarrow as pa

    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    kinds = [find_arrow_type(oid) for oid in types] or [None] * len(columns)
    arrays = [_make_array(name, values, kind, advice) for name, values, kind in zip(columns, cells, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(columns))


def _make_array(name: str, cells: tuple[Any, ...], kind: pa.DataType | None, advice: str) -> pa.Array:
    import pyarrow as pa

    try:
        if kind is None:
            return pa.array(cells)
        if pa.types.is_string(kind):
            return pa.array([None if cell is None else write_cell(cell) for cell in cells], kind)
        if pa.types.is_float64(kind):
            return pa.array([_read_double(cell) for cell in cells], kind)
        if kind == pa.uuid():
            stored = pa.array([None if cell is None else cell.bytes for cell in cells], kind.storage_type)
            return pa.ExtensionArray.from_storage(kind, stored)
        return pa.array(cells, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, ValueError) as error:
        raise QueryError(
            f"Arrow and Parquet have no exact place for a value of the column {name} ({error}); {advice}"
        ) from error


def _read_double(cell: Any) -> float | None:
    if cell is None or isinstance(cell, float):
        return cell
    double = find_exact_float(cell, None)
    if double is None:
        raise ValueError(f"{cell} is no double")
    return float(double)


def make_pandas_frame(table: pa.Table) -> pd.DataFrame:
    """Give a frame of pandas whose columns keep the types of Arrow, so that neither a null nor a date changes them.

    Shape: UUIDs are objects of Python; pandas has no type for them.
    Raises: SettingsError where pandas is not installed.
    """
    import pyarrow as pa

    try:
        import pandas as pd
    except ImportError as error:
        raise SettingsError("to_pandas() needs pandas, which Footfall does not install: pip install pandas") from error
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=lambda kind: None if kind == pa.uuid() else pd.ArrowDtype(kind), ignore_metadata=True
    )
    return frame


def make_polars_frame(table: pa.Table) -> pl.DataFrame:
    """Give a frame of polars. Shape: UUIDs are text; polars has no type for them.

    Raises: SettingsError where polars is not installed.
    """
    import pyarrow as pa

    try:
        import polars as pl
    except ImportError as error:
        raise SettingsError("to_polars() needs polars, which Footfall does not install: pip install polars") from error
    for at, column in enumerate(table.schema):
        if column.type == pa.uuid():
            texts = [None if cell is None else str(cell) for cell in table[at].to_pylist()]
            table = table.set_column(at, column.name, pa.array(texts, pa.string()))
    return pl.DataFrame(table)
