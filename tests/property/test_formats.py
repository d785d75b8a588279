"""The law over formats: the same interactions, however they are written, split, ordered and repeated: the same tables.

And the law of made ids: which rows are one is decided by the records and their files, by nothing else.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footfall
from emptying import empty_tables
from sampling import examples

EXAMPLES = int(os.environ.get("FOOTFALL_FORMAT_EXAMPLES") or examples(5))
SLOW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ID_TYPES = ("bigint", "text", "uuid")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# One definition a format, each with names, places and times of its own; the files choose theirs by `match`.
DEFINITIONS = """
[sources.semicolons]
match = ["*.csv"]
format = "csv"
delimiter = ";"
interaction_id = "Event"
user_id = "visitor"
product_id = "item"
action = "what"
timestamp = { column = "ts", format = "epoch-ms" }

[sources.tabs]
match = ["*.tsv"]
format = "csv"
delimiter = "tab"
header = false
interaction_id = 3
user_id = 1
product_id = 2
action = 6
timestamp = { columns = [4, 5], format = "%d/%m/%Y %H:%M:%S.%f", time_zone = "UTC" }

[sources.lines]
match = ["*.jsonl"]
format = "jsonl"
interaction_id = "event.id"
user_id = '["user.id"]'
product_id = "event.items[0].sku"
action = "event.kind"
timestamp = "at"

[sources.document]
match = ["*.json"]
format = "json"
interaction_id = "id"
user_id = "u"
product_id = "p"
action = "a"
timestamp = { column = "t", format = "epoch-us" }

[sources.columns]
match = ["*.parquet"]
format = "parquet"
interaction_id = "e"
user_id = "u"
product_id = "p"
action = "a"
timestamp = "t"
"""
Row = tuple[int, int, int, str, int]  # three numbers that ids are made of, an action, milliseconds since 1970


@pytest.fixture(scope="module")
def empty(new_database_of_module: Callable[[], str]) -> Callable[[str], str]:
    """Give a database for ids of a type, without rows."""
    made = cache(lambda types: new_database_of_module())
    return lambda types: empty_tables(made(types))


def as_id(number: int, id_type: str) -> Any:
    """Give an id of a type: as the tables hold it."""
    if id_type == "bigint":
        return number
    return f"id-{number:02}" if id_type == "text" else uuid.UUID(int=number)


def in_file(number: int, id_type: str, *, is_json: bool = False) -> Any:
    made = as_id(number, id_type)
    return made if is_json and id_type == "bigint" else str(made)


def write_semicolons(rows: list[Row], id_type: str) -> bytes:
    held = io.StringIO()
    writer = csv.writer(held, delimiter=";", lineterminator="\r\n")
    writer.writerow(["note", "ts", "what", "item", "VISITOR", "event"])
    for number, user, product, action, at in rows:
        ids = (in_file(each, id_type) for each in (product, user, number))
        writer.writerow(["n", at, action, *ids])
    return held.getvalue().encode()


def write_tabs(rows: list[Row], id_type: str) -> bytes:
    held = io.StringIO()
    writer = csv.writer(held, delimiter="\t", lineterminator="\n")
    for number, user, product, action, at in rows:
        day, _, clock = f"{instant(at):%d/%m/%Y %H:%M:%S.%f}".partition(" ")
        writer.writerow([*(in_file(each, id_type) for each in (user, product, number)), day, clock, action])
    return held.getvalue().encode()


def write_lines(rows: list[Row], id_type: str) -> bytes:
    lines = []
    for number, user, product, action, at in rows:
        ids = [in_file(each, id_type, is_json=True) for each in (number, user, product)]
        event = {"id": ids[0], "kind": action, "items": [{"sku": ids[2]}, {"sku": "other"}]}
        lines.append(
            json.dumps({"at": instant(at).isoformat(), "user.id": ids[1], "event": event}, ensure_ascii=at % 2 == 0)
        )
    return "\n".join(lines).encode()


def write_document(rows: list[Row], id_type: str) -> bytes:
    records = [
        {
            **{name: in_file(each, id_type, is_json=True) for name, each in zip("iup", row, strict=False)},
            "a": row[3],
            "t": row[4] * 1000,
        }
        for row in rows
    ]
    return json.dumps([{"id": each.pop("i"), **each} for each in records], indent=1).encode()


def write_columns(rows: list[Row], id_type: str) -> bytes:
    ids = pa.int64() if id_type == "bigint" else pa.string()
    made: dict[str, Any] = {
        name: pa.array([in_file(row[at], id_type, is_json=True) for row in rows], ids) for at, name in enumerate("eup")
    }
    made["a"] = pa.array([row[3] for row in rows], pa.string()).dictionary_encode()
    made["t"] = pa.array([instant(row[4]) for row in rows], pa.timestamp("us", "UTC"))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(made), sink, row_group_size=3)
    return bytes(sink.getvalue())


WRITERS: dict[str, Callable[[list[Row], str], bytes]] = {
    "csv": write_semicolons,
    "tsv": write_tabs,
    "jsonl": write_lines,
    "json": write_document,
    "parquet": write_columns,
}


def instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def write_settings(id_type: str, definitions: str = DEFINITIONS) -> None:
    types = [f'{column}_type = "{id_type}"' for column in ("interaction_id", "user_id", "product_id")]
    Path("footfall.toml").write_text("\n".join([*types, 'max_rejected = "0"', definitions]))


ACTIONS = ("view", "buy it", "caf\u00e9 \U0001f600", 'a "quoted" one', "a;b\tc", "two\nlines", "null", "\\")
rows_drawn = st.lists(
    st.tuples(
        st.integers(0, 60), st.integers(0, 3), st.integers(0, 3), st.sampled_from(ACTIONS), st.integers(0, 2**41)
    ),
    max_size=20, unique_by=lambda row: row[0],
)  # fmt: skip


@st.composite
def deliveries(draw: st.DrawFn, rows: list[Row], kinds: tuple[str, ...]) -> list[tuple[str, list[Row]]]:
    """Give the rows in some order, cut into files of some formats; some rows come twice."""
    lines = [*rows, *draw(st.lists(st.sampled_from(rows), max_size=5))] if rows else []
    shuffled = draw(st.permutations(lines))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    return [(draw(st.sampled_from(kinds)), part) for part in parts if part]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("csv", "tsv", "jsonl", "json"), tuple(WRITERS)], ids=" ".join)
def test_the_same_interactions_in_any_format_are_the_same_tables(
    empty: Callable[[str], str], contents: Any, kinds: tuple[str, ...]
) -> None:
    @SLOW
    @given(data=st.data(), id_type=st.sampled_from(ID_TYPES), rows=rows_drawn)
    def same_tables(data: st.DataObject, id_type: str, rows: list[Row]) -> None:
        write_settings(id_type)
        wanted = sorted(
            (*(as_id(each, id_type) for each in row[:3]), row[3], instant(row[4])) for row in rows
        )  # fmt: skip
        pairs = Counter(row[1:3] for row in wanted)
        delivered = data.draw(deliveries(rows, kinds))
        names = []
        for at, (kind, part) in enumerate(delivered):
            names.append(f"{at}.{kind}")
            Path(names[-1]).write_bytes(WRITERS[kind](part, id_type))
        distinct = {Path(name).read_bytes(): len(part) for name, (_, part) in zip(names, delivered, strict=True)}
        conninfo = empty(id_type)
        if names:
            summary = footfall.load(*names, database_url=conninfo)
            assert [each.error for each in summary.loads] == [None] * len(names)
            assert summary.rows_read == sum(distinct.values())  # equal files are one file
            assert summary.rows_read == summary.rows_loaded + summary.rows_duplicate
            again = footfall.load(*reversed(names), database_url=conninfo)
            assert {each.status for each in again.loads} == {"already-loaded"}
            found = contents(conninfo)
            assert found["raw"] == wanted
            assert found["interactions"] == [(*pair, count) for pair, count in sorted(pairs.items())]
            assert footfall.verify(database_url=conninfo).drift == ()

    same_tables()


MADE = """
[sources.made]
format = "csv"
interaction_id = { from = "%s" }
user_id = "user"
product_id = "item"
action = "what"
timestamp = "at"
"""
NOTES = ("a", "b", "", '"two, parts"')
records = st.tuples(st.integers(1, 2), st.integers(1, 2), st.sampled_from(NOTES))
Record = tuple[int, int, str]


def made_file(lines: list[Record], *, end: str = "\n") -> bytes:
    return end.join(["user,item,what,at,note", *(f"{u},{p},v,2024-01-01,{note}" for u, p, note in lines), ""]).encode()


def write_made(made_from: str) -> None:
    """Say that interaction ids are made; users and products are numbers."""
    Path("footfall.toml").write_text(f'interaction_id_type = "uuid"\nmax_rejected = "0"\n{MADE % made_from}')


def load_made(conninfo: str, files: list[bytes], **settings: Any) -> Any:
    """Load files one after the other, by their numbers."""
    for at, content in enumerate(files):
        Path(f"made-{at}.csv").write_bytes(content)
    names = [f"made-{at}.csv" for at in range(len(files))]
    summary = footfall.load(*names, source="made", database_url=conninfo, **settings)  # type: ignore[call-arg]
    assert [each.error for each in summary.loads] == [None] * len(files)
    return summary


def most_in_one_file(files: list[list[Record]], key: Callable[[Record], Any]) -> Counter[Any]:
    """Count how often each record is an interaction: as often as it stands in the file that has it most often."""
    found: Counter[Any] = Counter()
    for lines in files:
        found |= Counter(map(key, lines))
    return found


@SLOW
@given(
    files=st.lists(st.lists(records, min_size=1, max_size=12), min_size=1, max_size=4),
    made_from=st.sampled_from(["record", "fields"]),
)
def test_a_record_counts_as_often_as_the_file_has_it_that_has_it_most_often(
    empty: Callable[[str], str], contents: Any, files: list[list[Record]], made_from: str
) -> None:
    write_made(made_from)
    wanted = most_in_one_file(files, lambda record: record if made_from == "record" else record[:2])
    pairs: Counter[tuple[int, int]] = Counter()
    for key, count in wanted.items():
        pairs[key[:2]] += count
    tables = []
    for order in (files, files[::-1], [sorted(lines) for lines in files]):
        conninfo = empty("made")
        load_made(conninfo, [made_file(lines) for lines in order])
        tables.append(contents(conninfo))
        assert tables[-1]["interactions"] == [(*pair, count) for pair, count in sorted(pairs.items())]
        assert tables[-1]["raw"] == tables[0]["raw"]  # the ids, too
    assert len({row[0] for row in tables[0]["raw"]}) == sum(wanted.values())


@SLOW
@given(data=st.data(), lines=st.lists(records, min_size=1, max_size=12))
def test_a_file_cut_in_two_gives_the_same_ids_but_for_repeats_that_fall_into_both(
    empty: Callable[[str], str], contents: Any, data: st.DataObject, lines: list[Record]
) -> None:
    write_made("record")
    cut = data.draw(st.integers(0, len(lines)))
    halves = [part for part in (lines[:cut], lines[cut:]) if part]
    ids = []
    for parts in ([lines], halves):
        conninfo = empty("made")
        load_made(conninfo, [made_file(part) for part in parts])
        ids.append({row[0] for row in contents(conninfo)["raw"]})
    assert len(ids[0]) == len(lines)
    assert ids[1] <= ids[0]
    assert len(ids[1]) == sum(most_in_one_file(halves, lambda record: record).values())


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes, "csv.gz": gzip.compress, "csv.bz2": bz2.compress, "csv.xz": lzma.compress
}  # fmt: skip


def test_a_file_that_is_compressed_or_written_with_other_line_ends_gives_the_same_ids(
    database: str, contents: Any
) -> None:
    write_made("record")
    lines: list[Record] = [(1, 1, "a"), (1, 1, "a"), (2, 1, "b"), (1, 1, "a"), (1, 2, "")]
    for ending, pack in PACKED.items():
        Path(f"day.{ending}").write_bytes(pack(made_file(lines)))
        (result,) = footfall.load(f"day.{ending}", source="made", database_url=database).loads  # type: ignore[call-arg]
        assert (result.error, result.rows_read) == (None, 5)
        assert result.rows_loaded == (5 if ending == "csv" else 0)
    summary = load_made(database, [made_file(lines, end="\r\n"), made_file(lines[::-1])])
    assert (summary.rows_loaded, summary.rows_duplicate) == (0, 10)
    assert len(contents(database)["raw"]) == 5


def test_ids_of_positions_are_those_of_no_other_file(database: str, contents: Any) -> None:
    write_made("position")
    summary = load_made(database, [made_file([(1, 1, "a"), (1, 1, "a")]), made_file([(1, 1, "a")])])
    assert (summary.rows_loaded, summary.rows_duplicate) == (3, 0)
    assert len(contents(database)["raw"]) == 3
    assert {each.status for each in load_made(database, [made_file([(1, 1, "a")])]).loads} == {"already-loaded"}


def test_an_id_space_keeps_equal_records_of_two_sources_apart(database: str, contents: Any) -> None:
    write_made("record")
    load_made(database, [made_file([(1, 1, "a"), (1, 1, "b")])])
    for name, kept in (("renamed", 'id_space = "made"'), ("other", "")):
        text = MADE.replace("sources.made]", f"sources.{name}]\n{kept}") % "record"
        Path("footfall.toml").write_text(f'interaction_id_type = "uuid"\n{text}')
        Path("again.csv").write_bytes(made_file([(1, 1, "a")], end="\r\n" if kept else "\n"))
        (result,) = footfall.load("again.csv", source=name, database_url=database).loads  # type: ignore[call-arg]
        assert (result.rows_loaded, result.rows_duplicate) == ((0, 1) if kept else (1, 0))
    assert len(contents(database)["raw"]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("made_from", ["record", "fields"])
def test_repeats_far_apart_are_counted_alike_by_every_memory_limit_and_on_both_paths(
    empty: Callable[[str], str], contents: Any, made_from: str
) -> None:
    write_made(made_from)
    # 30,000 rows of some 1,000 bytes: several batches, whatever the limit; each record stands in every one of them.
    lines = [(at % 7 + 1, at % 11 + 1, f"{at % 13:0980}") for at in range(30_000)]
    content, before = made_file(lines), made_file([(9, 9, "before")])
    tables = []
    for limit_mb, is_first in ((128, True), (2048, True), (128, False), (2048, False)):
        conninfo = empty("made")
        load_made(conninfo, [content, before] if is_first else [before, content], memory_limit_mb=limit_mb)
        tables.append(contents(conninfo)["raw"])
        assert len(tables[-1]) == 30_001
        assert tables[-1] == tables[0]
