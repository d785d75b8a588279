"""Find the records of a source file, whatever its format seems to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from footfall.errors import SourceError
from footfall.formats.sniffing.access_log import is_access_log, read_access_log
from footfall.formats.sniffing.delimited_text import read_delimited
from footfall.formats.sniffing.encodings import Text, decode
from footfall.formats.sniffing.json_text import is_json, read_json
from footfall.formats.sniffing.parquet_file import MAGIC, read_parquet
from footfall.formats.sniffing.records import ROWS_MAX, Column, Records
from footfall.formats.sniffing.sampling import take_places, take_sample
from footfall.safe_text import find_scheme
from footfall.sources import compression, opening, recognition


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one file gave. `is_whole` says that all of the file was looked at."""

    source: str
    file_name: str
    records: Records
    is_whole: bool


def look_at(file: opening.SourceFile) -> Look:
    """Look at one open file: all of a small one, places from all over a large one.

    Effects: reads the file. A compressed file is decompressed while it is read.
    Raises: SourceError, which says what the file is, where no source definition can read it.
    """
    name = PurePosixPath(urlsplit(file.source).path if find_scheme(file.source) else file.source).name
    start = file.stream.read(recognition.START_BYTES)
    if not start:
        raise SourceError("is empty", source=file.source)
    if start.startswith(MAGIC):
        file.stream.seek(0)
        records, is_whole = read_parquet(file.stream, file.source)
        return Look(file.source, name, records, is_whole)
    if compression.find_decompressor(start) is None:
        recognition.refuse_unreadable(start, file.source)
    blocks = opening.read_content(file)
    if compression.find_decompressor(start) is None and file.size_bytes > 0:
        next(blocks)  # a name that promises another compression is refused here
        sample = take_places(file.stream, file.size_bytes)
    else:
        sample = take_sample(blocks)
    recognition.refuse_unreadable(sample.head[: recognition.START_BYTES], file.source)
    text = decode(sample, file.source)
    found = _read(text, name)
    if isinstance(found, str):
        raise SourceError(f"cannot be read as records: {found}", source=file.source)
    if text.part is not None:
        keys = found.keys if text.encoding == "utf-8" else found.keys | {"encoding": text.encoding}
        found = replace(found, keys=keys, parts=(*found.parts, text.part))
    return Look(file.source, name, found, text.is_whole and not found.is_cut)


def _read(text: Text, name: str) -> Records | str:
    if is_json(text.pieces[0]):
        return read_json(text, name)
    if is_access_log(text):
        return read_access_log(text)
    return read_delimited(text)


def join_looks(looks: list[Look]) -> tuple[Records, bool]:
    """Put the rows of several files together.

    Raises: SourceError where they are of different kinds, which are guessed one at a time.
    """
    first = looks[0]
    for look in looks[1:]:
        if _describe_kind(look.records) != _describe_kind(first.records):
            raise SourceError(
                f"is {look.records.looks_like}, and unlike {first.source}, which is {first.records.looks_like}: "
                "guess files of one kind at a time",
                source=look.source,
            )
    if len(looks) == 1:
        return first.records, first.is_whole
    room = max(1, ROWS_MAX // len(looks))
    counts = [min(look.records.rows, room) for look in looks]
    columns: list[Column] = []
    seen = {column.reference: column for look in looks for column in reversed(look.records.columns)}
    order = dict.fromkeys(column.reference for look in looks for column in look.records.columns)
    for reference in order:
        values: list[str | None] = []
        for look, count in zip(looks, counts, strict=True):
            column = look.records.find_column(reference)
            values += column.values[:count] if column else (None,) * count
        columns.append(replace(seen[reference], values=tuple(values)))
    parts = list(dict.fromkeys(repr(part) for look in looks for part in look.records.parts))
    by_text = {repr(part): part for look in looks for part in look.records.parts}
    records = replace(
        first.records, columns=tuple(columns), rows=sum(counts), parts=tuple(by_text[each] for each in parts)
    )
    return records, all(look.is_whole for look in looks) and counts == [look.records.rows for look in looks]


def _describe_kind(records: Records) -> tuple[object, ...]:
    """Give what files of one kind have in common. The members of JSON objects may differ from file to file."""
    keys = {key: repr(value) for key, value in sorted(records.keys.items()) if key != "columns" or records.has_names}
    if records.keys.get("format") in ("json", "jsonl"):
        return (tuple(keys.items()),)
    return tuple(keys.items()), tuple(
        column.reference for column in records.columns if "->" not in str(column.reference)
    )
