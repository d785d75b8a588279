"""Find the dialect of delimited text: what stands between fields, whether quotes count, where the header is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from footfall.contract.definition import BLANKS
from footfall.formats.sniffing.fields import Record, split_plain, split_records
from footfall.formats.sniffing.names import score_name
from footfall.formats.sniffing.time_patterns import describe_pattern
from footfall.formats.sniffing.times import ISO

# If several fit equally well, the first of them wins.
DELIMITERS = ("::", "||", "|~|", ",", "\t", ";", "|", "\x01", "^", "~", BLANKS)
LINES_TRIED = 400  # lines at the beginning by which delimiters are compared
FIELDS_SHARE_LEAST = 0.8  # share of the lines that must have the usual number of fields
PREAMBLE_LINES_MAX = 60  # lines before a header
SEP_LINE = re.compile(r'(?i)"?sep=(.{1,2}?)"?\s*')
COMMENTS = ("#", "//", "--", "%", ";", "!")
NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?%?")
VALUE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|https?://.*|/\S*|[0-9a-f]{24,64}|\S+@\S+\.\S+|\d+\.\d+\.\d+\.\d+|true|false"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records are told apart, and where they begin.

    Shape: `names` has the names of the columns, if there are any. `skip_lines` is the number of lines before the header
    or, without one, before the first row. `named_in_comment` says that the header stands in a comment line. `usual` is
    the number of fields of most rows, and `share` is the share of the rows that have it.
    """

    delimiter: str
    quoting: bool
    usual: int
    share: float
    names: tuple[str, ...] = ()
    has_header: bool = True
    skip_lines: int = 0
    first_row: int = 0
    comment: str | None = None
    named_in_comment: bool = False
    is_sure_of_header: bool = True
    shorter_header: int = 0


def find_delimiter(lines: list[str]) -> tuple[str, bool, int, float] | None:
    """Choose what stands between fields: delimiter, whether quotes count, the usual number of fields, and its share.

    None where no delimiter gives most lines the same number of fields, two or more.

    Example:
        >>> find_delimiter(["a;b;c", "1,5;2;3"] * 3)
        (';', True, 3, 1.0)
    """
    tried = [line for line in lines if line.strip() and not line.startswith("#")][:LINES_TRIED]
    wanted: tuple[str, ...] = DELIMITERS
    if found := SEP_LINE.fullmatch(lines[0]):
        tried, wanted = tried[1:], ("\t" if found[1] == "\\t" else found[1],)
    # In a short file, the lines before the header may be a large part of all.
    for begin in (0, len(tried) // 3, len(tried) // 2):
        if chosen := _compare(tried[begin:], wanted):
            return chosen
    return None


def _compare(tried: list[str], wanted: tuple[str, ...]) -> tuple[str, bool, int, float] | None:
    """Compare delimiters by the share of lines with the usual number of fields, and by quotes and names."""
    best: tuple[float, str, bool, int, float] | None = None
    for order, delimiter in enumerate(wanted):
        if delimiter != BLANKS and not any(delimiter in line for line in tried):
            continue
        if any(_is_only_within(delimiter, longer, tried) for longer in wanted):
            continue
        for quoting in (True, False):
            records = list(split_records(tried, delimiter, quoting))
            if not quoting and not any('"' in line for line in tried):
                continue
            usual, share = _count_usual(records)
            if usual < 2 or share < FIELDS_SHARE_LEAST:
                continue
            odd = sum(record.is_odd for record in records) / len(records)
            quoted = any(record.has_quotes for record in records)
            score = share - odd * 0.5 + 0.02 * min(usual, 10) - 0.001 * order + (0.05 if quoting and quoted else 0)
            score += 0.1 * _knows_names(tried, delimiter) - (0.45 if delimiter == BLANKS else 0)
            if best is None or score > best[0] + 1e-9:
                best = (score, delimiter, quoting, usual, share)
    return best[1:] if best else None


def _is_only_within(delimiter: str, longer: str, lines: list[str]) -> bool:
    """Say whether a delimiter occurs only as a part of a longer one."""
    each = longer.count(delimiter)
    if delimiter == longer or not each or longer == BLANKS:
        return False
    return all(line.count(delimiter) == each * line.count(longer) for line in lines)


def _count_usual(records: list[Record]) -> tuple[int, float]:
    counts = Counter(len(record.fields) for record in records)
    if not counts:
        return 0, 0.0
    usual, times = min(counts.items(), key=lambda each: (-each[1], -each[0]))
    return usual, times / len(records)


def _knows_names(lines: list[str], delimiter: str) -> int:
    """Count the names of columns that the first lines hold, at most three."""
    best = 0
    for line in lines[:3]:
        names = [field.strip('" \t') for field in split_plain(line, delimiter)]
        best = max(best, sum(bool(score_name(name)) for name in names if len(name) < 60))
    return min(best, 3)


def find_dialect(lines: list[str]) -> Dialect | None:
    """Find the dialect of the lines with which a content begins; None where they are not delimited."""
    chosen = find_delimiter(lines)
    if chosen is None:
        return None
    delimiter, quoting, usual, share = chosen
    comment, commented = _find_comment(lines, delimiter, usual)
    shown = ["" if comment and line.lstrip().startswith(comment) else line for line in lines[:LINES_TRIED]]
    if SEP_LINE.fullmatch(shown[0]) if shown else False:
        shown[0] = ""
    records = list(split_records(shown, delimiter, quoting))
    at = _find_begin(records, usual)
    if at is None:
        return None
    begin = records[at]
    skipped = (
        begin.line
        if any(line.strip() for line in lines[: begin.line] if not comment or not line.lstrip().startswith(comment))
        else 0
    )
    rows = [record.fields for record in records[at + 1 :] if len(record.fields) == usual]
    made = Dialect(delimiter, quoting, usual, share, comment=comment, skip_lines=skipped, first_row=begin.line)
    if commented and not _looks_named(begin.fields, rows)[0]:
        return _replace(made, names=commented, has_header=False, named_in_comment=True)
    is_header, is_sure = _looks_named(begin.fields, rows)
    if not is_header:
        return _replace(made, has_header=False, is_sure_of_header=is_sure)
    names = tuple(field.strip(" \t") for field in begin.fields)
    lacking = usual - len(names)
    if lacking > 0:
        return _replace(
            made,
            names=names,
            has_header=False,
            skip_lines=begin.line + 1,
            first_row=begin.line + 1,
            shorter_header=lacking,
        )
    return _replace(made, names=names, first_row=begin.line + 1, is_sure_of_header=is_sure)


def _replace(dialect: Dialect, **changes: object) -> Dialect:
    from dataclasses import replace

    return replace(dialect, **changes)  # type: ignore[arg-type]


def _find_comment(lines: list[str], delimiter: str, usual: int) -> tuple[str | None, tuple[str, ...]]:
    """Find the text with which comment lines begin, and the names of columns that one of these lines holds."""
    for mark in COMMENTS:
        commented = [line.lstrip() for line in lines[:LINES_TRIED] if line.lstrip().startswith(mark)]
        others = [line for line in lines[:LINES_TRIED] if line.strip() and not line.lstrip().startswith(mark)]
        if not commented or (len(commented) * 2 > len(others) + len(commented) and len(others) < 1):
            continue
        if not lines[0].lstrip().startswith(mark) and mark != "#":
            continue
        if any(len(split_plain(line, delimiter)) == usual for line in commented) and mark != "#":
            continue
        for line in reversed(commented):
            text = line[len(mark) :].strip()
            for lead in ("Fields:", "fields:", "columns:", ""):
                names = text.removeprefix(lead).strip()
                for each in (delimiter, BLANKS, ","):
                    split = tuple(name.strip() for name in split_plain(names, each))
                    if len(split) == usual and _count_names(split) >= min(2, usual):
                        return mark, _drop_repeats(split)
        return mark, ()
    return None, ()


def _drop_repeats(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    given = []
    for name in names:
        seen[name] += 1
        given.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(given)


def _count_names(fields: tuple[str, ...]) -> int:
    return sum(bool(score_name(field.strip(" \t"))) for field in fields if len(field) < 60)


def _find_begin(records: list[Record], usual: int) -> int | None:
    """Find the header or the first row: the first record with the usual number of fields, or names just before it."""
    for at, record in enumerate(records[:PREAMBLE_LINES_MAX]):
        if len(record.fields) == usual:
            if at > 0:
                before = records[at - 1].fields
                is_named = not any(map(is_value, before)) and _count_names(before) >= 2
                if len(before) > 1 and is_named and not _looks_named(record.fields, [])[0]:
                    return at - 1
            return at
    return None


def is_value(field: str) -> bool:
    """Say whether a field is surely no name of a column: a number, a time, a UUID, an address.

    Example:
        >>> is_value("12.5"), is_value("2024-01-01"), is_value("user_id"), is_value("")
        (True, True, False, False)
    """
    text = field.strip(' \t"')
    return bool(
        NUMBER.fullmatch(text)
        or VALUE.fullmatch(text)
        or ISO.fullmatch(text)
        or (text[:1].isdigit() and describe_pattern(text))
    )


def _looks_named(fields: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[bool, bool]:
    """Say whether a record is a header, and whether that is sure."""
    texts = [field.strip(" \t") for field in fields]
    filled = [text for text in texts if text]
    values = sum(map(is_value, texts))
    known = _count_names(fields)
    if any(is_value(text) and not NUMBER.fullmatch(text.strip('"')) for text in texts):
        return False, True
    if values:
        return (known > values and known >= 3), known > values or known == 0 or values > 1
    if not filled or len(set(filled)) < len(filled) - 1:
        return known >= 3, True
    if known >= 2:
        return True, True
    below = [{row[at] for row in rows if at < len(row)} for at in range(len(texts))]
    if any(text in below[at] for at, text in enumerate(texts) if text):
        return False, known == 0
    has_values_below = any(column and all(is_value(value) or not value for value in column) for column in below)
    return True, known >= 1 or has_values_below
