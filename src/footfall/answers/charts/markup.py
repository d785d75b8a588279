"""Markup, made of elements whose text and attributes are escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from footfall.answers.charts.numbers import NO_BREAK
from footfall.safe_text import escape_unprintable

# Letters of scripts that are written from right to left. Isolates keep them from moving the text beside them.
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
NAME = re.compile(r"[a-z][a-z0-9-]*")


class Markup(str):
    """Text that is markup already. Jinja2 puts it in as it is, because it has `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


@dataclass(frozen=True, slots=True)
class About:
    """What a chart is about.

    Shape: `name` is a word of a-z, 0-9 and -, unlike that of any other chart of the page; `sentence` describes the
    chart for people who do not see it, and the chart makes one where it is empty; `unit` is the counted thing, in the
    plural.
    """

    name: str
    title: str
    sentence: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a chart; take a-z, 0-9 and -")


def make_element(tag: str, *children: str, **attributes: str | float | None) -> Markup:
    """Give one element. Markup goes in as it is, other text is escaped.

    Shape: an attribute that is None is left out; `class_` is class, `_` is `-`; numbers have at most one decimal.

    Example:
        >>> make_element("text", "<a>", class_="label", x=1.25, text_anchor="end")
        '<text class="label" x="1.2" text-anchor="end">&lt;a&gt;</text>'
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_write_attribute(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Markup) else write_text(child) for child in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>" if children else f"<{tag}{written}/>")


def _write_attribute(value: str | float) -> str:
    return write_text(value) if isinstance(value, str) else write_coordinate(value)


def write_coordinate(value: float) -> str:
    """Give a length in the units of the drawing, with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def write_text(text: str) -> str:
    """Give text as markup: escaped, with characters spelled out that are invisible or turn the direction of reading."""
    return escape(spell_out(text))


def spell_out(text: str) -> str:
    """Spell out characters that are invisible or turn the direction of reading; no-break spaces stay."""
    return NO_BREAK.join(escape_unprintable(part) for part in text.split(NO_BREAK))


def isolate(text: str) -> Markup:
    """Give text that others wrote, isolated so that its direction does not move the text beside it."""
    written = write_text(text)
    return Markup(f"\u2068{written}\u2069" if RIGHT_TO_LEFT.search(written) else written)


def join(*parts: str) -> Markup:
    """Join markup and text, which is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else write_text(part) for part in parts))


def link(href: str | None, *children: str, name: str | None = None, is_reached: bool = True) -> Markup:
    """Put children into a link, where there is one.

    Shape: `name` says where the link leads, if none of its text does. `is_reached` is False for one of very many links,
    so that the keyboard skips it.

    Raises: ValueError for a link that leaves the page's own server.
    """
    if href is None:
        return join(*children)
    if not re.match(r"[?#]|/(?!/)", href):
        raise ValueError(f"{href!r} leads elsewhere; a link of a chart begins with /, ? or #")
    return make_element("a", *children, href=href, aria_label=name, tabindex=None if is_reached else "-1")


def make_picture(about: About, sentence: str, size: tuple[float, float], *children: Markup) -> Markup:
    """Put shapes into an SVG that has a name, a sentence and no colour of its own: classes give the colours."""
    width, height = size
    return make_element(
        "svg",
        make_element("title", about.title, id=f"{about.name}-title"),
        make_element("desc", about.sentence or sentence, id=f"{about.name}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {write_coordinate(width)} {write_coordinate(height)}",
        width=width,
        height=height,
        class_="chart",
        # Screen readers do not look inside an image, so that a picture with links has to be a group.
        role="group" if any("<a " in child for child in children) else "img",
        aria_labelledby=f"{about.name}-title",
        aria_describedby=f"{about.name}-desc",
    )


def make_empty_picture(about: About, width: float, words: str = "no interactions in this range") -> Markup:
    """Give a picture that says that there is nothing to draw."""
    line = make_element("line", class_="axis", x1=0, y1=90, x2=width, y2=90)
    text = make_element("text", words, class_="muted", x=width / 2, y=54, text_anchor="middle")
    return make_picture(about, f"{about.title}: {words}", (width, 100), line, text)
