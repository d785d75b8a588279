"""Write contracts and sums of verdicts as JSON, and read them again, so that one process can hand them to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.notices import Oddities
from footfall.contract.shapes import COLUMNS
from footfall.contract.sums import Sums
from footfall.contract.terms import Contract
from footfall.contract.value_shapes import Kind, Sample


def write_contract(contract: Contract) -> dict[str, Any]:
    """Give a contract as values of JSON."""
    return asdict(contract)


def read_contract(written: Mapping[str, Any]) -> Contract:
    """Read a contract that `write_contract` wrote.

    Example:
        >>> read_contract(write_contract(Contract(actions=("click",)))) == Contract(actions=("click",))
        True
    """
    values = _read_tuples(written)
    values["definition"] = _read_definition(written["definition"])
    values["id_types"] = IdTypes(**written["id_types"])
    return Contract(**values)


def _read_definition(written: Mapping[str, Any]) -> SourceDefinition:
    values = _read_tuples(written)
    values["where"] = tuple(Condition(**_read_tuples(each)) for each in written["where"])
    values |= {column: Field(**_read_tuples(written[column])) for column in COLUMNS}
    return SourceDefinition(**values)


def _read_tuples(written: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of an object; lists are tuples again."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in written.items()}


def write_sums(sums: Sums) -> dict[str, Any]:
    """Give sums as values of JSON. Shape: kinds, and the shapes of each, are lists in the order in which they came."""
    return {
        "rows_accepted": sums.rows_accepted,
        "rows_rejected": sums.rows_rejected,
        "rows_skipped": sums.rows_skipped,
        "kinds": [
            [
                *name,
                *_write_sample(kind),
                [[*shape, *_write_sample(sample)] for shape, sample in kind.shapes.items()],
            ]
            for name, kind in sums.kinds.items()
        ],
        "oddities": {each.name: dict(getattr(sums.oddities, each.name)) for each in fields(Oddities)},
    }


def _write_sample(sample: Sample) -> tuple[int, int, str | None]:
    return sample.rows, sample.line_number, sample.value


def read_sums(written: Mapping[str, Any]) -> Sums:
    """Read sums that `write_sums` wrote.

    Example:
        >>> read_sums(write_sums(Sums(3, 1))) == Sums(3, 1)
        True
    """
    kinds = {
        (code, column): Kind(
            rows, line, value, {(look, text): Sample(*sample) for look, text, *sample in shapes_of_kind}
        )
        for code, column, rows, line, value, shapes_of_kind in written["kinds"]
    }
    oddities = Oddities(**{name: Counter(counts) for name, counts in written["oddities"].items()})
    return Sums(written["rows_accepted"], written["rows_rejected"], written["rows_skipped"], kinds, oddities)


def add_sums(sums: Sums, later: Sums) -> None:
    """Add the sums of later rows of the same file. Effects: in `sums`, which must be nobody else's."""
    from footfall.contract import value_shapes as shapes

    sums.rows_accepted += later.rows_accepted
    sums.rows_rejected += later.rows_rejected
    sums.rows_skipped += later.rows_skipped
    shapes.add_all(sums.kinds, later.kinds)
    for each in fields(Oddities):
        getattr(sums.oddities, each.name).update(getattr(later.oddities, each.name))
