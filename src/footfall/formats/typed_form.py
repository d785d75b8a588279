"""The statements about records of a Parquet file: the texts of its columns, and the quick way for typed columns."""

from __future__ import annotations

import json

from footfall.contract.definition import Field
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.contract.shapes import COLUMNS
from footfall.contract.timestamps import EPOCHS
from footfall.formats.texts import Form, Record, compose_expressions
from footfall.statements import read_statements

SQL = read_statements("footfall.formats.parquet")
VALUE_BYTES_MAX = 64  # bytes of a value that is no text, with its name and its signs in JSON
WITHOUT_QUOTES = ("int", "uint", "bool")  # kinds that JSON holds without loss; a decimal would become a double
INSTANTS = {"timestamp_tz": "plain_instant_tz", "timestamp": "plain_instant", "date": "plain_day"}

TEXT_OF = {
    "text": "text",
    "nothing": "text",
    "timestamp_tz": "text_of_timestamp_tz",
    "nested": "text_of_nested",
}


def compose_parquet(layout: Layout) -> Form:
    """Give the statements of parquet.sql for files of one layout."""
    columns = range(1, layout.field_count + 1)
    kinds = {at: kind.partition(" ")[0].partition("(")[0] for at, kind in enumerate(layout.types, 1)}
    can_nest = "nested" in kinds.values()
    expressions = compose_expressions(layout, Record(field="t{at}", can_nest=can_nest, plain_has_nested=can_nest))
    texts = {at: _compose_text(at, kinds[at]) for at in columns}
    line = SQL["line"].format(members=", ".join(_compose_member(at, kinds[at], texts[at]) for at in columns))
    named = "".join(f", {text} as t{at}" for at, text in texts.items())
    long = [f"coalesce(strlen(t{at}), 0)" for at in columns if kinds[at] in ("text", "nested")]
    records = SQL["records"].format(texts=named, line=line)
    typed = {column: text for column in COLUMNS if (text := _compose_typed(layout, column, kinds))}
    has_instants = "timestamp" in typed and layout.definition.timestamp.formats == ("iso",)
    return Form(
        SQL["plain_texts"].format(
            texts=named,
            line=line,
            size=SQL["size"].format(texts=" + ".join(long) or "0"),
            **(expressions.plain | typed),
        ),
        SQL["texts"].format(records=records, **expressions.of),
        expressions.variables
        | {
            "column_names": list(layout.names),
            "nested": [kind == "nested" for kind in kinds.values()],
            "frame_bytes": sum(len(json.dumps(name)) + VALUE_BYTES_MAX for name in layout.names),
            "record_bytes_max": RECORD_BYTES_MAX,
            "epoch_most": _find_epoch_most(layout),
        },
        macros=SQL["macros"] if has_instants else None,
        records=records,
    )


def _compose_text(at: int, kind: str) -> str:
    return SQL[TEXT_OF.get(kind, "text_of_others")].format(at=at)


def _compose_member(at: int, kind: str, text: str) -> str:
    if kind in ("float", "double"):
        value = SQL["json_value_of_double"].format(at=at)
    elif kind in (*WITHOUT_QUOTES, "text", "nothing", "nested"):
        value = SQL["json_value"].format(at=at)
    else:
        value = SQL["json_value_of_others"].format(text=text)
    return SQL["member"].format(at=at, value=value)


def _compose_typed(layout: Layout, column: str, kinds: dict[int, str]) -> str | None:
    """Give the expression of a value whose type proves it, or None where its text has to be looked at.

    A value that the type alone does not prove to be right, such as the id 0, is null here, and its text is looked at.
    """
    field, places = layout.definition.fields[COLUMNS.index(column)], layout.places[COLUMNS.index(column)]
    if not _is_bare(field) or layout.definition.null_values or len(places) != 1 or places[0].path is not None:
        return None
    at = places[0].at
    kind = kinds[at]
    if column in ID_COLUMNS:
        is_number = kind in ("int", "uint") and layout.contract.id_types.find_type(column) == "bigint"
        return SQL["plain_id"].format(at=at) if is_number else None
    if column == "timestamp" and len(field.formats) == 1:
        if field.formats[0] in EPOCHS and kind == "int":
            return SQL["plain_epoch"].format(at=at)
        if (
            field.formats == ("iso",)
            and kind in INSTANTS
            and (kind == "timestamp_tz" or layout.contract.time_zone == "UTC")
        ):
            return SQL[INSTANTS[kind]].format(at=at)
    return None


def _is_bare(field: Field) -> bool:
    return field.extract is None and field.default is None and not field.is_float and not field.made_from


def _find_epoch_most(layout: Layout) -> int:
    """Give the largest number since 1970 that is surely a time; 0 where times are written in another way."""
    formats = layout.definition.timestamp.formats
    return int(10 ** (EPOCHS[formats[0]][1] - 1) - 1) if formats[0] in EPOCHS else 0
