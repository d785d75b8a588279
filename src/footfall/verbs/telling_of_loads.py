"""Make a verb that loads tell people of its failures, if footfall.toml names somebody to tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from footfall.errors import FootfallError, InterruptedLoadError
from footfall.results import LoadSummary
from footfall.settings import Settings

V = TypeVar("V", bound=Callable[..., LoadSummary])


def tell_failures(verb: V) -> V:
    """Make a verb that loads tell of its failures at its end."""

    @wraps(verb)
    def tell_at_end(names: list[str], settings: Settings, *args: Any, **options: Any) -> LoadSummary:
        if settings.notify is None:
            return verb(names, settings, *args, **options)
        from footfall.verbs.notify import tell_of_error, tell_of_loads  # heavy, and seldom needed

        try:
            summary = verb(names, settings, *args, **options)
        except InterruptedLoadError:
            raise
        except FootfallError as error:
            tell_of_error(settings, error)
            raise
        tell_of_loads(settings, summary.loads)
        return summary

    return cast("V", tell_at_end)
