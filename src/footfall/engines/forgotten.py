"""Take rows of forgotten users out of verdicts: they are rejected, and nothing of their text is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract import value_shapes as shapes
from footfall.contract.forgotten import FORGOTTEN, Forgotten, list_fields, write_id
from footfall.contract.mapping import Layout
from footfall.contract.verdicts import Verdicts
from footfall.formats.positions import read_file_numbers, read_line_numbers, replace_lines

PROBLEMS = json.dumps([{"code": FORGOTTEN[0], "field": FORGOTTEN[1], "value": None}])


def hide_accepted(verdicts: Verdicts, forgotten: Forgotten) -> Verdicts:
    """Reject the accepted rows of forgotten users."""
    rows = verdicts.accepted.combine_chunks()
    if not rows.num_rows:
        return verdicts
    users = rows["user_id"].combine_chunks().dictionary_encode()
    is_forgotten = pa.array([forgotten.has(write_id(value)) for value in users.dictionary.to_pylist()], pa.bool_())
    if not is_forgotten.true_count:
        return verdicts
    mask = is_forgotten.take(users.indices)
    gone = rows.filter(mask)
    positions = gone["position"].to_numpy()
    if "row_line" in gone.column_names:
        items = gone["item"].to_numpy()
        positions = replace_lines(positions, gone["row_line"].to_numpy()).to_numpy()
    else:
        items = np.zeros(len(positions), np.int64)
    hidden = _make_hidden(positions, items, verdicts.rejected.schema)
    kinds = {number: dict(of_file) for number, of_file in verdicts.kinds.items()}
    count_hidden(hidden, kinds)
    rejected = pa.concat_tables([verdicts.rejected, hidden]).sort_by("position")
    return replace(verdicts, accepted=rows.filter(pc.invert(mask)), rejected=rejected, kinds=kinds)


def split_off_forgotten(
    refused: pa.Table, layout: Layout, forgotten: Forgotten, schema: pa.Schema
) -> tuple[pa.Table, pa.Table]:
    """Part rejected rows, as the kernel judged them, into those that are kept and those of forgotten users.

    A row is theirs if its user reads as one of them, or cannot be told and its text holds such an id as a field.
    """
    is_theirs = np.fromiter(find_forgotten(refused, layout, forgotten), bool, refused.num_rows)
    gone = refused.filter(pa.array(is_theirs))
    hidden = _make_hidden(gone["position"].to_numpy(), gone["item"].to_numpy(), schema)
    return refused.filter(pa.array(~is_theirs)), hidden


def find_forgotten(refused: pa.Table, layout: Layout, forgotten: Forgotten) -> Iterable[bool]:
    """Say of each rejected row, as the kernel judged it, whether it is one of a forgotten user."""
    names = ("user_id", "problems", "line", "around")
    delimiter = layout.delimiter if layout.kind == "delimited" else None
    for user, problems, line, around in zip(*(refused[name].to_pylist() for name in names), strict=True):
        # Where a problem is one of the whole row, its fields cannot be told apart, and neither can its user.
        if user is not None and not any(problem["field"] in ("user_id", None) for problem in problems):
            yield forgotten.has(write_id(user))
        else:
            yield forgotten.is_among(list_fields(line, delimiter)) or (
                around is not None and forgotten.is_among(list_fields(around, None))
            )


def _make_hidden(positions: np.ndarray, items: np.ndarray, schema: pa.Schema) -> pa.Table:
    """Make the rejected rows that stand for rows of forgotten users."""
    values: dict[str, Any] = {
        "position": positions,
        "item": items,
        "raw_line": [""] * len(positions),
        "raw_size_bytes": np.zeros(len(positions), np.int64),
        "problems": [PROBLEMS] * len(positions),
    }
    columns = [pa.array(values.get(each.name, [None] * len(positions)), each.type) for each in schema]
    return pa.table(columns, schema=schema)


def count_hidden(hidden: pa.Table, kinds: dict[int, shapes.Kinds]) -> None:
    """Add rows of forgotten users to the kinds of problems of their files."""
    positions = hidden["position"].to_numpy()
    files = read_file_numbers(positions)
    for number in np.unique(files).tolist():
        lines = read_line_numbers(positions[files == number])
        sample = shapes.Sample(len(lines), int(lines.min()), None)
        shapes.add_all(
            kinds.setdefault(number, {}),
            {FORGOTTEN: shapes.Kind(len(lines), int(lines.min()), None, {("", ""): sample})},
        )
