"""Files of other formats behind the names of CSV: each is named, with what to do, and CSV never is taken for one."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import re
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footfall
from factories import make_contract, make_layout, make_reader
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError
from footfall.formats.delimited import read_records
from footfall.results import LoadResult
from footfall.sources import recognition
from footfall.sources.opening import open_source
from sampling import examples

SECRET = "Hedwig Geheim"
ROWS = [(number, 2, 3, SECRET, f"2024-01-01 00:00:{number:02}") for number in range(1, 40)]
# A first column that is ignored: where a format keeps its content as it is, the header alone does not show it.
NAMES = ("row", *COLUMNS)
TEXT = ",".join(NAMES) + "\n" + "".join(f"0,{','.join(map(str, row))}\n" for row in ROWS)
CSV = TEXT.encode()
OBJECTS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
TABLE = pa.table(dict(zip(COLUMNS, map(list, zip(*ROWS, strict=True)), strict=True)))
MANY = settings(deadline=None, max_examples=examples(50), suppress_health_check=list(HealthCheck))


def zipped(*names: str, method: int = zipfile.ZIP_DEFLATED, content: bytes = CSV) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(form: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        member = tarfile.TarInfo(f"{SECRET}.csv")
        member.size = len(CSV)
        archive.addfile(member, io.BytesIO(CSV))
    return file.getvalue()


def saved(write: Callable[[str], object]) -> bytes:
    write("saved")
    return Path("saved").read_bytes()


def sqlite() -> bytes:
    def write(name: str) -> None:
        connection = sqlite3.connect(name)
        connection.execute("create table t (name text)")
        connection.execute("insert into t values (?)", [SECRET])
        connection.commit()
        connection.close()

    return saved(write)


def duck() -> bytes:
    def write(name: str) -> None:
        with duckdb.connect(name) as connection:
            connection.execute("create table t as select $1 as name", [SECRET])

    return saved(write)


def arrow_stream() -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue()


def streamed(codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(CSV)
    return bytes(sink.getvalue())


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(100))
    return file.getvalue()


ODS = "application/vnd.oasis.opendocument.spreadsheet"
BINARY = bytes(range(256)) * 4
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n"
# name -> (the bytes of such a file, words that name it, words of what to do)
FORMATS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "UTF-32 with mark": (lambda: TEXT.encode("utf-32"), "UTF-32", "iconv -f UTF-32 -t UTF-8"),
    "UTF-32 big-endian with mark": (lambda: ("\ufeff" + TEXT).encode("utf-32-be"), "UTF-32", "iconv -f UTF-32 "),
    "UTF-32LE": (lambda: TEXT.encode("utf-32-le"), "UTF-32 without", "iconv -f UTF-32LE -t UTF-8"),
    "UTF-32BE": (lambda: TEXT.encode("utf-32-be"), "UTF-32 without", "iconv -f UTF-32BE -t UTF-8"),
    "UTF-16 with mark": (lambda: TEXT.encode("utf-16"), "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "UTF-16 big-endian with mark": (lambda: ("\ufeff" + TEXT).encode("utf-16-be"), "UTF-16", "iconv -f UTF-16 "),
    "UTF-16LE": (lambda: TEXT.encode("utf-16-le"), "UTF-16 without", "iconv -f UTF-16LE -t UTF-8"),
    "UTF-16BE": (lambda: TEXT.encode("utf-16-be"), "UTF-16 without", "iconv -f UTF-16BE -t UTF-8"),
    "UTF-16LE, Greek": (lambda: "κωδικός,δράση\nλήψη,2024-01-01\n".encode("utf-16-le"), "UTF-16 without", "UTF-16LE"),
    "GB18030 with mark": (lambda: ("\ufeff" + TEXT).encode("gb18030"), "GB18030", "iconv -f GB18030 -t UTF-8"),
    "EBCDIC": (lambda: TEXT.encode("cp037"), "EBCDIC", "iconv -f IBM037 -t UTF-8"),
    "two marks of UTF-8": (
        ("\ufeff\ufeff" + TEXT.removeprefix("row,")).encode,
        "two byte order marks",
        "one of them away",
    ),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(CSV)), "gzip file inside", "decompress it once"),
    "zstd in gzip": (lambda: gzip.compress(zstandard.compress(CSV)), "zstd file inside", "decompress it once"),
    "gzip in zstd": (lambda: zstandard.compress(gzip.compress(CSV)), "gzip file inside", "decompress it once"),
    "tar in gzip": (lambda: gzip.compress(tarred(tarfile.GNU_FORMAT)), "tar archive", "tar -xf"),
    "zstd 0.7": (lambda: b"\x27\xb5\x2f\xfd" + BINARY, "zstd before 0.8", "newer zstd"),
    "zip": (lambda: zipped(f"{SECRET}.csv"), "zip archive", "unzip"),
    "zip without compression": (lambda: zipped("a.csv", method=zipfile.ZIP_STORED), "zip archive", "unzip"),
    "zip of nothing": (zipped, "zip archive", "unzip"),
    "xlsx": (lambda: zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "Excel workbook", "CSV UTF-8"),
    "xlsx of openpyxl": (lambda: zipped("docProps/app.xml", "xl/workbook.xml"), "Excel workbook", "CSV UTF-8"),
    "xlsx, sheets first": (lambda: zipped("xl/worksheets/sheet1.xml"), "Excel workbook", "CSV UTF-8"),
    "docx": (lambda: zipped("[Content_Types].xml", "word/document.xml"), "Office document", "CSV UTF-8"),
    "ods": (lambda: zipped("mimetype", method=zipfile.ZIP_STORED, content=ODS.encode()), "OpenDocument", "CSV UTF-8"),
    "xls": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + BINARY, "old Office file", "CSV UTF-8"),
    "lzma": (lambda: lzma.compress(CSV, lzma.FORMAT_ALONE), "lzma", "xz -d"),
    "lzip": (lambda: b"LZIP\x01\x0c" + BINARY, "lzip", "lzip -d"),
    "lz4": (lambda: streamed("lz4"), "lz4", "lz4 -d"),
    "snappy": (lambda: b"\xff\x06\0\0sNaPpY\x01" + BINARY, "snappy", "snzip -d"),
    "lzop": (lambda: b"\x89LZO\0\r\n\x1a\n" + BINARY, "lzop", "lzop -d"),
    "compress": (lambda: b"\x1f\x9d\x90" + BINARY, "compress (.Z)", "uncompress"),
    "zlib": (lambda: zlib.compress(CSV), "zlib", "pigz -d"),
    "zlib, fast": (lambda: zlib.compress(CSV, 1), "zlib", "pigz -d"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c\0\x04" + BINARY, "7z", "7z x"),
    "rar": (lambda: b"Rar!\x1a\x07\x01\0" + BINARY, "rar", "unrar x"),
    "cabinet": (lambda: b"MSCF\0\0\0\0" + BINARY, "cabinet", "cabextract"),
    "tar": (lambda: tarred(tarfile.USTAR_FORMAT), "tar archive", "tar -xf"),
    "tar of GNU": (lambda: tarred(tarfile.GNU_FORMAT), "tar archive", "tar -xf"),
    "tar of pax": (lambda: tarred(tarfile.PAX_FORMAT), "tar archive", "tar -xf"),
    "Parquet": (lambda: saved(lambda name: pa.parquet.write_table(TABLE, name)), "Parquet", "footfall guess FILE"),
    "ORC": (lambda: saved(lambda name: pa.orc.write_table(TABLE, name)), "ORC", "convert it"),
    "Feather": (lambda: saved(lambda name: pa.feather.write_feather(TABLE, name)), "Arrow (Feather)", "convert it"),
    "Arrow stream": (arrow_stream, "Arrow (Feather)", "convert it"),
    "Feather 1": (lambda: b"FEA1\0\0\0\0" + BINARY, "Feather", "convert it"),
    "Avro": (lambda: b"Obj\x01\x04\x16avro.schema" + CSV, "Avro", "convert it"),
    "SQLite": (sqlite, "SQLite", "export it as CSV"),
    "DuckDB": (duck, "DuckDB database", "export it as CSV"),
    "Access": (lambda: b"\0\x01\0\0Standard Jet DB\0" + BINARY, "Access", "export it as CSV"),
    "binary COPY": (lambda: b"PGCOPY\n\xff\r\n\0" + BINARY, "binary COPY", "format csv"),
    "pg_dump": (lambda: b"PGDMP\x01\x0f\0" + BINARY, "pg_dump", "format csv"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + BINARY, "HDF5", "convert it"),
    "NetCDF": (lambda: b"CDF\x01" + BINARY, "NetCDF", "convert it"),
    "NumPy": (array, "NumPy", "convert it"),
    **{
        f"pickle {protocol}": (lambda protocol=protocol: pickle.dumps(OBJECTS, protocol), "pickle", "do not open it")
        for protocol in (2, 3, 4, 5)
    },
    "R": (lambda: b"RDX3\nX\n\0\0\0\x03" + BINARY, "R data", "export it as CSV"),
    "sequence file": (lambda: b"SEQ\x06\x19org.apache" + BINARY, "Hadoop sequence", "convert it"),
    "checksum of Hadoop": (lambda: b"crc\0" + BINARY, "checksum of Hadoop", "leave this one out"),
    "SAS": (lambda: b"\0" * 12 + b"\xc2\xea\x81\x60" + BINARY, "SAS", "export it as CSV"),
    "SPSS": (lambda: b"$FL2@(#)" + BINARY, "SPSS", "export it as CSV"),
    "Stata": (lambda: b"<stata_dta><header>" + BINARY, "Stata", "export it as CSV"),
    "AppleDouble": (lambda: b"\0\x05\x16\x07\0\x02" + BINARY, "macOS", "leave this one out"),
    "folder of macOS": (lambda: b"\0\0\0\x01Bud1" + BINARY, ".DS_Store", "leave it out"),
    "shortcut": (lambda: b"L\0\0\0\x01\x14\x02\0" + BINARY, "shortcut", "leads to"),
    "property list": (lambda: b"bplist00\xd1" + BINARY, "property list", "export it as CSV"),
    "GnuPG, public key": (lambda: b"\x85\x01\x0c\x03" + BINARY, "GnuPG", "gpg -d"),
    "GnuPG, password": (lambda: b"\x8c\x0d\x04\x09" + BINARY, "GnuPG", "gpg -d"),
    "GnuPG, text": (lambda: b"-----BEGIN PGP MESSAGE-----\n\nhQ\n", "encrypted", "decrypt it first"),
    "age": (lambda: b"age-encryption.org/v1\n-> X25519 x\n" + BINARY, "encrypted", "decrypt it first"),
    "age, text": (lambda: b"-----BEGIN AGE ENCRYPTED FILE-----\nYW\n", "encrypted", "decrypt it first"),
    "openssl": (lambda: b"Salted__" + BINARY, "openssl", "decrypt it first"),
    "key": (f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n".encode, "key or certificate", "keep this one safe"),
    "PNG": (lambda: b"\x89PNG\r\n\x1a\n" + BINARY, "image", "export it as CSV"),
    "JPEG": (lambda: b"\xff\xd8\xff\xe0" + BINARY, "image", "export it as CSV"),
    "GIF": (lambda: b"GIF89a" + BINARY, "image", "export it as CSV"),
    "TIFF": (lambda: b"II*\0\x08\0\0\0" + BINARY, "image", "export it as CSV"),
    "BMP": (lambda: b"BM" + struct.pack("<IHH", 1000, 0, 0) + BINARY, "image", "export it as CSV"),
    "ELF": (lambda: b"\x7fELF\x02\x01\x01" + BINARY, "program", "name the data file"),
    "NULs": (lambda: b"\0" * 9000, "NUL bytes", "deliver it again"),
    "random bytes": (lambda: bytes(np.random.default_rng(1).bytes(9000)), "binary data", "export it as CSV"),
    "sep=": (lambda: b"sep=;\r\n" + CSV, "line `sep=`", "take that line away"),
    "Git LFS": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "Git LFS",
        "git lfs pull",
    ),
    "git-annex": (lambda: b"/annex/objects/SHA256E-s1--4d7a.csv\n", "git-annex", "git annex get"),
    "conflict": (lambda: b"<<<<<<< HEAD\n" + CSV + b"=======\n" + CSV + b">>>>>>> b\n", "conflict of Git", "solve"),
    "diff": (lambda: b"diff --git a/a.csv b/a.csv\n" + CSV, "a diff", "name the file"),
    "PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + CSV, "PDF", "export it as CSV"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0\n" + CSV, "PostScript", "export it as CSV"),
    "RTF": (lambda: b"{\\rtf1\\ansi {}\n" + CSV + b"}", "RTF", "CSV UTF-8"),
    "HTML": (f"\n<!DOCTYPE html>\n<p>{SECRET}\n".encode, "HTML", "fetch the file again"),
    "HTML as an .xls": (f"<table>\n<tr><td>{SECRET}\n".encode, "HTML", "fetch the file again"),
    "XML": (f'\ufeff<?xml version="1.0"?>\n<a>{SECRET}</a>\n'.encode, "XML", "export it as CSV"),
    "XML without a prolog": (f"<Error><Code>{SECRET}</Code></Error>".encode, "XML", "fetch the file again"),
    "JSON array": (lambda: json.dumps(OBJECTS).encode(), "JSON array", "footfall guess FILE"),
    "JSON array over 1 MB": (lambda: json.dumps(OBJECTS * 900).encode(), "JSON array", "footfall guess FILE"),
    "JSON object": (lambda: json.dumps({"rows": OBJECTS}, indent=2).encode(), "JSON object", "footfall guess FILE"),
    "JSON Lines": (lambda: "\n".join(map(json.dumps, OBJECTS)).encode(), "JSON Lines", "footfall guess FILE"),
    "access log": (
        lambda: b'10.0.0.1 - hedwig [10/Oct/2024:13:55:36 +0200] "GET /?q=Hedwig%20Geheim HTTP/1.1" 200 23\n' * 5,
        "access log",
        "footfall guess FILE",
    ),
    "W3C log": (lambda: b"#Software: IIS\n#Fields: date time\n2024-01-01 00:00\n", "W3C log", "footfall guess FILE"),
    "saved answer": (lambda: HTTP + CSV, "answer of a web server", "without -i"),
    "mbox": (f"From hedwig@x.org Tue Jan  2 2024\nSubject: {SECRET}\n".encode, "e-mail", "attachment"),
    "SQL": (f"INSERT INTO t VALUES (1, '{SECRET}');\n".encode, "SQL", "export it as CSV"),
    "dump": (lambda: b"--\n-- PostgreSQL database dump\n--\n", "SQL", "export it as CSV"),
    "SYLK": (lambda: b"ID;PWXL;N;E\nP;PGeneral\n", "SYLK", "CSV UTF-8"),
    "DIF": (lambda: b'TABLE\r\n0,1\r\n"EXCEL"\r\n', "DIF", "CSV UTF-8"),
    "link": (lambda: b"[InternetShortcut]\r\nURL=https://x.org/\r\n", "link to a web page", "fetch the file again"),
}


def refused(name: str, content: bytes) -> str:
    """Give the error of a file that is refused before a row is judged; no engine is started for it."""
    Path(name).write_bytes(content)
    reader = make_reader(memory_limit_mb=64)
    with open_source(name) as file, pytest.raises(SourceError) as caught:
        reader.read(file)
    assert caught.value.exit_code == 3
    return without_content(name, caught.value.message)


def judged(name: str, content: bytes) -> LoadResult:
    Path(name).write_bytes(content)
    (result,) = footfall.check(name).loads
    return result


def is_refused(result: LoadResult) -> str:
    """Give the error of a file that is refused as a whole."""
    assert (result.status, result.exit_code, result.rows_read) == ("failed", 3, 0)
    return without_content(result.source, result.error or "")


def without_content(source: str, error: str) -> str:
    """Give what is said of a file: one line, with nothing of its content."""
    assert error.startswith(f"{source}: ")
    assert error.isprintable()
    for word in (*SECRET.split(), "hedwig", *COLUMNS):
        assert word not in error
    return error.removeprefix(f"{source}: ")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_another_format_is_named_with_what_to_do(form: str) -> None:
    make, name, cure = FORMATS[form]
    content = make()
    error = is_refused(judged("a.csv", content))
    assert re.match(r"is .*, not plain CSV in UTF-8; ", error)
    assert name in error.partition("; ")[0]
    assert cure in error.partition("; ")[2]


@pytest.mark.parametrize("form", [form for form in FORMATS if " in " not in form])
def test_the_same_file_is_named_where_its_name_promises_compression_and_within_it(form: str) -> None:
    make, name, cure = FORMATS[form]
    content = make()
    for ending in ("csv.gz", "csv.ZST"):
        error = refused(f"a.{ending}", content)
        assert error.startswith("is not compressed as its name says")
        assert (name in error and cure in error) or form == "random bytes"
    for compress in (gzip.compress, zstandard.compress):
        error = refused("a.csv.gz", compress(content))
        assert name in error.partition("; ")[0]
        assert cure in error.partition("; ")[2]


@pytest.mark.parametrize("block", [1, 3, 5000])
@pytest.mark.parametrize("form", ["tar", "UTF-16 with mark", "zip without compression"])
def test_the_first_bytes_may_come_in_pieces(form: str, block: int) -> None:
    content = FORMATS[form][0]()
    blocks = [content[at : at + block] for at in range(0, len(content), block)]
    with pytest.raises(SourceError, match="not plain CSV"):
        read_records(lambda: iter(blocks), "a.csv", ",")


@pytest.mark.parametrize("form", [form for form in FORMATS if "iconv" in FORMATS[form][2] and "Greek" not in form])
def test_what_is_told_to_convert_a_text_does_convert_it(form: str) -> None:
    content = FORMATS[form][0]()
    command = re.search(r"iconv -f \S+ -t UTF-8", is_refused(judged("a.csv", content)))
    assert command is not None
    text = subprocess.run(command[0].split(), input=content, capture_output=True, check=True).stdout
    assert judged("b.csv", text.replace("\x85".encode(), b"\n")).rows_loaded == len(ROWS)


def test_plain_text_under_the_name_of_a_compressed_file_is_called_so() -> None:
    error = is_refused(judged("a.csv.GZ", CSV))
    assert "plain text" in error
    assert "without that ending" in error
    assert judged("a.csv", CSV).rows_loaded == len(ROWS)


@pytest.mark.parametrize("content", [b"\x1f", b"\x01\x02\x03"])
def test_a_beginning_that_is_nothing_may_be_corrupt(content: bytes) -> None:
    assert "its beginning is corrupt" in is_refused(judged("a.csv.gz", content))


def test_a_compressed_file_that_is_cut_is_said_to_be_cut_whatever_it_begins_with() -> None:
    stored = gzip.compress(b'[{"name": "x"}],' + CSV + np.random.default_rng(2).bytes(9000))
    assert "is cut" in is_refused(judged("a.csv.gz", stored[:-1]))


@pytest.mark.parametrize("kind", recognition.BINARY, ids=lambda kind: kind.name)
def test_what_is_refused_at_once_has_bytes_that_no_text_has(kind: recognition.Kind) -> None:
    @MANY
    @given(st.from_regex(kind.pattern, fullmatch=True))
    def has_no_text(start: bytes) -> None:
        assert not recognition._is_text(start)

    has_no_text()


LIKE_OTHERS = st.sampled_from([*recognition.LETTERS, *recognition.TEXT, *recognition.BINARY]).flatmap(
    lambda kind: st.from_regex(kind.pattern)
)


@MANY
@given(LIKE_OTHERS, st.sampled_from([",", ";", "\t", "|"]), st.booleans(), st.permutations(COLUMNS))
def test_csv_is_csv_whatever_its_first_column_is_called(
    start: bytes, delimiter: str, has_mark: bool, columns: list[str]
) -> None:
    text = start.decode("utf-8", "ignore")
    name = re.sub(rf'[\x00-\x1f\x7f"{re.escape(delimiter)}]', "", text)
    header = delimiter.join([f"{name}#", *columns])
    content = ("\ufeff" * has_mark + header + "\n" + delimiter.join(["x", "1", "2", "3", "a", "b"]) + "\n").encode()
    record, batches = read_records(lambda: iter([content]), "a.csv", delimiter)
    found = make_layout(record.fields, make_contract(delimiter))
    assert [columns[place.at - 2] for (place,) in found.places] == list(COLUMNS)
    assert sum(batch.num_rows for batch in batches) == 1


@pytest.mark.parametrize(
    "name", ["PK", "Obj", "BZh91AY&SY", "PAR1", "ORC", "ID;P", "%PDF-1.4", "[{", "<?xml", "x^", "GIF89a"]
)
def test_a_header_that_begins_like_another_format_is_read(name: str) -> None:
    result = judged("a.csv", CSV.replace(b"row", name.encode(), 1))
    assert (result.status, result.rows_loaded) == ("checked", len(ROWS))


@pytest.mark.parametrize(
    "header", ["id,name", "PK,SK", "<DATE>,<TIME>", "[id],[name]", "{id},{name}", "From,To", "x^2,y", "Obj,1", "é,ü"]
)
def test_text_with_another_header_is_not_taken_for_another_format(header: str) -> None:
    assert "not plain CSV" not in (judged("a.csv", f"{header}\n1,2\n".encode()).error or "")
    assert "not plain CSV" not in (judged("b.csv", f"{header}\n1,2\n".encode("latin-1")).error or "")
