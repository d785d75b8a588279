"""Fill the templates; give the static files and their addresses."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from footfall.answers.charts import compose_stylesheet, write_duration, write_number, write_share
from footfall.page.cells import is_amount, write_cell, write_day, write_heading, write_instant
from footfall.safe_text import escape_unprintable

FILES = {
    "footfall.css": "text/css; charset=utf-8",
    "charts.css": "text/css; charset=utf-8",
    "footfall.js": "text/javascript; charset=utf-8",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

SHORT = 60  # characters of a text that has room for one line


@cache
def make_environment() -> Environment:
    """Give the environment of the templates, which escapes every value that a template prints."""
    made = Environment(
        loader=PackageLoader("footfall.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": write_number, "share": write_share, "duration": write_duration}
    made.filters |= {"short": shorten, "plain": escape_unprintable}
    made.filters |= {"day": write_day, "instant": write_instant}
    made.globals |= {
        "cell": write_cell,
        "heading": write_heading,
        "is_amount": lambda table, at: is_amount(table.columns[at], [row[at] for row in table.rows[:100]]),
        "static": find_static,
        "version": version("footfall"),
    }
    return made


def shorten(text: str) -> str:
    """Shorten a text to one line, for example for an entry of a select box.

    Example:
        >>> shorten("add_to_cart"), len(shorten("x" * 500))
        ('add_to_cart', 60)
    """
    text = escape_unprintable(text)
    return text if len(text) <= SHORT else text[: SHORT - 1] + "\u2026"


def render(template: str, **values: Any) -> Markup:
    """Fill a template."""
    return Markup(make_environment().get_template(template).render(values))  # noqa: S704  (the template has escaped)


def render_macro(template: str, macro: str, *values: Any) -> Markup:
    """Fill one macro of a template."""
    return Markup(getattr(_load_macros(template), macro)(*values))  # noqa: S704  (the template has escaped)


@cache
def _load_macros(template: str) -> Any:
    return make_environment().get_template(template).module


@cache
def read_static(name: str) -> bytes:
    """Give the content of a file that a screen refers to, by its name in FILES."""
    if name == "charts.css":
        return compose_stylesheet().encode()
    return files("footfall.page").joinpath("static", name).read_bytes()


@cache
def find_static(name: str) -> str:
    """Give the address of a static file, with a part of its hash, so that a browser keeps it until it changes."""
    return f"/static/{name}?v={hashlib.sha256(read_static(name)).hexdigest()[:12]}"
