"""Match patterns of names, as shells and Python's glob know them. The parts between slashes are matched one by one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from glob import has_magic

from footfall.safe_text import find_scheme
from footfall.sources.ignored import ENDINGS

DEEP = "**"  # stands for this folder and all folders below it
_WORDS = "|".join(sorted({word for ending in ENDINGS for word in ending[1:].split(".")}))
# Matches a set in brackets, which is left as it is, or a part of an ending, whose case is ignored.
_SET_OR_ENDING = re.compile(rf"\[!?\]?[^\]]*\]|\.(?:{_WORDS})(?![^.*?\[])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern, the slashes after it, and a function that matches names; None if it has no wildcard."""

    text: str
    slashes: str
    matches: Callable[[str], object] | None


def split_pattern(pattern: str) -> list[Part]:
    """Split a pattern into its parts; in the last one, the case of an ending does not matter.

    Example:
        >>> [part.text for part in split_pattern("/in//day-*/*.csv")]
        ['', 'in', 'day-*', '*.csv']
        >>> bool(split_pattern("*.csv*")[-1].matches("A.CSV.gz"))
        True
    """
    pieces = [*re.split("(/+)", pattern), ""]
    texts, slashes = pieces[::2], pieces[1::2]
    last = len(texts) - 1
    each = enumerate(zip(texts, slashes, strict=True))
    return [Part(text, slash, _make_matcher(text, at == last)) for at, (text, slash) in each]


def _make_matcher(text: str, is_last: bool) -> Callable[[str], object] | None:
    if not has_magic(text):
        return None
    return re.compile(translate(ignore_case_of_endings(text) if is_last else text)).match


def ignore_case_of_endings(pattern: str) -> str:
    """Rewrite a pattern so that it matches the endings of data files in any case.

    Example:
        >>> ignore_case_of_endings("[.csv]*.csv.gz")
        '[.csv]*.[cC][sS][vV].[gG][zZ]'
    """
    return _SET_OR_ENDING.sub(lambda found: found[0] if found[0][0] == "[" else _match_any_case(found[0]), pattern)


def _match_any_case(ending: str) -> str:
    return "".join(f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter for letter in ending)


def describe_no_match(name: str, noun: str = "file") -> str:
    """Say that a pattern matches nothing; where it has brackets, say also how to write a bracket itself."""
    if "[" not in name:
        return f"no {noun} matches"
    literal = name.replace("[", "[[]")
    return (
        f"there is no {noun} of this name, and [ ] is a pattern, which no {noun} matches; "
        f"for a bracket itself write [[], as in {literal}"
    )


def is_path_of(pattern: str, path: str) -> bool:
    """Say whether a pattern leads to this path; both may be relative to the working folder.

    Example:
        >>> is_path_of("exports/**/*.csv.gz", "./exports/shop/2026/Day.CSV.gz"), is_path_of("*.csv", "in/a.csv")
        (True, False)
    """
    if find_scheme(path) or find_scheme(pattern):
        return _fits(split_pattern(pattern), path.split("/"))
    return _fits(split_pattern(os.path.abspath(pattern)), os.path.abspath(path).split("/"))  # noqa: PTH100


def is_path_of_any(patterns: Iterable[str], path: str) -> bool:
    """Say whether one of several patterns leads to this path."""
    return any(is_path_of(pattern, path) for pattern in patterns)


def _fits(parts: list[Part], names: list[str]) -> bool:
    """Say whether the parts of a pattern fit names one by one; `**` stands for any number of folders."""
    if not parts:
        return not names
    first, *rest = parts
    if first.text == DEEP:
        return any(_fits(rest, names[at:]) for at in range(len(names) + 1)) if rest else True
    if not names:
        return False
    fits = first.matches(names[0]) is not None if first.matches else first.text == names[0]
    return bool(fits) and _fits(rest, names[1:])
