"""The one tree of errors, which are the cases after which a caller cannot go on.

- FootfallError                  1   unexpected
  - SettingsError                2   an option, variable or file says something impossible
    - UnknownNameError           2   a name that is not in the list
    - LaterLoadsError            2   later loads cannot stand without the one that shall be taken back
    - QueryError                 2   a question that cannot be put as it stands
    - QueryTimeoutError          2   a question that takes longer than the setting allows
  - SourceError                  3   a source cannot be read as interactions
    - CorruptSourceError         3   a compressed file is cut or corrupt
    - SourceChangedError         3   retryable: the file changed while it was read
    - SourceUnavailableError     3   retryable: a source cannot be read now
  - NotToldError                 1   retryable: `footfall notify` reached nobody
  - EngineError                  1   retryable: Spark or Dask is not reachable, or gave up
  - TemporarySpaceError          1   retryable: no room for the temporary files of a load
  - TooManyRejectedError         4   more rejected rows than --max-rejected allows
  - DatabaseUnavailableError     5   retryable: the database is not reachable, or was lost
    - DatabaseBusyError          5   retryable: another writer holds the lock for too long
  - EmbeddedDatabaseError        5   the embedded PostgreSQL cannot be started or stopped
  - SchemaError                  6   tables missing, out of date, or not ours
  - DriftError                   7   kept counts differ from their recount
  - RunGoneError                 1   the staging tables of a run are not there any more
  - RunStaleError                1   retryable: ranges of a run must be staged anew
  - InterruptedLoadError       130   Ctrl-C

Expected outcomes (a problem in a row, a rejected row, a file that is already loaded) are values, not errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar


class FootfallError(Exception):
    """Something went wrong that Footfall did not foresee. Run again with -v and report what it prints."""

    # `reason` says what is wrong, `source` names the file that it is about, if any, and `message` joins the two.
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, reason: str | None = None, *, source: str | None = None) -> None:
        self.reason = reason or " ".join((type(self).__doc__ or "").split())
        self.source = source
        self.message = self.reason if source is None else f"{source}: {self.reason}"
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Callable[..., FootfallError], tuple[type[FootfallError], str, str | None]]:
        return _make_error, (type(self), self.reason, self.source)


def _make_error(kind: type[FootfallError], reason: str, source: str | None) -> FootfallError:
    return kind(reason, source=source)


class SettingsError(FootfallError):
    """A setting has no usable value. `footfall VERB --help` lists the options and their variables."""

    exit_code = 2


class UnknownNameError(SettingsError):
    """That name is not known. The message lists the known ones."""


class LaterLoadsError(SettingsError):
    """Later loads cannot stand without one that shall be taken back. --with-later takes them back, too."""


class QueryError(SettingsError):
    """The question cannot be put to the database as it stands. `footfall query --list` shows those that can."""


class QueryTimeoutError(SettingsError):
    """The question takes too long. Narrow it with --since and --until, or raise FOOTFALL_QUERY_TIMEOUT_SECONDS."""


class SourceError(FootfallError):
    """The source cannot be read as interactions. Nothing of it was loaded."""

    exit_code = 3


class CorruptSourceError(SourceError):
    """The compressed file is cut or corrupt. Deliver it again."""


class SourceChangedError(SourceError):
    """The file changed while it was read. Run the same command again when its writer is done."""

    retryable = True


class SourceUnavailableError(SourceError):
    """The source cannot be read now: its server, its disk or room for a copy is missing. Run the same command later."""

    retryable = True


class NotToldError(FootfallError):
    """Somebody could not be told; the warning above says why. Only `footfall notify` ends so: no load fails for it."""

    retryable = True


class EngineError(FootfallError):
    """Spark or Dask is not reachable, or gave up. Nothing of the file was loaded; run the same command again."""

    retryable = True


class TemporarySpaceError(FootfallError):
    """There is no room for temporary files. Free some there, or set TMPDIR to a folder on another disk."""

    retryable = True


class TooManyRejectedError(FootfallError):
    """More rows were rejected than --max-rejected allows. Nothing of the file was loaded."""

    exit_code = 4


class DatabaseUnavailableError(FootfallError):
    """The database is not reachable, or the connection was lost. Run the same command again."""

    exit_code = 5
    retryable = True


class DatabaseBusyError(DatabaseUnavailableError):
    """Another writer holds the lock for too long. Run the same command again when it is done."""


class EmbeddedDatabaseError(FootfallError):
    """The embedded PostgreSQL cannot be used. Its log is in the Footfall home, in `postgresql.log`."""

    exit_code = 5


class SchemaError(FootfallError):
    """The tables are missing or out of date. `footfall schema apply` creates or upgrades them."""

    exit_code = 6


class DriftError(FootfallError):
    """Kept counts differ from a recount, or the tables from the migrations. `footfall verify` says what mends it."""

    exit_code = 7


class RunGoneError(FootfallError):
    """The staging tables of the run are gone. Load the file again where it is not loaded."""


class RunStaleError(FootfallError):
    """Ranges of the run were staged by what was true before. Stage them anew, and take the run again."""

    retryable = True


class InterruptedLoadError(FootfallError):
    """Interrupted. Each file was loaded completely or not at all. Run the same command again."""

    exit_code = 130
