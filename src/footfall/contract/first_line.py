"""A first line that is not a header -> a sentence about what the file looks like.

The first line may be a row of data that names people. So only words are quoted from it that usually name columns.
"""

from __future__ import annotations

import re

NAMES_SHOWN = 12  # names of columns in one message
NAME_CHARACTERS_MAX = 60
DELIMITERS = {"\t": "tab", ";": "';'", "|": "'|'", ",": "','", "^": "'^'", "~": "'~'"}
# Words in the column names of exports. None of them is a name of a person.
WORDS = """
account action activity actor age album amount app article artist asset at author behavior behaviour book brand
browser buyer campaign category channel city click clicks client code count country created currency customer date
datetime day device email entity epoch event events first gender genre guid hour id ids index interaction
interactions ip is item items key kind lang language last line local medium member minute month movie ms name no
number object occurred offset on order orders os page path payload platform price product products profile
properties purchase purchases qty quantity rating ratings referrer region revenue row score second session sku song
source state status store tag tags time timestamp title total track transaction ts type uid unix updated uri url
user users utc uuid value version video view views visit visitor visits week year
"""
HEADER_WORDS = frozenset(WORDS.split())
GUESS = "a definition that reads it is proposed by `footfall guess FILE`"
LEADING_QUOTES = "\"' \t\ufeff"


def describe_look(text: str, delimiter: str, columns: tuple[str, ...]) -> str:
    """Say what a file looks like if its first line does not name the columns, and which command shows how to read it.

    Shape: one sentence. It is empty where the line looks like nothing known and holds a quote.

    Example:
        >>> describe_look('{"user": 1}', ",", ("user_id",)).partition("; ")[0]
        'it looks like JSON Lines, an object a line'
        >>> describe_look("a,b", ",", ("user_id",))
        'a definition that reads it is proposed by `footfall guess FILE`'
    """
    look = _look(text.lstrip(" \t\ufeff"))
    look = look or _looks_delimited(text, delimiter, columns) or _looks_like_data(_split_values(text, delimiter))
    if look:
        return f"{look}; {GUESS}"
    return "" if '"' in text else GUESS  # `describe_cure_of_quotes` says what is wrong with quotes


def _look(begin: str) -> str:
    """Say what the first line of a file of another format looks like."""
    if re.match(r"\{.*\}\s*$", begin):
        return "it looks like JSON Lines, an object a line"
    if re.match(r"\{|\[\s*(?:[\[{\"]|$)", begin):
        return "it looks like JSON, one object or one list in all"
    if re.match(r"(?i)<!doctype html|<html", begin):
        return "it looks like an HTML page: was it saved from a site that answered with a page instead of the file?"
    if re.match(r"<[?!A-Za-z]", begin):
        return "it looks like XML or other markup, which is not read: export it as CSV"
    if begin.startswith("version https://git-lfs.github.com/spec/"):
        return "it is a pointer of Git LFS and not the file: `git lfs pull` fetches the file"
    if re.match(r"(?i)sep=.\s*$", begin):
        return "it begins with a line sep=, which some spreadsheets write: leave that line out"
    if begin.startswith("#"):
        return "it begins with a comment: leave the lines before the header out"
    return ""


def _looks_delimited(text: str, delimiter: str, columns: tuple[str, ...]) -> str:
    for other, spelling in DELIMITERS.items():
        names = [name.lower() for name in _split_values(text, other)]
        if other != delimiter and all(column in names for column in columns):
            return f"its columns are delimited by {spelling}: try --delimiter {spelling}"
    fields = text.count(delimiter) + 1
    if fields < len(columns):
        for other, spelling in DELIMITERS.items():
            if other != delimiter and text.count(other) >= len(columns) - 1:
                return f"it looks delimited by {spelling}: try --delimiter {spelling}"
    return ""


def _looks_like_data(values: list[str]) -> str:
    if any(re.match(r"[+-]?\d", value) or "@" in value for value in values):
        return "its first line looks like a row of data, so that it has no header: put a line with names above it"
    return ""


def _split_values(text: str, delimiter: str) -> list[str]:
    return [value.strip(LEADING_QUOTES) for value in text.split(delimiter)]


def choose_names(fields: list[str]) -> list[str]:
    """Choose the fields of a first line that may be quoted, because all their words usually name columns.

    Example:
        >>> choose_names(["userId", "Ann Miller", "item_id", "ann", "visitorid"])
        ['userId', 'item_id', 'visitorid']
    """
    names = [name for name in (field.strip(LEADING_QUOTES) for field in fields) if _is_a_column_name(name)]
    return names[:NAMES_SHOWN]


def _is_a_column_name(name: str) -> bool:
    if len(name) > NAME_CHARACTERS_MAX or not re.fullmatch(r"[A-Za-z_$][A-Za-z_.$-]*", name):
        return False
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    return bool(words) and all(_is_header_word(word) for word in words)


def _is_header_word(word: str) -> bool:
    return word in HEADER_WORDS or (word.endswith("id") and word[:-2] in HEADER_WORDS)


def describe_cure_of_quotes(text: str, delimiter: str) -> str:
    """Say how to mend a header in which a quote is not closed before a delimiter or line end."""
    comma, space = re.escape(delimiter), "[ ]+" if delimiter == "\t" else "[ \t]+"
    mended = re.sub(rf'"{space}({comma}|$)', r'"\1', re.sub(rf'(^|{comma}){space}"', r'\1"', text))
    field = rf'(?:"(?:[^"]|"")*"|[^"{comma}]*)'
    if re.fullmatch(rf"{field}(?:{comma}{field})*", mended):
        return "a space stands before an opening quote or behind a closing one: leave it out"
    return "double a quote inside a quoted name, and close every quote"
