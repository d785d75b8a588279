"""The home of the embedded PostgreSQL: a folder of ours, made whole or not at all, and checked before each use."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from footfall.errors import EmbeddedDatabaseError
from footfall.postgres.embedded.account import ACCOUNT_FILE, Account, assert_reachable, choose_account

# pg_ctl and initdb pass paths through a shell in double quotes; a comma splits libpq's host and the socket setting.
CHARACTERS_REFUSED = frozenset('"$`\\,\n')
NEW_DATABASE_BYTES = 100_000_000  # bytes; the copied binaries, initdb's 40 MB and a first segment of the log need less


@dataclass(frozen=True, slots=True)
class Place:
    """A home that is ours, the account that its server runs as, and where things are."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgresql.log"

    @property
    def pin(self) -> Path:
        return self.home / "pinned"


def open_home(home: Path) -> Place:
    """Make the home where it is missing, or see that it is ours."""
    home = home.absolute()
    if refused := CHARACTERS_REFUSED.intersection(str(home)):
        raise EmbeddedDatabaseError(
            f"the home {str(home)!r} cannot be used: PostgreSQL's own tools do not take "
            f"{' '.join(sorted(refused))!r} in a path; set FOOTFALL_HOME to another folder"
        )
    with file_errors(home):
        if home.exists() and not home.is_dir():
            raise EmbeddedDatabaseError(f"the home {home} is a file; set FOOTFALL_HOME to a folder")
        account = choose_account(home)
        if not home.exists():
            assert_reachable(_nearest(home) / "home", account)
            _make_home(home, account)
        found = home.stat()
        owner = found.st_uid
        if owner != account.uid or (not (home / "lock").exists() and any(home.iterdir())):
            raise EmbeddedDatabaseError(
                f"the folder {home} is not Footfall's own: it "
                + (f"belongs to user id {owner}, not {account.name}" if owner != account.uid else "holds other files")
                + "; set FOOTFALL_HOME to a new folder, or move what is there"
            )
        if found.st_mode & 0o022:
            raise EmbeddedDatabaseError(
                f"the home {home} can be written by others, who could put programs of theirs into it; chmod 700 it, "
                "or set FOOTFALL_HOME to a new folder"
            )
        assert_reachable(home, account)
        write_private(home / "lock", "", account)
        if account.is_other:
            write_private(home / ACCOUNT_FILE, account.name + "\n", account)
    return Place(home, account)


def is_made(home: Path) -> bool:
    """Say whether the folder is a home of ours."""
    with file_errors(home):
        return (home / "lock").exists()


def _make_home(home: Path, account: Account) -> None:
    """Make the home whole under another name first, so that a command at the same time sees all of it or nothing."""
    for folder in reversed([folder for folder in home.parents if not folder.exists()]):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
            if account.is_other:  # whatever the umask: a folder that we make, the account must be able to pass
                folder.chmod(0o711)
    made = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    write_private(made / "lock", "", account)
    account.give(made)
    try:
        made.rename(home)
    except OSError:
        shutil.rmtree(made)
        if not home.is_dir():
            raise


def _nearest(home: Path) -> Path:
    return next(folder for folder in home.parents if folder.exists())


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file that only the account may read, where there is none."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    account.give(path)


def is_disk_full(home: Path) -> bool:
    """Say whether the disk of the home has no room for a new database."""
    place = home if home.exists() else _nearest(home)
    return shutil.disk_usage(place).free < NEW_DATABASE_BYTES


@contextmanager
def file_errors(home: Path) -> Iterator[None]:
    """Say what to do where the disk or a right is missing."""
    try:
        yield
    except OSError as error:
        # shutil.Error, of a copied folder, holds the errors of its files as text alone: the disk itself is asked.
        if error.errno in {errno.ENOSPC, errno.EDQUOT} or (isinstance(error, shutil.Error) and is_disk_full(home)):
            words = "there is no space left on its disk; free about 100 MB"
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            words = f"{error.filename or home} cannot be written ({error.strerror}); give the right to write"
        else:
            words = str(error)[:300]
        raise EmbeddedDatabaseError(
            f"the home {home} cannot be used: {words}, or set FOOTFALL_HOME to another folder"
        ) from error
