"""Footfall turns files of user interactions into counts that people can trust, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footfall.results import Delivery, Discovery, LoadResult, LoadSummary, Table, Verification

__all__ = [
    "Delivery",
    "Discovery",
    "LoadResult",
    "LoadSummary",
    "Table",
    "Verification",
    "check",
    "discover",
    "load",
    "query",
    "verify",
]


def load(*sources: str, **settings: Any) -> LoadSummary:
    """Load files, globs, folders and URLs, each file exactly once; settings by name, as in `footfall.toml`.

    Effects: see `footfall.pipeline.load`. A file that fails is a result with status `failed`, not an exception.
    """
    from footfall.settings import load_settings
    from footfall.verbs import load as load_verb

    return load_verb.load(list(sources), load_settings(**settings))


def check(*sources: str, **settings: Any) -> LoadSummary:
    """Judge files against the contract, without a database."""
    from footfall.settings import load_settings
    from footfall.verbs import check as check_verb

    return check_verb.check(list(sources), load_settings(**settings))


def discover(*sources: str, **settings: Any) -> Discovery:
    """Find source files in loading order, and say of each which load brought it, by its digest.

    Effects: see `footfall.retrieval.discover`; it changes nothing.
    """
    from footfall.settings import load_settings
    from footfall.verbs import discover as discover_verb

    return discover_verb.discover(list(sources), load_settings(**settings))


def verify(*, repair: bool = False, **settings: Any) -> Verification:
    """Recount everything that is kept; with `repair`, mend the counts."""
    from footfall.settings import load_settings
    from footfall.verbs import verify as verify_verb

    return verify_verb.verify(load_settings(**settings), repair=repair)


def query(name: str, **asked: Any) -> Table:
    """Ask a named question: `id`, `since`, `until`, `action`, `user`, `product`, `per`, `limit`; other names: settings.

    Effects: none: one read-only transaction; see `footfall.retrieval.query`. All rows of the answer are in memory.

    Raises: UnknownNameError with the list of names; QueryError.
    """
    from footfall.answers.parameters import Filters
    from footfall.results import Table
    from footfall.settings import load_settings
    from footfall.verbs import query as query_verb

    filters = {each: asked.pop(each) for each in Filters.__slots__ if each in asked}
    with query_verb.query(load_settings(**asked), name, Filters(**filters)) as answer:
        return Table(answer.columns, tuple(answer.rows))


def __getattr__(name: str) -> Any:
    if name in {"Delivery", "Discovery", "LoadResult", "LoadSummary", "Table", "Verification"}:
        from footfall import results

        return getattr(results, name)
    raise AttributeError(f"module 'footfall' has no attribute {name!r}")
