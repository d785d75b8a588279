"""One input of a fuzzer -> a JSON document and limits; cut into records twice, by the product and by the second reader.

Shape of an input: byte 0 what stands before the content, 1 the size of the blocks in which it is scanned, 2 the most
bytes of a record; the rest is the content.
"""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

import mapped_json
from footfall.errors import SourceError
from footfall.formats import framing, json_document, json_items
from independent_reader import FileRefusedError

STARTS = (b"", b"[", b"{", b"[{", b'[{"a":"', b'{"a":1}', b"\xef\xbb\xbf[", b"[\n")
Framed = list[tuple[int, int, bytes, int]] | None


@dataclass(frozen=True)
class Document:
    """A document, and the limits under which it is cut: small ones, so that few bytes reach them."""

    content: bytes
    block_bytes: int
    bytes_max: int


def document(data: bytes) -> Document:
    """Read an input of the fuzzer; every input is one."""
    start, block, size = data[:3].ljust(3, b"\0")
    return Document(STARTS[start % len(STARTS)] + data[3:], block % 64 + 1, size % 32 + 4)


def cut_by_the_reader(file: Document) -> Framed:
    """Give (line, number on it, bytes carried along, size) of each record; None where the document is refused."""
    try:
        records = mapped_json.read_document(file.content.removeprefix(b"\xef\xbb\xbf"), None)
    except FileRefusedError:
        return None
    found = []
    for each in records:
        raw = each.text.replace("\udc00", "\0").encode("utf-8", "surrogateescape")
        found.append((each.line_number, each.item, raw[: file.bytes_max + 1], len(raw)))
    return found


def cut_by_the_product(file: Document) -> Framed:
    """Give the same of the product."""
    limits = {"RECORD_BYTES_MAX": file.bytes_max, "READABLE_BYTES": file.bytes_max + 1}
    blocks = [file.content[at : at + file.block_bytes] for at in range(0, len(file.content), file.block_bytes)]
    with (
        patch.multiple(json_items, **limits),
        patch.object(framing, "RAW_BYTES_MAX", 1 << 20),
        patch.object(json_document, "choose_block_bytes", lambda _: file.block_bytes),
        patch.object(json_document, "refuse_binary", lambda *_: None),
    ):
        try:
            batches = list(json_document.read_document(lambda: iter(blocks), "a.json"))
        except SourceError:
            return None
    return [
        (
            row["row_line"],
            row["item"],
            (row["raw_bytes"] or row["line"].encode())[: file.bytes_max + 1],
            row["size_bytes"],
        )
        for batch in batches
        for row in batch.to_pylist()
    ]


def difference(data: bytes) -> str | None:
    """Say how the two differ on one input; None where they agree."""
    file = document(data)
    wanted, found = cut_by_the_reader(file), cut_by_the_product(file)
    return None if wanted == found else f"{file}\nthe reader:  {wanted}\nthe product: {found}"
