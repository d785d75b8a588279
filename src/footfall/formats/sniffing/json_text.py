"""Read JSON Lines and JSON documents as records by columns: an object on each line, an array, or an array within."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from footfall.formats.sniffing.encodings import Text
from footfall.formats.sniffing.fields import split_lines, split_pieces
from footfall.formats.sniffing.json_values import DECODER, Leaf, flatten, join_path, read_object
from footfall.formats.sniffing.names import score_name
from footfall.formats.sniffing.records import ROWS_MAX, Column, Records
from footfall.results.guessing import GuessedPart

COLUMNS_MAX = 400
KINDS_OF_STREAMS = {"RECORD", "SCHEMA", "STATE"}  # kinds of lines in streams of Singer and Airbyte
NAME_SCORE = 60
LEAST_SCORES = {"timestamp": 60, "action": 40, "product_id": 60}  # a list has a field from this score on
ITEM = re.compile(r"\{")
Objects = list[dict[str, Any]]


def is_json(text: str) -> bool:
    """Say whether a text begins as JSON does."""
    begin = text.lstrip()[:2000]
    return bool(re.match(r'\{\s*("|\}|$)|\[\s*(\{|\[|"|\]|-?\d|$)', begin)) and not re.match(r"\[\d\d/", begin)


def read_json(text: Text, file_name: str) -> Records | str:
    """Read the objects of a sample of JSON, or say why they are no records."""
    lines = split_lines(text.pieces[0], is_first=True, is_last=len(text.pieces) == 1)
    filled = [line for line in lines if line.strip()]
    first = read_object(filled[0]) if filled else None
    is_lined = first is not None and (
        len(filled) > 1
        or file_name.lower().endswith((".jsonl", ".ndjson"))
        or not (_find_lists([first], "", depth=3, least=2) or _is_keyed(first))
    )
    if is_lined and len(filled) > 1 and read_object(filled[1]) is None and len(text.pieces) == 1 and len(filled) < 4:
        is_lined = read_object(filled[-1]) is not None
    if is_lined:
        objects, bad, is_cut = _read_lines(text)
        parts = _tell_bad(bad, len(objects))
        found = _give(objects, {"format": "jsonl"}, "JSON Lines, an object a line", parts)
        return found if isinstance(found, str) else replace(found, is_cut=is_cut)
    return _read_document(text)


def _tell_bad(bad: int, good: int) -> list[GuessedPart]:
    if not bad:
        return []
    return [
        GuessedPart(
            "", None, "not sure", f"of {good + bad:,} lines seen, {bad:,} are no JSON object: they would be rejected"
        )
    ]


def _read_lines(text: Text) -> tuple[Objects, int, bool]:
    objects: Objects = []
    bad = 0
    pieces, is_cut = split_pieces(text.pieces, ROWS_MAX)
    for piece in pieces:
        for line in piece:
            if not line.strip():
                continue
            found = read_object(line)
            if found is None:
                bad += 1
            else:
                objects.append(found)
    return objects, bad, is_cut


def _read_document(text: Text) -> Records | str:
    begin = text.pieces[0].lstrip()
    if text.is_whole:
        values, is_cut = _decode_all(begin)
        told = "the JSON breaks off before its end, or is broken: as it is, it cannot be loaded"
        parts = [GuessedPart("", None, "not sure", told)] if is_cut else []
        return _take_values(values, parts) if values else _take_beginning(begin, parts)
    return _take_pieces(begin, text)


def _take_beginning(begin: str, parts: list[GuessedPart]) -> Records | str:
    """Take the records that can be read from a document that is cut."""
    path, start = _find_array(begin)
    objects = _decode_items(begin, start) if start >= 0 else []
    if not objects:
        return "it begins like JSON, and is none: it is cut, or broken"
    keys: dict[str, Any] = {"format": "json"} | ({"records": path} if path else {})
    return _give(objects, keys, "one JSON document with a list of objects", parts)


def _take_pieces(begin: str, text: Text) -> Records | str:
    """Take objects out of the pieces of a large document. Its beginning tells where its list is, and how they look."""
    path, start = _find_array(begin)
    if start < 0:
        return "it is one JSON document, and its beginning holds no list of objects"
    objects = _decode_items(begin, start)
    usual = set(objects[0]) if objects else set()
    for piece in text.pieces[1:]:
        objects += _decode_items(piece, 0, usual)
    keys: dict[str, Any] = {"format": "json"} | ({"records": path} if path else {})
    parts = [GuessedPart("records", path, "likely", "the first list of objects in the document")] if path else []
    return _give(objects[:ROWS_MAX], keys, "one JSON document with a list of objects", parts)


def _decode_all(begin: str) -> tuple[list[Any], bool]:
    """Decode all values that stand behind each other."""
    values: list[Any] = []
    at = 0
    while at < len(begin):
        try:
            value, at = DECODER.raw_decode(begin, at)
        except (ValueError, RecursionError):
            return values, True
        values.append(value)
        while at < len(begin) and begin[at] in " \t\r\n,":
            at += 1
    return values, False


def _take_values(values: list[Any], parts: list[GuessedPart]) -> Records | str:
    if len(values) > 1 and all(isinstance(value, dict) for value in values):
        parts.append(GuessedPart("format", "json", "likely", "objects behind each other, each over several lines"))
        return _give(values, {"format": "json"}, "JSON objects behind each other", parts)
    value = values[0]
    if isinstance(value, list):
        objects = [each for each in value if isinstance(each, dict)]
        if not objects or len(objects) < len(value):
            return "it is a JSON array whose items are no objects: their values have no names"
        return _give(objects, {"format": "json"}, "one JSON array of objects", parts)
    if not isinstance(value, dict):
        return "it is a single JSON value, and no list of records"
    lists = _find_lists([value], "", depth=4, least=1)
    if lists:
        path, items = max(lists, key=lambda each: len(each[1]))
        keys = {"format": "json", "records": path}
        parts.append(
            GuessedPart("records", path, "sure", f"the longest list of objects in the document, with {len(items):,}")
        )
        return _give(items, keys, "a JSON object that holds a list of objects", parts)
    if _is_keyed(value):
        return "it is a JSON object whose members are the records, each under a name of its own; write them as a list"
    return "it is one JSON object, and holds no list of objects"


def _is_keyed(value: dict[str, Any]) -> bool:
    """Say whether the members of an object are records, each under its own name."""
    return len(value) > 1 and all(isinstance(each, dict) for each in value.values())


def _find_lists(objects: Objects, prefix: str, depth: int, least: int) -> list[tuple[str, Objects]]:
    """Find lists of objects inside the first object, by path."""
    found: list[tuple[str, Objects]] = []
    for name, value in objects[0].items():
        path = join_path(prefix, name) if name.strip() else ""
        if isinstance(value, list) and len(value) >= least and all(isinstance(each, dict) for each in value):
            found.append((path, value))
        elif isinstance(value, dict) and depth > 1 and value:
            found += _find_lists([value], path, depth - 1, least)
    return found


def _find_array(begin: str) -> tuple[str, int]:
    """Find where the first list of objects begins, and its path, in the beginning of a document."""
    if begin.startswith("["):
        return "", 1
    for found in re.finditer(r'"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{', begin):
        before = begin[: found.start()]
        opened = re.findall(r'"((?:[^"\\]|\\.)*)"\s*:\s*\{', before)
        depth = before.count("{") - before.count("}")
        names = [*opened[-(depth - 1) :], found[1]] if depth > 1 else [found[1]]
        path = ""
        for name in names:
            path = join_path(path, json.loads(f'"{name}"'))
        return path, found.end() - 1
    return "", -1


def _decode_items(piece: str, start: int, usual: set[str] | None = None) -> Objects:
    """Decode the objects of a list, from a place on. With `usual`, only those with half of its names count."""
    objects: Objects = []
    at = start
    while (found := ITEM.search(piece, at)) and len(objects) < ROWS_MAX:
        try:
            value, end = DECODER.raw_decode(piece, found.start())
        except (ValueError, RecursionError):
            if usual is None:
                break
            at = found.end()
            continue
        if usual is None or len(usual & set(value)) * 2 >= len(usual):
            objects.append(value)
            at = end
        else:
            at = found.end()
    return objects


def _give(objects: Objects, keys: dict[str, Any], looks: str, parts: list[GuessedPart]) -> Records | str:
    if not objects:
        return f"it is {looks}, and holds no object"
    objects, where = _choose_kind(objects)
    if where:
        keys["where"] = where
        reason = "the other lines say how the stream is made; they are skipped and counted"
        parts.append(GuessedPart("where", where, "sure", reason))
    rows = [flatten(each) for each in objects]
    path = _choose_list(objects, rows)
    if path is not None:
        keys["explode"] = path
        rows = _explode(objects, rows, path)
        looks += f", each with a list of records ({path})"
        reason = "each item of this list is an interaction; a path that begins with .. looks at what encloses it"
        parts.append(GuessedPart("explode", path, "likely", reason))
    if not rows:
        return f"it is {looks}, and the list is always empty"
    return Records(_list_columns(rows), len(rows), keys, looks, tuple(parts))


def _list_columns(rows: list[dict[str, Leaf]]) -> tuple[Column, ...]:
    seen: dict[str, Leaf] = {}
    for row in rows:
        for path, leaf in row.items():
            seen.setdefault(path, leaf)
        if len(seen) > COLUMNS_MAX:
            break
    made = []
    for path, leaf in list(seen.items())[:COLUMNS_MAX]:
        leaves = [row.get(path) for row in rows]
        lists = sum(each.is_list for each in leaves if each)
        values = tuple(None if each is None or each.is_list else each.text for each in leaves)
        made.append(Column(path, leaf.words, values, is_list=lists > 0))
    return tuple(made)


def _choose_kind(objects: Objects) -> tuple[Objects, list[dict[str, Any]]]:
    """Keep the records alone if a stream says of each line which kind it is."""
    kinds = Counter(each.get("type") for each in objects if isinstance(each.get("type"), str))
    if "RECORD" in kinds and any(isinstance(each.get("record"), dict) for each in objects):
        chosen = [each for each in objects if each.get("type") == "RECORD"]
        if len(chosen) < len(objects) or kinds.keys() <= KINDS_OF_STREAMS:
            return chosen, [{"column": "type", "in": ["RECORD"]}]
    return objects, []


def _choose_list(objects: Objects, rows: list[dict[str, Leaf]]) -> str | None:
    """Choose the list whose items are interactions: they have a time, or a product that stands nowhere else."""
    counts: Counter[str] = Counter()
    items: dict[str, Objects] = {}
    for each in objects[:500]:
        for path, found in _find_lists([each], "", depth=3, least=1):
            counts[path] += 1
            items.setdefault(path, []).extend(found[:20])
    outer = _find_best_scores({leaf.words for row in rows[:500] for leaf in row.values() if not leaf.is_list})
    best: tuple[float, str] | None = None
    for path, count in counts.items():
        if count * 2 < min(len(objects), 500):
            continue
        inner = _find_best_scores({leaf.words for each in items[path] for leaf in flatten(each).values()})
        brings = [role for role in ("timestamp", "action", "product_id") if inner[role] >= LEAST_SCORES[role]]
        is_wanted = ("timestamp" in brings and len(brings) > 1 and outer["timestamp"] < inner["timestamp"]) or (
            "product_id" in brings
            and outer["product_id"] < NAME_SCORE
            and ("timestamp" in brings or outer["timestamp"] >= NAME_SCORE)
        )
        if is_wanted and (best is None or len(brings) > best[0]):
            best = (len(brings), path)
    return best[1] if best else None


def _find_best_scores(names: set[str]) -> dict[str, float]:
    best = {"timestamp": 0.0, "action": 0.0, "product_id": 0.0}
    for name in names:
        for role, score in score_name(name).items():
            if role in best:
                best[role] = max(best[role], score)
    return best


def _explode(objects: Objects, rows: list[dict[str, Leaf]], path: str) -> list[dict[str, Leaf]]:
    made: list[dict[str, Leaf]] = []
    for each, outer in zip(objects, rows, strict=True):
        items = next((found for at, found in _find_lists([each], "", depth=3, least=1) if at == path), [])
        around = {f"..{name}": leaf for name, leaf in outer.items() if name != path}
        for item in items:
            if len(made) >= ROWS_MAX:
                return made
            made.append(flatten(item) | around)
    return made
