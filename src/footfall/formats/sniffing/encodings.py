"""Decode pieces of bytes: find which encoding they seem to have, and how sure that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from footfall.errors import SourceError
from footfall.formats.sniffing.sampling import Sample
from footfall.results.guessing import GuessedPart

UTF_8_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Bytes for which windows-1252 has no character. A text with one of them has another encoding.
OPEN_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
CYRILLIC_WORD = re.compile(rb"[\xc0-\xff]{3,}")
LATIN_NEIGHBOURS = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
GB_PAIR = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")


@dataclass(frozen=True, slots=True)
class Text:
    """The pieces of a sample as text. `encoding` is as a definition names it; `part` says why, None for UTF-8."""

    pieces: tuple[str, ...]
    is_whole: bool
    encoding: str
    part: GuessedPart | None


def decode(sample: Sample, source: str) -> Text:
    """Decode a sample.

    Raises: SourceError for text of several bytes a character that no definition can name.
    """
    head = sample.head
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        name = "utf-16-le" if head[:2] == b"\xff\xfe" else "utf-16-be"
        part = GuessedPart("encoding", "utf-16", "sure", "the file begins with the byte order mark of UTF-16")
        return _make_text(sample, name, "utf-16", part)
    joined = b"\n".join(sample.pieces)
    wrong = _count_wrong(sample)
    if not wrong:
        return _make_text(sample, "utf-8", "utf-8", None)
    characters = len(UTF_8_CHARACTER.findall(joined))
    if characters > wrong:
        reason = (
            f"{wrong:,} bytes seen are not UTF-8, among {characters:,} characters that are; they stay what they are"
        )
        return _make_text(sample, "utf-8", "utf-8", GuessedPart("encoding", "utf-8", "not sure", reason))
    high = len(re.findall(rb"[\x80-\xff]", joined))
    if 2 * len(GB_PAIR.findall(joined)) >= 0.9 * high and high >= 8 and _is_chinese(joined):
        raise SourceError(
            "is text in GBK or GB18030, as it seems, which has several bytes a character; "
            "convert it: iconv -f GB18030 -t UTF-8",
            source=source,
        )
    in_words = sum(map(len, CYRILLIC_WORD.findall(joined)))
    if in_words * 2 > high and high >= 8 and len(LATIN_NEIGHBOURS.findall(joined)) * 5 < high:
        name = "koi8-r" if _is_koi8(joined) else "windows-1251"
        return _make_text(
            sample, name, name, GuessedPart("encoding", name, "not sure", "whole words of bytes over 127: Cyrillic?")
        )
    if OPEN_IN_1252.search(joined):
        reason = "it is not UTF-8, and has bytes that windows-1252 leaves open"
        return _make_text(sample, "latin-1", "latin-1", GuessedPart("encoding", "latin-1", "not sure", reason))
    is_1252 = re.search(rb"[\x80-\x9f]", joined) is not None
    reason = "it is not UTF-8" + (
        ", and has letters or signs of windows-1252" if is_1252 else "; latin-1 would read the same letters"
    )
    return _make_text(sample, "cp1252", "windows-1252", GuessedPart("encoding", "windows-1252", "likely", reason))


def _make_text(sample: Sample, codec: str, name: str, part: GuessedPart | None) -> Text:
    pieces = [piece.decode(codec, "replace") for piece in sample.pieces]
    pieces[0] = pieces[0].removeprefix("\ufeff")
    return Text(tuple(pieces), sample.is_whole, name, part)


def _count_wrong(sample: Sample) -> int:
    """Count the bytes that are no UTF-8. A character that the edge of a piece cuts does not count."""
    wrong = 0
    for number, piece in enumerate(sample.pieces):
        inner = piece.lstrip(bytes(range(0x80, 0xC0))) if number else piece
        try:
            inner.decode()
        except UnicodeDecodeError:
            text = inner.decode("utf-8", "replace")
            is_cut = text.endswith("\ufffd") and not (sample.is_whole or number == len(sample.pieces) - 1)
            wrong += text.count("\ufffd") - inner.count("\ufffd".encode()) - is_cut
    return max(wrong, 0)


def _is_chinese(joined: bytes) -> bool:
    """Say whether most pairs of bytes are among the 3,755 most frequent characters (GB 2312, level 1)."""
    runs = re.findall(rb"[\x80-\xff]+", joined)
    if sum(len(run) % 2 for run in runs) > 0.05 * len(runs):
        return False
    pairs = GB_PAIR.findall(joined)
    return sum(0xB0 <= pair[0] <= 0xD7 for pair in pairs) > 0.8 * len(pairs) and not LATIN_NEIGHBOURS.search(
        joined.replace(b"_", b"")
    )


def _is_koi8(joined: bytes) -> bool:
    """Tell KOI8-R by its small letters, which stand where windows-1251 has capitals."""
    return len(re.findall(rb"[\xc0-\xdf]", joined)) > 2 * len(re.findall(rb"[\xe0-\xff]", joined))
