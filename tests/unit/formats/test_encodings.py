"""Files in other encodings than UTF-8: their text is judged, their bytes are kept."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path
from typing import Any

import pytest

from footfall.contract.definition import SourceDefinition
from footfall.errors import CorruptSourceError, SourceError
from footfall.formats.encodings import decode_blocks, encode_again
from judging import judge_file

HEADER = "interaction_id,user_id,product_id,action,timestamp,note\n"
MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def made(tmp_path: Path, content: bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def encoded(text: str, encoding: str) -> bytes:
    return MARKS.get(encoding, b"") + text.encode(encoding)


def says(encoding: str, **keys: Any) -> SourceDefinition:
    return SourceDefinition(encoding="utf-16" if encoding in MARKS else encoding, **keys)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1252", "iso8859-15", "cp037"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_text_is_read_in_its_encoding_and_kept_as_it_was(tmp_path: Path, encoding: str, is_packed: bool) -> None:
    bad = 'x,2,3,"caf\u00e9\nol\u00e9",2024-01-02,n'
    content = encoded(f"{HEADER}1,2,3,caf\u00e9,2024-01-02,\u00fc\n{bad}\n", encoding)
    path = made(tmp_path, gzip.compress(content) if is_packed else content)
    judged = judge_file(path, says(encoding))
    assert [(row["position"], row["action"]) for row in judged.accepted] == [(2, "caf\u00e9")]
    (row,) = judged.rejected
    assert (row["position"], row["raw_line"], row["raw_bytes"]) == (3, bad, bad.encode(encoding))
    assert row["raw_size_bytes"] == len(bad.encode(encoding))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1252"])
def test_blocks_may_end_anywhere(encoding: str, size: int) -> None:
    text = "a\u00e9" + ("\U0001f600" if encoding in MARKS else "\u20ac") + "b\r\n"
    content = encoded(text, encoding)
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    assert b"".join(decode_blocks(blocks, encoding, "a.csv")).decode() == text


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [("utf-16-le", b"\x00\xd8"), ("utf-16-be", b"\xdc\x01"), ("cp1252", b"\x81"), ("ascii", b"\xe9")],
)
@pytest.mark.parametrize("column", ["action", "note"])
def test_what_is_no_text_matters_in_the_five_fields_and_comes_back(
    tmp_path: Path, encoding: str, bad: bytes, column: str
) -> None:
    texts = {"action": "<>", "note": "n"} | {"action": "click", column: "<>"}
    before, after = f"1,2,3,{texts['action']},2024-01-02,{texts['note']}".split("<>")
    row = before.encode(encoding) + bad + after.encode(encoding)
    path = made(tmp_path, encoded(HEADER, encoding) + row + "\n".encode(encoding))
    judged = judge_file(path, says(encoding))
    if column == "note":
        assert [one["interaction_id"] for one in judged.accepted] == [1]
    else:
        assert [(code, field) for _, code, field, _ in judged.problems] == [("bad-encoding", "action")]
        (kept,) = judged.rejected
        assert (kept["raw_bytes"], kept["raw_size_bytes"]) == (row, len(row))


@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252", "latin-1", "koi8-r", "cp437", "mac-roman", "cp037"])
def test_every_byte_comes_back(encoding: str) -> None:
    content = bytes(range(256)) if encoding not in MARKS else b"\xff\xfe" + bytes(range(256)) * 2
    text = b"".join(decode_blocks(iter([content]), encoding, "a.csv"))
    assert encode_again(text, encoding) == content.removeprefix(MARKS.get(encoding, b""))


def as_json(action: str, more: str = "") -> str:
    ids = '"interaction_id": 1, "user_id": 2, "product_id": 3'
    return f'{{{ids}, "action": "{action}", "timestamp": "2024-01-02"{more}}}'


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1252", "iso8859-15", "cp037"])
@pytest.mark.parametrize("bad", [" ", "\\ud800", "x" * 501 + "\u00e9"], ids=["missing", "escape", "long"])
def test_a_json_document_keeps_its_bytes_as_they_were(tmp_path: Path, encoding: str, bad: str) -> None:
    record = as_json(bad, ', "note":  "\u00fc"')
    path = tmp_path / "a.json"
    path.write_bytes(encoded("[" + as_json("caf\u00e9") + f",\n {record} ," + as_json("b") + "]", encoding))
    judged = judge_file(path, says(encoding))
    assert [row["action"] for row in judged.accepted] == ["caf\u00e9", "b"]
    (row,) = judged.rejected
    assert (row["position"], row["item"], row["raw_line"]) == (2, 1, record)
    assert (row["raw_bytes"], row["raw_size_bytes"]) == (record.encode(encoding), len(record.encode(encoding)))


@pytest.mark.parametrize(("encoding", "bad"), [("cp1252", b"\x81"), ("utf-16-le", b"\x00\xd8")])
def test_bad_bytes_in_a_json_document_are_kept_as_they_were(tmp_path: Path, encoding: str, bad: bytes) -> None:
    before, after = as_json("?").split("?")
    record = before.encode(encoding) + bad + after.encode(encoding)
    path = tmp_path / "a.json"
    path.write_bytes(encoded("[", encoding) + record + "\n]".encode(encoding))
    (row,) = judge_file(path, says(encoding)).rejected
    assert (row["raw_bytes"], row["raw_size_bytes"]) == (record, len(record))
    assert [each["code"] for each in row["problems"]] == ["bad-encoding"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_long_record_with_a_bad_escape_is_cut_between_characters(tmp_path: Path, name: str) -> None:
    for shift in range(2):
        record = as_json("\\ud800", ', "note": "' + "x" * shift + "\u00e9" * 70_000 + '"')
        path = tmp_path / name
        path.write_bytes(encoded(record + "\n", "cp1252"))
        (row,) = judge_file(path, says("cp1252")).rejected
        assert row["raw_size_bytes"] == len(record)
        assert record.encode("cp1252").startswith(row["raw_bytes"])


@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252"])
@pytest.mark.parametrize("size", [400_000, 1_000_000, 5_000_000])
def test_a_long_record_of_a_json_document_has_the_size_of_its_stored_bytes(
    tmp_path: Path, encoding: str, size: int
) -> None:
    record = as_json("", ', "note": "' + "\u00e9" * size + '"')
    path = tmp_path / "a.json"
    path.write_bytes(encoded(f"[{as_json('a')},\n{record}\n]", encoding))
    (row,) = judge_file(path, says(encoding)).rejected
    assert row["raw_size_bytes"] == len(record.encode(encoding))
    assert record.encode(encoding).startswith(row["raw_bytes"])


@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252"])
def test_a_record_over_1_mb_is_known_by_the_size_of_its_stored_bytes(tmp_path: Path, encoding: str) -> None:
    row = "1,2,3," + "\u00e9" * 1_200_000 + ",2024-01-02,n"
    judged = judge_file(made(tmp_path, encoded(f"{HEADER}{row}\n2,2,3,b,2024-01-02,n\n", encoding)), says(encoding))
    (kept,) = judged.rejected
    assert kept["problems"][0]["code"] == "too-long"
    assert kept["raw_size_bytes"] == len(row.encode(encoding))
    assert row.encode(encoding).startswith(kept["raw_bytes"])
    assert len(judged.accepted) == 1


def test_utf_16_without_its_mark_or_cut_is_refused(tmp_path: Path) -> None:
    content = (HEADER + "1,2,3,a,2024-01-02,n\n").encode("utf-16-le")
    with pytest.raises(SourceError, match=r"(no|without a) byte order mark"):
        judge_file(made(tmp_path, content), says("utf-16-le"))
    with pytest.raises(SourceError, match=r"(no|without a) byte order mark"):
        judge_file(made(tmp_path, HEADER.encode()), says("utf-16-le"))
    with pytest.raises(CorruptSourceError, match="within a character"):
        judge_file(made(tmp_path, b"\xff\xfe" + content[:-1]), says("utf-16-le"))
    with pytest.raises(SourceError, match="UTF-32"):
        judge_file(made(tmp_path, HEADER.encode("utf-32")), says("utf-16-le"))
    with pytest.raises(SourceError, match="empty"):
        judge_file(made(tmp_path, b""), says("utf-16-le"))


def test_a_mark_that_says_another_encoding_is_believed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="leave encoding out"):
        judge_file(made(tmp_path, b"\xef\xbb\xbf" + HEADER.encode()), says("cp1252"))
    for definition in (says("cp1252"), SourceDefinition()):
        with pytest.raises(SourceError, match='encoding = "utf-16"'):
            judge_file(made(tmp_path, HEADER.encode("utf-16")), definition)


def test_a_header_that_names_no_column_is_explained_by_the_text(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="HTML"):
        judge_file(made(tmp_path, "<html><body>\n".encode("utf-16")), says("utf-16-le"))
