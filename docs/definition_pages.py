"""The reference page of source definitions, made from the keys that their reader knows."""

# ruff: noqa: E501  (the text of a page stands as it will be read)

from __future__ import annotations

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


def _list(keys: Keys) -> str:
    rows = [("Key", "Holds", "Says"), ("---",) * 3]
    rows += [(f"`{key}`", what.replace("|", "\\|"), words) for key, (what, words) in keys.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
