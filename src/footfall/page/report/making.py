"""Make the whole report: recount, read all parts in one snapshot, and write them to one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from footfall.answers.charts import Markup, compose_stylesheet, write_duration, write_number, write_share
from footfall.answers.charts.labels import DAYS, MONTHS
from footfall.answers.charts.markup import spell_out
from footfall.answers.replacing import open_replacement
from footfall.errors import QueryError, SettingsError
from footfall.page.report import building, sentences
from footfall.page.report.building import Figure, Wanted
from footfall.page.report.parts import Asking, Part
from footfall.page.report.spans import Span, choose_span
from footfall.page.report.trust import FAILURES_SHOWN, PROBLEMS_SHOWN, Trust, find_trust
from footfall.results import Verification
from footfall.settings import Settings
from footfall.verbs import ledger
from footfall.verbs import verify as verify_verb
from footfall.verbs.query import Asker, open_snapshot
from footfall.verbs.session import open_target

ROWS_SHOWN = 120  # rows of a table below a picture; the command prints all
TITLE_CHARACTERS_MAX = 200
THINGS = ("interaction_count", "user_count", "file_count")  # columns with these ends have a plural as heading
NOT_ASKED = "this report was made without a recount (--no-verify)."


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a report. The report prints `made_at` as the time of its making; None means now."""

    since: str | date | None = None
    until: str | date | None = None
    title: str | None = None
    funnel: str | None = None
    is_verified: bool = True
    with_user_ids: bool = False
    made_at: str | datetime | None = None


# The keywords of `footfall.report` that are not settings, and their names in Options.
KEYWORDS = {each.name: each.name for each in fields(Options)} | {"verify": "is_verified"}
del KEYWORDS["is_verified"]


def read_keywords(given: Mapping[str, Any]) -> Options:
    """Give the options that a caller in Python names; a sequence of actions becomes a text with commas."""
    values = {KEYWORDS[name]: value for name, value in given.items()}
    funnel = values.get("funnel")
    if funnel is not None and not isinstance(funnel, str):
        values["funnel"] = ",".join(funnel)
    return Options(**values)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says, before it becomes HTML."""

    title: str
    span: Span
    time_zone: str
    first: str
    figures: tuple[Figure, ...]
    trust: Trust
    parts: tuple[Part, ...]
    asking: Asking
    data: Any

    @property
    def name(self) -> str:
        """The range in words; without any data, a sentence that says so."""
        return self.span.name if self.data.whole_to else "No interactions yet"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished report: its HTML, its name, and whether the recount found differences."""

    html: str
    name: str
    has_drift: bool


def make_report(settings: Settings, options: Options) -> Made:
    """Make the report. Effects: only reads: a recount, unless it is left out, then one snapshot for the rest.

    Shape: the same tables and options give the same text, except for the time of making.

    Raises: QueryError, which names the option; the errors of opening a session. A question that fails raises nothing:
    its part of the report says why.
    """
    made_at = _read_made_at(options.made_at)
    with open_target(settings):  # so that an embedded server runs on from one session to the next
        verified, unverified = _verify(settings) if options.is_verified else (None, NOT_ASKED)
        with open_snapshot(settings) as asker:
            report = _read_report(asker, settings, options, (verified, unverified))
    has_drift = verified is not None and verified.drift_count > 0
    return Made(render(report, made_at), f"{report.title}: {report.name}", has_drift)


def write_file(made: Made, output: str | Path) -> None:
    """Write a report to a file, whole or not at all. Raises: SettingsError where it cannot be written."""
    try:
        with open_replacement(Path(output).resolve()) as stream:
            stream.write(made.html)
    except OSError as error:
        raise SettingsError(f"--output: {output} cannot be written ({error.strerror}); name another file") from error


def _read_made_at(given: str | datetime | None) -> str:
    try:
        at = (
            datetime.now(UTC)
            if given is None
            else given
            if isinstance(given, datetime)
            else datetime.fromisoformat(given)
        )
    except ValueError as error:
        raise QueryError(f"--made-at: {given!r} is not a time; write 2024-03-01T12:30Z") from error
    zone = "" if at.tzinfo is None else " UTC" if not at.utcoffset() else f" {at:%z}"
    return f"{at:%Y-%m-%d %H:%M}{zone}"


def _verify(settings: Settings) -> tuple[Verification | None, str]:
    """Recount; if the role may not read all that a recount needs, say so instead."""
    with open_snapshot(settings) as asker:
        rights = ledger.find_rights(asker)
    if not (rights.may_read_ledger and rights.may_read_rejected):
        return None, "who made this report may not read all tables, which a recount needs."
    return verify_verb.verify(settings), ""


def _read_report(
    asker: Asker, settings: Settings, options: Options, recount: tuple[Verification | None, str]
) -> Report:
    zone = settings.reporting_time_zone
    rights = ledger.find_rights(asker)  # if there are no tables, its error says what to do
    data = ledger.find_kept(asker, zone)
    days = (data.whole_from.date(), data.whole_to.date()) if data.whole_to else None
    span = choose_span(options.since, options.until, days, zone)
    asking = Asking(asker, span, span.find_span_before(data.whole_to))
    trust = find_trust(asker, rights, data.interaction_count, *recount)
    title = (options.title or "Footfall report").strip()[:TITLE_CHARACTERS_MAX]
    first, figures, parts = _build_all(asking, data, Wanted(options.funnel, options.with_user_ids))
    return Report(title, span, zone, first, tuple(figures), trust, tuple(parts), asking, data)


def _build_all(asking: Asking, data: Any, wanted: Wanted) -> tuple[str, list[Figure], list[Part]]:
    span = asking.span
    if data.whole_from is None:
        return "No interaction is loaded yet: `footfall load FILE` brings the first ones.", [], []
    if data.whole_to < span.since or data.whole_from >= span.until:
        reach = f"{_write_day(data.whole_from)} to {_write_day(data.whole_to)}"
        return f"No interactions in {span.name}; the data are from {reach}.", [], []
    has_before = data.whole_from < asking.before.until and data.whole_from.date() <= asking.before.since.date()
    unusual: list[Any] = []
    last = building.build("unusual", "Unusual days", partial(_list_unusual, asking, unusual))
    days = [row["day"] for row in unusual if row["score"] is not None]
    figures = building.build_figures(asking, has_before)
    by_name = {figure.name: figure for figure in figures}
    counted = by_name["interactions"]
    first = (
        counted.change
        if counted.number is None
        else sentences.say_first(span.name, counted.number, by_name["users"].number, counted.change, days)
    )
    wishes = (
        ("trend", "Trend", partial(building.build_trend, asking, days)),
        ("heat", "Hours of the week", partial(building.build_heat, asking)),
        ("funnel", "Funnel", partial(building.build_funnel, asking, wanted.funnel)),
        ("retention", "Retention", partial(building.build_retention, asking)),
        ("lifecycle", "Lifecycle", partial(building.build_lifecycle, asking)),
        ("movers", "What changed", partial(building.build_movers, asking, has_before)),
        ("top", "Most used", partial(building.build_top, asking, wanted)),
    )
    return first, figures, [*(building.build(*wish) for wish in wishes), last]


def _list_unusual(asking: Asking, into: list[Any]) -> Part:
    rows, method = building.list_unusual(asking)
    into += rows
    return building.build_unusual(rows, method)


def render(report: Report, made_at: str) -> str:
    """Write the report as HTML."""
    made = Environment(
        loader=PackageLoader("footfall.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "number": write_number,
        "share": write_share,
        "duration": write_duration,
        "spelled_out": spell_out,
        "css_string": _write_css_string,
    }
    made.globals |= {"cell": _write_cell, "heading": _write_heading, "is_number": _is_number}
    style = compose_stylesheet() + files("footfall.page").joinpath("templates", "report", "report.css").read_text(
        "utf-8"
    )
    return made.get_template("report/report.html").render(
        report=report,
        made_at=made_at,
        style=style,
        version=version("footfall"),
        rows_shown=ROWS_SHOWN,
        problems_shown=PROBLEMS_SHOWN,
        failures_shown=FAILURES_SHOWN,
        methods=report.asking.methods.values(),
    )


def _write_css_string(text: str) -> str:
    """Give text as a string of CSS: every character but ASCII letters and digits is written as its number."""
    return Markup("".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text).join('""'))


def _write_cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{DAYS[value.weekday()][:3]} {_write_day(value)}"
    if _is_number(value):
        if column.startswith("share"):
            return write_share(float(value))
        return write_duration(float(value)) if column.endswith("_seconds") else write_number(float(value))
    return spell_out(str(value))


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _write_heading(column: str) -> str:
    words = column.removesuffix("_count").replace("_", " ")
    return f"{words}s" if column.endswith(THINGS) else words


def _write_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
