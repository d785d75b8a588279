"""Sessions: how many there are, and which actions they consist of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from footfall.answers.charts import write_number, write_share
from footfall.page.drawing import DRAWINGS, frame_chart, list_rows, take_column
from footfall.page.making import Screen
from footfall.page.rendering import render
from footfall.page.sections import Ask, Section, View
from footfall.verbs.query import Answered

PATHS_SHOWN = 20
OTHER = "(other)"  # the name that paths give to all ways that are not listed


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of sessions."""
    gap = view.options.get("gap", "30m")
    note = f"A session ends after more than {gap} without an interaction, never at midnight; it counts where it begins."
    limit = view.given.get("limit") or str(PATHS_SHOWN)
    ways = "The first actions of each session; the same one several times in a row is drawn once."
    return [
        Section("sessions", "Sessions per day", draw_sessions, (Ask("sessions"),), is_slow=True, note=note),
        Section(
            "paths", "Ways through a session", draw_paths, (Ask("paths", {"limit": limit}),), is_slow=True, note=ways
        ),
        Section("flow", "What follows what", draw_flow, (Ask("paths", {"as": "edges"}),), is_slow=True),
    ]


def draw_sessions(view: View, answered: Answered) -> Markup:
    """Draw sessions per period, with their sums in words."""
    rows = list_rows(answered)
    count = sum(row["session_count"] or 0 for row in rows)
    single = sum(row["single_count"] or 0 for row in rows)
    words = Markup()
    if count:
        words = Markup("<p>{} sessions; {} of them are one interaction only.</p>").format(
            write_number(count), write_share(single / count)
        )
    return words + frame_chart(
        DRAWINGS["sessions"](
            answered,
            view.make_drawing("Sessions", "sessions-chart", period_link=view.find_who_link("sessions", "gap", "per")),
        )
    )


def draw_paths(view: View, answered: Answered) -> Markup:
    """Draw the most frequent ways through a session, each with a bar."""
    rows = list_rows(answered)
    most = max((row["session_count"] for row in rows), default=0)
    link = view.find_who_link("paths", "gap", "depth", "from", "to")
    paths = [
        (
            str(row["path"]).split(" > "),
            row["session_count"],
            row.get("user_count"),
            row["session_count"] / most,
            link(row["path"]) if link and row["path"] != OTHER else "",
        )
        for row in rows
        if row["session_count"]
    ]
    return render("paths.html", paths=paths)


def draw_flow(view: View, answered: Answered) -> Markup:
    """Draw which action follows which."""
    if not take_column(answered, "session_count"):
        return Markup('<p class="muted">No sessions in this range.</p>')
    return frame_chart(
        DRAWINGS["paths"](
            answered,
            replace(view, options={**view.options, "as": "edges"}).make_drawing("What follows what", "flow-chart"),
        )
    )


SESSIONS = Screen(
    "/sessions",
    "Sessions",
    list_sections,
    fields=("since", "until", "action", "product", "gap", "depth"),
    more=("per", "from", "to", "limit"),
)
