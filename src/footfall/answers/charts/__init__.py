"""Charts: rows -> SVG that has no colour, script or address of its own. The classes of charts.css give the colours."""

from footfall.answers.charts.bars import Bar, draw_bars
from footfall.answers.charts.flow import Edge, draw_flow
from footfall.answers.charts.funnel import Step, draw_funnel
from footfall.answers.charts.heat import HeatRow, draw_heat_map, draw_heat_table
from footfall.answers.charts.labels import Periods, name_period
from footfall.answers.charts.line import Band, Series, draw_lines
from footfall.answers.charts.markup import About, Markup
from footfall.answers.charts.numbers import write_change, write_duration, write_number, write_share
from footfall.answers.charts.stacked import draw_stacked_bars
from footfall.answers.charts.style import compose_stylesheet, make_file_text

__all__ = [
    "About",
    "Band",
    "Bar",
    "Edge",
    "HeatRow",
    "Markup",
    "Periods",
    "Series",
    "Step",
    "compose_stylesheet",
    "draw_bars",
    "draw_flow",
    "draw_funnel",
    "draw_heat_map",
    "draw_heat_table",
    "draw_lines",
    "draw_stacked_bars",
    "make_file_text",
    "name_period",
    "write_change",
    "write_duration",
    "write_number",
    "write_share",
]
