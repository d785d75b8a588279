"""The pages about source definitions: every key, those that come with Footfall, and files in public that they read."""

# ruff: noqa: E501  (the text of a page stands as it will be read)

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from footfall.contract.built_in import list_built_in, read_built_in_text
from footfall.contract.definition_keys import (
    COLUMN_KEYS,
    CONDITION_KEYS,
    DELIMITED_KEYS,
    FIELD_KEYS,
    FILE_KEYS,
    ID_KEYS,
    INTERACTION_ID_KEYS,
    JSON_KEYS,
    TIMESTAMP_KEYS,
    Keys,
)
from page_parts import end_sentence, lay_table

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = """
```toml
# footfall.toml
[sources.shop]
match = ["exports/shop/*.csv.gz"]
delimiter = ";"
interaction_id = "event_id"
user_id = { column = ["visitorid", "session"] }
product_id = { column = "itemid", default = "none" }
action = { value = "view" }
timestamp = { column = "ts", format = "epoch-ms" }
```
"""
MADE_IDS = """
| `from` | the id is made of | equal rows of one file | a file that overlaps another |
| --- | --- | --- | --- |
| `"record"` | the whole record, ignored columns too, and which of its equals in the file it is | separate interactions | agrees with it; repeats that fall into both are one |
| `"fields"` | the five values alone, and which of its equals it is | separate interactions | the same, where the other columns change from day to day |
| `"position"` | the digest of the file and the line | separate interactions | everything counts twice: for logs that are cut without overlap |

Such ids are UUIDs (`interaction_id_type = "uuid"`): the first 120 bits of SHA-256 of the `id_space` and the record (with the time that the name
of the file gives, where `from_name` is used), and for the second of equal
records and those behind it, of that id and its number. A file that is delivered twice, compressed otherwise or cut in two gives the same ids,
except that repeats that fall into different files become one. There is no default: nobody but the owner of the files knows which is right.
"""


def definitions_reference() -> list[str]:
    """Give the parts of the page: every key of a definition, what it may hold and what it says."""
    return [
        "# Source definitions",
        "A source definition says how files of one kind become interactions: once, where it can be read and reviewed. "
        "Nothing is inferred while loading. It is a table of `footfall.toml`; "
        "`footfall guess FILE` writes the first draft, and "
        "[some come with Footfall](source-definitions-built-in.md).",
        EXAMPLE.strip(),
        "A file takes the definition that `--source NAME` names, else the one whose `match` fits its path (two that fit "
        "are an error), else Footfall's own form: five columns of these names, or "
        "`[sources.footfall]` where that is written. An unknown key, a path that is no path, a "
        "pattern that does not compile end the command with exit code 2 before any file is opened. All of a definition "
        "but its name and `match` is part of the contract's fingerprint in `loads.contract`; its name is in "
        "`loads.definition`.",
        "## Keys of every format",
        _list(FILE_KEYS),
        "## The five fields",
        "Each is the name of a column (trimmed, in any case), a position from 1 on, a path in JSON, or a table that says "
        "more. One that a definition leaves out is the column of its own name.",
        _list(COLUMN_KEYS),
        "Keys of such a table:",
        _list(FIELD_KEYS),
        "of an id:",
        _list(ID_KEYS),
        "of `interaction_id`:",
        _list(INTERACTION_ID_KEYS),
        "of `timestamp`:",
        _list(TIMESTAMP_KEYS),
        "A column that a file does not have is an error, unless another column of the list or a `default` stands in for "
        "it; that is said in a warning.",
        "## Files without an id of the interaction",
        MADE_IDS.strip(),
        "## Conditions of `where`",
        "One of `in`, `not_in` and `missing` beside `column`. A record that does not meet all conditions is *skipped*: it is "
        "no interaction, nothing else of it is judged, and `rows_skipped` counts it.",
        _list(CONDITION_KEYS),
        "## Delimited files",
        _list(DELIMITED_KEYS),
        "## JSON",
        "A path is made of names with dots between them: `properties.$insert_id`, `events[0].name`; "
        '`["a.b"]` is a name with a dot in it.',
        _list(JSON_KEYS),
        "## Types of ids",
        "Ids are whole numbers from 0 on, UUIDs, or text of 1 to 200 characters, column by column: the settings "
        "`interaction_id_type`, `user_id_type` and `product_id_type` (`bigint`, `uuid`, `text`) decide when the tables "
        "are made; then the tables do. Text is trimmed and otherwise untouched (`00123` and `123` are two users), and "
        "compared bytewise. A definition whose ids do not fit the tables is refused before the first row.",
        "See also: [load the files you have](../how-to/load-the-files-you-have.md), [the contract](contract.md).",
    ]


def built_in_definitions() -> list[str]:
    """Give the page of the built-in source definitions: what each reads, where that is described, and its TOML."""
    rows, parts = [], []
    for name in list_built_in()[1:]:
        comments, _, body = read_built_in_text(name).partition("\n\n")
        about, origin, types, *notes = [line.removeprefix("# ") for line in comments.splitlines()]
        about, origin, types = (line.partition(": ")[2] for line in (about, origin, types))
        types = ", ".join(f"`{each}`" for each in types.split(", "))
        rows.append((f"[`{name}`](#{name})", about, types))
        parts += [f"## {name}", about, f"Described at: <{origin}>", f"Id types: {types}."]
        parts += ["\n".join(f"- {note}" for note in notes)] * bool(notes)
        parts.append(f"```toml\n{body.rstrip()}\n```")
    return [
        "# Built-in source definitions",
        "Each says how files of one well-known kind become interactions: `footfall load FILE --source NAME`. "
        "`footfall sources NAME` prints one, to start your own from; one in `footfall.toml` with the same name "
        "takes its place. The id types are what the settings must say before the tables are made; those that are "
        "not named are `bigint`. Each definition has a test on a small file of its shape.",
        lay_table(("Name", "Reads", "Id types"), rows),
        "Instacart has none: its lines (`order_products__*.csv`) name neither user nor time. They must be joined "
        "with `orders.csv` first, on `order_id`, and even then there is no date.",
        *parts,
    ]


def files_in_public() -> list[str]:
    """Give the page of files as people have them: a definition for each shape, and what comes of it."""
    sys.path.append(str(ROOT / "tests/wild"))
    shapes, figures = importlib.import_module("wild_files").SHAPES, importlib.import_module("wild_figures")
    kept = figures.read_figures()
    rows: list[tuple[str, ...]] = []
    for shape in shapes:
        found = [kept.get(shape.name, {}).get(name, "not tried") for name in ("definition", "guess")]
        lines = str(len(shape.section.splitlines()))
        rows.append((f"[{shape.name}](#{shape.name})", end_sentence(shape.about), lines, *found))
    parts = [
        "# Files as people have them",
        "Shapes of files that were found in public: exports of shops and analytics tools, logs, data sets. For each "
        "the tests make a small file, load it by the definition below, and compare the tables row by row; then they "
        "let `footfall guess` write a definition, take it unedited, and compare again. `make wild` runs them and "
        "writes the results.",
        lay_table(("Shape", "What is particular", "Lines of the definition", "Loaded by it", "Guess alone"), rows),
        "A guess is *right* where its rows are those of the definition below. In a field that the file does not "
        "decide, such as the action where there is only a rating, a constant is right, too, if guess says so. It is "
        "*rightly refused* where it needs to be told more, such as the time of a file that has none.",
    ]
    for shape in shapes:
        settings_of_shape = shape.settings.rstrip().replace("[sources.wild]", f"[sources.{shape.name}]")
        parts += [f"## {shape.name}", end_sentence(shape.about), f"```toml\n{settings_of_shape}\n```"]
    return parts


def _list(keys: Keys) -> str:
    rows = [(f"`{key}`", what.replace("|", "\\|"), words) for key, (what, words) in keys.items()]
    return lay_table(("Key", "Holds", "Says"), rows)
