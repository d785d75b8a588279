"""The statements about rows of Parquet files that the quarantine kept. Each is a JSON object of its columns."""

from __future__ import annotations

from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.contract.paths import JsonPath
from footfall.formats.texts import Form, Record, compose_expressions
from footfall.statements import read_statements

SQL = read_statements("footfall.formats.parquet")


def compose_kept(layout: Layout) -> Form:
    """Give the statements for rows whose text is what `parquet.sql` writes of a row.

    There is no quick way, since the types of the columns, which prove a value, are not kept.
    """
    nested = [kind.startswith("nested") for kind in layout.types]
    expressions = compose_expressions(layout, Record(can_nest=any(nested)))
    return Form(
        None,
        SQL["texts"].format(records=SQL["kept_records"], **expressions.of),
        expressions.variables
        | {
            "kept_paths": [JsonPath((name,)).write_for_duckdb() for name in layout.names],
            "nested": nested,
            "record_bytes_max": RECORD_BYTES_MAX,
        },
    )
