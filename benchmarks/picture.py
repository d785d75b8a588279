"""Draw the first load as SVG: seconds and peak memory of each way, one panel a size."""

from __future__ import annotations

import statistics
from html import escape
from typing import Any

WIDTH = 900  # px
NAMES_WIDTH = 190
BAR_WIDTH = 210  # of the longest bar
COLUMNS = (NAMES_WIDTH, NAMES_WIDTH + 400)  # where the bars begin
ROW_HEIGHT = 26
BAR_HEIGHT = 16
HEAD_HEIGHT = 64
FOOT_HEIGHT = 30
OURS, THEIRS = "#1b6ca8", "#9aa5b1"
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .axis { font-size: 12px; fill: #57606a; }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .axis { fill: #9aa5b1; } }
"""


def picture(sizes: list[dict[str, Any]]) -> str:
    """Draw all sizes below each other, the quickest way first."""
    parts, top = [], 0
    for size in sizes:
        drawn, height = _panel(size, top)
        parts.extend(drawn)
        top += height
    description = "; ".join(f"{size['rows']:,} rows: {_words(size)}" for size in sizes)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
            'role="img">',
            f"  <title>A first load: seconds and peak memory of the client. {escape(description)}</title>",
            f"  <style>{STYLE}  </style>",
            *parts,
            "</svg>",
            "",
        ]
    )


def _words(size: dict[str, Any]) -> str:
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds, _ in _ways(size))


def _ways(size: dict[str, Any]) -> list[tuple[str, float, float]]:
    ways = ((name, statistics.median(way["seconds"]), max(way["peak_mb"])) for name, way in size["ways"].items())
    return sorted(ways, key=lambda way: way[1])


def _panel(size: dict[str, Any], top: int) -> tuple[list[str], int]:
    """Draw one size; give its pieces and its height."""
    ways = _ways(size)
    lines = [
        f'  <text class="title" x="12" y="{top + 24}">{size["rows"]:,} rows, {size["file_mb"]:,.0f} MB</text>',
        f'  <text class="axis" x="{COLUMNS[0]}" y="{top + 50}">seconds (million rows a second)</text>',
        f'  <text class="axis" x="{COLUMNS[1]}" y="{top + 50}">peak memory of the client, MB</text>',
    ]
    longest, largest = max(way[1] for way in ways), max(way[2] for way in ways)
    for number, (name, seconds, peak_mb) in enumerate(ways):
        y = top + HEAD_HEIGHT + number * ROW_HEIGHT
        colour = OURS if name.startswith("footfall") else THEIRS
        middle = y + BAR_HEIGHT - 3
        rate = size["rows"] / seconds / 1e6
        lines.append(f'  <text x="{NAMES_WIDTH - 10}" y="{middle}" text-anchor="end">{escape(name)}</text>')
        labels = (f"{seconds:.2f} s ({rate:.2f} M/s)", f"{peak_mb:,.0f}")
        for x, share, label in zip(COLUMNS, (seconds / longest, peak_mb / largest), labels, strict=True):
            # a long bar has room for its figure, a short one has room beside it
            width = max(1, round(BAR_WIDTH * share))
            lines.append(f'  <rect x="{x}" y="{y}" width="{width}" height="{BAR_HEIGHT}" rx="2" fill="{colour}"/>')
            lines.append(f'  <text x="{x + width + 6}" y="{middle}">{label}</text>')
    return lines, HEAD_HEIGHT + len(ways) * ROW_HEIGHT + FOOT_HEIGHT
