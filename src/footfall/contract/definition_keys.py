"""The keys of a source definition; the reader of TOML and the reference page take them from here.

Shape: key -> (the values it may have, its meaning).
"""

from __future__ import annotations

Keys = dict[str, tuple[str, str]]

FILE_KEYS: Keys = {
    "match": (
        "list of patterns",
        "The paths that this definition is for, as SOURCE on the command line may name them.",
    ),
    "format": ("csv, jsonl, json, parquet", "Default: what the name of the file says, compression aside; else `csv`."),
    "encoding": ("name", "`utf-8`, `utf-16` (with its mark), or any encoding of one byte that Python knows."),
    "null_values": ("list of texts", "Words that stand for a missing value, beside the empty one."),
    "where": (
        "list of conditions",
        "Which records are interactions; all must hold. The others are skipped and counted.",
    ),
    "id_space": ("text", "Keeps made ids of these files apart from those of others. Default: the definition's name."),
}
DELIMITED_KEYS: Keys = {
    "delimiter": ('text, "tab" or "blanks"', "One character or more; `blanks` is a run of spaces and tabs."),
    "quoting": ("true, false", "Whether a field may stand in double quotes. Default: true."),
    "header": ("true, false", "Whether the first record names the columns. Default: true."),
    "columns": ("list of names", "Names of the fields of a file without a header, in their order."),
    "skip_lines": ("number", "So many lines stand before the header; they are no rows."),
    "comment": ("text", "Lines that begin with it are no rows, wherever they stand."),
}
JSON_KEYS: Keys = {
    "explode": (
        "path",
        "Path of a list: each of its items is a row. A column `..name` looks at what encloses the list.",
    ),
    "records": ("path", "Path of the list of records in a JSON document that is an object."),
}
COLUMN_KEYS: Keys = {
    "interaction_id": ("column or table", "The id of the interaction: a column, a key of several, or made."),
    "user_id": ("column or table", "Who."),
    "product_id": ("column or table", "On what."),
    "action": ("column or table", "What was done."),
    "timestamp": ("column or table", "When."),
}
FIELD_KEYS: Keys = {
    "column": (
        "name, position, path, or a list",
        "Of a list, the first that is not missing. `payload -> user.id` is a path into the JSON text of a column.",
    ),
    "value": ("constant", "The same for every record."),
    "default": ("constant", "Stands in where all columns are missing."),
    "extract": ("regular expression", "Its one group is the value: `N([0-9]+)-` makes 73 of `N73-0`."),
}
ID_KEYS: Keys = {
    "integers": ('"as-float"', "Takes 123.0 for 123, as pandas writes ids of a column with gaps."),
}
INTERACTION_ID_KEYS: Keys = {
    "columns": ("list of columns", "A key of several columns, joined to a text that cannot be taken for another."),
    "from": ("record, fields, position", "Makes the id, which is a UUID; see below."),
}
TIMESTAMP_KEYS: Keys = {
    "columns": ("list of columns", "Joined by a space: a date and a time."),
    "format": (
        "format, or a list",
        "`iso` (the default), `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`, or a pattern such as "
        "`%d/%m/%Y %H:%M`. Of several, a value that two read differently is `ambiguous-timestamp`.",
    ),
    "time_zone": ("name", "Zone of times that name none. Default: the setting `source_time_zone`."),
    "from_name": ("pattern", "The time comes from the file's name: `interactions-%Y-%m-%d`."),
}
CONDITION_KEYS: Keys = {
    "column": ("name, position or path", "Where the value stands."),
    "in": ("list of constants", "The value is one of these."),
    "not_in": ("list of constants", "The value is none of these; a missing one is none of them."),
    "missing": ("true, false", "Whether the value is missing."),
}

KEYS = FILE_KEYS | DELIMITED_KEYS | JSON_KEYS | COLUMN_KEYS
KEYS_OF_FIELD: dict[str, Keys] = {
    "interaction_id": FIELD_KEYS | ID_KEYS | INTERACTION_ID_KEYS,
    "user_id": FIELD_KEYS | ID_KEYS,
    "product_id": FIELD_KEYS | ID_KEYS,
    "action": FIELD_KEYS,
    "timestamp": FIELD_KEYS | TIMESTAMP_KEYS,
}
