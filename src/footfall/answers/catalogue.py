"""The questions that have a name: files of SQL, ours and the user's own, read as psql would.

A question is a file that psql runs as it is; its psql variables are its parameters (decision 0010).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from footfall.answers.asked import BY_NAME
from footfall.errors import QueryError, UnknownNameError

QUERY_BYTES_MAX = 1_000_000  # bytes; a larger file is no question
# The line that gives a parameter its default, so that psql runs the file without -v.
DEFAULT_LINE = re.compile(r"\\if\s+:\{\?(\w+)\}\s*\\else\s*\\set\s+(\w+)(?:\s+(.*?))?\s*\\endif\s*")
# A statement may have several ends, each begun by a line of its own: `\if :{?who}` begins the end that holds where psql
# is given `who`, `\elif :{?name}` the end for another name, and `\else` the end for none of these names.
FORM = re.compile(r"\\(if|elif) :\{\?(\w+)\}|\\(else|endif)")
FORM_FOLLOWS = {"if": ("endif",), "elif": ("if", "elif"), "else": ("if", "elif"), "endif": ("else",)}
ALL, PLAIN = "", "else"  # the forms that a line belongs to: all of them, or the one without a name
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# The words by which a line of the comment at the head of a file may begin, each with a colon behind it.
HEADS = ("Grain", "Group", "Choices", "Needs", "Screen", "Who", "Cells")
# The groups of questions, in the order of the list; questions of another group, or of none, are listed after them.
GROUPS = ("How much", "Who", "What people do", "What changed", "One user or product")
OWN_GROUP = "Your own"
FIRST_WORDS = ("select", "with", "values", "table")
# Tried in this order: first tokens that begin with a colon (casts, psql variables), then literals, quoted names and
# comments, inside which a colon is plain text.
TOKEN = re.compile(
    r"""
    ::
    | :'(?P<value>\w+)'
    | :"(?P<identifier>\w+)"
    | :(?P<raw>[A-Za-z_]\w*)
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | --[^\n]*
    | /\*.*?\*/
    | \$(?P<tag>(?!\d)\w*)\$.*?\$(?P=tag)\$
    | (?<!\w)\$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Shape: `pieces` is its SQL, cut at its parameters: text, name, text, name, ... text; `defaults` has the defaults of
    its file. `forms` has the same statement with other ends, by the name of the variable that chooses each: with `who`
    it gives the users behind the numbers. `choices` has the words that a parameter may be, where the question takes
    fewer than others; `needed` is the parameter that cannot be left out. `screen` has the columns for a screen that has
    no room for all; `who_column` is the column of ids that `who` is one of. `cells` has the patterns of `who`, with
    DATE and NUMBER for the parts that change, where `who` is checked before a server is asked.
    """

    name: str
    answers: str
    grain: str
    pieces: tuple[str, ...]
    defaults: Mapping[str, str]
    path: Path | None = None
    group: str = ""
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needed: str | None = None
    screen: tuple[str, ...] = ()
    who_column: str | None = None
    cells: tuple[str, ...] = ()

    @property
    def listed_in(self) -> str:
        """The group in which the question is listed."""
        return self.group or OWN_GROUP

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, each once, in the order in which its file declares them, then its forms."""
        used = {name for pieces in (self.pieces, *self.forms.values()) for name in pieces[1::2]}
        return (*(name for name in self.defaults if name in used), *self.forms)

    def choose_form(self, given: Collection[str]) -> Query:
        """Give the question in the first form whose variable is given."""
        return next((replace(self, pieces=pieces) for name, pieces in self.forms.items() if name in given), self)

    def write_sql(self, value: Callable[[str], str], text: Callable[[str], str] = str) -> str:
        """Join the pieces: `value` turns the name of a parameter into SQL, `text` the SQL between two parameters."""
        return "".join(value(piece) if at % 2 else text(piece) for at, piece in enumerate(self.pieces))


def read_catalogue(folder: Path | None) -> dict[str, Query]:
    """Give every question by name: ours, and those of the user's own folder.

    Raises: QueryError where the folder or a file of it cannot be used.
    """
    found = dict(_read_built_in())
    for path in _list_own_files(folder) if folder else []:
        if path.stem in found:
            raise QueryError(f"{path}: there is a query {path.stem!r} already; give the file another name")
        found[path.stem] = parse(path.stem, _read(path), path)
    return found


@cache
def _read_built_in() -> dict[str, Query]:
    """Read the questions that come with Footfall; a page asks for them about a dozen times per screen."""
    folder = files("footfall.answers").joinpath("questions")
    texts = {
        each.name[:-4]: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".sql")
    }
    return {name: parse(name, text) for name, text in sorted(texts.items())}


def sort_by_group(questions: Iterable[Query]) -> list[Query]:
    """Give questions in the order of their groups, those of a group by name."""
    places = {group: place for place, group in enumerate(GROUPS)}
    return sorted(questions, key=lambda each: (places.get(each.listed_in, len(places)), each.listed_in, each.name))


def _list_own_files(folder: Path) -> list[Path]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".sql" and not path.name.startswith("."))
    except OSError as error:
        raise QueryError(
            f"{folder}: the folder of your queries cannot be read ({error.strerror}); "
            "mend FOOTFALL_QUERIES_FOLDER, or take it away"
        ) from error
    for path in paths:
        if not NAME.fullmatch(path.stem):
            raise QueryError(f"{path}: the name of a query has only a-z, 0-9, - and _; rename the file")
    return paths


def _read(path: Path) -> str:
    try:
        if not path.is_file():  # opening a FIFO would wait without end
            raise QueryError(f"{path}: is not a file; take it away, or put the file itself there")
        with path.open("rb") as file:
            content = file.read(QUERY_BYTES_MAX + 1)
        if len(content) > QUERY_BYTES_MAX:
            raise QueryError(f"{path}: more than {QUERY_BYTES_MAX:,} bytes are no query; take the file away")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise QueryError(f"{path}: the query cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{path}: the query is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def parse(name: str, text: str, path: Path | None = None) -> Query:
    """Read a file of SQL as psql would: its defaults, then one statement with `:'name'` where a value belongs.

    Raises: QueryError naming file and line.
    """
    where = str(path or f"{name}.sql")
    defaults: dict[str, str] = {}
    kept: list[tuple[str, str]] = []  # each line with the form that it belongs to
    comments: list[str] = []
    form, command = ALL, "endif"
    for number, line in enumerate(text.splitlines(), 1):
        if found := FORM.fullmatch(line.strip()):
            form, command = _begin_form(found, command, {each for each, _ in kept}, f"{where} line {number}")
        elif line.lstrip().startswith("\\"):
            variable, default = _read_default(line, f"{where} line {number}")
            defaults[variable] = default
        elif line.startswith("--") and len(comments) == number - 1:
            comments.append(line.removeprefix("--").strip())
        kept.append((form, "" if line.lstrip().startswith("\\") else line))
    if command != "endif":
        raise QueryError(f"{where}: the file ends within \\if; end that part with \\endif")
    # A line that is left out stays as an empty one, so that line numbers in the server's messages match the file.
    statements = {
        name: _read_statement([line if its_form in (ALL, name) else "" for its_form, line in kept], where)
        for name in (PLAIN, *dict.fromkeys(each for each, _ in kept if each not in (ALL, PLAIN)))
    }
    about = [line for line in comments if line]
    headed = {key: value.strip() for key, _, value in (line.partition(":") for line in about[1:]) if key in HEADS}
    choices = (each.partition("=") for each in headed.get("Choices", "").split(";") if each.strip())
    query = Query(
        name,
        about[0] if about else "",
        headed.get("Grain", ""),
        _split_sql(statements.pop(PLAIN), where, defaults),
        defaults,
        path,
        headed.get("Group", ""),
        {name: _split_sql(statement, where, {**defaults, name: ""}) for name, statement in statements.items()},
        {variable.strip(): tuple(words.strip().split("|")) for variable, _, words in choices},
        headed.get("Needs"),
        tuple(re.findall(r"\w+", headed.get("Screen", ""))),
        headed.get("Who"),
        tuple(each.strip() for each in headed.get("Cells", "").split(",") if each.strip()),
    )
    if query.needed is not None and (query.needed not in BY_NAME or query.needed not in query.parameters):
        raise QueryError(
            f"{where}: 'Needs: {query.needed}' in the comment at its head names no parameter that the query reads; "
            "write the name of one, such as user_id, or begin that line with another word"
        )
    return query


def _begin_form(found: re.Match[str], before: str, forms: Collection[str], where: str) -> tuple[str, str]:
    """Give the form that the lines from here on belong to, and the command that begins it, after `before`."""
    command = found[1] or found[3]
    form = {"else": PLAIN, "endif": ALL}.get(command, found[2] or "")
    is_begun = any(each != ALL for each in forms)
    if before not in FORM_FOLLOWS[command] or (form != ALL and form in forms) or (command == "if" and is_begun):
        raise QueryError(
            f"{where}: {found.group()!r} has no place here; a query has one part of \\if :{{?who}}, \\else, \\endif"
        )
    return form, command


def _read_statement(lines: list[str], where: str) -> str:
    statement = "\n".join(lines).rstrip().removesuffix(";").rstrip()
    if not statement:
        raise QueryError(f"{where}: the file is empty; write one select statement")
    first = re.match(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w*)", statement, re.DOTALL)
    if first is None or first[1].lower() not in FIRST_WORDS:
        raise QueryError(f"{where}: a query reads: it begins with {', '.join(FIRST_WORDS)}; write one select statement")
    return statement


def _read_default(line: str, where: str) -> tuple[str, str]:
    found = DEFAULT_LINE.fullmatch(line.strip())
    if found is None or found[1] != found[2]:
        raise QueryError(
            f"{where}: {line.strip()!r}: of psql's commands a query may hold only defaults, each on a line of its own: "
            r"\if :{?name} \else \set name value \endif"
        )
    value = found[3] or ""
    if re.fullmatch(r"'(?:[^'\\]|'')*'", value):
        value = value[1:-1].replace("''", "'")
    elif re.search(r"[\s'\"\\:`]", value):
        raise QueryError(f"{where}: {value!r}: quote the default as a whole: 'value'")
    return found[1], value


def _split_sql(statement: str, where: str, defaults: Mapping[str, str]) -> tuple[str, ...]:
    pieces: list[str] = []
    at = 0
    for token in TOKEN.finditer(statement):
        line = statement.count("\n", 0, token.start()) + 1
        if token["number"]:
            raise QueryError(f"{where} line {line}: {token.group()}: a parameter has a name: write :'name'")
        wrong = token["identifier"] or (token["raw"] if token["raw"] in defaults else None)
        if wrong:
            raise QueryError(f"{where} line {line}: {token.group()}: write :'{wrong}', which is quoted as a value")
        if (name := token["value"]) is None:
            continue
        if name not in defaults:
            raise QueryError(
                f"{where} line {line}: :'{name}' has no default; begin the file with "
                rf"\if :{{?{name}}} \else \set {name} 'value' \endif"
            )
        pieces += [statement[at : token.start()], name]
        at = token.end()
    return (*pieces, statement[at:])


def find(name: str, folder: Path | None) -> Query:
    """Give one question by name. Raises: UnknownNameError with the list."""
    found = read_catalogue(folder)
    if name not in found:
        listed = "\n".join(f"  {each.name}: {each.answers}" for each in found.values())
        raise UnknownNameError(f"there is no query {name!r}; choose one of these:\n{listed}")
    return found[name]
