"""What `footfall.runs` gives back: a run, as plan made it."""

from __future__ import annotations

from dataclasses import dataclass, field

from footfall.results import LoadResult


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was planned: one file, to be staged in `ranges` parts that are numbered from 0.

    Shape: where a load brought the file already, `already_loaded` is the result, `token` is empty, and there is nothing
    to stage. `schema` is that of the tables that a take writes to.
    """

    token: str
    source: str
    ranges: int
    already_loaded: LoadResult | None = None
    schema: str | None = field(default=None, kw_only=True)
