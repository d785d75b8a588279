"""Describe the values of one column: whole numbers, UUIDs or text, how many there are, how often they repeat."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from footfall.contract.ids import IdType
from footfall.formats.sniffing.records import Column
from footfall.formats.sniffing.times import TimeShape, find_time_shape

# First the words that always stand for a missing value, then those that may also be a value.
SURE_NULLS = frozenset(
    {"NULL", "null", "Null", "\\N", "NaN", "nan", "<NA>", "#N/A", "(null)", "<null>", "N/A", "undefined"}
)
POSSIBLE_NULLS = frozenset(
    {"-", "--", "NA", "na", "n/a", "None", "none", "nil", "NONE", "?", "(not set)", "(none)", "-1", "."}
)
SIGNS_OF_NOTHING = frozenset({"-", "--", "?", "(not set)", "."})
INTEGER = re.compile(r"\d{1,19}")
PADDED = re.compile(r"0\d+|\+\d+")
AS_FLOAT = re.compile(r"\d{1,18}\.0+")
DECIMAL = re.compile(r"-?\d*\.?\d+(?:[eE][+-]?\d+)?")
UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
HASH = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
WITH_DIGITS = re.compile(r"[\w.:@+/=-]*\d[\w.:@+/=-]*")
ID_LIST = re.compile(r"[\w.:-]*\d[\w.:-]*(?:[ |,;][\w.:-]*\d[\w.:-]*)+")
ONE_OR_MORE_IDS = re.compile(r"[\w.:-]*\d[\w.:-]*(?:[ |,;][\w.:-]*\d[\w.:-]*)*")
INTEGER_MAX = 2**63 - 1
FEW_VALUES = 40  # distinct values that a column of actions has at most; most have about a dozen
TEXT_ID_MAX = 200  # characters of an id


@dataclass(frozen=True, eq=False)
class Profile:
    """What the values of a column are. Shape: `counts` has those that are not missing, without blanks around them."""

    column: Column
    counts: Counter[str]
    nulls: frozenset[str]
    rows: int

    @property
    def words(self) -> str:
        """What the column is called."""
        return self.column.words

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.counts.total()

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.filled

    @property
    def missing_share(self) -> float:
        """The share of the rows without a value."""
        return self.missing / self.rows if self.rows else 1.0

    @property
    def distinct(self) -> int:
        """Distinct values."""
        return len(self.counts)

    @property
    def is_unique(self) -> bool:
        """Say whether every row has a value of its own."""
        return self.rows > 0 and self.distinct == self.filled == self.rows

    def share(self, pattern: re.Pattern[str]) -> float:
        """Give the share of the values that a pattern matches as a whole."""
        if not self.filled:
            return 0.0
        return sum(count for value, count in self.counts.items() if pattern.fullmatch(value)) / self.filled

    @cached_property
    def integer_share(self) -> float:
        """The share of whole numbers from 0 on."""
        return self.share(INTEGER)

    @cached_property
    def has_padding(self) -> bool:
        """Say whether some numbers begin with a zero or a plus sign, which only an id of type text keeps."""
        return any(PADDED.fullmatch(value) for value in self.counts)

    @cached_property
    def is_float_ids(self) -> bool:
        """Say whether ids are written as 123.0, as pandas does where a column has gaps."""
        return self.share(AS_FLOAT) > 0 and all(AS_FLOAT.fullmatch(v) or INTEGER.fullmatch(v) for v in self.counts)

    @cached_property
    def is_numeric(self) -> bool:
        """Say whether all values are numbers."""
        return self.filled > 0 and all(DECIMAL.fullmatch(value) for value in self.counts)

    @cached_property
    def longest(self) -> int:
        """Characters of the longest value."""
        return max(map(len, self.counts), default=0)

    @cached_property
    def time(self) -> TimeShape:
        """How the values are written as times."""
        return find_time_shape([None if v is None or v.strip() in self.nulls else v for v in self.column.values])

    @property
    def is_time(self) -> bool:
        """Say whether the values are times. Plain numbers do not count, since they may also be ids."""
        return bool(self.time.formats) and self.time.share > 0.5 and not self.is_numeric

    @cached_property
    def is_list(self) -> bool:
        """Say whether values are lists: several ids with blanks or bars between."""
        return self.column.is_list or (self.share(ID_LIST) > 0.3 and self.share(ONE_OR_MORE_IDS) > 0.9)

    @cached_property
    def looks_like_id(self) -> bool:
        """Say whether values look like ids: UUIDs, hashes, numbers, or letters with numbers."""
        if not self.filled or self.longest > TEXT_ID_MAX:
            return False
        return self.share(UUID) > 0.9 or self.share(HASH) > 0.9 or self.share(WITH_DIGITS) > 0.9

    def choose_id_type(self) -> tuple[IdType, str]:
        """Give the type of the ids, and the reason for it, or a doubt about it behind a vertical bar."""
        if not self.filled:
            return "text", "no value was seen"
        if self.share(UUID) == 1.0:
            return "uuid", "all are UUIDs"
        if self.integer_share == 1.0 or self.is_float_ids:
            if self.has_padding:
                return "text", "numbers that begin with a zero: 00123 and 123 stay two ids as text"
            if max(int(value.partition(".")[0]) for value in self.counts) <= INTEGER_MAX:
                return "bigint", "all are whole numbers"
            return "text", "numbers beyond 64 bits"
        if self.integer_share > 0.995 and self.filled >= 1000 and not self.has_padding:
            doubt = "nearly all are whole numbers; the rows of the others will be rejected, unless the type is text"
            return "bigint", f"|{doubt}"
        return "text", ""


def make_profile(column: Column, rows: int) -> Profile:
    """Count the values of a column. Empty values, and words that stand for a missing value, do not count.

    Example:
        >>> profile = make_profile(Column("a", "a", ("1", " 2", "", "NULL", None)), 5)
        >>> profile.filled, profile.nulls
        (2, frozenset({'NULL'}))
    """
    counts = Counter(value.strip(" \t") for value in column.values if value is not None)
    counts.pop("", None)
    nulls = frozenset(word for word in counts if word in SURE_NULLS)
    others = [word for word in counts if word not in SURE_NULLS and word not in POSSIBLE_NULLS]
    possible = [word for word in counts if word in POSSIBLE_NULLS]
    if possible and not others and not nulls:
        nulls |= {word for word in possible if word in SIGNS_OF_NOTHING}
    if possible and others:
        nulls |= {word for word in possible if _is_null_beside(word, others)}
    for word in nulls:
        del counts[word]
    return Profile(column, counts, nulls, rows)


def _is_null_beside(word: str, others: list[str]) -> bool:
    """Say whether a word is a missing value, because the others are numbers, times or ids and it is not."""
    if word == "-1":
        return all(INTEGER.fullmatch(value) for value in others)
    if word in SIGNS_OF_NOTHING:
        return True
    return sum(any(character.isdigit() for character in value) for value in others[:500]) >= 0.9 * len(others[:500])
