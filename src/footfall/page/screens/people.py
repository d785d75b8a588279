"""The screens of products and users: the most active ones, one of them alone, and the users behind a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from markupsafe import Markup

from footfall.page.drawing import DRAWINGS, frame_chart, list_rows
from footfall.page.making import Screen
from footfall.page.options import BadAddressError, write_id_address
from footfall.page.rendering import render_macro
from footfall.page.sections import Ask, Section, View
from footfall.results import Table
from footfall.verbs.query import Answered

SHOWN = "20"
USERS_SHOWN = "100"
DAYS_SHOWN = 14


def list_product_sections(view: View) -> Sequence[Section]:
    """Give the sections of all products and users."""
    limit = {"limit": view.given.get("limit") or SHOWN}
    sections = [
        Section("products", "Most used products", partial(draw_top, kind="products"), (Ask("top-products", limit),)),
    ]
    if view.reader.has("top-movers"):
        asks = (Ask("top-movers", limit),)
        sections.append(Section("movers", "Products that changed most", draw_movers, asks))
    sections.append(Section("users", "Most active users", partial(draw_top, kind="users"), (Ask("top-users", limit),)))
    return sections


def draw_top(view: View, answered: Answered, *, kind: str) -> Markup:
    """Draw the most active products or users; each links to its own screen."""
    name = f"top-{kind}"
    link = partial(write_id_address, kind)
    return frame_chart(DRAWINGS[name](answered, view.make_drawing(name, f"{name}-chart", key_link=link)))


def draw_movers(view: View, answered: Answered) -> Markup:
    """Draw the products that changed most, and say which two times are compared."""
    link = partial(write_id_address, "products")
    drawn = frame_chart(
        DRAWINGS["top-movers"](answered, view.make_drawing("What changed most", "movers-chart", key_link=link))
    )
    rows = list_rows(answered)
    if not rows or rows[0].get("now_since") is None:
        return drawn
    spans = [rows[0][name] for name in ("now_since", "now_until", "before_since", "before_until")]
    words = [f"{at.day} {at:%B %H:%M}" if isinstance(at, datetime) else str(at) for at in spans]
    sentence = "{} to {} against {} to {}: equal lengths, cut at the end of the data."
    return Markup('<p class="note">{}</p>').format(sentence.format(*words)) + drawn


def list_one_product(view: View, *, identifier: str) -> Sequence[Section]:
    """Give the sections of one product."""
    mine = {"product": identifier}
    sections = [
        Section("days", "Interactions per day", partial(draw_of_one, name="days"), (Ask("per-day", mine),)),
        Section("actions", "Actions", partial(draw_of_one, name="actions"), (Ask("actions", mine),)),
    ]
    if view.reader.has("affinity"):
        note = "Of its users: who used another one, too. Lift is how much likelier that is than for any user."
        asks = (Ask("affinity", {}, identifier),)
        sections.append(Section("also", "Also used", draw_affinity, asks, is_slow=True, note=note))
    users = (Ask("top-users", {**mine, "limit": SHOWN}),)
    sections.append(Section("users", "Its most active users", partial(draw_top, kind="users"), users, is_slow=True))
    sections.append(Section("history", "Day by day", draw_table, (Ask("product", {}, identifier),)))
    return sections


def draw_of_one(view: View, answered: Answered, *, name: str) -> Markup:
    """Draw the chart of a question about one product or user."""
    return frame_chart(DRAWINGS[answered.question.name](answered, view.make_drawing(name, f"{name}-chart", per="day")))


def draw_affinity(view: View, answered: Answered) -> Markup:
    """List the products that the users of this one also used."""
    if not answered.table.rows:
        return Markup('<p class="muted">No other product has enough users in common with this one.</p>')
    return render_macro("section.html", "table", answered.table, "Products that its users also used")


def draw_table(view: View, answered: Answered) -> Markup:
    """Draw the first rows of the answer as a table; the others are folded away."""
    table = Table(answered.table.columns, answered.table.rows[:DAYS_SHOWN])
    more = len(answered.table.rows) - len(table.rows)
    words = (
        Markup('<p class="muted">And {:,} days before: folded out below.</p>').format(more) if more > 0 else Markup()
    )
    return render_macro("section.html", "table", table, "Day by day") + words


def list_one_user(view: View, *, identifier: str) -> Sequence[Section]:
    """Give the sections of one user."""
    mine = {"user": identifier}
    return [
        Section("days", "Interactions per day", partial(draw_of_one, name="days"), (Ask("per-day", mine),)),
        Section("actions", "Actions", partial(draw_of_one, name="actions"), (Ask("actions", mine),)),
        Section(
            "products", "Products", partial(draw_top, kind="products"), (Ask("top-products", {**mine, "limit": SHOWN}),)
        ),
        Section("history", "Day by day", draw_table, (Ask("user", {}, identifier),)),
    ]


def list_who(view: View) -> Sequence[Section]:
    """Give the section of the users behind a number; if the address names no number, of the most active users."""
    of, who = view.given.get("question"), view.given.get("who")
    if not of and not who:
        limit = {"limit": view.given.get("limit") or USERS_SHOWN}
        return [Section("users", "Most active users", partial(draw_top, kind="users"), (Ask("top-users", limit),))]
    known = [name for name in view.reader.questions if view.reader.may_ask_who(name)]
    if of not in known:
        raise BadAddressError(f"--question: {of[:50]!r} has no users behind its numbers", "question", known)
    if not who:
        raise BadAddressError("--who: which of them? A step, a period, a state or a cell is wanted", "who")
    title = f"Users of {of}, {who}"
    return [Section("who", title, draw_who, (Ask(of, {"who": who}),), is_slow=True)]


def draw_who(view: View, answered: Answered) -> Markup:
    """List the users behind a number, and say how many they are."""
    count = len(answered.table.rows)
    words = Markup("<p><b>{:,}</b> user{}. The number and this list come from one query.</p>").format(
        count, "" if count == 1 else "s"
    )
    table = Table(answered.table.columns, answered.table.rows[: int(USERS_SHOWN)])
    return words + render_macro("section.html", "table", table, "Users behind the number")


PRODUCTS = Screen(
    "/products", "Products and users", list_product_sections, fields=("since", "until", "action"), more=("limit",)
)
WHO_OPTIONS = (
    "question", "who", "steps", "within", "order", "exclude", "by", "per", "mode", "clock", "periods", "start-action",
    "return-action", "first-of", "recurring", "gap", "limit",
)  # fmt: skip
USERS = Screen("/users", "Users", list_who, fields=(), more=WHO_OPTIONS, days=None, parent="/products")


def make_product_screen(identifier: str) -> Screen:
    """Give the screen of one product."""
    return Screen(
        write_id_address("products", identifier),
        f"Product {identifier[:80]}",
        partial(list_one_product, identifier=identifier),
        fields=("since", "until", "action"),
        days=90,
        parent="/products",
    )


def make_user_screen(identifier: str) -> Screen:
    """Give the screen of one user."""
    return Screen(
        write_id_address("users", identifier),
        f"User {identifier[:80]}",
        partial(list_one_user, identifier=identifier),
        fields=("since", "until", "action"),
        days=None,
        parent="/products",
    )
