"""What each verb gives back: typed values that the command line prints and a Python caller reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, overload

from footfall.errors import FootfallError


class Reason(StrEnum):
    """Why a name is left out, in the words in which that is said."""

    NEVER_DATA = "left by a system or a tool, never data"
    ENDING = "not named *.csv, *.csv.gz or *.csv.zst"
    LINK = "a link to a folder, which is followed only where its own name is written out"
    SPECIAL = "a FIFO, socket or device"
    FOLDER = "a folder, where the pattern takes files"
    HIDDEN = "hidden, and the pattern does not begin with a dot"
    SAME = "another name of a file that is taken already"


class IgnoredName(str):
    """A name that is left out: a text like every other, which also says why.

    Shape: `reason` says why; `taken_as` is the first name of the same file, or empty for every other reason.
    """

    __slots__ = ("reason", "taken_as")
    reason: Reason
    taken_as: str

    def __new__(cls, name: str, reason: Reason, taken_as: str = "") -> IgnoredName:
        """Give the name together with its reason."""
        made = super().__new__(cls, name)
        made.reason = reason
        made.taken_as = taken_as
        return made

    def __getnewargs__(self) -> tuple[str, Reason, str]:  # type: ignore[override]  # str names its own, shorter
        return str(self), self.reason, self.taken_as


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Units: `bytes_done` and `bytes_total` count decompressed content where the file is plain."""

    source: str
    bytes_done: int
    bytes_total: int | None
    rows_read: int
    seconds: float


INSTANT_OID = 1184  # timestamptz, of pg_type


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that one row breaks.

    Shape: `field` is the canonical column name, or None for the whole row; `value` at most 200 characters.
    """

    code: str
    field: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row with one problem or more, as the quarantine keeps it.

    Units: `line_number` is 1-based, header included; `raw_line` at most 64 KiB; `raw_size_bytes` is the whole record.
    """

    load_id: int | None
    source: str
    line_number: int
    raw_line: str
    raw_size_bytes: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ProblemShape:
    """The rejected rows that share a problem and whose values look alike: how many, the first, and a hint at the cure.

    Shape: `shape` is the value with each digit as 9 and each run of letters as a; for `too-few-fields` and
    `too-many-fields` the number of fields; empty where the value tells nothing. `look` names the cause where it is
    certain, else it is empty.
    """

    shape: str
    look: str
    rows: int
    sample_source: str
    sample_line_number: int
    sample_value: str | None
    hint: str


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The rejected rows of one run that share a problem: how many, the first of them, and a hint at the cure.

    Grain: one per (code, field), and one `header-again` with no field for the rows that repeat the header, which have
    other problems in the quarantine. `rows` counts rows, not problems.
    Shape: `shapes` are the shapes of the values, the most frequent first: all of them up to 50, else 50 of them.
    `hint` is that of the look that all rows have, else `general_hint`, which is true of every row with the problem.
    """

    code: str
    field: str | None
    rows: int
    sample_source: str
    sample_line_number: int
    sample_value: str | None
    hint: str
    shapes: tuple[ProblemShape, ...] = ()
    general_hint: str = ""

    @property
    def rows_of_other_shapes(self) -> int:
        """Rows whose shape is not among `shapes`: more than none only where there were over 50."""
        return self.rows - sum(each.rows for each in self.shapes) if self.shapes else 0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of one source file.

    Shape: `already-loaded` carries load_id and `loaded_at` of the first load; `failed` has no load_id and carries its
    `failure`, an error that a caller can raise; both have rows_* 0. A file that `check` refuses keeps its `groups`.
    `notices` say what is odd about the file; they change no verdict.
    """

    load_id: int | None
    source: str
    digest: str | None
    status: Literal["loaded", "already-loaded", "failed", "checked"]
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    seconds: float = 0.0
    failure: FootfallError | None = None
    loaded_at: datetime | None = None
    groups: tuple[ProblemGroup, ...] = ()
    notices: tuple[str, ...] = ()

    @classmethod
    def already_loaded(
        cls, load_id: int, source: str, digest: str, loaded_at: datetime, notices: tuple[str, ...] = ()
    ) -> LoadResult:
        """Give the result of a file that an earlier load brought; `load_id` and `loaded_at` are those of that load."""
        return cls(load_id, source, digest, "already-loaded", loaded_at=loaded_at, notices=notices)

    @classmethod
    def failed(
        cls, source: str, digest: str | None, failure: FootfallError, notices: tuple[str, ...] = ()
    ) -> LoadResult:
        """Give the result of a file of which nothing was loaded."""
        return cls(None, source, digest, "failed", failure=failure, notices=notices)

    @property
    def error(self) -> str | None:
        """The message of the failure, or None."""
        return self.failure.message if self.failure else None

    @property
    def exit_code(self) -> int:
        """The exit code of the failure; 0 where there is none."""
        return self.failure.exit_code if self.failure else 0

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.failure.retryable if self.failure else False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One source file that is there, and the load that brought it, or None where no load has."""

    source: str
    digest: str | None
    size_bytes: int
    load_id: int | None


@dataclass(frozen=True, slots=True)
class Discovery(Sequence[Delivery]):
    """The source files that are there, in loading order, and the names that were met and left out.

    Shape: a sequence of its `deliveries`; `ignored` has texts, each with its `reason`.
    """

    deliveries: tuple[Delivery, ...]
    ignored: tuple[IgnoredName, ...] = ()

    @overload
    def __getitem__(self, at: int) -> Delivery: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Delivery, ...]: ...

    def __getitem__(self, at: int | slice) -> Delivery | tuple[Delivery, ...]:
        return self.deliveries[at]

    def __len__(self) -> int:
        return len(self.deliveries)


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """The whole run: each file in loading order, and the sums. `exit_code` is that of the first failed file.

    `ignored` has every name that was met and left out: texts, each with its `reason`.
    """

    loads: tuple[LoadResult, ...]
    seconds: float = 0.0
    ignored: tuple[IgnoredName, ...] = field(default=())

    @property
    def rows_read(self) -> int:
        return sum(load.rows_read for load in self.loads)

    @property
    def rows_loaded(self) -> int:
        return sum(load.rows_loaded for load in self.loads)

    @property
    def rows_duplicate(self) -> int:
        return sum(load.rows_duplicate for load in self.loads)

    @property
    def rows_rejected(self) -> int:
        return sum(load.rows_rejected for load in self.loads)

    @property
    def exit_code(self) -> int:
        return next((load.exit_code for load in self.loads if load.exit_code), 0)


@dataclass(frozen=True, slots=True)
class Drift:
    """One kept number that differs from its recount.

    Shape: `check` names the promise (`interactions`, `ledger`, `quarantine`); `key` says where, e.g. `load_id 3`.
    """

    check: str
    key: str
    kept: int | None
    recount: int | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The recount of everything kept. `drift_count` may exceed `len(drift)`: 20 of each check are listed."""

    rows_raw: int
    pairs: int
    drift: tuple[Drift, ...]
    drift_count: int
    repaired: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to print: column names and tuples of the same length.

    Effects: none; `report` turns it into a table, CSV or JSON.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query, its rows to be read once.

    Shape: `types` has the server's OID of each column. `is_zoned`: its days are days of the reporting time zone.
    """

    columns: tuple[str, ...]
    types: tuple[int, ...]
    rows: Iterator[tuple[Any, ...]]
    is_zoned: bool
