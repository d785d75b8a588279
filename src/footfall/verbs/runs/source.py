"""The source of a run: the same file on every machine, known by what tells one state of it from every other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.errors import SettingsError, SourceChangedError
from footfall.safe_text import mask, scheme, shown
from footfall.sources import opening

if TYPE_CHECKING:
    from footfall.verbs.runs.job import Job


def find_place(source: str) -> str:
    """Give the name by which every machine finds a source: an absolute path.

    Raises: SettingsError where it cannot be read twice, or only with a secret that the job would hold.
    """
    if scheme(source) is not None or not opening.can_be_read_again(source):
        raise SettingsError(
            f"{shown(source)}: a run reads its file from several places, which stdin, pipes and URLs are not for; "
            "load it with `footfall load`"
        )
    if mask(source) != source:
        raise SettingsError("the name of this file reads like one with a password, which a run would keep; rename it")
    return str(Path(source).absolute())


def describe_identity(file: opening.SourceFile) -> Mapping[str, int | str]:
    """Give what tells this state of the file from every other: all but the device, which machines number differently.

    Raises: SettingsError where nothing does.
    """
    if file.identity is None:
        raise SettingsError(
            f"{file.source}: a run reads its file from several places, and this one is no regular file; "
            "load it with `footfall load`"
        )
    return _write_identity(file.identity)


def _write_identity(identity: opening.Identity) -> dict[str, int | str]:
    return {
        "inode": identity.inode,
        "size_bytes": identity.size_bytes,
        "modified_ns": identity.modified_ns,
        "changed_ns": identity.changed_ns,
    }


@contextmanager
def open_planned(job: Job) -> Iterator[opening.SourceFile]:
    """Open the source of a run without reading all of it; it has the digest that was taken when it was planned.

    Raises: SourceChangedError where it is another file than then; SourceError where it cannot be read.
    """
    with opening.open_for_a_look(job.place) as file:
        assert_as_planned(file, job)
        yield replace(file, source=shown(job.source), path=job.source, digest=job.digest, size_bytes=job.size_bytes)


def assert_as_planned(file: opening.SourceFile, job: Job) -> None:
    """See that the file is the one that was planned, and did not change since it was opened.

    Raises: SourceChangedError.
    """
    opening.assert_unchanged(file)
    if file.identity is None or _write_identity(file.identity) != job.identity:
        raise SourceChangedError(
            "changed since it was planned; load it again when its writer is done", source=shown(job.source)
        )
