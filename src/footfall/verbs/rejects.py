"""The verb `rejects`: list quarantined rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from footfall.contract.problems import PROBLEM_CODES
from footfall.errors import UnknownNameError
from footfall.postgres.transactions import begin
from footfall.results import Problem, RejectedRow
from footfall.safe_text import mask
from footfall.settings import Settings
from footfall.tables.quarantine import list_rejected
from footfall.verbs.session import open_verb_session, require_positive


def show_rejects(  # noqa: PLR0913
    settings: Settings,
    *,
    load_id: int | None,
    source: str | None,
    code: str | None,
    limit: int | None,
    with_closed: bool = False,
) -> tuple[tuple[RejectedRow, ...], bool]:
    """List quarantined rows in the order of loads and lines, and say whether there are more than `limit`.

    Rows that a replay or a mended file closed are left out unless `with_closed`.

    Raises: UnknownNameError with the list of codes; SettingsError.
    """
    if code is not None and code not in PROBLEM_CODES:
        known = "\n".join(f"  {each}: {sentence}" for each, sentence in PROBLEM_CODES.items())
        raise UnknownNameError(f"--code (FOOTFALL_CODE): there is no problem {code!r}; choose one of these:\n{known}")
    require_positive("--limit", limit)
    values: dict[str, Any] = {"load_id": load_id, "source": source and mask(source), "code": code}
    values["with_closed"] = with_closed
    with open_verb_session(settings, is_reader=True) as (connection, target):
        begin(connection, target)
        asked = None if limit is None else limit + 1
        rows = list_rejected(connection, values | {"limit": asked})
        connection.rollback()
    shown = rows if limit is None else rows[:limit]
    return make_rejected_rows(shown), len(rows) > len(shown)


def make_rejected_rows(rows: Iterable[Any]) -> tuple[RejectedRow, ...]:
    """Give rows of the quarantine as the values that callers know."""
    return tuple(
        RejectedRow(
            row.load_id,
            row.source,
            row.line_number,
            row.raw_line,
            row.raw_size_bytes,
            tuple(Problem(p["code"], p["field"], p["value"]) for p in row.problems),
            row.item,
            row.replayed_by,
        )
        for row in rows
    )
