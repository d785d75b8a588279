"""The colours of charts, and a chart as a file that contains its colours."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from footfall.answers.charts.markup import Markup


@cache
def compose_stylesheet() -> str:
    """Give the rules that colour charts: for light, dark and paper."""
    return files("footfall.answers.charts").joinpath("charts.css").read_text(encoding="utf-8")


def make_file_text(svg: Markup) -> str:
    """Give a chart as the text of an SVG file, with its colours inside."""
    opening, _, rest = svg.partition(">")
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}><style>{compose_stylesheet()}</style>{ground}{rest}\n'
