"""The statements about the records of one layout, by the kind of its format."""

from __future__ import annotations

from footfall.contract.mapping import Layout
from footfall.formats.fields import compose_delimited
from footfall.formats.json_texts import compose_json
from footfall.formats.kept_form import compose_kept
from footfall.formats.texts import Form
from footfall.formats.typed_form import compose_parquet


def compose_form(layout: Layout) -> Form:
    """Give the statements that turn records of this layout into their five texts."""
    composers = {
        "delimited": compose_delimited,
        "json": compose_json,
        "parquet": compose_parquet,
        "kept": compose_kept,
    }
    return composers[layout.kind](layout)
