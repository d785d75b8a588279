"""Make a screen: read its address, open its snapshot, send its head, then one section after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from footfall.errors import FootfallError, SchemaError, SettingsError
from footfall.page.forms import make_form
from footfall.page.options import BadAddressError, Given, read_options
from footfall.page.reading import Reader, Waiting, open_reader
from footfall.page.rendering import make_environment, render, render_macro
from footfall.page.sections import FOLLOWING, Ask, Section, View, check, find_culprit, show
from footfall.page.streaming import Head
from footfall.safe_text import mask
from footfall.settings import Settings
from footfall.verbs import ledger

log = logging.getLogger("footfall")
SCREENS = (
    ("/", "Overview"),
    ("/trends", "Trends"),
    ("/funnel", "Funnel"),
    ("/retention", "Retention"),
    ("/sessions", "Sessions"),
    ("/products", "Products and users"),
    ("/loads", "Loads"),
)
OFFERED = ("since", "until", "action", "product", "user")
NO_LEDGER = (
    "this role may not read the ledger, on which the ends of the data depend; "
    "ask the owner of the tables to run `footfall schema grant ROLE` again"
)
STATUSES = {"bad": 400, "away": 503, "missing": 404}


class NotThereError(Exception):
    """The address names a screen or a load that does not exist. The message says where to look it up."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen.

    Shape: `fields` are the options in its form; its address may also have those in `more`. If the address names no
    range, the screen shows the last `days` days of the data, or all of them where `days` is None. `parent` is the
    screen that the menu marks instead of this one. `per` is the period where the address names none. `is_of_data` is
    false for a screen that shows something even if no interaction is loaded.
    """

    path: str
    title: str
    sections: Callable[[View], Sequence[Section]]
    fields: tuple[str, ...] = ("since", "until", "action", "product")
    more: tuple[str, ...] = ()
    days: int | None = 30
    lead: str = ""
    parent: str = ""
    per: str = "day"
    is_of_data: bool = True

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.fields, *self.more, *OFFERED)))


Pairs = Iterable[tuple[str, str]]


def make_screen(
    settings: Settings, screen: Screen, pairs: Pairs, waiting: Waiting
) -> Generator[Head | str, None, None]:
    """Give a screen piece by piece, its status first. An error before the first section gives a page of its own."""
    given = Given(screen.path)
    is_begun = False
    try:
        given = read_options(screen.path, pairs, screen.known)
        with ExitStack() as stack:
            reader = stack.enter_context(open_reader(settings, waiting))
            view = open_view(given, reader, screen.days)
            is_empty = not view.kept.interaction_count
            if is_empty and screen.is_of_data:
                sections: Sequence[Section] = ()
            else:
                sections = screen.sections(view)
                try:
                    check(sections, reader, view.options)
                except SettingsError as error:
                    culprit = find_culprit(sections, reader, given.options)
                    raise BadAddressError(error.message, culprit) from error
            yield Head()
            is_begun = True
            yield from _fill(view, screen, sections, is_empty)
    except BadAddressError as error:
        yield from make_trouble(settings, screen, error, "bad", given=given)
    except NotThereError as error:
        yield from make_trouble(settings, screen, error, "missing", given=given)
    except FootfallError as error:
        if is_begun:  # the status is sent already, so the error becomes a paragraph
            log.warning("%s: %s", screen.path, error.message)
            yield str(Markup('<p class="trouble">{}</p>').format(mask(error.message)))
            return
        yield from make_trouble(settings, screen, error, "away", given=given)


def open_view(given: Given, reader: Reader, days: int | None = None) -> View:
    """Read the ledger and how far the data reach; if the address names no range, show the last `days` days."""
    rights = ledger.find_rights(reader.asker)
    if not rights.may_read_figures:
        raise SchemaError(NO_LEDGER)
    kept = ledger.find_kept(reader.asker, reader.settings.reporting_time_zone)
    view = View(given, reader, rights, ledger.summarize(reader.asker), kept, given.options)
    if given.get("since") or given.get("until") or days is None or not kept.interaction_count:
        return view
    return replace(view, options={**given.options, **view.find_last_days(days)})


def _fill(view: View, screen: Screen, sections: Sequence[Section], is_empty: bool) -> Generator[str, None, None]:
    form = make_form(view.given, screen.fields, view, default=screen.per) if screen.fields and not is_empty else ""
    values = {
        **_list_common_values(view.reader.settings, screen, view.given),
        "database": _name_database(view.reader),
        "reach": f"data to {view.kept.last_day:%-d %B %Y}" if view.kept.last_day else "no data yet",
        "title": screen.title,
        "lead": screen.lead,
        "form": form,
        "seen": view.summary.last_load_id,
        "is_empty": is_empty,
        "pieces": _make_pieces(view, sections, is_empty and screen.is_of_data),
        "command": "",
    }
    waiting: list[str] = []
    for text in make_environment().get_template("screen.html").generate(values):
        if text:
            waiting.append(text)
        else:  # the next section is about to be answered: send the text before it now
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


def _make_pieces(view: View, sections: Sequence[Section], is_nothing: bool) -> Generator[Markup, None, None]:
    if is_nothing:
        yield render("nothing.html", failed=view.summary.failed_count)
    for section in sections:
        yield Markup()
        yield render_macro("section.html", "section", show(section, view))


def _list_common_values(settings: Settings, screen: Screen, given: Given) -> dict[str, Any]:
    follows = {name: value for name, value in given.options.items() if name in FOLLOWING}
    return {
        "screens": SCREENS,
        "screen_path": screen.path,
        "parent": screen.parent,
        "zone": settings.reporting_time_zone,
        "link": lambda path: Given(path, follows).address,
    }


def _name_database(reader: Reader) -> str:
    info = reader.asker.connection.info
    where = "" if info.host.startswith("/") or not info.host else f" on {info.host}"
    schema = reader.settings.schema_
    return f"{info.dbname}{where}" + (f", schema {schema}" if schema != "public" else "")


def make_trouble(
    settings: Settings, screen: Screen, error: Exception, kind: str, *, given: Given
) -> Generator[Head | str, None, None]:
    """Give a page that says what is wrong, with the form as it was filled in."""
    titles = {"bad": "This cannot be asked", "away": "The database does not answer this", "missing": "Not there"}
    culprit = error.option if isinstance(error, BadAddressError) else ""
    form = make_form(given, screen.fields, culprit=culprit) if culprit in screen.fields else ""
    yield Head(STATUSES[kind])
    yield str(
        render(
            "trouble.html",
            **_list_common_values(settings, screen, given),
            database="Footfall",
            reach="",
            title=titles[kind],
            message=mask(str(error)),
            known=error.known if isinstance(error, BadAddressError) else (),
            form=form,
            again=given.address if kind == "away" else "",
            command="",
        )
    )


__all__ = ["Ask", "Screen", "make_screen", "make_trouble"]
