"""What a row of an exploded list takes from around it, kept so that a rejected row can be judged again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pyarrow as pa

from footfall.contract.definition import SourceDefinition
from footfall.contract.json_places import place_by_path
from footfall.contract.limits import RAW_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Around:
    """What stood around one item of an exploded list.

    Shape: `explode` is the path of the list, `item` the number of the item in it. `texts` and `nested` are by path:
    the text there, and whether it is a list or an object. `digest` is that of the whole record, where ids are made of
    it.
    """

    explode: str
    item: int
    texts: dict[str, str | None]
    nested: dict[str, bool]
    digest: str | None = None

    def write(self) -> str | None:
        """Write this as text; None where the text is over 64 KiB."""
        text = json.dumps(asdict(self))
        return text if len(text) <= RAW_BYTES_MAX else None

    @classmethod
    def read(cls, text: str) -> Around:
        """Read what `write_around` wrote."""
        return cls(**json.loads(text))


def write_around(rows: pa.RecordBatch, definition: SourceDefinition) -> pa.Array:
    """Write what stood around each row, as text. It is null for a row that is no item of a list, and over 64 KiB."""
    if definition.explode is None or "record_item" not in rows.schema.names:
        return pa.nulls(rows.num_rows, pa.string())
    paths = [path.write_for_duckdb() for path in place_by_path(definition, "").outer]
    names = ("record_item", "outer_texts", "outer_nested", "record_digest")
    columns = (rows[name].to_pylist() for name in names)
    found = (
        # A record that is no JSON has no items: its `item` is 0, and nothing is known that stands around it.
        Around(
            definition.explode, item, dict(zip(paths, outer, strict=True)), dict(zip(paths, is_list, strict=True)), made
        ).write()
        if item
        else None
        for item, outer, is_list, made in zip(*columns, strict=True)
    )
    return pa.array(list(found), pa.string())
