"""Charts: rows -> SVG that has no colour, script or address of its own. The classes of charts.css give the colours."""

from footfall.answers.charts.bars import Bar, bars
from footfall.answers.charts.flow import Edge, flow
from footfall.answers.charts.funnel import Step, funnel_bars
from footfall.answers.charts.heat import HeatRow, heat_map, heat_table
from footfall.answers.charts.labels import Periods, name_period
from footfall.answers.charts.line import Band, Series, line
from footfall.answers.charts.markup import About, Markup
from footfall.answers.charts.numbers import write_change, write_duration, write_number, write_share
from footfall.answers.charts.stacked import stacked_bars
from footfall.answers.charts.style import as_file, stylesheet

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
    "as_file",
    "bars",
    "flow",
    "funnel_bars",
    "heat_map",
    "heat_table",
    "line",
    "name_period",
    "stacked_bars",
    "stylesheet",
    "write_change",
    "write_duration",
    "write_number",
    "write_share",
]
