"""The first screen: whether the sum balances, the main figures, what changed, and the last loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from footfall.answers.charts import write_number, write_share
from footfall.page.drawing import DRAWINGS, frame_chart, list_rows, take_column
from footfall.page.making import Screen
from footfall.page.rendering import render, shorten
from footfall.page.screens.loads import draw_ledger, list_loads
from footfall.page.screens.people import draw_movers
from footfall.page.sections import Ask, Section, View
from footfall.verbs.query import Answered

UNUSUAL_SHOWN = 6
UNUSUAL_NOTE = "Far from the same weekday of the eight weeks before: usual is their median."
UNUSUAL_FROM = 4  # the score from which a day is unusual
MOVERS_SHOWN = 10
FIGURES = (
    ("per-day", "interactions", "/trends", "interaction_count"),
    ("stickiness", "users", "/trends#active", "user_count"),
    ("new-users", "new users", "/trends#new", "user_count"),
    ("sessions", "sessions", "/sessions", "session_count"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the same number of the range before."""

    name: str
    value: str
    before: str
    change: float | None
    href: str
    is_points: bool = False

    @property
    def change_words(self) -> str:
        """The change as people say it."""
        if self.change is None:
            return ""
        sign = "+" if self.change > 0 else "\u2212" if self.change < 0 else "\u00b1"
        if self.is_points:
            return f"{sign}{abs(self.change) * 100:.1f} points"
        return f"{sign}{write_share(abs(self.change))}"


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of the first screen."""
    now = {"since": view.options.get("since", ""), "until": view.options.get("until", "")}
    before = find_before(now)
    sections = [Section("trust", "What is in here", draw_trust)]
    if before:
        asks = tuple(
            Ask(name, {**span, **more}, may_be_refused=name == "sessions")  # of files with days alone
            for name, more in _list_figures(view)
            for span in (now, before)
            if view.reader.has(name)
        )
        days = (date.fromisoformat(now["until"]) - date.fromisoformat(now["since"])) // timedelta(days=1)
        note = f"In the range above; changes are against the {days} days before it."
        sections.append(Section("figures", "At a glance", draw_figures, asks, is_slow=True, note=note))
    sections.append(Section("per-day", "Interactions per day", draw_days, (Ask("per-day"),)))
    if view.reader.has("unusual-days"):
        sections.append(Section("unusual", "Unusual days", draw_unusual, (Ask("unusual-days"),), note=UNUSUAL_NOTE))
    if view.reader.has("top-movers"):
        asks = (Ask("top-movers", {"limit": str(MOVERS_SHOWN)}),)
        sections.append(Section("movers", "What changed most", draw_movers, asks))
    sections.append(Section("last-loads", "Last loads", draw_last_loads))
    return sections


def find_before(span: dict[str, str]) -> dict[str, str] | None:
    """Give the range of the same length just before this one; None if this one is not of whole days.

    Example:
        >>> find_before({"since": "2024-03-08", "until": "2024-03-15"})
        {'since': '2024-03-01', 'until': '2024-03-08'}
    """
    try:
        since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
        return {"since": (since - (until - since)).isoformat(), "until": since.isoformat()} if until > since else None
    except (ValueError, OverflowError):
        return None


def _list_figures(view: View) -> list[tuple[str, dict[str, str]]]:
    figures: list[tuple[str, dict[str, str]]] = [(name, {}) for name, *_ in FIGURES]
    steps = choose_ends(view)
    if len(steps) > 1:
        figures.append(("funnel", {"steps": ",".join(steps)}))
    return figures


def choose_ends(view: View) -> list[str]:
    """Give the most frequent action and the rarest: most people begin with the one, and few get to the other."""
    actions = [action for action in view.list_actions() if "," not in action]
    return [actions[0], actions[-1]] if len(actions) > 1 else actions


def draw_trust(view: View) -> Markup:
    """Say what was loaded, whether its sum balances, and how far the data reach."""
    summary, kept = view.summary, view.kept
    terms = [(name, getattr(summary, f"rows_{name}")) for name in ("loaded", "duplicate", "rejected", "skipped")]
    return render(
        "trust.html",
        summary=summary,
        kept=kept,
        terms=terms,
        is_balanced=sum(number for _, number in terms) == summary.rows_read,
        is_kept=kept.interaction_count == summary.rows_loaded,
    )


def draw_figures(view: View, *answers: Answered | None) -> Markup:
    """Draw the figures. In `answers`, the answer for the range before follows each answer."""
    pairs = {
        now.question.name: (now, before)
        for now, before in zip(answers[::2], answers[1::2], strict=True)
        if now is not None and before is not None
    }
    figures = []
    for name, title, path, count in FIGURES:
        if name in pairs:
            now, before = (sum(value or 0 for value in take_column(each, count)) for each in pairs[name])
            change = float((now - before) / before) if before else None
            figures.append(Figure(title, write_number(now), write_number(before), change, _find_address(view, path)))
    if "funnel" in pairs:
        share, share_before = (_find_conversion(each) for each in pairs["funnel"])
        difference = None if share is None or share_before is None else share - share_before
        words = write_share(share) or "none", write_share(share_before)
        ends = choose_ends(view)
        title = f"of {shorten(ends[0])} go on to {shorten(ends[1])} within a day"
        figures.append(Figure(title, *words, difference, view.link("/funnel", steps=",".join(ends)), True))
    summary = view.summary
    rejected = summary.rows_rejected / summary.rows_read if summary.rows_read else 0.0
    figures.append(Figure("of all rows are rejected", write_share(rejected), "", None, "/rejects"))
    return render("figures.html", figures=figures)


def _find_address(view: View, path: str) -> str:
    place, _, anchor = path.partition("#")
    return view.link(place) + (f"#{anchor}" if anchor else "")


def _find_conversion(answered: Answered) -> float | None:
    rows = list_rows(answered)
    if not rows or not rows[0]["user_count"]:
        return None
    return float(rows[-1]["user_count"] / rows[0]["user_count"])


def link_day(view: View, day: date) -> str:
    """Give the address of the trends of one day."""
    return view.link("/trends", since=day.isoformat(), until=(day + timedelta(days=1)).isoformat())


def draw_days(view: View, answered: Answered) -> Markup:
    """Draw interactions per day; each day links to its own trends."""
    drawing = view.make_drawing("Interactions per day", "days", period_link=lambda day: link_day(view, day))
    return frame_chart(DRAWINGS["per-day"](answered, drawing))


def draw_unusual(view: View, answered: Answered) -> Markup:
    """Say which days were unusual, the latest first, and how many files brought their rows."""
    rows = [row for row in list_rows(answered) if row.get("score") is not None and abs(row["score"]) >= UNUSUAL_FROM]
    rows.sort(key=lambda row: row["day"], reverse=True)
    found = [(row["day"], row, link_day(view, row["day"])) for row in rows]
    return render("unusual.html", found=found[:UNUSUAL_SHOWN], more=max(len(found) - UNUSUAL_SHOWN, 0))


def draw_last_loads(view: View) -> Markup:
    """List the last five loads."""
    table = list_loads(view, 5)
    return draw_ledger(table) + Markup('<p><a href="/loads">All loads</a></p>')


OVERVIEW = Screen("/", "Overview", list_sections, fields=("since", "until", "action"), more=("per",))
