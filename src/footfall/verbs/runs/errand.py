"""What a stager in another process or on another machine is sent, and the error that it sends back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from footfall import errors
from footfall.errors import FootfallError
from footfall.results import Progress
from footfall.safe_text import mask
from footfall.settings import make_settings

MARK = "footfall-error:"


class StagingError(Exception):
    """An error of Footfall as one line of text. Every engine hands this line back, whatever it wraps around it."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Where a run is. A stager must know no more to stage a range of it.

    Shape: `conninfo` may hold a secret. It is sent to stagers and nowhere else. No text of an errand shows it, since
    engines write what they run into their logs.
    """

    conninfo: str
    schema: str
    lock_wait_s: int
    token: str

    def __repr__(self) -> str:
        return f"Errand({self.token})"

    def write(self) -> dict[str, Any]:
        """Give the errand as values of JSON, with the secret."""
        return asdict(self)

    def stage(self, number: int, progress: Callable[[Progress], None] | None = None) -> str:
        """Stage one range in this process, whose own settings do not count. Raises: FootfallError."""
        from footfall.verbs.runs import staging

        settings = make_settings(
            database_url=self.conninfo, schema_=self.schema, lock_wait_seconds=self.lock_wait_s, retry=False
        )
        return staging.stage(self.token, number, settings, progress)

    def do(self, number: int) -> None:
        """Stage one range as the task of an engine. Nothing is returned, since the database knows what is staged.

        Raises: StagingError in place of every FootfallError.
        """
        try:
            self.stage(number)
        except FootfallError as error:
            # `from None`: the engine writes causes into its log, and one of the driver may quote an address.
            raise StagingError(MARK + json.dumps(write_error(error))) from None

    def do_each(self, numbers: Iterator[int]) -> Iterator[int]:
        """Stage ranges one after the other; give their numbers. Raises: StagingError."""
        for number in numbers:
            self.do(number)
            yield number


def write_error(error: BaseException) -> dict[str, str | None]:
    """Give an error as values of JSON, without secrets. An error that is not Footfall's is called unexpected."""
    if not isinstance(error, FootfallError):
        return {"kind": "FootfallError", "reason": mask(f"unexpected {type(error).__name__}: {error}"), "source": None}
    source = None if error.source is None else mask(error.source)
    return {"kind": type(error).__name__, "reason": mask(error.reason), "source": source}


def read_error(written: Mapping[str, str | None]) -> FootfallError:
    """Make an error of Footfall from what `write_error` wrote."""
    kind = getattr(errors, str(written["kind"]), FootfallError)
    if not (isinstance(kind, type) and issubclass(kind, FootfallError)):
        kind = FootfallError
    return kind(written["reason"], source=written["source"])


def find_error(text: str) -> FootfallError | None:
    """Find the error of Footfall with which a task ended, in the text that an engine gives of the failure."""
    at = text.find(MARK + "{")
    if at < 0:
        return None
    try:
        written, _ = json.JSONDecoder().raw_decode(text, at + len(MARK))
        return read_error(written)
    except (ValueError, KeyError):  # the engine cut the line
        return None
