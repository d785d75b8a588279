"""Choose the account that runs the embedded PostgreSQL: the caller or, for root, an account that already exists.

PostgreSQL refuses to run as root. Footfall makes no account, and changes the rights of no folder that it did not make
(decision 0002).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.errors import EmbeddedDatabaseError

# Tried in this order: an account that an administrator made for Footfall, one made for PostgreSQL, one made for daemons
# that own files, and as the last resort `nobody`.
CANDIDATES = ("footfall", "postgres", "daemon", "nobody")
ACCOUNT_FILE = "account"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the system. `is_other`: it is not the caller's own, so processes have to be started in its name."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def list_process_arguments(self) -> dict[str, Any]:
        """Give the arguments of `subprocess` that start a process as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def take_ownership(self, path: Path) -> None:
        """Make this account the owner of a file or folder that Footfall made."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(home: Path) -> Account:
    """Give the account that the server of this home runs as.

    For an ordinary user that is the user. For root it is the account that the home recorded, or in a new home the
    first candidate that exists.
    Raises: EmbeddedDatabaseError where there is no such account.
    """
    if os.geteuid() != 0:
        entry = _find_entry_by_uid(os.geteuid())
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


def _find_entry_by_uid(uid: int) -> pwd.struct_passwd:
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
        entered = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
            check=False, cwd="/", env={}, capture_output=True, timeout=30, **account.list_process_arguments(),
        )  # fmt: skip
        if entered.returncode:
            raise EmbeddedDatabaseError(
                f"the home {home} cannot be used: as root, PostgreSQL runs as {account.name}, which may not enter "
                f"{folder}; Footfall loosens no rights: set FOOTFALL_HOME to "
                "a folder such as /var/lib/footfall"
            )
