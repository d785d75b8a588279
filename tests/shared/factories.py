"""Values that many tests need: contracts, layouts and readers of Footfall's own form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from footfall.contract.definition import OWN_FORM
from footfall.contract.mapping import Layout
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.formats.choosing import Contracts
from footfall.formats.delimited import lay_out
from footfall.formats.reading import Reader


def make_contract(delimiter: str = ",", **terms: Any) -> Contract:
    """Give a contract for files of Footfall's own form with this delimiter."""
    return Contract(replace(OWN_FORM, delimiter=delimiter), **terms)


def make_layout(fields: Sequence[str] = COLUMNS, contract: Contract | None = None) -> Layout:
    """Give the layout of files with these fields."""
    contract = contract or make_contract()
    return lay_out(contract, fields, contract.definition.delimiter or ",", "a.csv")


def make_reader(contract: Contract | None = None, memory_limit_mb: int = 128) -> Reader:
    """Give a reader of files of Footfall's own form."""
    return Reader(Contracts(contract or make_contract()), memory_limit_mb)
