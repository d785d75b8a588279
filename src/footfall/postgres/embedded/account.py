"""Who runs the embedded PostgreSQL: the caller, or, where the caller is root, an account that is there already.

PostgreSQL refuses to run as root. No account is made, and no folder that is not ours gets other rights (decision 0002).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.errors import EmbeddedDatabaseError

# In this order: made for us by an administrator; made for PostgreSQL; made for daemons that own files; the last resort.
CANDIDATES = ("footfall", "postgres", "daemon", "nobody")
ACCOUNT_FILE = "account"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the system. `is_other`: not the caller, so that processes have to be started as it."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def process(self) -> dict[str, Any]:
        """Give the arguments of `subprocess` that start a process as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def give(self, path: Path) -> None:
        """Make this account the owner of a file or folder of ours."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(home: Path) -> Account:
    """Give the account that this home's server runs as: the one written down, else the first candidate there is.

    Raises: EmbeddedDatabaseError where there is none.
    """
    if os.geteuid() != 0:
        entry = _entry_by_uid(os.geteuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, is_other=False)
    written = home / ACCOUNT_FILE
    names = (written.read_text().strip(),) if written.exists() else CANDIDATES
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, is_other=True)
    raise EmbeddedDatabaseError(
        f"PostgreSQL refuses to run as root, and the account {' or '.join(names)} does not exist; "
        "run Footfall as an ordinary user, or name a server in --database (FOOTFALL_DATABASE_URL)"
    )


def _entry_by_uid(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedDatabaseError(
            f"the user id {uid} has no name on this system, and initdb wants one; add it to /etc/passwd, "
            "or name a server in --database (FOOTFALL_DATABASE_URL)"
        ) from error


def assert_reachable(home: Path, account: Account) -> None:
    """Raise EmbeddedDatabaseError where the account cannot enter the folder that holds the home."""
    if not account.is_other:
        return
    for folder in reversed(home.resolve().parents):
        asked = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            check=False, cwd="/", env={}, capture_output=True, timeout=30, **account.process(),
        )  # fmt: skip
        if asked.returncode:
            raise EmbeddedDatabaseError(
                f"the home {home} cannot be used: as root, PostgreSQL runs as {account.name}, which may not enter "
                f"{folder}; Footfall loosens no rights: set FOOTFALL_HOME to "
                "a folder such as /var/lib/footfall"
            )
