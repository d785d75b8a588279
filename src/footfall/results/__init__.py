"""What each verb gives back: typed values that the command line prints and a Python caller reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, overload

from footfall.errors import FootfallError
from footfall.results.arrow import INSTANT_OID, make_arrow_table, make_pandas_frame, make_polars_frame
from footfall.results.problems import (
    Problem,
    ProblemGroup,
    ProblemShape,
    RejectedRow,
    describe_groups,
    merge_groups,
)
from footfall.results.undoing import UndoneLoad
from footfall.safe_text import escape_unprintable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = [
    "INSTANT_OID",
    "Answer",
    "Delivery",
    "Discovery",
    "Drift",
    "FoundSources",
    "IgnoredName",
    "LoadResult",
    "LoadSummary",
    "Problem",
    "ProblemGroup",
    "ProblemShape",
    "Progress",
    "Reason",
    "RejectedRow",
    "Table",
    "Verification",
]


class Reason(StrEnum):
    """Why a name is left out, in the words that people read."""

    NEVER_DATA = "left by a system or a tool, never data"
    ENDING = "not named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet, plain or compressed"
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
class FoundSources:
    """The files that a load of some names would take, in loading order, and the names that it would leave out.

    Shape: `paths` are names of files and URLs, to be loaded as they are: a URL among them has its secrets. `ignored`
    has texts, each with its `reason`.
    """

    paths: tuple[str, ...]
    ignored: tuple[IgnoredName, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Units: `bytes_done` and `bytes_total` count the file's bytes as they are stored."""

    source: str
    bytes_done: int
    bytes_total: int | None
    rows_read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of one source file.

    Shape: `already-loaded` carries load_id and `loaded_at` of the first load; `failed` has no load_id and carries its
    `failure`, an error that a caller can raise; both have rows_* 0. A file that `check` refuses keeps its `groups`.
    `notices` say what is odd about the file; they change no verdict. `replay_of` is the load whose rejected rows it
    mends, None for a load of its own. `undone` has the loads that were taken back for it (`load --again`).
    """

    load_id: int | None
    source: str
    digest: str | None
    status: Literal["loaded", "already-loaded", "failed", "checked"]
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_skipped: int = field(default=0, kw_only=True)
    seconds: float = 0.0
    failure: FootfallError | None = None
    loaded_at: datetime | None = None
    groups: tuple[ProblemGroup, ...] = ()
    notices: tuple[str, ...] = ()
    replay_of: int | None = field(default=None, kw_only=True)
    undone: tuple[UndoneLoad, ...] = field(default=(), kw_only=True)

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

    `ignored` has every name that was met and left out: texts, each with its `reason`. `schema` is that of the tables
    that a load writes to, None for a check. `str(summary)` is what the command line prints: what became of each file,
    then the rejected rows by problem, then the sums where there are several files. It only counts failed files; the
    `failure` of each says why.
    """

    loads: tuple[LoadResult, ...]
    seconds: float = 0.0
    ignored: tuple[IgnoredName, ...] = field(default=())
    schema: str | None = None

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
    def rows_skipped(self) -> int:
        return sum(load.rows_skipped for load in self.loads)

    @property
    def exit_code(self) -> int:
        return next((load.exit_code for load in self.loads if load.exit_code), 0)

    def __str__(self) -> str:
        done = [load for load in self.loads if load.status != "failed"]
        lines = [f"{load.source}: {describe_outcome(load)}" for load in done]
        lines += describe_groups(merge_groups(load.groups for load in self.loads))
        if len(self.loads) > 1:
            accepted = "accepted" if any(load.status == "checked" for load in self.loads) else "loaded"
            failed = len(self.loads) - len(done)
            files = f", {failed:,} of {len(self.loads):,} files failed" if failed else ""
            lines.append(f"{_count_rows(self, accepted)}{files} ({self.seconds:,.1f} s)")
        return "\n".join(map(escape_unprintable, lines))


def describe_outcome(load: LoadResult) -> str:
    """Say in a few words what became of a file that did not fail."""
    if load.status == "already-loaded" and load.load_id is None:
        return "the same bytes as a file before it; a load would pass it over"
    if load.status == "already-loaded":
        when = f" on {load.loaded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if load.loaded_at else ""
        return f"already loaded as load {load.load_id}{when}, nothing changed"
    if load.status == "checked":
        return f"{_count_rows(load, 'accepted')} (checked, {load.seconds:,.1f} s)"
    replaced = [str(undone.load_id) for undone in load.undone if not undone.went_along]
    place = f" in place of load{'' if len(replaced) == 1 else 's'} {', '.join(replaced)}" if replaced else ""
    return f"{_count_rows(load, 'loaded')} (load {load.load_id}{place}, {load.seconds:,.1f} s)"


def _count_rows(of: LoadResult | LoadSummary, accepted: str) -> str:
    skipped = f", {of.rows_skipped:,} skipped" if of.rows_skipped else ""
    return (
        f"{of.rows_read:,} read, {of.rows_loaded:,} {accepted}, "
        f"{of.rows_duplicate:,} duplicate, {of.rows_rejected:,} rejected{skipped}"
    )


# The checks of `verify` that compare no kept count. The check of a kept count has the name of its table.
CHECKS_OF_NO_COUNT = frozenset(("schema", "user_interactions_raw", "ledger", "quarantine", "overlaps", "operations"))


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what is kept and its recount.

    Shape: `check` names the promise (`interactions`, `ledger`, `schema`); `key` says where, e.g. `load_id 3`. `kept`
    and `recount` are numbers, or texts where a column beside a count differs (`first_at of user_id 1`). For the schema
    they are what is there and what the migrations made. `cure` is the statement that mends the schema, if there is one.
    """

    check: str
    key: str
    kept: int | str | None
    recount: int | str | None
    cure: str | None = field(default=None, compare=False)

    @property
    def is_of_counts(self) -> bool:
        """Say whether it is a count that differs from its recount: `--repair` mends only these."""
        return self.check not in CHECKS_OF_NO_COUNT


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of `verify`. `drift_count` may exceed `len(drift)`, since at most 20 of each kind are listed.

    `is_recounted`: false where a column is missing or has another type, so that the schema alone was compared.
    `str(verification)` is the line that the command line prints.
    """

    rows_raw: int
    pairs: int
    drift: tuple[Drift, ...]
    drift_count: int
    repaired: bool
    is_recounted: bool = True

    def __str__(self) -> str:
        if not self.is_recounted:
            return f"drift: nothing could be recounted, {_count(self.drift_count, 'difference')}"
        kept = f"{_count(self.rows_raw, 'interaction')}, {_count(self.pairs, 'count')}"
        if not self.drift_count:
            return f"ok: {kept}, no drift"
        return f"drift: {kept}, {_count(self.drift_count, 'difference')}"


def _count(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows: column names and tuples of the same length. DuckDB, and whatever else reads Arrow, takes it as it is.

    Shape: `types` has the server's OID of each column, or nothing where no server made the columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    types: tuple[int, ...] = field(default=(), compare=False, repr=False)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the rows as a stream of Arrow's C data interface."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pa.Table:
        """Give the rows as a table of pyarrow: bigint as int64, double, date32, UUIDs, instants as timestamps of UTC.

        Raises: QueryError where a value has no exact place in its column, such as a day before year 1.
        """
        return make_arrow_table(self.columns, self.types, self.rows, "narrow the question, or read `rows`")

    def to_pandas(self) -> pd.DataFrame:
        """Give the rows as a frame of pandas, with the types of Arrow (`pandas.ArrowDtype`); UUIDs are objects.

        Raises: SettingsError where pandas is not installed; QueryError as `to_arrow`.
        """
        return make_pandas_frame(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """Give the rows as a frame of polars; UUIDs are text.

        Raises: SettingsError where polars is not installed; QueryError as `to_arrow`.
        """
        return make_polars_frame(self.to_arrow())


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query, its rows to be read once.

    Shape: `types` has the server's OID of each column. `is_zoned`: its days are days of the reporting time zone.
    `screen` has the columns that a screen has room for, and is empty where all of them fit.
    """

    columns: tuple[str, ...]
    types: tuple[int, ...]
    rows: Iterator[tuple[Any, ...]]
    is_zoned: bool
    screen: tuple[str, ...] = ()
