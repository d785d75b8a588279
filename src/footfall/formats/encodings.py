"""Convert text in other encodings to UTF-8 while it is read, and back to the stored bytes.

Bytes that are no text in their encoding become surrogates, which are no valid UTF-8 either. So they are found where the
bad bytes of a UTF-8 file are found, and the stored bytes can be made from them again.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from footfall.contract.limits import RAW_BYTES_MAX
from footfall.errors import CorruptSourceError, SourceError
from footfall.sources.recognition import START_BYTES, refuse_binary, take_start

UTF_8 = "utf-8"
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF_32_LE = codecs.BOM_UTF32_LE


def find_encoding(blocks: Iterator[bytes], encoding: str, source: str) -> str:
    """Say in which encoding a content is: the one that its definition names. The byte order mark tells which UTF-16.

    Raises: SourceError where the first bytes are not of this encoding.
    """
    if encoding == UTF_8:
        return encoding
    start, _ = take_start(blocks)
    if encoding != "utf-16":
        if start.startswith(codecs.BOM_UTF8):
            raise SourceError(
                f"begins with the mark of UTF-8, and the definition says encoding = {encoding!r}; leave encoding out",
                source=source,
            )
        refuse_binary(start, source)
        return encoding
    if start[:2] in _MARKS and not start.startswith(_UTF_32_LE):
        return _MARKS[start[:2]]
    if not start:
        return UTF_8  # an empty file, for which reading the header raises the error
    refuse_binary(start, source)
    raise SourceError(
        'has no byte order mark of UTF-16, and the definition says encoding = "utf-16"; leave encoding out where it '
        "is UTF-8, else convert it: iconv -f UTF-16LE -t UTF-8",
        source=source,
    )


def begin_as_text(blocks: Iterator[bytes], encoding: str) -> bytes:
    """Give the first bytes of a content as UTF-8. If they are not in this encoding, give them unchanged."""
    start, _ = take_start(blocks)
    if encoding == UTF_8:
        return start
    if encoding == "utf-16":
        mark = None if start.startswith(_UTF_32_LE) else _MARKS.get(start[:2])
        return start[2:].decode(mark, "replace").encode()[:START_BYTES] if mark else start
    try:
        refuse_binary(start, "")
    except SourceError:
        return start  # not in the encoding that the definition names
    return start.decode(encoding, "replace").encode()[:START_BYTES]


def decode_blocks(blocks: Iterator[bytes], encoding: str, source: str) -> Iterator[bytes]:
    """Give a content as UTF-8, block by block.

    Raises: CorruptSourceError where UTF-16 ends in half of a character.
    """
    if encoding == UTF_8:
        yield from blocks
    elif encoding in _MARKS.values():
        decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        start = True
        for block in blocks:
            text = decoder.decode(block)
            if text:
                yield (text[1:] if start else text).encode("utf-8", "surrogatepass")
                start = False
        try:
            text = decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise CorruptSourceError(
                "the UTF-16 text ends within a character: the file is cut; deliver it again", source=source
            ) from error
        yield text.encode("utf-8", "surrogatepass")
    else:
        for block in blocks:
            yield block.decode(encoding, "surrogateescape").encode("utf-8", "surrogatepass")


def decode_kept(line: str, raw: bytes | None, encoding: str) -> bytes:
    r"""Give a record of the quarantine as UTF-8, from its stored bytes, or from its text, which is exact without them.

    `encoding` is that of today's definition. If it is UTF-16, the text that was made of the bytes tells which kind.

    Example:
        >>> decode_kept("a\\x81\xe9", b"a\x81\xe9", "cp1252").decode("utf-8", "replace")[-1]
        '\xe9'
    """
    stored = line.encode() if raw is None else raw
    if encoding == UTF_8 or (raw is None and encoding == "utf-16"):
        return stored
    if encoding != "utf-16":
        return stored.decode(encoding, "surrogateescape").encode("utf-8", "surrogatepass")
    kept = find_kept_encoding([(line, stored)])
    return stored.decode(kept, "surrogatepass").encode("utf-8", "surrogatepass")


def find_kept_encoding(rows: Iterable[tuple[str, bytes | None]]) -> str:
    """Say which kind of UTF-16 the bytes of kept records are, from the texts that were made of these bytes."""
    for line, raw in rows:
        for each in _MARKS.values():
            if raw is not None and raw.decode(each, "backslashreplace").replace("\0", "\\x00") == line:
                return each
    return "utf-16-le"


def encode_again(text: bytes, encoding: str) -> bytes:
    r"""Give the stored bytes of a text that `decode_blocks` gave.

    Example:
        >>> encode_again(b"".join(decode_blocks(iter([b"a\x81\xe9"]), "cp1252", "a.csv")), "cp1252")
        b'a\x81\xe9'
    """
    error = "surrogatepass" if encoding in _MARKS.values() else "surrogateescape"
    return text.decode("utf-8", "surrogatepass").encode(encoding, error)


def weigh_bytes(text: np.ndarray, encoding: str) -> np.ndarray:
    """Give for each byte of UTF-8 how many stored bytes it stands for: those of a whole character at its first byte."""
    weights: np.ndarray = ((text & 0xC0) != 0x80).astype(np.int64)
    if encoding in _MARKS.values():
        weights = weights * 2 + (text >= 0xF0) * 2
    return weights


def restore_bytes(rejected: pa.Table, encoding: str) -> pa.Table:
    """Replace the bytes of rejected records by the stored bytes, and their text by these bytes decoded."""
    lines, raw = [], []
    for line, bad in zip(rejected["raw_line"].to_pylist(), rejected["raw_bytes"].to_pylist(), strict=True):
        stored = encode_again(line.encode() if bad is None else bad, encoding)
        raw.append(stored[:RAW_BYTES_MAX])
        text = stored.decode(encoding, "backslashreplace").replace("\0", "\\x00")
        lines.append(text.encode()[:RAW_BYTES_MAX].decode("utf-8", "ignore"))
    columns = {"raw_line": pa.array(lines, pa.string()), "raw_bytes": pa.array(raw, pa.binary())}
    for name, values in columns.items():
        rejected = rejected.set_column(rejected.schema.get_field_index(name), name, values)
    return rejected
