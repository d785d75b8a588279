"""Whole files through the product: opened, read by a source definition, and judged."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from unittest.mock import patch

from footfall.contract.definition import SourceDefinition
from footfall.contract.terms import Contract
from footfall.contract.verdicts import Verdicts
from footfall.engines import kernel
from footfall.engines.in_process import Engine
from footfall.formats.choosing import Contracts
from footfall.formats.reading import Reader
from footfall.sources.opening import open_source


@dataclass
class Judged:
    """All verdicts on one file: accepted and rejected rows as dicts, and the number of skipped ones."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    skipped: int = 0

    @property
    def problems(self) -> list[tuple[int, str, str | None, str | None]]:
        """Each problem of each rejected row: line number, code, field, value."""
        return [
            (row["position"], each["code"], each["field"], each["value"])
            for row in self.rejected
            for each in row["problems"]
        ]

    @property
    def codes(self) -> Counter[str]:
        """How often each code of a problem occurs."""
        return Counter(code for _, code, _, _ in self.problems)


def judge_file(
    path: Any, definition: SourceDefinition | None = None, memory_limit_mb: int = 128, **terms: Any
) -> Judged:
    """Judge a file by a definition; `terms` are those of the contract."""
    return _judge(path, definition, memory_limit_mb, True, terms)


@cache
def keep_engine(memory_limit_mb: int, is_quick: bool) -> Engine:
    """Give the engine of this process, as one command has one for all its files; `is_quick` keeps two of them apart."""
    return Engine(None, memory_limit_mb)


def _judge(
    path: Any, definition: SourceDefinition | None, memory_limit_mb: int, is_quick: bool, terms: dict[str, Any]
) -> Judged:
    contract = Contract(definition or SourceDefinition(), **terms)
    judged = Judged()

    def take(verdicts: Verdicts) -> None:
        judged.accepted += verdicts.accepted.to_pylist()
        judged.rejected += [row | {"problems": json.loads(row["problems"])} for row in verdicts.rejected.to_pylist()]
        judged.skipped += sum(verdicts.skipped.values())

    with open_source(str(path)) as file:
        keep_engine(memory_limit_mb, is_quick).run([Reader(Contracts(contract), memory_limit_mb).read(file)], take)
    return judged


def judge_slowly(path: Any, definition: SourceDefinition | None = None, **terms: Any) -> Judged:
    """Judge a file without the shorter way of plain records."""
    opened = kernel.open_kernel_session

    def open_without_quick(*values: Any, **named: Any) -> kernel.KernelSession:
        session = opened(*values, **named)
        return replace(session, quick=None, plain_line=None)

    with patch.object(kernel, "open_kernel_session", open_without_quick):
        return _judge(path, definition, 128, False, terms)
