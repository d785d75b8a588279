"""The same interactions in the forms in which people have them: how each file is made, read and compared."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

PLAIN = "plain CSV"
DEFINITION = "measured"
BLOCK_CHARACTERS = 1 << 20
OWN = "interaction_id, user_id, product_id, action, timestamp"
READ_SQL = """
select * from read_csv(getvariable('plain'), columns = {
    'interaction_id': 'bigint', 'user_id': 'bigint', 'product_id': 'bigint', 'action': 'varchar',
    'timestamp': 'varchar'
})
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a file.

    `select` gives the records from those of the plain file, and `options` say how DuckDB writes them; `finish` turns
    what DuckDB wrote into the file. `toml` is footfall.toml: the definition, and types of ids. `ours` and `plain` are
    what is read, in order, of the tables of this form and of those of the plain one: they must be equal. `most` is how
    many times the plain form it may take, `by_bytes` for as many bytes as the plain form has. Only `is_usual` forms
    are measured unless others are named.
    """

    suffix: str
    meaning: str
    select: str
    options: str
    toml: str = ""
    plain: str = OWN
    ours: str = OWN
    finish: Callable[[Path, Path], None] | None = None
    most: float | None = None
    by_bytes: bool = False
    is_usual: bool = True


def recode(written: Path, path: Path) -> None:
    """Write a text anew in windows-1252."""
    with written.open(encoding="utf-8", newline="") as text, path.open("w", encoding="cp1252", newline="") as file:
        while block := text.read(BLOCK_CHARACTERS):
            file.write(block)


def _compressing(open_file: Callable[[Path], Any]) -> Callable[[Path, Path], None]:
    def compress(written: Path, path: Path) -> None:
        with written.open("rb") as file, open_file(path) as target:
            shutil.copyfileobj(file, target, BLOCK_CHARACTERS)

    return compress


def _id_types(kind: str, *columns: str) -> str:
    return "".join(f'{column}_id_type = "{kind}"\n' for column in columns)


def _compressed(suffix: str, open_file: Callable[[Path], Any]) -> Form:
    return Form(
        f"csv.{suffix}",
        f"the plain file, compressed as `.{suffix}`",
        OWN,
        CSV,
        finish=_compressing(open_file),
        is_usual=False,
    )


CSV = "format csv, header true"
TEXT_ID, TEXT_USER = "left(md5(interaction_id::varchar), 20)", "left(md5('user ' || user_id::varchar), 20)"
UUID_ID = "md5(interaction_id::varchar)::uuid"
ALL_BUT_ID = "user_id, product_id, action, timestamp"
OTHER_ORDER = """
timestamp = { column = "at", format = "epoch-ms" }
action = { value = "view" }
product_id = "item"
user_id = "visitor"
interaction_id = "event"
"""
FORMS = {
    PLAIN: Form("csv", "Footfall's own five columns; ids are integers that rise", OWN, CSV),
    "mapped CSV": Form(
        "csv",
        "other names in another order, an action that is a constant, times as milliseconds since 1970",
        "epoch_ms(timestamp::timestamp) as at, 'web' as channel, product_id as item, user_id as visitor, "
        "interaction_id as event",
        CSV,
        f"[sources.{DEFINITION}]\n{OTHER_ORDER.strip()}\n",
        plain="interaction_id, user_id, product_id, 'view'::text, timestamp",
        most=1.1,
    ),
    "JSON Lines": Form("jsonl", "an object a line, ids as numbers", OWN, "format json", most=1.5, by_bytes=True),
    "JSON document": Form("json", "one array of the same objects", OWN, "format json, array true"),
    "Parquet": Form(
        "parquet",
        "integers, text, timestamps in microseconds; as DuckDB writes it (Snappy)",
        "* replace (timestamp::timestamp as timestamp)",
        "format parquet",
        most=0.9,
    ),
    "text ids": Form(
        "csv",
        "interaction and user are text of 20 random hexadecimal digits",
        f"* replace ({TEXT_ID} as interaction_id, {TEXT_USER} as user_id)",
        CSV,
        _id_types("text", "interaction", "user"),
        plain=f'{TEXT_ID} collate "C", {TEXT_USER} collate "C", product_id, action, timestamp',
        most=1.5,
    ),
    "UUIDs": Form(
        "csv",
        "the interaction's id is a random UUID",
        f"* replace ({UUID_ID} as interaction_id)",
        CSV,
        _id_types("uuid", "interaction"),
        plain=f"{UUID_ID}, {ALL_BUT_ID}",
    ),
    "made ids": Form(
        "csv",
        'no id of the interaction: `from = "record"`',
        "* exclude (interaction_id)",
        CSV,
        f'{_id_types("uuid", "interaction")}[sources.{DEFINITION}]\ninteraction_id = {{ from = "record" }}\n',
        plain=ALL_BUT_ID,
        ours=ALL_BUT_ID,
        most=1.6,
    ),
    "windows-1252": Form(
        "csv",
        "semicolons between fields, an action with an accent, encoded as windows-1252",
        "* replace (replace(action, 'click', 'cliqué') as action)",
        f"{CSV}, delimiter ';'",
        f'[sources.{DEFINITION}]\ndelimiter = ";"\nencoding = "windows-1252"\n',
        plain="interaction_id, user_id, product_id, replace(action, 'click', 'cliqué'), timestamp",
        finish=recode,
    ),
    "gzip": _compressed("gz", partial(gzip.GzipFile, mode="wb", compresslevel=6)),
    "bzip2": _compressed("bz2", partial(bz2.BZ2File, mode="wb")),
    "xz": _compressed("xz", partial(lzma.LZMAFile, mode="wb", preset=1)),
    "Zstandard": _compressed("zst", lambda path: pa.CompressedOutputStream(str(path), "zstd")),
}


def write(name: str, plain: Path, folder: Path) -> Path:
    """Write the interactions of the plain file in one form, and footfall.toml beside it."""
    form = FORMS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if form.toml:
        (folder / "footfall.toml").write_text(form.toml, encoding="utf-8")
    if name == PLAIN:
        return plain
    path = folder / f"interactions.{form.suffix}"
    written = folder / "written.part" if form.finish else path
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = true")
        connection.execute("set variable plain = $1", [str(plain)])
        target = str(written).replace("'", "''")
        connection.execute(f"copy (select {form.select} from ({READ_SQL})) to '{target}' ({form.options})")
    if form.finish:
        form.finish(written, path)
        written.unlink()
    return path
