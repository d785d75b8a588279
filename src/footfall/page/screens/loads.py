"""The screens of the ledger: all loads with their results, one load, and the rejected rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from footfall.answers.charts import About, Bar, draw_bars, write_number, write_share
from footfall.answers.words import describe_problems, place
from footfall.contract.problems import PROBLEM_CODES
from footfall.errors import SchemaError
from footfall.page.cells import write_day
from footfall.page.drawing import frame_chart
from footfall.page.making import NotThereError, Screen
from footfall.page.options import BadAddressError, write_address
from footfall.page.reading import Reader
from footfall.page.rendering import render, render_macro
from footfall.page.sections import Section, View
from footfall.results import Table
from footfall.verbs import ledger
from footfall.verbs.session import open_target

LOADS_SHOWN = 100
ROWS_SHOWN = 100
ROWS_OF_LOAD = 20
SHARES_SHOWN = 15
DAYS_SHOWN = 60
LIMIT_MAX = 10_000  # rows of one screen; a longer page is slow in a browser
NO_RIGHT = (
    "This role may not read rejected rows: `footfall schema grant` leaves the quarantine out, as its rows may hold "
    "anything. Open the page as the owner of the tables to see them."
)
NO_NAMES = (
    "This role may read the figures of loads, but not the names of files, their digests and errors. "
    "Open the page as the owner of the tables to see them."
)
STATUSES = ("loaded", "failed", "undone")


def list_rows_of_table(table: Table) -> list[dict[str, Any]]:
    """Give the rows of a table, each as values by the names of their columns."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def draw_ledger(table: Table) -> Markup:
    """Draw a table of loads; in each row, the counts of its rows add up."""
    return render("ledger.html", rows=list_rows_of_table(table))


def list_loads(view: View, limit: int, status: str | None = None) -> Table:
    """Give the newest loads; leave out the names of files if the role may not read them."""
    return ledger.list_loads(view.reader.asker, limit, status, is_named=view.rights.may_read_ledger)


def read_limit(view: View, otherwise: int) -> int:
    """Read how many rows are asked for. Raises: BadAddressError."""
    text = view.given.get("limit", str(otherwise))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LIMIT_MAX):
        raise BadAddressError(f"--limit: {text[:50]!r} is not a number from 1 to {LIMIT_MAX:,}", "limit")
    return int(text)


def draw_rest(view: View, limit: int, *, anchor: str, words: str, command: str) -> Markup:
    """Draw a link to more rows; on the longest screen that there is, name the command that has the rest."""
    if limit < LIMIT_MAX:
        more = view.given.replace_options(limit=str(min(limit * 10, LIMIT_MAX))).address
        return Markup('<p><a href="{}#{}">{}</a></p>').format(more, anchor, words)
    return Markup(
        "<p>This screen ends after {:,} rows. <code>{}</code> has the rest: take as high a limit as you need.</p>"
    ).format(LIMIT_MAX, command)


def list_ledger_sections(view: View) -> Sequence[Section]:
    """Give the sections of the ledger."""
    status = view.given.get("status")
    if status and status not in STATUSES:
        raise BadAddressError(f"--status: {status[:50]!r} is not one of {', '.join(STATUSES)}", "status", STATUSES)
    limit = read_limit(view, LOADS_SHOWN)
    return [
        Section("running", "Now", draw_running_part),
        Section("ledger", "The ledger", partial(draw_all_loads, limit=limit)),
        Section("shares", "Share of rejected rows", draw_shares),
    ]


def draw_running_part(view: View) -> Markup:
    """Draw the loads that are running; the browser asks for them again every two seconds."""
    return Markup('<div hx-get="/running" hx-trigger="every 2s" aria-live="polite">{}</div>').format(draw_running(view))


def draw_running(view: View) -> Markup:
    """Draw the loads that are running, as far as one can see them before they are committed."""
    return render("running.html", rows=list_running(view.reader))


def list_running(reader: Reader) -> list[dict[str, Any]]:
    """Give the loads that are running."""
    with open_target(reader.settings) as where:
        return list_rows_of_table(ledger.list_running(reader.asker, where.lock_key))


def draw_shares(view: View) -> Markup:
    """Draw the share of rejected rows in each of the last loads."""
    table = list_loads(view, SHARES_SHOWN, "loaded")
    rows = [row for row in list_rows_of_table(table) if row["rows_read"]]
    if not any(row["rows_rejected"] for row in rows):
        words = f"None of the last {len(rows)} loads rejected a row." if rows else "No load has brought rows."
        return Markup('<p class="muted">{}</p>').format(words)
    shown = [
        Bar(
            f"load {row['load_id']}",
            row["rows_rejected"] / row["rows_read"],
            text=write_share(row["rows_rejected"] / row["rows_read"]),
            note=f"{write_number(row['rows_rejected'])} of {write_number(row['rows_read'])}",
            href=f"/loads/{row['load_id']}",
        )
        for row in rows
    ]
    return frame_chart(draw_bars(About("share", "Share of rejected rows by load, the newest first"), shown))


def draw_all_loads(view: View, *, limit: int) -> Markup:
    """Draw the ledger, the newest load first."""
    table = list_loads(view, limit + 1, view.given.get("status") or None)
    drawn = draw_ledger(Table(table.columns, table.rows[:limit]))
    if len(table.rows) > limit:
        command = f"footfall loads --limit {LIMIT_MAX * 10} --format csv"
        drawn += draw_rest(view, limit, anchor="ledger", words="Show older loads, too", command=command)
    return drawn


def list_load_sections(view: View, *, load_id: int) -> Sequence[Section]:
    """Give the sections of one load. Raises: NotThereError."""
    if not view.rights.may_read_ledger:
        return [Section("load", "What became of it", refuse_names)]
    found = ledger.find_load(view.reader.asker, load_id)
    if found is None:
        raise NotThereError(f"There is no load {load_id}. The ledger, /loads, lists them all.")
    sections = [Section("load", "What became of it", partial(draw_load, found=found))]
    if found.status == "failed":
        return sections
    if found.rows_rejected:
        sections.append(Section("problems", "Rejected rows", partial(draw_problems, load_id=load_id)))
    return [
        *sections,
        Section("days", "Days that it brought", partial(draw_days_of, load_id=load_id), is_slow=True),
        Section("overlaps", "Loads with the same interactions", partial(draw_overlaps, load_id=load_id)),
    ]


def refuse_names(view: View) -> Markup:
    """Say that the role may not read the names of files, which this screen shows. Raises: SchemaError."""
    raise SchemaError(NO_NAMES)


def draw_load(view: View, *, found: Any) -> Markup:
    """Draw one load with its sum."""
    return render("load.html", load=found)


def require_right(view: View) -> None:
    """Refuse to read the quarantine for a role that may not. Raises: SchemaError."""
    if not view.rights.may_read_rejected:
        raise SchemaError(NO_RIGHT)


def draw_problems(view: View, *, load_id: int | None) -> Markup:
    """Draw the problems of rejected rows and their meaning; on the screen of a load, also its first such rows."""
    require_right(view)
    problems = list_rows_of_table(ledger.list_problems(view.reader.asker, load_id))
    rows = ledger.list_rows(view.reader.asker, load_id, None, ROWS_OF_LOAD) if view.given.path != "/rejects" else ()
    for row in problems:
        row["hint"] = PROBLEM_CODES.get(row["code"], "")
        row["href"] = write_address("/rejects", {"load": str(load_id or ""), "code": row["code"]})
    closed = ledger.describe_closed(view.reader.asker, load_id)
    return render(
        "problems.html",
        closed=closed,
        problems=problems,
        rows=rows,
        place=place,
        words=describe_problems,
        load_id=load_id,
    )


def draw_days_of(view: View, *, load_id: int) -> Markup:
    """Draw how many interactions of each day a load brought."""
    table = ledger.list_days(view.reader.asker, load_id, view.zone)
    if not table.rows:
        return Markup('<p class="muted">It brought no interaction that is still there.</p>')
    shown = [Bar(write_day(day), count) for day, count in table.rows[:DAYS_SHOWN]]
    drawn = frame_chart(draw_bars(About("day", "Interactions of this load per day", unit="interactions"), shown))
    more = len(table.rows) - len(shown)
    return drawn + (Markup('<p class="muted">And {} days more.</p>').format(more) if more else Markup())


def draw_overlaps(view: View, *, load_id: int) -> Markup:
    """List the loads that share interactions with this one."""
    table = ledger.list_overlaps(view.reader.asker, load_id)
    if not table.rows:
        return Markup('<p class="muted">No other load has brought one of its interactions.</p>')
    return render_macro("section.html", "table", table, "Loads that share interactions with this one")


def list_reject_sections(view: View) -> Sequence[Section]:
    """Give the sections of the quarantine."""
    code, load = view.given.get("code"), view.given.get("load")
    if code and code not in PROBLEM_CODES:
        raise BadAddressError(f"--code: there is no problem {code[:50]!r}", "code", PROBLEM_CODES)
    if load and not (load.isascii() and load.isdigit() and 0 < int(load) < 2**31):
        raise BadAddressError(f"--load: {load[:50]!r} is not the number of a load", "load")
    load_id = int(load) if load else None
    rows = partial(draw_rows, load_id=load_id, code=code or None, limit=read_limit(view, ROWS_SHOWN))
    sections = [Section("rows", "The rows", rows)]
    if not code:
        sections.insert(0, Section("problems", "By problem", partial(draw_problems, load_id=load_id)))
    return sections


def draw_rows(view: View, *, load_id: int | None, code: str | None, limit: int) -> Markup:
    """Draw rejected rows as text: HTML in them is escaped, and invisible characters are spelled out."""
    require_right(view)
    rows = ledger.list_rows(view.reader.asker, load_id, code, limit + 1)
    values = {"place": place, "words": describe_problems, "is_of_all": load_id is None}
    drawn = render("rejects.html", rows=rows[:limit], **values)
    if len(rows) <= limit:
        return drawn
    narrower = (f" --load {load_id}" if load_id else "") + (f" --code {code}" if code else "")
    command = f"footfall rejects{narrower} --closed --limit {LIMIT_MAX * 10} --format csv"
    return drawn + draw_rest(view, limit, anchor="rows", words="Show more", command=command)


LOADS = Screen(
    "/loads", "Loads", list_ledger_sections, fields=("status",), more=("limit",), days=None, is_of_data=False
)
REJECTS = Screen(
    "/rejects",
    "Rejected rows",
    list_reject_sections,
    fields=("load", "code"),
    more=("limit",),
    days=None,
    parent="/loads",
    is_of_data=False,
    lead="Rows that broke a rule of the contract, kept with their text and every problem.",
)


def make_load_screen(load_id: int) -> Screen:
    """Give the screen of one load."""
    return Screen(
        f"/loads/{load_id}",
        f"Load {load_id}",
        partial(list_load_sections, load_id=load_id),
        fields=(),
        days=None,
        parent="/loads",
        is_of_data=False,
    )
