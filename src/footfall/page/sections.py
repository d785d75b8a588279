"""A screen consists of sections: pictures and words made from answers, with the rows of the answers folded away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from footfall.errors import FootfallError, QueryError
from footfall.page.drawing import Drawing, is_one_picture
from footfall.page.options import Given, write_address
from footfall.page.reading import Reader, make_filters
from footfall.results import Table
from footfall.safe_text import mask
from footfall.verbs.query import Answered, query_sql

ACTIONS_KNOWN = 200  # the most frequent ones; nobody can choose from a longer list
ROWS_SHOWN = 100  # rows of the table below a picture; the CSV has them all
FOLLOWING = ("since", "until", "action", "product", "user")  # options that stay when a reader goes to another screen


@dataclass(frozen=True, slots=True)
class Ask:
    """A question of a section. Its `options` are added to those of the address, and win over them.

    If the data cannot answer a question that `may_be_refused`, the section is drawn without its answer, and says why.
    """

    question: str
    options: Mapping[str, str] = field(default_factory=dict)
    identifier: str | None = None
    may_be_refused: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """All that a section is made from: the address, the snapshot, and how far the data reach.

    Shape: `options` are those of the address; if it names no range, they have the range that is shown.
    """

    given: Given
    reader: Reader
    rights: Any
    summary: Any
    kept: Any
    options: Mapping[str, str]
    actions: list[str] = field(default_factory=list)

    @property
    def zone(self) -> str:
        return self.reader.settings.reporting_time_zone

    @property
    def first_day(self) -> date:
        return self.kept.first_day or date(1970, 1, 1)

    @property
    def last_day(self) -> date:
        return self.kept.last_day or date(1970, 1, 1)

    def make_drawing(self, title: str, name: str, *, per: str = "", **links: Any) -> Drawing:
        """Give the title, the options and the links of a chart of this screen."""
        options = {**self.options, "per": per} if per else self.options
        whole = (self.kept.whole_from, self.kept.whole_to) if self.kept.whole_to else None
        return Drawing(title, options, name, whole, **links)

    def find_who_link(self, question: str, *kept: str) -> Callable[[Any], str] | None:
        """Give a function that makes the address of the users behind one number of a question.

        Shape: None if the question cannot list these users. `kept` are the options that the question was asked with,
        besides the range and the filters.
        """
        if not self.reader.may_ask_who(question):
            return None
        options = {name: self.options.get(name) for name in (*kept, *FOLLOWING)}

        def link(who: Any) -> str:
            return Given("/users").replace_options(question=question, who=str(who), **options).address

        return link

    def list_actions(self) -> list[str]:
        """Give the most frequent actions of all the data, in this order. A screen asks for them once."""
        if not self.actions:
            answered = self.reader.ask("actions", {"limit": str(ACTIONS_KNOWN)})
            self.actions.extend(str(row[0]) for row in answered.table.rows)
        return self.actions

    def link(self, path: str, **changes: str | None) -> str:
        """Give the address of another screen that keeps the range and the filters of this one."""
        kept = {name: value for name, value in self.given.options.items() if name in FOLLOWING}
        return Given(path, kept).replace_options(**changes).address

    def find_last_days(self, days: int) -> dict[str, str]:
        """Give the range of the last `days` days of the data."""
        since = max(self.last_day - timedelta(days=days - 1), self.first_day)
        return {"since": since.isoformat(), "until": (self.last_day + timedelta(days=1)).isoformat()}


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a screen.

    Shape: `draw` makes its content from the answers to `asks`, in the same order, None where one was refused; `note` is
    a sentence below the heading.
    """

    anchor: str
    title: str
    draw: Callable[..., Markup]
    asks: tuple[Ask, ...] = ()
    is_slow: bool = False
    note: str = ""
    is_wide: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with its content and its answers, ready for the template."""

    section: Section
    content: Markup | None
    error: str = ""
    narrower: str = ""
    behind: tuple[Behind, ...] = ()


@dataclass(frozen=True, slots=True)
class Behind:
    """The answer behind a picture, and the addresses of the same answer as a file.

    Shape: `unused` names the options of the address that the question does not take.
    """

    answered: Answered
    csv: str
    json: str
    svg: str | None
    unused: str

    @property
    def table(self) -> Table:
        return Table(self.answered.table.columns, self.answered.table.rows[:ROWS_SHOWN])

    @property
    def row_count(self) -> int:
        return len(self.answered.table.rows)


def check(sections: Iterable[Section], reader: Reader, options: Mapping[str, str]) -> None:
    """Check the options of all sections before any is answered. Raises: QueryError, SettingsError, BadAddressError."""
    for section in sections:
        for ask in section.asks:
            if reader.has(ask.question):
                query_sql(reader.settings, ask.question, _list_filters(ask, reader, options))


def find_culprit(sections: Sequence[Section], reader: Reader, options: Mapping[str, str]) -> str:
    """Find the wrong option by checking each one alone; give an empty text if only two together are wrong."""
    for name, value in options.items():
        try:
            check(sections, reader, {name: value})
        except FootfallError:
            return name
    return ""


def show(section: Section, view: View) -> Shown:
    """Answer the questions of a section and draw it. An error is shown in this section; the others still come."""
    refused: dict[str, None] = {}
    try:
        if section.is_slow:
            with view.reader.wait_for_slow_place():
                answers = [_ask(ask, view, refused) for ask in section.asks]
        else:
            answers = [_ask(ask, view, refused) for ask in section.asks]
        content = section.draw(view, *answers)
    except FootfallError as error:
        return Shown(section, None, mask(error.message), _find_narrower_address(section, view))
    content += Markup().join(Markup('<p class="muted">{}</p>').format(reason) for reason in refused)
    pairs = zip(section.asks, answers, strict=True)
    behind = (_explain_behind(ask, answered, view) for ask, answered in pairs if answered is not None)
    return Shown(section, content, behind=tuple(behind))


def _ask(ask: Ask, view: View, refused: dict[str, None]) -> Answered | None:
    """Ask a question. Effects: adds the reason to `refused` where the question may be refused and was."""
    try:
        return view.reader.ask(ask.question, {**view.options, **ask.options}, identifier=ask.identifier)
    except QueryError as error:
        if not ask.may_be_refused:
            raise
        refused[mask(error.message)] = None
        return None


def _list_filters(ask: Ask, reader: Reader, options: Mapping[str, str]) -> Any:
    taken = reader.list_options(ask.question)
    mixed = {**options, **ask.options}
    return make_filters({name: value for name, value in mixed.items() if name in taken}, ask.identifier)


def _find_narrower_address(section: Section, view: View) -> str:
    """Give the address of the same screen for less time, for a section that took too long."""
    if not section.is_slow or view.options.get("since") == view.find_last_days(7)["since"]:
        return ""
    days = 30 if view.options.get("since", "") < view.find_last_days(30)["since"] else 7
    return view.given.replace_options(**view.find_last_days(days)).address + f"#{section.anchor}"


def _explain_behind(ask: Ask, answered: Answered, view: View) -> Behind:
    taken = view.reader.list_options(ask.question)
    options = {name: value for name, value in {**view.options, **ask.options}.items() if name in taken}
    if ask.identifier is not None:
        options[view.reader.find(ask.question).needed.removesuffix("_id")] = ask.identifier  # type: ignore[union-attr]
    unused = [name for name in view.given.options if name not in taken and name in FOLLOWING]
    path = f"/query/{ask.question}"
    return Behind(
        answered,
        write_address(f"{path}.csv", options),
        write_address(f"{path}.json", options),
        write_address(f"{path}.svg", options)
        if is_one_picture(ask.question, options) and answered.table.rows
        else None,
        ", ".join(f"--{name}" for name in unused),
    )
