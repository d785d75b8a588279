"""Write the pages of docs/reference/ that are made from the code; with `--check`, say which of them are stale.

Shape: the same code gives the same bytes: a fixed width, no colour, no date, nothing of the machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import typer

import footfall
from definition_pages import built_in_definitions, definitions_reference, files_in_public
from footfall import errors, options, runs, settings
from footfall.answers.catalogue import Query
from footfall.cli.commands import gather_commands
from footfall.contract.hints import find_hint
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.looks import LOOKS
from footfall.contract.problems import PROBLEM_CODES
from footfall.verbs.doctor import examining, server
from monitoring_pages import metrics_reference, notifications_reference
from page_parts import end_sentence, lay_table
from question_pages import PICTURES, draw_picture, index_of_questions, question_page, questions

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PACKAGE = ROOT / "src/footfall"
MIGRATIONS = PACKAGE / "tables/migrations"
HELP_COLUMNS = 100  # characters; a help text fits a page without scrolling
MADE = "<!-- Made by docs/generate.py: change the code, then `make docs`. -->"
COMMENT = re.compile(r"comment on (table|view|column) (\w+)(?:\.(\w+))? is '((?:[^']|'')*)'")
FIGURES, END_OF_FIGURES = "<!-- figures -->", "<!-- end of figures -->"
SOAK, END_OF_SOAK = "<!-- soak -->", "<!-- end of soak -->"
TABLE = re.compile(r"^create table (\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)


def verbs() -> Iterator[tuple[str, Any, Any]]:
    """Give every verb and group of verbs: its words, its command and a context to print its help in."""
    return _below(typer.main.get_command(gather_commands()), "footfall", None)


def _below(command: Any, name: str, parent: Any) -> Iterator[tuple[str, Any, Any]]:
    about = command.context_settings | {"terminal_width": HELP_COLUMNS}
    context = typer.Context(command, info_name=name, parent=parent, **about)
    yield context.command_path, command, context
    for inner, below in getattr(command, "commands", {}).items():
        yield from _below(below, inner, context)


def command_line() -> str:
    """Give the page of the command line: the help of every verb."""
    parts = [
        "# Command line",
        "Data goes to stdout; progress, warnings and errors go to stderr. Options come after the verb. Each "
        "option has an "
        "environment variable, which its help names. What the [exit codes](exit-codes.md) say, a script can rely on.",
    ]
    for words, command, context in verbs():
        parts += [f"## {words}", f"```text\n{command.get_help(context).rstrip()}\n```"]
    return _page(parts)


def meanings() -> dict[str, tuple[str, str]]:
    """Give every setting's meaning and example, as footfall.example.toml tells them."""
    found: dict[str, tuple[str, str]] = {}
    words: list[str] = []
    for line in (ROOT / "footfall.example.toml").read_text(encoding="utf-8").splitlines():
        if setting := re.fullmatch(r"# (\w+) = (.+)", line):
            found[setting[1]] = " ".join(words), setting[2]
            words = []
        elif line.startswith("# ") and not line.startswith("# ---"):
            words.append(line[2:])
        else:
            words = []
    return found


def settings_page() -> str:
    """Give the page of the settings: name, variable, default, meaning."""
    rows = []
    known = meanings()
    for name, attribute in settings.FIELDS.items():
        default = settings.Settings.model_fields[attribute].default
        shown = "off" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        meaning, example = known[name]
        rows.append((f"`{name}`", f"`{settings.PREFIX}{name.upper()}`", shown, meaning, f"`{example}`"))
    call = ", ".join(f"`{settings.PREFIX}{name}`" for name in options.CALL_VARIABLES)
    return _page(
        [
            "# Settings",
            "Where a setting is given more than once, the first of these counts: the option, the environment "
            "variable, `.env`, "
            "`footfall.toml`, the default. Both files are read from the folder where `footfall` is called.",
            lay_table(("Setting", "Variable", "Default", "Meaning", "Example in `footfall.toml`"), rows),
            "These variables stand for options of a single call and are read from the environment only, not from "
            f"a file: {call}.",
            "See also: [how to change a setting](../how-to/settings.md).",
        ]
    )


def problem_codes() -> str:
    """Give the page of the problem codes: a sentence and a cure each, and the hints for values of some look."""
    rows = [
        (f"`{code}`", end_sentence(sentence), end_sentence(words) if words != sentence else "")
        for code, sentence in PROBLEM_CODES.items()
        for words in [find_hint(code, None, "")]
    ]
    looks = [
        (
            f"`{look.code}`",
            f"`{ascii(look.example)[1:-1]}`",
            end_sentence(find_hint(look.code, look.of or None, look.name)),
        )
        for look in LOOKS
    ]
    return _page(
        [
            "# Problem codes",
            "A row with one problem or more is rejected, and kept with every problem that it has. The exact "
            "rules are in "
            "[the contract](contract.md); how to deal with rejected rows is in [mend rejected "
            "rows](../how-to/mend-rejected-rows.md).",
            lay_table(("Code", "Meaning", "What to look at"), rows),
            'A problem is kept as `{"code": ..., "field": ..., "value": ...}`: `field` is the column, or null '
            "where the whole "
            "row is meant; `value` is what stood there, at most 200 characters.",
            "## Hints",
            "A hint follows the look of the value, or of the record where no field is named. Each is given only "
            "where it is true: a test judges each example, and the same example cured. The others get the words above.",
            lay_table(("Code", "A value such as", "Hint"), looks),
        ]
    )


def tables() -> str:
    """Give the page of the tables: their columns, types and comments."""
    parts = [
        "# Tables",
        "The tables are in schema `public`, unless the setting `schema` says otherwise. Read them with any "
        "tool; only Footfall "
        "should write to them. `footfall schema show` prints the SQL that made them.",
        "Ids are numbers from 0 on (`bigint`) unless the settings `interaction_id_type`, `user_id_type` or "
        "`product_id_type` say `uuid` or `text` when the tables are made; tables that are there keep their types. Text "
        "has 1 to 200 characters and is ordered by its bytes.",
    ]
    for table, about, columns in table_comments():
        parts += [f"## {table}", about]
        parts.append(
            lay_table(("Column", "Type", "Meaning"), [(f"`{name}`", kind, says) for name, kind, says in columns])
        )
    for view, about, named in view_comments():
        parts += [
            f"## {view}",
            f"A view. {about}",
            lay_table(("Column", "Meaning"), [(f"`{n}`", says) for n, says in named]),
        ]
    parts += [
        "## Functions",
        lay_table(("Function", "Grain"), [(f"`{name}`", says) for name, says in function_comments()]),
    ]
    return _page(parts)


def _migrations() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))


def view_comments() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Give every view, its comment, and its columns with theirs."""
    text = _migrations()
    says = {(view, column): words.replace("''", "'") for _, view, column, words in COMMENT.findall(text)}
    for view in re.findall(r"^create view (\w+)", text, re.MULTILINE):
        yield view, says[view, ""], [(column, words) for (of, column), words in says.items() if of == view and column]


def function_comments() -> list[tuple[str, str]]:
    """Give every function with its comment."""
    return re.findall(r"^comment on function (\w+)\([^)]*\) is\s+'((?:[^']|'')*)'", _migrations(), re.MULTILINE)


def table_comments() -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Give every table, its comment, and its columns with type and comment."""
    text = _migrations() + (PACKAGE / "tables/schema.sql").read_text(encoding="utf-8")
    says = {(table, column): words.replace("''", "'") for _, table, column, words in COMMENT.findall(text)}
    added: dict[str, str] = {}
    for table, changes in re.findall(r"^alter table (\w+)\s([^;]+);", text, re.MULTILINE):
        added[table] = "\n".join(
            [added.get(table, ""), *re.findall(r"^add column .*|\sadd column .*", changes, re.MULTILINE)]
        )
    for table, body in TABLE.findall(text):
        columns = []
        for line in [*body.splitlines(), *added.get(table, "").replace("add column", "   ").splitlines()]:
            found = re.match(
                r" {4,}(\w+) ((?:timestamptz|bigint|integer|text|bytea|numeric|jsonb|boolean|date)\b|bit\(\d+\))"
                r'(?: collate "C")?( not null)?',
                line,
            )
            if found and found[1] != "constraint":
                kind = found[2] if found[1] not in ID_COLUMNS else "bigint, or uuid or text"
                kind += "" if found[3] else ", may be null"
                columns.append((found[1], kind, says[table, found[1]]))
        yield table, says[table, ""], columns


def exit_codes() -> str:
    """Give the page of the exit codes, as the tree of errors has them."""
    rows = [("0", "", "Done.", "")]
    rows += [
        (
            str(kind.exit_code),
            f"`{kind.__name__}`",
            " ".join((kind.__doc__ or "").split()),
            "yes" if kind.retryable else "",
        )
        for kind in error_kinds()
    ]
    return _page(
        [
            "# Exit codes",
            "With several files, the exit code is that of the first file that failed, in loading order; a lost "
            "database ends "
            "the run with 5. Where a retry is marked, the same command may succeed later, and repeating it is "
            "always safe.",
            lay_table(
                ("Exit code", "Error", "When, and what to do", "Retry"), sorted(rows, key=lambda row: int(row[0]))
            ),
        ]
    )


def doctor_page() -> str:
    """Give the page of doctor: every check, what it looks at, and when it warns or fails."""
    needs = {"nothing": "", "database": "a database that answers", "tables": "tables of this version"}
    rows = [
        (f"`{each.name}`", each.about, each.warns, each.fails, needs[each.needs]) for each in examining.list_checks()
    ]
    return _page(
        [
            "# What doctor looks at",
            "`footfall doctor` makes these checks in this order. Each says `ok`, `warning` or `failure`, with what "
            "mends it, or `unknown` where it could not be looked at; the exit code is 1 with a failure, else 0. How to "
            "use it: [find out what is wrong](../how-to/find-out-what-is-wrong.md).",
            lay_table(("Check", "Looks at", "Warning", "Failure", "Needs"), rows),
            f"A statement may take {server.STATEMENT_S} seconds, a session that does not answer is cut off after "
            f"{server.CUT_OFF_S}, and a check of the machine is given up after {examining.MACHINE_S}. All that is "
            "asked of the database is asked in one read-only transaction, which takes no lock but those of a reader.",
        ]
    )


def error_kinds() -> list[type[errors.FootfallError]]:
    """Give every kind of error, the root first."""
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.FootfallError)]
    return sorted(kinds, key=lambda kind: (kind.exit_code, len(kind.__mro__), kind.__name__))


def python_api() -> str:
    """Give the page of the public names."""
    parts = [
        "# Python",
        "Everything that `import footfall` and `from footfall import runs` offer; whatever else is below `footfall` is "
        "private and may change. "
        "Settings are given by name, as in [settings](settings.md). "
        "See also: [call Footfall from Python](../how-to/python.md).",
    ]
    for name in sorted(set(footfall.__all__) - {"errors"}, key=lambda name: (name[0].isupper(), name)):
        what = getattr(footfall, name)
        parts.append(f"## footfall.{name}")
        if inspect.isclass(what):
            parts += [_plain(what), lay_table(("Attribute", "Type"), _attributes(what))]
            if methods := list(_methods(what)):
                parts.append(lay_table(("Method", "What it gives"), methods))
        elif isinstance(what, dict):
            parts.append("The codes of problems, each with a sentence; see [problem codes](problem-codes.md).")
        else:
            parts += _describe_function(f"footfall.{name}", what)
    for name in sorted(set(runs.__all__) - {"Run"}):
        parts += [f"## footfall.runs.{name}", *_describe_function(f"footfall.runs.{name}", getattr(runs, name))]
    parts += ["## footfall.runs.Run", _plain(runs.Run), lay_table(("Attribute", "Type"), _attributes(runs.Run))]
    parts += [
        "## footfall.errors",
        "A file that fails is a result with status `failed`, not an exception. An exception is raised where "
        "the call cannot go "
        "on: every one is a `footfall.errors.FootfallError` with `exit_code` and `retryable`; see [exit "
        "codes](exit-codes.md). Its `message` is what is shown; `reason` is the message without the name of the "
        "`source`, which is None where no source is meant.",
    ]
    return _page(parts)


def _describe_function(name: str, what: Any) -> list[str]:
    signature = str(inspect.signature(what)).replace("'", "")
    return [f"```text\n{name}{signature}\n```", _plain(what)]


def _attributes(kind: type) -> list[tuple[str, ...]]:
    """Give each attribute of a public value with its type, its properties last."""
    if dataclasses.is_dataclass(kind):
        found = [(each.name, each.type) for each in dataclasses.fields(kind)]
    else:
        found = [(name, getattr(hint, "__forward_arg__", hint)) for name, hint in kind.__annotations__.items()]
    found += [
        (name, inspect.signature(value.fget).return_annotation)
        for name, value in vars(kind).items()
        if isinstance(value, property) and value.fget
    ]
    return [(f"`{name}`", f"`{hint}`".replace("|", "\\|")) for name, hint in found]


def _methods(kind: type) -> Iterator[tuple[str, str]]:
    """Give each public method of a class of our own with its docstring in one line."""
    for name, value in vars(kind).items():
        if inspect.isfunction(value) and not name.startswith("_") and kind.__module__.startswith("footfall.results"):
            yield f"`{name}()`", " ".join(_plain(value).split())


def reliability() -> str:
    """Give the page on reliability, with the figures of the last long run in their place."""
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(FIGURES)
    _, _, after = rest.partition(END_OF_FIGURES)
    run = json.loads((DOCS / "reliability.json").read_text(encoding="utf-8"))
    sums = (
        ("kills", "kills"),
        ("seconds", "seconds"),
        ("rows of all tables compared", "rows_compared"),
        ("rows lost", "rows_lost"),
        ("rows doubled", "rows_doubled"),
        ("trials whose tables differed", "trials_that_differed"),
    )
    tables = [
        lay_table(("Sum", "Number"), [(says, f"{run[name]:,}") for says, name in sums]),
        lay_table(("Kills by kind", "Number"), [(says, f"{n:,}") for says, n in run["kills_by_kind"].items()]),
        lay_table(
            ("Broken messages by phase", "Number"), [(says, f"{n:,}") for says, n in run["kills_by_phase"].items()]
        ),
        f"Run with CRASH_TRIALS={run['trials_asked_for']} and seed {run['seed']}, on PostgreSQL {run['server']}, "
        f"Python {run['python']}, {run['cores']} cores shared with other work"
        + (f"; in {run['parts']} parts, whose sums these are." if run["parts"] > 1 else "."),
    ]
    before_soak, _, rest = after.partition(SOAK)
    _, _, after_soak = rest.partition(END_OF_SOAK)
    after = "\n\n".join([before_soak + SOAK, *soak_figures(), END_OF_SOAK + after_soak])
    return "\n\n".join([before + FIGURES, *tables, END_OF_FIGURES + after])


def soak_figures() -> list[str]:
    """Give the figures of the last long run of a watcher."""
    run = json.loads((DOCS / "soak.json").read_text(encoding="utf-8"))
    sums = (
        ("minutes in which files came", "minutes"),
        ("bursts", "bursts"),
        ("files", "files"),
        ("... written in place", "files_grown_in_place"),
        ("... that cannot be loaded", "files_bad"),
        ("bytes", "bytes"),
        ("interactions", "interactions"),
        ("rows lost", "rows_lost"),
        ("rows doubled", "rows_doubled"),
        ("counts that differ from their recount", "counts_that_differ"),
        ("times that a writer found no room", "times_the_folder_was_full"),
        ("seconds from a file's arrival to its commit, median", "median_s"),
        ("... of 95 %", "p95_s"),
        ("memory of the watcher, MB, first third", "memory_first_third_mb"),
        ("... last third", "memory_last_third_mb"),
        ("... at most", "memory_most_mb"),
        ("seconds of processor of the watcher", "cpu_seconds"),
    )
    return [
        lay_table(("What", "Number"), [(says, f"{run[name]:,}") for says, name in sums]),
        f"Killed: {', '.join(run['kills'])}. Seed {run['seed']}, Python {run['python']}, {run['cores']} cores shared "
        "with other work.",
    ]


def _plain(what: object) -> str:
    return inspect.getdoc(what) or ""


def _page(parts: list[str]) -> str:
    return "\n\n".join([parts[0], MADE, *parts[1:]]) + "\n"


def _page_of_question(query: Query) -> str:
    return _page(question_page(query))


PAGES: dict[str, Callable[[], str]] = {
    "reference/command-line.md": command_line,
    "reference/doctor.md": doctor_page,
    "reference/exit-codes.md": exit_codes,
    "reference/metrics.md": lambda: _page(metrics_reference()),
    "reference/notifications.md": lambda: _page(notifications_reference()),
    "reference/problem-codes.md": problem_codes,
    "reference/python.md": python_api,
    "reference/queries.md": lambda: _page(index_of_questions()),
    "reference/settings.md": settings_page,
    "reference/source-definitions-built-in.md": lambda: _page(built_in_definitions()),
    "reference/source-definitions.md": lambda: _page(definitions_reference()),
    "reference/tables.md": tables,
    "reference/wild.md": lambda: _page(files_in_public()),
    "reliability.md": reliability,
    **{f"reference/questions/{each.name}.md": partial(_page_of_question, each) for each in questions()},
    **{path: partial(draw_picture, name) for path, name in PICTURES.items()},
}


def stale() -> list[str]:
    """Give the names of the pages that differ from the code."""
    return [
        name
        for name, make in PAGES.items()
        if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != make()
    ]


def main() -> int:
    """Write the stale pages, or name them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is stale")
    check = parser.parse_args().check
    names = stale()
    for name in names:
        if check:
            print(f"docs/{name} is stale: make docs", file=sys.stderr)
        else:
            (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"docs/{name}: written")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main())
