"""The keywords of `import footfall`, with their types: every setting, and what a question can be narrowed to.

Tests compare them with `settings.Settings` and `answers.parameters.Filters`, which check the values. Beside them stand
the variables of the options that shape one call of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypedDict
from uuid import UUID


class Options(TypedDict, total=False):
    """Every setting by name but `source`. One that is None or left out comes from environment, file or default."""

    database_url: str | None
    schema: str | None
    home: str | Path | None
    delimiter: str | None
    max_rejected: str | int | float | None
    source_time_zone: str | None
    reporting_time_zone: str | None
    actions: str | Sequence[str] | None
    max_future_seconds: int | None
    lock_wait_seconds: int | None
    memory_limit_mb: int | None
    query_timeout_seconds: int | None
    queries_folder: str | Path | None
    retry: bool | None
    rehash: bool | None
    interaction_id_type: Literal["bigint", "uuid", "text"] | None
    user_id_type: Literal["bigint", "uuid", "text"] | None
    product_id_type: Literal["bigint", "uuid", "text"] | None
    log_format: Literal["text", "json"] | None
    workers: int | None
    engine: Literal["processes", "spark", "dask"] | None
    master: str | None
    scheduler: str | None
    range_mb: int | None
    stager_url: str | None
    stager_role: str | None


class LoadOptions(Options, total=False):
    """How the files are read, and every setting. `source` names a source definition."""

    source: str | None


class QueryOptions(Options, total=False):
    """What a question can be narrowed to, and every setting.

    Shape: `id` is the user or product of a question about one; an id is a number, text or UUID, as the tables have it;
    `since` and `until` are dates or times, as text or not; `per` is day, week or month; lists are text with commas or
    sequences of text; spans of time are text such as 30m or 7d, or a timedelta.
    """

    id: int | str | UUID | None
    since: str | date | None
    until: str | date | None
    action: str | None
    user: int | str | UUID | None
    product: int | str | UUID | None
    per: str | None
    limit: int | None
    who: str | int | None
    steps: str | Sequence[str] | None
    within: str | timedelta | None
    order: str | None
    exclude: str | Sequence[str] | None
    by: str | None
    start_action: str | None
    return_action: str | None
    mode: str | None
    clock: str | None
    recurring: bool | None
    periods: int | None
    gap: str | timedelta | None
    depth: int | None
    shape: str | None
    from_action: str | None
    to_action: str | None
    of: str | None
    minimum: int | None
    compare: str | None
    first_of: str | None
    over_time: bool | None


class ReportOptions(Options, total=False):
    """What a report is asked with, and every setting.

    Shape: `since` and `until` are dates or times, as text or not: without them the last 30 days of the data; `funnel`
    has the actions of its funnel in order, without it the most frequent ones; without `verify` nothing is recounted;
    `with_user_ids` names users; `made_at` is the time of making that it tells.
    """

    since: str | date | None
    until: str | date | None
    title: str | None
    funnel: str | Sequence[str] | None
    verify: bool
    with_user_ids: bool
    made_at: str | datetime | None


# Twins of options that shape one call: read from the environment, never from a file.
CALL_VARIABLES = (
    "ACTION",
    "AGAIN",
    "ALLOWED_HOST",
    "AS_FILE",
    "CLOSED",
    "CODE",
    "DRY_RUN",
    "ESCAPE_FORMULAS",
    "FORMAT",
    "HOST",
    "IF_SILENT",
    "LIMIT",
    "LIST",
    "LOAD",
    "METRICS",
    "NAME",
    "ONCE",
    "OPEN",
    "OUTPUT",
    "PER",
    "POLL",
    "PORT",
    "PRODUCT",
    "QUIET",
    "REPAIR",
    "REPLAYS",
    "SETTLE",
    "SINCE",
    "SQL",
    "TOKEN",
    "UNTIL",
    "USER",
    "VERBOSE",
    "WITH",
    "WITHOUT",
    "WITH_LATER",
    "WRITE",
)
