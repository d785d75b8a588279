"""What the page about files in public tells of each shape: kept in docs/wild.json, found by running the tests.

With FOOTFALL_WILD_FIGURES=1 a test writes what it found; else it compares it with what is kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "docs/wild.json"
IS_WRITING = bool(os.environ.get("FOOTFALL_WILD_FIGURES"))  # read before the tests clear their environment


def read_figures() -> dict[str, dict[str, str]]:
    """Give what is kept: for each shape its results by name."""
    found: dict[str, dict[str, str]] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    return found


def keep_or_compare(shape: str, **results: str) -> None:
    """Write results of one shape, or see that they are those that are kept."""
    kept = read_figures()
    if IS_WRITING:
        kept[shape] = kept.get(shape, {}) | results
        FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    else:
        assert {name: kept.get(shape, {}).get(name) for name in results} == results, "make wild"
