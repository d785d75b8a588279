"""Read a JSON document from its beginning to its end, and know the line that is being read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.errors import SourceError
from footfall.formats.encodings import UTF_8
from footfall.formats.json_scanning import Scanner

_NO_BLANK = re.compile(rb"[^ \t\r\n]")
_SCALAR_END = re.compile(rb"[\s,\]}]")
_NAME = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)


class Stream:
    """The bytes of a document that are still to be read. `line_number` is the line of the next byte.

    `encoding` is the encoding in which the file stores them. They come here in UTF-8.
    """

    def __init__(self, blocks: Iterator[bytes], block_size: int, source: str, encoding: str = UTF_8) -> None:
        self.blocks = blocks
        self.block_size = block_size
        self.source = source
        self.encoding = encoding
        self.line_number = 1
        self._held = b""
        self._at = 0

    def fill(self, wanted: int) -> bool:
        """Read on until so many bytes are at hand. False where the content ends before."""
        size = len(self._held) - self._at
        if size >= wanted:
            return True
        parts = [self._held[self._at :]]
        for block in self.blocks:
            parts.append(block)
            size += len(block)
            if size >= wanted:
                break
        self._held, self._at = b"".join(parts), 0
        return size >= wanted

    def take_block(self) -> bytes:
        """Take the next block of bytes; it is empty where the content has ended."""
        self.fill(self.block_size)
        block = self._held[self._at : self._at + self.block_size]
        self._at += len(block)
        self.line_number += block.count(b"\n")
        return block

    def give_back(self, block: bytes) -> None:
        """Put back the last bytes that were taken, so that they come next."""
        self._at -= len(block)
        self.line_number -= block.count(b"\n")

    def _drop(self, size: int) -> None:
        self.line_number += self._held.count(b"\n", self._at, self._at + size)
        self._at += size

    def skip(self, start: bytes) -> None:
        """Skip these bytes if they come next."""
        self.fill(len(start))
        if self._held.startswith(start, self._at):
            self._drop(len(start))

    def peek(self) -> bytes:
        """Go on to the next byte that is not blank, and give it without taking it; empty where the content ends."""
        while self.fill(1):
            found = _NO_BLANK.search(self._held, self._at)
            self._drop((found.start() if found else len(self._held)) - self._at)
            if found:
                return found[0]
        return b""

    def expect(self, byte: bytes, what: str) -> None:
        """Take a byte that has to come next. Raises: SourceError where another byte comes."""
        found = self.peek()
        if found != byte:
            raise self.make_refusal(f"{what} is wanted there") if found else self.cut()
        self._drop(1)

    def take_name(self) -> str:
        """Take the name of a member of an object, and the colon behind it."""
        found = self.peek()
        if not found:
            raise self.cut()
        match = _NAME.match(self._held, self._at)
        if match is None and found == b'"':
            self.fill(RECORD_BYTES_MAX)
            match = _NAME.match(self._held, self._at)
        if match is None:
            raise self.make_refusal("a name in quotes is wanted there")
        self._drop(len(match[0]))
        self.expect(b":", "a colon")
        try:
            return str(json.loads(match[0], strict=False))
        except ValueError:
            return match[0][1:-1].decode("utf-8", "replace")

    def skip_value(self) -> None:
        """Skip a value, whatever it is and however long."""
        first, begin = self.peek(), self.line_number
        if first in (b"{", b"["):
            self._skip_brackets(begin)
        elif first == b'"':
            self._skip_string(begin)
        else:
            self._skip_scalar()

    def _skip_brackets(self, begin: int) -> None:
        scanner = Scanner()
        while block := self.take_block():
            marks = scanner.scan(block)
            ends = np.flatnonzero(marks.depth == 0)
            if len(ends):
                self.give_back(block[int(marks.at[ends[0]]) + 1 :])
                return
        raise self.cut(begin)

    def _skip_string(self, begin: int) -> None:
        self._drop(1)
        while self.fill(1):
            match = _IN_STRING.match(self._held, self._at)
            self._drop(len(match[0]) if match else 0)
            rest = self._held[self._at : self._at + 1]
            if rest == b'"':
                self._drop(1)
                return
            if rest and not self.fill(2):
                break
        raise self.cut(begin)

    def _skip_scalar(self) -> None:
        while self.fill(1):
            found = _SCALAR_END.search(self._held, self._at)
            self._drop((found.start() if found else len(self._held)) - self._at)
            if found:
                return
        raise self.cut()

    def cut(self, begin: int | None = None) -> SourceError:
        """Give the error of a document that ends before it is complete."""
        since = f", within what begins on line {begin:,}" if begin else ""
        return self.make_error(f"the JSON is cut: it ends on line {self.line_number:,}{since}; deliver it again")

    def make_refusal(self, reason: str) -> SourceError:
        """Give the error of a document that is malformed where the next byte stands."""
        return self.make_error(f"is no JSON document: on line {self.line_number:,}, {reason}")

    def make_error(self, reason: str) -> SourceError:
        """Give an error of this document."""
        return SourceError(reason, source=self.source)
