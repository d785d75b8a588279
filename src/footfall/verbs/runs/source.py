"""Open the source of a run: the same file on every machine that stages, in the state in which it was planned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.errors import SettingsError
from footfall.safe_text import find_scheme, mask_source
from footfall.sources import opening, ranged

if TYPE_CHECKING:
    from footfall.verbs.runs.job import Job


def find_place(source: str) -> str:
    """Give the name by which every machine finds a source: an absolute path, or a URL.

    Raises: SettingsError where it cannot be read twice, or only with a secret that the job would hold.
    """
    if not opening.can_be_read_again(source):
        raise SettingsError(
            f"{mask_source(source)}: a run reads its file several times, which stdin and pipes are not for; "
            "load it with `footfall load`, without workers, or write it to a file"
        )
    if find_scheme(source) is None:
        return str(Path(source).absolute())
    if mask_source(source) != source:
        raise SettingsError(
            f"{mask_source(source)}: this address has a secret, which would stand in the database as long as the run "
            "does; load it with `footfall load`, without workers, or give the credentials where the stagers are"
        )
    return source


@contextmanager
def open_planned(job: Job) -> Iterator[opening.SourceFile]:
    """Open the source of a run in the state in which it was planned.

    Call `opening.assert_unchanged` just before a COMMIT: after it, a change of the file is no failure any more.
    Raises: SourceChangedError where it is in another state; SourceError where it cannot be read.
    """
    with ranged.open_planned(job.place, job.state, job.digest) as file:
        yield replace(file, source=mask_source(job.source), path=job.source)
