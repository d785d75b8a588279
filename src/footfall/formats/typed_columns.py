"""Turn columns of any Arrow type into the few types that `parquet.sql` knows, and mark values that are no text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.formats.framing import MARK_BAD_BYTES

MICROSECONDS_MAX = 9_000_000_000_000_000_000  # the calendar of the kernel ends some centuries later
_PER_SECOND = {"s": 1_000_000, "ms": 1_000, "us": 1}
_FIXED = {"int": pa.int64(), "uint": pa.uint64(), "float": pa.float32(), "double": pa.float64(), "bool": pa.bool_()}
_FIXED |= {"date": pa.date32(), "time": pa.time64("us"), "text": pa.string(), "nothing": pa.string()}


def find_kind(kind: pa.DataType) -> str | None:
    """Name the kind of the values of a type; None where a record cannot hold such values.

    Shape: one word. Behind `decimal` and `nested` stand the details in which the types of two columns may differ.

    Example:
        >>> [find_kind(each) for each in (pa.int8(), pa.large_string(), pa.decimal128(9, 2), pa.timestamp("ns", "UTC"))]
        ['int', 'text', 'decimal(9,2)', 'timestamp_tz']
    """
    of = pa.types
    if of.is_dictionary(kind):
        return find_kind(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return "uuid" if kind.extension_name == "arrow.uuid" else find_kind(kind.storage_type)
    if of.is_nested(kind):
        return f"nested {kind}" if _is_known_to_the_kernel(kind) else None
    if of.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})" if kind.precision <= 38 else "text"
    if of.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamp_tz"
    tests = (
        ("nothing", of.is_null),
        ("bool", of.is_boolean),
        ("int", of.is_signed_integer),
        ("uint", lambda each: of.is_unsigned_integer(each) and each.bit_width == 64),
        ("int", of.is_unsigned_integer),
        ("double", of.is_float64),
        ("float", of.is_floating),
        ("date", of.is_date),
        ("time", of.is_time),
        ("text", _is_text),
    )
    return next((name for name, test in tests if test(kind)), None)


def convert_column(values: pa.Array, kind: str) -> tuple[pa.Array, np.ndarray | None]:
    """Give the values in the type of their kind, and which of them are no text; None where all are.

    Raises: pa.ArrowInvalid where a list or an object holds bytes that are no text.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values.type, pa.BaseExtensionType) and kind != "uuid":
        values = values.storage
    if kind == "text" and not pa.types.is_decimal(values.type):
        return _make_text(values)
    if kind.startswith("timestamp"):
        return _make_instants(values, "UTC" if kind == "timestamp_tz" else None), None
    if kind.startswith("nested"):
        values.validate(full=True)
    elif kind.startswith("decimal"):
        values = values.cast(pa.decimal128(values.type.precision, values.type.scale))
    elif kind in _FIXED:
        values = values.cast(_FIXED[kind], safe=kind != "time")
    return values, None


def _is_known_to_the_kernel(kind: pa.DataType) -> bool:
    """Say whether the kernel knows a type within a list or an object, where nothing is converted."""
    of = pa.types
    if of.is_struct(kind):
        return all(_is_known_to_the_kernel(field.type) for field in kind)
    if of.is_map(kind):
        return _is_known_to_the_kernel(kind.key_type) and _is_known_to_the_kernel(kind.item_type)
    if of.is_nested(kind):
        return not of.is_union(kind) and _is_known_to_the_kernel(kind.value_type)
    return find_kind(kind) is not None and not (of.is_float16(kind) or of.is_decimal256(kind))


def _is_text(kind: pa.DataType) -> bool:
    of = pa.types
    is_string = of.is_string(kind) or of.is_large_string(kind) or of.is_string_view(kind)
    is_binary = of.is_binary(kind) or of.is_large_binary(kind) or of.is_binary_view(kind)
    return bool(is_string or is_binary or of.is_fixed_size_binary(kind))


def _make_text(values: pa.Array) -> tuple[pa.Array, np.ndarray | None]:
    try:
        values.validate(full=True)
        text = values if pa.types.is_string(values.type) else _cast_to_binary(values).cast(pa.string())
        if not pc.any(pc.match_substring(text, "\0")).as_py():
            return text, None
    except pa.ArrowInvalid:
        pass
    texts: list[str | None] = []
    bad = np.zeros(len(values), dtype=bool)
    for at, value in enumerate(_cast_to_binary(values).to_pylist()):
        texts.append(None if value is None else value.replace(b"\0", b"\xff").decode("utf-8", MARK_BAD_BYTES))
        bad[at] = value is not None and not _is_clean(value)
    return pa.array(texts, pa.string()), bad


def _cast_to_binary(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_string(kind):
        return values.view(pa.binary())
    if pa.types.is_large_string(kind):
        return values.view(pa.large_binary()).cast(pa.binary())
    return values.cast(pa.binary())


def _is_clean(value: bytes) -> bool:
    try:
        return "\0" not in value.decode()
    except UnicodeDecodeError:
        return False


def _make_instants(values: pa.Array, zone: str | None) -> pa.Array:
    """Give timestamps in whole microseconds. Those that the calendar cannot hold stay beyond the year 9999."""
    wanted = pa.timestamp("us", zone)
    ends = pc.min_max(values.view(pa.int64()))
    unit = values.type.unit
    if not ends["min"].is_valid:
        return pa.nulls(len(values), wanted)
    least, most = ends["min"].as_py(), ends["max"].as_py()
    if unit == "us" and least >= -MICROSECONDS_MAX and most <= MICROSECONDS_MAX:
        return values.cast(wanted)
    is_null = values.is_null().to_numpy(zero_copy_only=False)
    numbers = values.view(pa.int64()).fill_null(0).to_numpy()
    if unit == "ns":
        numbers = numbers // 1_000
    else:
        limit = MICROSECONDS_MAX // _PER_SECOND[unit]
        numbers = np.clip(numbers, -limit, limit) * _PER_SECOND[unit]
    return pa.array(numbers, pa.int64(), mask=is_null).cast(wanted)
