"""First bytes -> which format a file is that is not CSV in UTF-8, in words, with what to do.

No word of a file's content is in what is said: it may be of people, or a key.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from footfall.errors import SourceError

START_BYTES = 4096  # bytes that are looked at: in an Excel file the names of several entries
TEXT_BYTES_LEAST = 16  # bytes from which a pattern of NULs, or of EBCDIC letters, is no accident
CONTROLS_ALLOWED = 0.02  # share of a text's characters: some exports have a stray one
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
    """A format that is met under names of CSV files. `pattern` matches at the first byte of such a file."""

    name: str
    cure: str
    pattern: re.Pattern[bytes]


def _kind(pattern: bytes, name: str, cure: str) -> Kind:
    return Kind(name, cure, re.compile(pattern, re.DOTALL))


def _packed(pattern: bytes, name: str, tool: str) -> Kind:
    return _kind(pattern, name, f"decompress it first ({tool}); gzip, zstd, bzip2 and xz are read as they are")


def _encoded(pattern: bytes, name: str, iconv_name: str) -> Kind:
    return _kind(pattern, f"text in {name}", f"convert it: iconv -f {iconv_name} -t UTF-8")


ENTRY = rb"PK\x03\x04.{26}"  # what stands before the name of an entry of a zip archive
OFFICE = ENTRY + rb"(?:\[Content_Types\]\.xml|_rels/|docProps/|customXml/|word/|ppt/)"
TWICE = "it was compressed twice: decompress it once"
# Of these some bytes are no text: no header of a CSV file has them, so such a file is refused at once. The first wins.
BINARY = (
    _encoded(rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32", "UTF-32"),
    _kind(
        rb"\xff\xfe|\xfe\xff",
        "text in UTF-16",
        'write encoding = "utf-16" into its source definition (`footfall guess FILE` proposes one), or convert it: '
        "iconv -f UTF-16 -t UTF-8",
    ),
    _encoded(rb"\x84\x31\x95\x33", "GB18030", "GB18030"),
    _kind(rb"\x1f\x8b\x08", "a gzip file inside a compressed one", TWICE),
    _kind(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "a zstd file inside a compressed one", TWICE),
    _kind(rb"[\x1e\x22-\x27]\xb5\x2f\xfd", "a file of a zstd before 0.8", "compress it again with a newer zstd"),
    _kind(ENTRY + rb"xl/|" + OFFICE + rb".*?" + ENTRY + rb"xl/", "an Excel workbook (.xlsx)", SPREADSHEET),
    _kind(OFFICE, "an Office document (.xlsx, .docx or .pptx)", SPREADSHEET),
    _kind(ENTRY + rb"mimetype.{0,64}?application/vnd\.oasis\.", "an OpenDocument file (.ods)", SPREADSHEET),
    _kind(rb"PK\x03\x04|PK\x05\x06|PK\x07\x08", "a zip archive", "unpack it (unzip) and load the files in it"),
    _kind(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.xls), or one with a password", SPREADSHEET),
    _kind(rb"\xfd7zXZ\0", "an xz file inside a compressed one", TWICE),
    _packed(rb"\x5d\0\0[\0-\xff]{2}", "an lzma file", "xz -d"),
    _packed(rb"LZIP\x01", "an lzip file", "lzip -d"),
    _packed(rb"[\x02\x04]\x21\x4c\x18|\x04\x22\x4d\x18", "an lz4 file", "lz4 -d"),
    _packed(rb"\xff\x06\0\0sNaPpY", "a snappy file", "snzip -d"),
    _packed(rb"\x89LZO\0\r\n\x1a\n", "an lzop file", "lzop -d"),
    _packed(rb"\x1f[\x9d\xa0]", "a file of compress (.Z)", "uncompress"),
    _packed(rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    _packed(rb"Rar!\x1a\x07", "a rar archive", "unrar x"),
    _packed(rb"MSCF\0\0\0\0", "a cabinet archive", "cabextract"),
    _kind(rb".{257}ustar(?:\0|  \0)", "a tar archive", "unpack it (tar -xf) and load the files in it"),
    _kind(rb"Obj\x01", "an Avro file", CONVERT),
    _kind(rb"ARROW1\0\0|\xff{4}..\0\0\x10\0\0\0", "an Arrow (Feather) file", CONVERT),
    _kind(rb"SQLite format 3\0", "a SQLite database", EXPORT),
    _kind(rb".{8}DUCK..\0{6}", "a DuckDB database", EXPORT),
    _kind(rb"\0\x01\0\0Standard (?:Jet|ACE) DB\0", "an Access database", EXPORT),
    _kind(
        rb"PGCOPY\n\xff\r\n\0", "a binary COPY of PostgreSQL", "export it with: copy ... to ... (format csv, header)"
    ),
    _kind(rb"\x89HDF\r\n\x1a\n", "an HDF5 file", CONVERT),
    _kind(rb"CDF[\x01\x02\x05]", "a NetCDF file", CONVERT),
    _kind(rb"\x93NUMPY", "a NumPy array", CONVERT),
    _kind(rb"\x80[\x02-\x05]", "a Python pickle", f"do not open it (that runs code); {EXPORT}"),
    _kind(rb"(?:RD[AX][23]\n)?[XB]\n\0\0\0[\x02\x03]", "an R data file", EXPORT),
    _kind(rb"SEQ[\x04-\x06]", "a Hadoop sequence file", CONVERT),
    _kind(rb"crc\0", "a checksum of Hadoop (.crc)", "load the file beside it; leave this one out"),
    _kind(rb"\0{12}\xc2\xea\x81\x60", "a SAS data set", EXPORT),
    _kind(
        rb"\0\x05\x16[\0\x07]", "what macOS keeps beside a file (._NAME)", "load the file itself; leave this one out"
    ),
    _kind(rb"\0\0\0\x01Bud1", "what macOS keeps of a folder (.DS_Store)", "leave it out"),
    _kind(rb"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "load the file that it leads to"),
    _kind(rb"bplist0[01][\x80-\xff]", "a property list of macOS", EXPORT),
    _kind(
        rb"\x85[\x01-\x04][\0-\xff]\x03|\x84[\x5c-\x70]\x03|[\x8c\xc3]\x0d[\x04\x05]|\xc1[\xc0-\xdf].\x03",
        "encrypted with GnuPG",
        "decrypt it first (gpg -d)",
    ),
    _kind(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|II\*\0|MM\0\*|BM.{4}\0{4}|RIFF.{3}\0WEBP", "an image", EXPORT),
    _kind(rb"\x7fELF|MZ[\x80-\xff]\0[\x01-\x04]\0\0\0", "a program", "name the data file"),
)
# Letters that begin binary formats: named where the start holds no text and no header is usable.
LETTERS = (
    _kind(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "a bzip2 file inside a compressed one", TWICE),
    _kind(
        rb"PAR1",
        "a Parquet file",
        'name it *.parquet, or write format = "parquet" into its source definition: `footfall guess FILE` proposes one',
    ),
    _kind(rb"PARE", "an encrypted Parquet file", "write it without encryption"),
    _kind(rb"ORC", "an ORC file", CONVERT),
    _kind(rb"FEA1", "a Feather file", CONVERT),
    _kind(rb"PGDMP", "a dump of pg_dump", "export the table with: copy ... to ... (format csv, header)"),
    _kind(rb"GIF8[79]a", "an image", EXPORT),
    _kind(rb"Salted__", "encrypted with openssl", "decrypt it first (openssl enc -d)"),
    _kind(rb"\$FL[23]@\(#\)|<stata_dta>", "a data set of SPSS or Stata", EXPORT),
)
# Text in other forms: named where no header is usable. Bytes are those behind a byte order mark and blanks.
TEXT = (
    _kind(rb"\xef\xbb\xbf", "text with two byte order marks", "take one of them away, or export the file again"),
    _kind(
        rb'"?sep=[^\n]{1,2}\r?(?:\n|$)',
        "CSV behind a line `sep=`",
        f"take that line away; see --delimiter, or {GUESS}",
    ),
    _kind(rb"version https://git-lfs\.github\.com/spec/", "a pointer of Git LFS", "get the file itself: git lfs pull"),
    _kind(rb"/annex/objects/", "a pointer of git-annex", "get the file itself: git annex get"),
    _kind(rb"<<<<<<< ", "a file with an unsolved conflict of Git", "solve the conflict, then load it"),
    _kind(rb"diff --git |--- a/", "a diff", "name the file itself"),
    _kind(rb"-----BEGIN PGP |-----BEGIN AGE |age-encryption\.org/|\$ANSIBLE_VAULT;", "encrypted", "decrypt it first"),
    _kind(rb"-----BEGIN [A-Z0-9 ]+-----", "a key or certificate", "name the data file, and keep this one safe"),
    _kind(rb"\{\\rtf", "an RTF document", SPREADSHEET),
    _kind(rb"%PDF-", "a PDF document", EXPORT),
    _kind(rb"%!PS", "a PostScript document", EXPORT),
    _kind(rb"<\?xml", "an XML file", EXPORT),
    _kind(rb"(?i:<!doctype html|<html|<head|<body|<table|<meta|<script)[\s>]", "an HTML page", DOWNLOAD),
    _kind(rb"<!DOCTYPE |<!--|<[A-Za-z][\w:.-]*(?:\s[^<>]*)?>(?:[ \t]*\r?\n\s*)?<", "an HTML or XML file", DOWNLOAD),
    _kind(rb"\{[^\n]*\}[ \t\r]*\n\s*\{", "JSON Lines", AS_JSON_LINES),
    _kind(rb'\{\s*["}]', "a JSON object", AS_JSON),
    _kind(rb'\[\s*[\[{"\]]', "a JSON array", AS_JSON),
    _kind(
        rb"\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \"",
        "an access log of a web server",
        GUESS,
    ),
    _kind(rb"#(?:Software|Version|Fields|Date|Start-Date): ", "a W3C log of a web server", GUESS),
    _kind(
        rb"HTTP/\d", "an answer of a web server with its header", "fetch it again without the header (curl without -i)"
    ),
    _kind(
        rb"From \S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) |(?:Received|Return-Path|Delivered-To|MIME-Version|Message-ID): ",
        "e-mail, or a web archive",
        "take the attachment out and load it",
    ),
    _kind(
        rb"(?i:insert into|create table|drop table|pragma|begin transaction)\b|(?:--[ \t]*\r?\n)?-- "
        rb"(?:PostgreSQL|MySQL|MariaDB) (?:database )?dump",
        "SQL statements",
        EXPORT,
    ),
    _kind(rb"ID;P[^\n]*\n[A-Z];", "a SYLK file", SPREADSHEET),
    _kind(rb"TABLE\r?\n0,1\r?\n", "a DIF file", SPREADSHEET),
    _kind(rb"\[InternetShortcut\]", "a link to a web page", DOWNLOAD),
)
READ_AS_JSON = {"jsonl": "JSON Lines in UTF-8", "json": "JSON in UTF-8"}
BROKEN = "a copy was cut off, or a disk was full: deliver it again"
NULS = _kind(rb"\0+\Z", "a file that begins with nothing but NUL bytes", BROKEN)
ZLIB = _packed(rb"\x78[\x01\x5e\x9c\xda]", "a zlib file", "pigz -d")
UTF_16_LE = _encoded(rb"", "UTF-16 without a byte order mark", "UTF-16LE")
UTF_16_BE = _encoded(rb"", "UTF-16 without a byte order mark", "UTF-16BE")
UTF_32_LE = _encoded(rb"", "UTF-32 without a byte order mark", "UTF-32LE")
UTF_32_BE = _encoded(rb"", "UTF-32 without a byte order mark", "UTF-32BE")
EBCDIC = _kind(rb"", "text in EBCDIC", "convert it from its code page, for example: iconv -f IBM037 -t UTF-8")
UNKNOWN = _kind(rb"", "binary data of a format that is not known here", EXPORT)


def begun(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Give the first bytes of a content, START_BYTES where there are so many, and all of its blocks.

    Example:
        >>> start, blocks = begun(iter([b"a,b;", b"1,2"]))
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
    """Raise SourceError for a content whose first bytes are those of another format, and no text."""
    if kind := _first(BINARY, start):
        raise SourceError(_refusal(kind), source=source)


def explained(error: SourceError, start: bytes, source: str, wanted: str = "csv") -> SourceError:
    """Give the error of a file that its format cannot read: one that names the format it has, where that is known."""
    kind = _recognised(start)
    if kind is None or (wanted in READ_AS_JSON and kind.cure in (AS_JSON, AS_JSON_LINES)):
        return error
    return SourceError(_refusal(kind, wanted), source=source)


# What a source definition reads although it is not plain CSV in UTF-8.
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
    """Raise SourceError for a content that no source definition reads: another format, or what came in its place."""
    kind = _recognised(start)
    if kind is not None and kind.name not in READ_BY_DEFINITIONS:
        raise SourceError(f"is {kind.name}; {kind.cure}", source=source)


def misnamed(start: bytes, source: str) -> SourceError:
    """Give the error of a file that is not compressed as its name says."""
    kind = _recognised(start)
    if kind is UNKNOWN or (kind is None and not _is_text(start)):
        found = ", or its beginning is corrupt; deliver it again"
    elif kind is None:
        found = ": it is plain text; give it a name without that ending, or compress it"
    else:
        found = f": it is {kind.name}; {kind.cure}"
    return SourceError(f"is not compressed as its name says{found}", source=source)


def _refusal(kind: Kind, wanted: str = "csv") -> str:
    return f"is {kind.name}, not {READ_AS_JSON.get(wanted, 'plain CSV in UTF-8')}; {kind.cure}"


def _first(kinds: Iterable[Kind], start: bytes) -> Kind | None:
    return next((kind for kind in kinds if kind.pattern.match(start)), None)


def _recognised(start: bytes) -> Kind | None:
    """Say what a content is that is of no use as CSV; None where it may be CSV with another header."""
    kind = _first(BINARY, start)
    if kind is None and _is_text(start):
        kind = _first(TEXT, start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n"))
    elif kind is None:
        kind = _first((*LETTERS, *TEXT, NULS), start) or _encoding(start) or _zlib(start) or _binary(start)
    return kind


def _is_text(start: bytes) -> bool:
    """Say whether the start holds only UTF-8 and no control characters but line ends and tabs."""
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if len(start) < START_BYTES or error.start < START_BYTES - 3:  # else the last character goes on behind it
            return False
        text = start[: error.start].decode()
    return not _controls(text.encode())


def _controls(text: bytes) -> int:
    return len(re.findall(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", text))


def _encoding(start: bytes) -> Kind | None:
    """Tell an encoding by where its NULs stand, or by EBCDIC's letters."""
    if len(start) < TEXT_BYTES_LEAST:
        return None
    each = [start[at : len(start) // 4 * 4 : 4] for at in range(4)]
    has = [0 in column for column in each]
    is_all = [not any(column) for column in each]
    if is_all[2] and is_all[3] and not has[0]:
        return UTF_32_LE
    if is_all[0] and is_all[1] and not has[3]:
        return UTF_32_BE
    # Of two bytes a character, the high one is NUL in every comma, digit and line end, whatever the letters are.
    nuls = [each[at].count(0) + each[at + 2].count(0) for at in (0, 1)]
    if max(nuls) * 8 >= len(start) and min(nuls) == 0:
        return UTF_16_BE if nuls[0] else UTF_16_LE
    text = start.decode("cp037").replace("\x85", "\n")
    letters = sum(character.isalnum() for character in text)
    is_ebcdic = text.isascii() and not _controls(text.encode()) and letters * 2 >= len(text)
    return EBCDIC if is_ebcdic else None


def _zlib(start: bytes) -> Kind | None:
    """Tell zlib by reading it: two bytes alone are too few to know it by."""
    if not ZLIB.pattern.match(start):
        return None
    try:
        zlib.decompressobj().decompress(start, START_BYTES)
    except zlib.error:
        return None
    return ZLIB


def _binary(start: bytes) -> Kind | None:
    """Say that the start is no text at all, as a file of an unknown format or an encrypted one is not."""
    return UNKNOWN if _controls(start) > CONTROLS_ALLOWED * len(start) else None
