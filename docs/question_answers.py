"""Answers to every question about the shop of scripts/make_story.py, kept in docs/questions.json.

With them docs/generate.py draws its pictures without a database. A test of tests/docs compares what is kept with what a
database says; `make question-answers` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from footfall.answers.asked import Filters, write_command
from footfall.results import Table

KEPT = Path(__file__).resolve().parent / "questions.json"
STEPS = "view,add_to_cart,purchase"
# What each question is asked with for its page.
ASKED: dict[str, Filters] = {
    "actions": Filters(),
    "active-users": Filters(per="week"),
    "affinity": Filters(id=41, minimum=40, limit=10),
    "funnel": Filters(steps=STEPS),
    "heat-map": Filters(),
    "lifecycle": Filters(per="week"),
    "new-users": Filters(),
    "paths": Filters(limit=8),
    "per-day": Filters(),
    "per-hour": Filters(since="2024-06-02", until="2024-06-03"),
    "per-month": Filters(),
    "per-week": Filters(),
    "product": Filters(id=41),
    "retention": Filters(per="week", periods=8, since="2024-04-15"),
    "sessions": Filters(per="week", since="2024-03-04"),
    "stickiness": Filters(since="2024-05-01", until="2024-06-01"),
    "top-movers": Filters(limit=8),
    "top-products": Filters(limit=10),
    "top-users": Filters(limit=10),
    "trailing-users": Filters(),
    "unusual-days": Filters(over_time=True),
    "user": Filters(id=73),
}
TYPES = {
    16: "boolean",
    20: "bigint",
    23: "integer",
    25: "text",
    701: "double precision",
    1082: "date",
    1114: "timestamp",
    1184: "timestamptz",
    1700: "numeric",
}
REVIVED = {"date": date.fromisoformat, "timestamptz": datetime.fromisoformat, "timestamp": datetime.fromisoformat}


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept answer. Shape: `types` has the names of the columns' types; the charts need `table` alone."""

    table: Table
    types: tuple[str, ...]


def name_question(name: str) -> str:
    """Give the command line with which a question is asked for its page."""
    return write_command(name, ASKED[name])


def keep(answers: Mapping[str, Table]) -> str:
    """Give the text of the file that keeps answers: one line a row, so that a difference can be read."""
    parts = []
    for name, table in sorted(answers.items()):
        types = json.dumps([TYPES[each] for each in table.types])
        rows = ",\n".join(f"   {json.dumps(row, default=_write, ensure_ascii=False)}" for row in table.rows)
        columns = json.dumps(table.columns)
        parts.append(f' "{name}": {{\n  "columns": {columns},\n  "types": {types},\n  "rows": [\n{rows}\n  ]\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _write(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else float(value)


def read_kept() -> dict[str, Kept]:
    """Read the kept answers, with days and instants as such."""
    found = {}
    for name, answer in json.loads(KEPT.read_text(encoding="utf-8")).items():
        types = tuple(answer["types"])
        rows = tuple(
            tuple(
                REVIVED[kind](value) if kind in REVIVED and value else value
                for kind, value in zip(types, row, strict=True)
            )
            for row in answer["rows"]
        )
        found[name] = Kept(Table(tuple(answer["columns"]), rows), types)
    return found
