"""What a check is, what it may say, and the list of all checks in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from footfall.errors import FootfallError
from footfall.postgres.target import Connection, Target
from footfall.settings import Settings

State = Literal["ok", "warning", "failure", "unknown"]
Needs = Literal["nothing", "database", "tables"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check. `cure` is empty where nothing is to be done. `unknown`: the check could not be made."""

    state: State
    found: str
    cure: str = ""


def say_ok(found: str) -> Verdict:
    """Say that all is well."""
    return Verdict("ok", found)


def warn(found: str, cure: str) -> Verdict:
    """Say that something works today, and may not work tomorrow."""
    return Verdict("warning", found, cure)


def fail(found: str, cure: str) -> Verdict:
    """Say that something does not work."""
    return Verdict("failure", found, cure)


def pass_over(found: str) -> Verdict:
    """Say why nothing could be looked at."""
    return Verdict("unknown", found)


@dataclass(slots=True)
class Examined:
    """What the checks look at: the settings, and the database once it answers.

    `given` holds the options of the command line. `complaint` is the error of the settings, if they have one;
    `settings` is then only their usable part. `version` is that of the tables, None where it is not known. `pooler`
    says in words which pooler is between this machine and the server. `opened` is closed at the end.
    """

    settings: Settings
    given: Mapping[str, object]
    complaint: FootfallError | None
    opened: ExitStack
    target: Target | None = None
    connection: Connection | None = None
    version: int | None = None
    embedded_home: Path | None = None
    pooler: str = ""

    @property
    def database(self) -> Connection:
        """The open connection. Raises: FootfallError where there is none."""
        if self.connection is None or self.connection.closed:
            raise FootfallError("no database answers")
        return self.connection

    @property
    def where(self) -> Target:
        """The address. Raises: FootfallError where there is none."""
        if self.target is None:
            raise FootfallError("no database is named")
        return self.target


@dataclass(frozen=True, slots=True)
class Check:
    """One question, the function that answers it, and what its answers mean, in words for the reference page.

    `about` says what is looked at. `warns` and `fails` say when the check warns and when it fails; an empty text means
    never.
    """

    name: str
    needs: Needs
    about: str
    warns: str
    fails: str
    look: Callable[[Examined], Verdict]


CHECKS: list[Check] = []


def check(
    name: str, *, needs: Needs = "nothing", warns: str = "", fails: str = ""
) -> Callable[[Callable[[Examined], Verdict]], Callable[[Examined], Verdict]]:
    """Add a function to the list of checks; the first line of its docstring says what it looks at."""

    def register(look: Callable[[Examined], Verdict]) -> Callable[[Examined], Verdict]:
        about = (look.__doc__ or "").partition("\n")[0]
        CHECKS.append(Check(name, needs, about, warns, fails, look))
        return look

    return register


def show_bytes(number: float) -> str:
    """Give a number of bytes in words: 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if number >= 10 or unit == "bytes" else f"{number:,.1f} {unit}"


def show_seconds(seconds: float) -> str:
    """Give a length of time in words: 3 hours."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}s"
    return f"{seconds:,.0f} s"


def join_names(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """Join names with commas; of many only the first, with the number of the others."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
