"""Read and write addresses, whose query has the options of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from urllib.parse import quote, urlencode

VALUE_CHARACTERS_MAX = 5_100  # characters of one option: ten steps of a funnel, 500 each at most, and their commas
LISTS = ("steps", "exclude")  # may be given several times, once per select box; the values become one list
# Options that every screen takes: how many rows it shows.
OWN = ("limit",)


class BadAddressError(Exception):
    """An address has a wrong option, `option`; `known` are the names or values that would be right."""

    def __init__(self, message: str, option: str, known: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message, self.option, self.known = message, option, tuple(known)


@dataclass(frozen=True, slots=True)
class Given:
    """The path and the options of an address.

    Shape: the keys of `options` are names of the command line, without the dashes before them; an empty option is left
    out. `known` are the names of the options that the screen takes.
    """

    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    known: tuple[str, ...] = ()

    def get(self, name: str, otherwise: str = "") -> str:
        return self.options.get(name, otherwise)

    def replace_options(self, **changes: str | None) -> Given:
        """Give the same address with other values; None takes an option away. `_` in a name stands for `-`."""
        options = dict(self.options)
        for name, value in changes.items():
            option = name.replace("_", "-")
            options.pop(option, None)
            if value:
                options[option] = value
        return replace(self, options=options)

    @property
    def address(self) -> str:
        """The address as text."""
        return write_address(self.path, self.options)


def write_address(path: str, options: Mapping[str, str]) -> str:
    """Give the address of a path of this page with options.

    Example:
        >>> write_address("/trends", {"action": "a&b", "since": "2024-03-01"})
        '/trends?action=a%26b&since=2024-03-01'
    """
    query = urlencode({name: value for name, value in options.items() if value}, quote_via=quote, safe=",:+")
    return f"{path}?{query.replace('+', '%2B')}" if query else path


def write_id_address(kind: str, identifier: object) -> str:
    """Give the address of one user or product; an id may be any text.

    Example:
        >>> write_id_address("users", 42), write_id_address("products", "a/b"), write_id_address("users", "..")
        ('/users/42', '/products/a%2Fb', '/users?user=..')
    """
    text = str(identifier)
    if text in (".", ".."):  # a browser takes these for folders
        return write_address(f"/{kind}", {kind.removesuffix("s"): text})
    return f"/{kind}/{quote(text, safe='')}"


def read_options(path: str, pairs: Iterable[tuple[str, str]], known: Iterable[str]) -> Given:
    """Read the query of an address.

    Raises: BadAddressError for an option that the screen does not know, or that is given twice.

    Example:
        >>> read_options("/funnel", [("steps", "view"), ("steps", "buy"), ("since", "")], ("steps", "since")).options
        {'steps': 'view,buy'}
    """
    names = tuple(dict.fromkeys((*known, *OWN)))
    options: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadAddressError(f"{path} has no option {name[:100]!r}{hint}", name, names)
        if not value.strip():
            continue
        if name in options and name not in LISTS:
            raise BadAddressError(f"--{name} is given twice; once is enough", name, names)
        options[name] = f"{options[name]},{value}" if name in options else value
        if len(options[name]) > VALUE_CHARACTERS_MAX or "\0" in value:
            raise BadAddressError(f"--{name}: {value[:50]!r}... is no value of an option", name, names)
    return Given(path, options, names)
