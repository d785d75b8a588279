"""Let doctor look, and give what it says by the name of the check."""

from __future__ import annotations

from footfall.verbs.doctor.checking import Verdict
from footfall.verbs.doctor.examining import examine


def diagnose(database: str | None = None, **given: object) -> dict[str, Verdict]:
    """Make every check, with options as the command line has them."""
    options = given if database is None else {"database_url": database, **given}
    return {check.name: verdict for check, verdict in examine(options)}
