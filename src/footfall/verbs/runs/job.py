"""The job of a run: all that a stager of a range must know, as JSON in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from footfall.contract.portable import read_contract, write_contract
from footfall.contract.terms import KERNEL_VERSION, Contract
from footfall.errors import SettingsError
from footfall.formats.choosing import name_contract
from footfall.formats.ranges import Range
from footfall.sources.ranged import State

# These must be the same wherever a range is judged, since another release may read a text or a number differently.
DISTRIBUTIONS = ("footfall", "duckdb", "pyarrow")


@dataclass(frozen=True, slots=True)
class Job:
    """The job of a run.

    Shape: `source` is the name of the file as it was given, and `place` the name by which every machine finds it.
    `state` tells the state in which the file was planned from every other. `ranges` are in the order of the file. The
    rows are judged by `contract`, and `fingerprint` is made of it and the name of the file. `latest` is the latest
    instant that a row may have.
    Units: a run that nobody holds is kept for `lease_s` seconds.
    """

    source: str
    place: str
    state: State
    digest: str
    size_bytes: int
    ranges: tuple[Range, ...]
    load_id: int
    contract: Contract
    fingerprint: str
    latest: datetime | None
    memory_limit_mb: int
    started_at: datetime
    lease_s: float
    versions: Mapping[str, str]

    def write(self) -> dict[str, Any]:
        """Give the job as values of JSON."""
        written: dict[str, Any] = {name: getattr(self, name) for name in Job.__slots__}
        return written | {
            "state": asdict(self.state),
            "ranges": [[each.begin, each.end, each.line_number] for each in self.ranges],
            "contract": write_contract(self.contract),
            "latest": self.latest and self.latest.isoformat(),
            "started_at": self.started_at.isoformat(),
            "versions": dict(self.versions),
        }


def read_job(written: Mapping[str, Any]) -> Job:
    """Read a job that `Job.write` wrote, and check that its rows would be judged here as where it was planned.

    Raises: SettingsError with the cure, where a version differs or the contract would be another one.
    """
    assert_same_versions(written["versions"])
    values = dict(written)
    values["contract"] = contract = read_contract(written["contract"])
    values["state"] = State(**written["state"])
    values["ranges"] = tuple(Range(*each) for each in written["ranges"])
    values["latest"] = written["latest"] and datetime.fromisoformat(written["latest"])
    values["started_at"] = datetime.fromisoformat(written["started_at"])
    if name_contract(contract, written["source"]) != written["fingerprint"]:
        raise SettingsError(
            "the contract of this run is another one here than where it was planned: the rules of this Footfall "
            "differ; install the same build on both, and load the file again"
        )
    return Job(**values)


def list_versions() -> dict[str, str]:
    """List the versions that must be the same where a run is planned, staged and taken."""
    return {"kernel": str(KERNEL_VERSION)} | {name: version(name) for name in DISTRIBUTIONS}


def assert_same_versions(planned: Mapping[str, str]) -> None:
    """Check that the run was planned with the versions that are here. Raises: SettingsError with versions and cure."""
    here = list_versions()
    differing = [
        f"{name} {planned.get(name, 'none')} there and {here.get(name, 'none')} here"
        for name in sorted({*planned, *here})
        if planned.get(name) != here.get(name)
    ]
    if differing:
        raise SettingsError(
            f"this run was planned with other versions: {', '.join(differing)}; install the same ones wherever its "
            "ranges are staged (requirements/runtime.lock), then stage again"
        )
