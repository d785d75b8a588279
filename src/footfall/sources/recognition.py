"""Recognise a file that is not CSV in UTF-8 by its first bytes, and say which format it has and what to do.

The sentences quote nothing of the content, which may be about people or hold a key.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from footfall.errors import SourceError

START_BYTES = 4096  # bytes that are looked at; in an Excel file they hold the names of several entries
TEXT_BYTES_LEAST = 16  # bytes; in fewer, a pattern of NULs or of EBCDIC letters may be an accident
CONTROLS_ALLOWED = 0.02  # share of control characters that a text may have, since some exports hold stray ones
EXPORT = "export it as CSV in UTF-8 where it was made"
SPREADSHEET = "open it in a spreadsheet program and save it as CSV UTF-8"
DOWNLOAD = "look at it in an editor and fetch the file again: an error or login page often comes in its place"
AS_JSON_LINES = (
    'give it a name that ends in .jsonl, or write format = "jsonl" in a source definition: `footfall guess FILE` '
    "proposes one"
)
AS_JSON = (
    'give it a name that ends in .json, or write format = "json" in a source definition: `footfall guess FILE` '
    "proposes one"
)
GUESS = "a source definition that reads it is proposed by `footfall guess FILE`"
CONVERT = "convert it to CSV, with DuckDB or pandas for example"


@dataclass(frozen=True, slots=True)
class Kind:
    """A format that files with a CSV file's name may have. `pattern` matches at the first byte of such a file."""

    name: str
    cure: str
    pattern: re.Pattern[bytes]


def _make_kind(pattern: bytes, name: str, cure: str) -> Kind:
    return Kind(name, cure, re.compile(pattern, re.DOTALL))


def _make_packed(pattern: bytes, name: str, tool: str) -> Kind:
    return _make_kind(pattern, name, f"decompress it first ({tool}); gzip, zstd, bzip2 and xz are read as they are")


def _make_encoded(pattern: bytes, name: str, iconv_name: str) -> Kind:
    return _make_kind(pattern, f"text in {name}", f"convert it: iconv -f {iconv_name} -t UTF-8")


ENTRY = rb"PK\x03\x04.{26}"  # the bytes before the name of an entry of a zip archive
OFFICE = ENTRY + rb"(?:\[Content_Types\]\.xml|_rels/|docProps/|customXml/|word/|ppt/)"
TWICE = "it was compressed twice: decompress it once"
# Formats that begin with bytes which are no text. No header of a CSV file has such bytes, so these files are refused at
# once. The first that matches counts.
BINARY = (
    _make_encoded(rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32", "UTF-32"),
    _make_kind(
        rb"\xff\xfe|\xfe\xff",
        "text in UTF-16",
        'write encoding = "utf-16" into its source definition (`footfall guess FILE` proposes one), or convert it: '
        "iconv -f UTF-16 -t UTF-8",
    ),
    _make_encoded(rb"\x84\x31\x95\x33", "GB18030", "GB18030"),
    _make_kind(rb"\x1f\x8b\x08", "a gzip file inside a compressed one", TWICE),
    _make_kind(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "a zstd file inside a compressed one", TWICE),
    _make_kind(rb"[\x1e\x22-\x27]\xb5\x2f\xfd", "a file of a zstd before 0.8", "compress it again with a newer zstd"),
    _make_kind(ENTRY + rb"xl/|" + OFFICE + rb".*?" + ENTRY + rb"xl/", "an Excel workbook (.xlsx)", SPREADSHEET),
    _make_kind(OFFICE, "an Office document (.xlsx, .docx or .pptx)", SPREADSHEET),
    _make_kind(ENTRY + rb"mimetype.{0,64}?application/vnd\.oasis\.", "an OpenDocument file (.ods)", SPREADSHEET),
    _make_kind(rb"PK\x03\x04|PK\x05\x06|PK\x07\x08", "a zip archive", "unpack it (unzip) and load the files in it"),
    _make_kind(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.xls), or one with a password", SPREADSHEET),
    _make_kind(rb"\xfd7zXZ\0", "an xz file inside a compressed one", TWICE),
    _make_packed(rb"\x5d\0\0[\0-\xff]{2}", "an lzma file", "xz -d"),
    _make_packed(rb"LZIP\x01", "an lzip file", "lzip -d"),
    _make_packed(rb"[\x02\x04]\x21\x4c\x18|\x04\x22\x4d\x18", "an lz4 file", "lz4 -d"),
    _make_packed(rb"\xff\x06\0\0sNaPpY", "a snappy file", "snzip -d"),
    _make_packed(rb"\x89LZO\0\r\n\x1a\n", "an lzop file", "lzop -d"),
    _make_packed(rb"\x1f[\x9d\xa0]", "a file of compress (.Z)", "uncompress"),
    _make_packed(rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    _make_packed(rb"Rar!\x1a\x07", "a rar archive", "unrar x"),
    _make_packed(rb"MSCF\0\0\0\0", "a cabinet archive", "cabextract"),
    _make_kind(rb".{257}ustar(?:\0|  \0)", "a tar archive", "unpack it (tar -xf) and load the files in it"),
    _make_kind(rb"Obj\x01", "an Avro file", CONVERT),
    _make_kind(rb"ARROW1\0\0|\xff{4}..\0\0\x10\0\0\0", "an Arrow (Feather) file", CONVERT),
    _make_kind(rb"SQLite format 3\0", "a SQLite database", EXPORT),
    _make_kind(rb".{8}DUCK..\0{6}", "a DuckDB database", EXPORT),
    _make_kind(rb"\0\x01\0\0Standard (?:Jet|ACE) DB\0", "an Access database", EXPORT),
    _make_kind(
        rb"PGCOPY\n\xff\r\n\0", "a binary COPY of PostgreSQL", "export it with: copy ... to ... (format csv, header)"
    ),
    _make_kind(rb"\x89HDF\r\n\x1a\n", "an HDF5 file", CONVERT),
    _make_kind(rb"CDF[\x01\x02\x05]", "a NetCDF file", CONVERT),
    _make_kind(rb"\x93NUMPY", "a NumPy array", CONVERT),
    _make_kind(rb"\x80[\x02-\x05]", "a Python pickle", f"do not open it (that runs code); {EXPORT}"),
    _make_kind(rb"(?:RD[AX][23]\n)?[XB]\n\0\0\0[\x02\x03]", "an R data file", EXPORT),
    _make_kind(rb"SEQ[\x04-\x06]", "a Hadoop sequence file", CONVERT),
    _make_kind(rb"crc\0", "a checksum of Hadoop (.crc)", "load the file beside it; leave this one out"),
    _make_kind(rb"\0{12}\xc2\xea\x81\x60", "a SAS data set", EXPORT),
    _make_kind(
        rb"\0\x05\x16[\0\x07]", "what macOS keeps beside a file (._NAME)", "load the file itself; leave this one out"
    ),
    _make_kind(rb"\0\0\0\x01Bud1", "what macOS keeps of a folder (.DS_Store)", "leave it out"),
    _make_kind(rb"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "load the file that it leads to"),
    _make_kind(rb"bplist0[01][\x80-\xff]", "a property list of macOS", EXPORT),
    _make_kind(
        rb"\x85[\x01-\x04][\0-\xff]\x03|\x84[\x5c-\x70]\x03|[\x8c\xc3]\x0d[\x04\x05]|\xc1[\xc0-\xdf].\x03",
        "encrypted with GnuPG",
        "decrypt it first (gpg -d)",
    ),
    _make_kind(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|II\*\0|MM\0\*|BM.{4}\0{4}|RIFF.{3}\0WEBP", "an image", EXPORT),
    _make_kind(rb"\x7fELF|MZ[\x80-\xff]\0[\x01-\x04]\0\0\0", "a program", "name the data file"),
)
# Binary formats that begin with letters. They are named only if the start is not all text and is no usable header.
LETTERS = (
    _make_kind(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "a bzip2 file inside a compressed one", TWICE),
    _make_kind(
        rb"PAR1",
        "a Parquet file",
        'name it *.parquet, or write format = "parquet" into its source definition: `footfall guess FILE` proposes one',
    ),
    _make_kind(rb"PARE", "an encrypted Parquet file", "write it without encryption"),
    _make_kind(rb"ORC", "an ORC file", CONVERT),
    _make_kind(rb"FEA1", "a Feather file", CONVERT),
    _make_kind(rb"PGDMP", "a dump of pg_dump", "export the table with: copy ... to ... (format csv, header)"),
    _make_kind(rb"GIF8[79]a", "an image", EXPORT),
    _make_kind(rb"Salted__", "encrypted with openssl", "decrypt it first (openssl enc -d)"),
    _make_kind(rb"\$FL[23]@\(#\)|<stata_dta>", "a data set of SPSS or Stata", EXPORT),
)
# Text in other forms. It is named only if there is no usable header. A byte order mark and blanks before are skipped.
TEXT = (
    _make_kind(rb"\xef\xbb\xbf", "text with two byte order marks", "take one of them away, or export the file again"),
    _make_kind(
        rb'"?sep=[^\n]{1,2}\r?(?:\n|$)',
        "CSV behind a line `sep=`",
        f"take that line away; see --delimiter, or {GUESS}",
    ),
    _make_kind(
        rb"version https://git-lfs\.github\.com/spec/", "a pointer of Git LFS", "get the file itself: git lfs pull"
    ),
    _make_kind(rb"/annex/objects/", "a pointer of git-annex", "get the file itself: git annex get"),
    _make_kind(rb"<<<<<<< ", "a file with an unsolved conflict of Git", "solve the conflict, then load it"),
    _make_kind(rb"diff --git |--- a/", "a diff", "name the file itself"),
    _make_kind(
        rb"-----BEGIN PGP |-----BEGIN AGE |age-encryption\.org/|\$ANSIBLE_VAULT;", "encrypted", "decrypt it first"
    ),
    _make_kind(rb"-----BEGIN [A-Z0-9 ]+-----", "a key or certificate", "name the data file, and keep this one safe"),
    _make_kind(rb"\{\\rtf", "an RTF document", SPREADSHEET),
    _make_kind(rb"%PDF-", "a PDF document", EXPORT),
    _make_kind(rb"%!PS", "a PostScript document", EXPORT),
    _make_kind(rb"<\?xml", "an XML file", EXPORT),
    _make_kind(rb"(?i:<!doctype html|<html|<head|<body|<table|<meta|<script)[\s>]", "an HTML page", DOWNLOAD),
    _make_kind(
        rb"<!DOCTYPE |<!--|<[A-Za-z][\w:.-]*(?:\s[^<>]*)?>(?:[ \t]*\r?\n\s*)?<", "an HTML or XML file", DOWNLOAD
    ),
    _make_kind(rb"\{[^\n]*\}[ \t\r]*\n\s*\{", "JSON Lines", AS_JSON_LINES),
    _make_kind(rb'\{\s*["}]', "a JSON object", AS_JSON),
    _make_kind(rb'\[\s*[\[{"\]]', "a JSON array", AS_JSON),
    _make_kind(
        rb"\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \"",
        "an access log of a web server",
        GUESS,
    ),
    _make_kind(rb"#(?:Software|Version|Fields|Date|Start-Date): ", "a W3C log of a web server", GUESS),
    _make_kind(
        rb"HTTP/\d", "an answer of a web server with its header", "fetch it again without the header (curl without -i)"
    ),
    _make_kind(
        rb"From \S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) |(?:Received|Return-Path|Delivered-To|MIME-Version|Message-ID): ",
        "e-mail, or a web archive",
        "take the attachment out and load it",
    ),
    _make_kind(
        rb"(?i:insert into|create table|drop table|pragma|begin transaction)\b|(?:--[ \t]*\r?\n)?-- "
        rb"(?:PostgreSQL|MySQL|MariaDB) (?:database )?dump",
        "SQL statements",
        EXPORT,
    ),
    _make_kind(rb"ID;P[^\n]*\n[A-Z];", "a SYLK file", SPREADSHEET),
    _make_kind(rb"TABLE\r?\n0,1\r?\n", "a DIF file", SPREADSHEET),
    _make_kind(rb"\[InternetShortcut\]", "a link to a web page", DOWNLOAD),
)
READ_AS_JSON = {"jsonl": "JSON Lines in UTF-8", "json": "JSON in UTF-8"}
BROKEN = "a copy was cut off, or a disk was full: deliver it again"
NULS = _make_kind(rb"\0+\Z", "a file that begins with nothing but NUL bytes", BROKEN)
ZLIB = _make_packed(rb"\x78[\x01\x5e\x9c\xda]", "a zlib file", "pigz -d")
UTF_16_LE = _make_encoded(rb"", "UTF-16 without a byte order mark", "UTF-16LE")
UTF_16_BE = _make_encoded(rb"", "UTF-16 without a byte order mark", "UTF-16BE")
UTF_32_LE = _make_encoded(rb"", "UTF-32 without a byte order mark", "UTF-32LE")
UTF_32_BE = _make_encoded(rb"", "UTF-32 without a byte order mark", "UTF-32BE")
EBCDIC = _make_kind(rb"", "text in EBCDIC", "convert it from its code page, for example: iconv -f IBM037 -t UTF-8")
UNKNOWN = _make_kind(rb"", "binary data of a format that is not known here", EXPORT)


def take_start(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Give the first START_BYTES of a content, or all of a shorter one, and an iterator over all of its blocks.

    Example:
        >>> start, blocks = take_start(iter([b"a,b;", b"1,2"]))
        >>> (start, list(blocks))
        (b'a,b;1,2', [b'a,b;', b'1,2'])
    """
    taken: list[bytes] = []
    size = 0
    for block in blocks:
        taken.append(block)
        size += len(block)
        if size >= START_BYTES:
            break
    return b"".join(taken)[:START_BYTES], chain(taken, blocks)


def refuse_binary(start: bytes, source: str) -> None:
    """Raise SourceError for a content whose first bytes are those of a binary format."""
    if kind := _find_first(BINARY, start):
        raise SourceError(_describe_refusal(kind), source=source)


def explain_error(error: SourceError, start: bytes, source: str, wanted: str = "csv") -> SourceError:
    """Replace the error of a file that could not be read by one that names the format of the file, if it is known."""
    kind = _recognise(start)
    if kind is None or (wanted in READ_AS_JSON and kind.cure in (AS_JSON, AS_JSON_LINES)):
        return error
    return SourceError(_describe_refusal(kind, wanted), source=source)


# The formats that a source definition can read although they are not plain CSV in UTF-8.
READ_BY_DEFINITIONS = frozenset(
    {
        "text in UTF-16",
        "a Parquet file",
        "CSV behind a line `sep=`",
        "JSON Lines",
        "a JSON object",
        "a JSON array",
        "an access log of a web server",
        "a W3C log of a web server",
    }
)


def refuse_unreadable(start: bytes, source: str) -> None:
    """Raise SourceError for a content that no source definition can read, such as an image or an error page."""
    kind = _recognise(start)
    if kind is not None and kind.name not in READ_BY_DEFINITIONS:
        raise SourceError(f"is {kind.name}; {kind.cure}", source=source)


def make_misnamed_error(start: bytes, source: str) -> SourceError:
    """Make the error of a file that is not compressed although its name says so."""
    kind = _recognise(start)
    if kind is UNKNOWN or (kind is None and not _is_text(start)):
        found = ", or its beginning is corrupt; deliver it again"
    elif kind is None:
        found = ": it is plain text; give it a name without that ending, or compress it"
    else:
        found = f": it is {kind.name}; {kind.cure}"
    return SourceError(f"is not compressed as its name says{found}", source=source)


def _describe_refusal(kind: Kind, wanted: str = "csv") -> str:
    return f"is {kind.name}, not {READ_AS_JSON.get(wanted, 'plain CSV in UTF-8')}; {kind.cure}"


def _find_first(kinds: Iterable[Kind], start: bytes) -> Kind | None:
    return next((kind for kind in kinds if kind.pattern.match(start)), None)


def _recognise(start: bytes) -> Kind | None:
    """Find the format of a content that cannot be read as CSV; None where it may be CSV with another header."""
    kind = _find_first(BINARY, start)
    if kind is None and _is_text(start):
        kind = _find_first(TEXT, start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n"))
    elif kind is None:
        kind = (
            _find_first((*LETTERS, *TEXT, NULS), start)
            or _find_encoding(start)
            or _find_zlib(start)
            or _find_binary(start)
        )
    return kind


def _is_text(start: bytes) -> bool:
    """Say whether the start is UTF-8 without control characters other than line ends and tabs."""
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        # An error at the very end may come from cutting the last character in two.
        if len(start) < START_BYTES or error.start < START_BYTES - 3:
            return False
        text = start[: error.start].decode()
    return not _count_controls(text.encode())


def _count_controls(text: bytes) -> int:
    return len(re.findall(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", text))


def _find_encoding(start: bytes) -> Kind | None:
    """Find the encoding by the positions of its NULs, or by EBCDIC's letters."""
    if len(start) < TEXT_BYTES_LEAST:
        return None
    each = [start[at : len(start) // 4 * 4 : 4] for at in range(4)]
    has = [0 in column for column in each]
    is_all = [not any(column) for column in each]
    if is_all[2] and is_all[3] and not has[0]:
        return UTF_32_LE
    if is_all[0] and is_all[1] and not has[3]:
        return UTF_32_BE
    # UTF-16 has two bytes for a character. In commas, digits and line ends of every language, the high byte is NUL.
    nuls = [each[at].count(0) + each[at + 2].count(0) for at in (0, 1)]
    if max(nuls) * 8 >= len(start) and min(nuls) == 0:
        return UTF_16_BE if nuls[0] else UTF_16_LE
    text = start.decode("cp037").replace("\x85", "\n")
    letters = sum(character.isalnum() for character in text)
    is_ebcdic = text.isascii() and not _count_controls(text.encode()) and letters * 2 >= len(text)
    return EBCDIC if is_ebcdic else None


def _find_zlib(start: bytes) -> Kind | None:
    """Recognise zlib by decompressing the start, since its mark of two bytes would also match other files."""
    if not ZLIB.pattern.match(start):
        return None
    try:
        zlib.decompressobj().decompress(start, START_BYTES)
    except zlib.error:
        return None
    return ZLIB


def _find_binary(start: bytes) -> Kind | None:
    """Give UNKNOWN where the start holds too many control characters for a text, as in an encrypted file."""
    return UNKNOWN if _count_controls(start) > CONTROLS_ALLOWED * len(start) else None
