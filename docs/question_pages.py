"""The pages about questions: an index, and one page each with its picture."""

# ruff: noqa: E501  (the text of a page stands as it will be read)

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from footfall.answers.asked import BY_NAME, Filters, Parameter, write_command
from footfall.answers.catalogue import HEADS, Query, read_catalogue, sort_by_group
from footfall.answers.charts import About, Bar, Markup, draw_bars, draw_heat_map, make_file_text
from footfall.page.drawing import DRAWINGS, Drawing
from page_parts import lay_table
from question_answers import ASKED, Kept, name_question, read_kept
from question_columns import find_meaning

QUESTIONS = Path(__file__).resolve().parents[1] / "src/footfall/answers/questions"
ROWS_SHOWN = 4
ZONED = "In psql, "  # begins the sentence of every head that the index says once
# Defaults that a file's `\if` lines do not tell as a person would say them.
DEFAULTS = {
    "since": "where the data begin",
    "until": "where the data end",
    "affinity.limit": "20",
    "affinity.product_id": "none: it must be given",
    "product.product_id": "none: it must be given",
    "user.user_id": "none: it must be given",
    "funnel.since": "the last 30 days",
    "sessions.since": "the last 30 days",
    "paths.since": "the last 30 days",
    "paths.limit": "20 paths, 10 actions a step",
    "paths.edges": "sequences",
    "funnel.steps": "the three most frequent actions",
    "funnel.limit": "10 values of `--by`",
}
TITLES = {
    "per-hour": "Interactions per hour of 2 June 2024",
    "product": "Product 41: interactions per day",
    "user": "User 73: interactions per day",
    "affinity": "What the users of product 41 also used",
    "top-movers": "Products that changed most against the week before",
    "retention": "Who came back, by the week in which they were new",
    "stickiness": "Users by the number of their days in May 2024",
    "heat-map": "Interactions by weekday and hour",
}
# An id of the tables' own type cannot be told here: the shop has numbers.
ID_COLUMNS = ("user_id", "product_id", "last_user_id", "last_product_id")


@cache
def questions() -> list[Query]:
    """Give every question, in the order of `footfall query --list`."""
    return sort_by_group(read_catalogue(None).values())


@cache
def answers() -> dict[str, Kept]:
    """Give the kept answers by the names of their questions."""
    return read_kept()


def index_of_questions() -> list[str]:
    """Give the parts of the page that lists the questions."""
    parts = [
        "# Queries",
        "The questions that `footfall query NAME` answers, by what one wants to know. Each is a file that psql runs as it is, with psql variables "
        "for its parameters. How to ask them, and how to add your own: [ask questions](../how-to/ask-questions.md). Worked "
        "on a shop in which something happens: [answer product questions](../how-to/answer-product-questions.md).",
    ]
    for group, members in groupby(questions(), lambda each: each.listed_in):
        rows = [
            (
                f"[`{each.name}`](questions/{each.name}.md)",
                _name_options(each, each.answers),
                "yes" if "who" in each.forms else "",
            )
            for each in members
        ]
        parts += [f"## {group}", lay_table(("Question", "Answers", "`--who`"), rows)]
    return [
        *parts,
        "## What holds for all",
        "- *A range* is `--since` (inclusive) to `--until` (exclusive): dates of the reporting time zone, or instants with an offset. In psql they "
        "are times of the session's time zone, unless they have an offset.\n"
        "- *A period* is a day, a week from Monday (ISO 8601) or a month of the reporting time zone, named by its first day. It is complete "
        "if the data hold all of it: it begins at or after the first interaction, and ends at or before the last.\n"
        "- *A user's interactions* are in the order of their times, and of those at one instant in the order of their ids.\n"
        "- *Shares* are from 0 to 1, and stand beside the counts that they are made of.\n"
        "- *`--who`* lists the users behind a number: `user_id, first_at, last_at, interaction_count`. Number and list come from "
        "one query, so the list is as long as the number says.",
        "Why periods, cohorts and funnels are defined so: decisions [0031](../decisions/0031-funnels-sessions-and-paths.md) and "
        "[0032](../decisions/0032-people-and-periods.md). How long they take: [benchmarks](../benchmarks-queries.md).",
    ]


def read_notes(query: Query) -> list[str]:
    """Give what the head of a question's file says beyond its first line: the edge cases; a line that ends a sentence ends one of them."""
    notes, lines = [], []
    for line in (QUESTIONS / f"{query.name}.sql").read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("--"):
            break
        text = line.removeprefix("--").strip()
        if text.partition(":")[0] in HEADS or text.startswith(ZONED):
            continue
        lines.append(text)
        if text.endswith("."):
            notes.append(_name_options(query, " ".join(lines)))
            lines = []
    return notes


def _name_options(query: Query, text: str) -> str:
    """Write an option as a person says it where the SQL's variable stands."""

    def name(found: re.Match[str]) -> str:
        variable = found[1]
        if variable not in query.parameters or variable == "time_zone":
            return found[0]
        return "`--as edges`" if variable == "edges" else f"`{_option(query, variable)}`"

    return re.sub(r"`(\w+)`", name, text)


def _option(query: Query, variable: str) -> str:
    if query.needed == variable and BY_NAME[variable].kind == "id":
        return "ID"
    return BY_NAME[variable].option


def list_options(query: Query) -> str:
    """Give the table of a question's options."""
    rows = []
    for name in query.parameters:
        if name == "time_zone":
            rows.append(("`--reporting-time-zone ZONE`", "UTC", "Whose days, weeks and hours are counted."))
            continue
        if name == "who":
            continue
        parameter = BY_NAME[name]
        option = _option(query, name)
        words = option if option == "ID" or parameter.kind == "flag" else f"{option} {_value(query, parameter)}"
        default = query.defaults.get(name, "")
        default = {"-infinity": "", "infinity": ""}.get(default, default)
        shown = DEFAULTS.get(f"{query.name}.{name}") or DEFAULTS.get(name) or default or "none"
        about = re.sub(r"[;:] (top-\*: )?default .*$", ".", parameter.about)
        if option == "ID":
            about = f"The {name.removesuffix('_id')} that is asked about."
        rows.append((f"`{words}`", shown, about))
    return lay_table(("Option", "Without it", "Says"), rows)


def _value(query: Query, parameter: Parameter) -> str:
    choices = query.choices.get(parameter.name, parameter.choices)
    return "\\|".join(choices) if choices else parameter.metavar or "WORD"


def question_page(query: Query) -> list[str]:
    """Give the parts of one question's page."""
    kept, command = answers()[query.name], name_question(query.name)
    who = [note for note in read_notes(query) if note.startswith("`--who`")]
    notes = [note for note in read_notes(query) if note not in who]
    parts = [
        f"# {query.name}",
        _name_options(query, query.answers),
        f"![{_title(query)}](../../pictures/questions/{query.name}.svg)",
        f"    {command}",
        "The picture and the rows below are of the shop that [answer product questions](../../how-to/answer-product-questions.md) tells of.",
        "## A row",
        f"Grain: {_name_options(query, query.grain)}",
        list_columns(query, kept),
        "## Options",
        list_options(query),
    ]
    if notes:
        parts += ["## Edge cases", "\n".join(f"- {note}" for note in notes)]
    if "who" in query.forms:
        parts += ["## Who is behind a number", *tell_who(query, who)]
    return [
        *parts,
        "## SQL",
        f"[`{query.name}.sql`](../../../src/footfall/answers/questions/{query.name}.sql); with values in it: `{command} --sql`. "
        "What holds for all questions is in [queries](../queries.md#what-holds-for-all).",
    ]


def list_columns(query: Query, kept: Kept) -> str:
    """Give the table of an answer's columns: type, meaning, and the values of its first rows."""
    rows = []
    for at, (column, kind) in enumerate(zip(kept.table.columns, kept.types, strict=True)):
        shown = [_show(row[at]) for row in kept.table.rows[:ROWS_SHOWN]]
        shown_kind = "id" if column in ID_COLUMNS else kind
        rows.append((f"`{column}`", shown_kind, find_meaning(query.name, column), ", ".join(shown)))
    return lay_table(("Column", "Type", "Meaning", "First rows"), rows)


def _show(value: Any) -> str:
    if value is None:
        return "*null*"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def tell_who(query: Query, notes: list[str]) -> list[str]:
    """Give what `--who` of a question takes and gives."""
    text = " ".join(note.replace("`--who`", "WHICH", 1) for note in notes)
    rows = [
        (f"`{column}`", find_meaning("who", column))
        for column in ("user_id", "first_at", "last_at", "interaction_count")
    ]
    cells = ", ".join(f"`{each}`" for each in query.cells)
    return [
        f"`--who WHICH` lists the users instead of counting them. {text}".rstrip(),
        *([f"Forms: {cells}."] if cells else []),
        f"    {write_command(query.name, ask_who(query))}",
        lay_table(("Column", "Meaning"), rows),
    ]


EXAMPLES_OF_WHO = {
    "active-users": "2024-05-27",
    "affinity": "1",
    "funnel": "dropped-2",
    "lifecycle": "2024-05-27:new",
    "new-users": "2024-06-02",
    "paths": "view > add_to_cart",
    "retention": "2024-05-27:1",
    "sessions": "2024-05-27",
    "stickiness": "11",
    "trailing-users": "2024-06-02:wau",
}


def ask_who(query: Query) -> Filters:
    """Give what the users behind a number of the example are asked with; some options are those of the numbers alone."""
    taken = query.choose_form({"who"}).parameters
    left_out = {each.keyword: None for each in BY_NAME.values() if each.name not in taken}
    return replace(ASKED[query.name], **left_out, who=EXAMPLES_OF_WHO[query.name])


def _title(query: Query) -> str:
    return TITLES.get(query.name, query.answers.rstrip(".").partition(":")[0])


def draw_picture(name: str) -> str:
    """Give the picture of a question as the text of an SVG file."""
    query = read_catalogue(None)[name]
    answered: Any = answers()[name]
    filters = ASKED[name]
    given = {"per": filters.per or query.defaults.get("per"), "since": filters.since, "until": filters.until}
    options = {option: str(value) for option, value in given.items() if value}
    drawing = Drawing(_title(query), options, f"question-{name}", WHOLE)
    if name == "per-hour":
        shown = [Bar(f"{hour:%H}:00", count) for hour, count in answered.table.rows]
        return make_file_text(draw_bars(About(drawing.name, drawing.title, unit="interactions"), shown))
    if name == "retention":
        return make_file_text(
            _draw_retention(answered.table.rows, About(drawing.name, drawing.title, unit="% of the cohort"))
        )
    return make_file_text(DRAWINGS[name](answered, drawing))


def _draw_retention(rows: Sequence[tuple[Any, ...]], about: About) -> Markup:
    """Draw as a picture what the page has as a table, from the first period after that of the cohort on."""
    shares: dict[str, dict[int, float]] = {}
    for cohort, size, number, _, share, *_ in rows:
        if number:
            label = f"{cohort.day} {cohort:%b}: {size}" if cohort else "average"
            shares.setdefault(label, {})[number] = share and round(100 * share, 1)
    last = max(max(cells) for cells in shares.values())
    headings = [f"week {number}" for number in range(1, last + 1)]
    values = [[cells.get(number) for number in range(1, last + 1)] for cells in shares.values()]
    return draw_heat_map(about, list(shares), headings, values)


WHOLE = (datetime(2024, 3, 5), datetime(2024, 6, 23))  # noqa: DTZ001  (days that are whole in the shop's data)
PICTURES = {f"pictures/questions/{each.name}.svg": each.name for each in questions()}
