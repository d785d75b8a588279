"""Write the page of the docs about forms of files from the results that are kept."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from server import machine_text

from page import table

PLAIN = "plain CSV"
Result = dict[str, Any]

HEAD = """# Benchmarks: forms of files

Written by `benchmarks/formats.py` from the results in `benchmarks/results`; do not edit.

The same interactions, all valid, none repeated, in the forms in which people have them; a first load of each into a
fresh database, as a process of its own, in turn. Before a figure was kept, the tables were read beside those of the
plain form and were equal row by row: ids as they were mapped, made ids aside.

- **to plain** is the median of the ratios to the plain form of the same round; **by bytes** is that, divided by the
  ratio of the files' sizes.
- **CPU** is that of the client alone, and its ratio says more than the clock's where the machine had other work.
- **asked** is the most that was set as a goal for 10 million rows; what it is compared with stands in bold.
- Memory is the client's alone: the server's, and the disk's cache, are not in it.

"""


def read(folder: Path) -> list[Result]:
    """Read the results of this part, the smallest size first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("formats-*.json")]
    return sorted(found, key=lambda result: result["rows"])


def page(results: list[Result]) -> str:
    """Write the page."""
    return HEAD + "\n".join(_size(result) for result in results)


def find_ratio(form: Result, unit: str = "seconds") -> float:
    """Give the median of the ratios to the plain form of the same round."""
    return statistics.median(ours / plain for ours, plain in zip(form[unit], form[f"plain_{unit}"], strict=True))


def _size(result: Result) -> str:
    forms = result["forms"]
    rows = [_row(name, form) for name, form in forms.items()]
    header = ("", "MB", "s, median", "each", "to plain", "by bytes", "asked", "CPU s", "CPU to plain", "memory, MB")
    meanings = "\n".join(f"- **{name}**: {form['meaning']}." for name, form in forms.items())
    places: dict[str, list[str]] = {}
    for name, form in forms.items():
        places.setdefault(f"    {form['command']}\n\n{machine_text(form['machine'])}", []).append(name)
    where = "\n\n".join(
        words if len(places) == 1 else f"{', '.join(names)}:\n\n{words}" for words, names in places.items()
    )
    return f"""## {result["rows"]:,} rows

{where}

{table(header, rows)}

{meanings}
"""


def _row(name: str, form: Result) -> tuple[str, ...]:
    ratio = find_ratio(form)
    per_byte = ratio / (form["file_mb"] / form["plain_file_mb"]) if form["file_mb"] else ratio
    asked = f"{form['most']:.2f}" if form["most"] else ""
    shown, by_bytes = f"{ratio:.2f}", f"{per_byte:.2f}"
    if asked:
        shown, by_bytes = (shown, f"**{by_bytes}**") if form["by_bytes"] else (f"**{shown}**", by_bytes)
    return (
        name,
        f"{form['file_mb']:.1f}",
        f"{statistics.median(form['seconds']):.2f}",
        ", ".join(f"{seconds:.2f}" for seconds in form["seconds"]),
        "" if name == PLAIN else shown,
        "" if name == PLAIN else by_bytes,
        asked,
        f"{statistics.median(form['cpu_seconds']):.2f}",
        "" if name == PLAIN else f"{find_ratio(form, 'cpu_seconds'):.2f}",
        f"{max(form['peak_mb']):.0f}",
    )
