"""The home of the embedded PostgreSQL: a folder that Footfall makes in one step and checks before each use."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from footfall.errors import EmbeddedDatabaseError
from footfall.postgres.embedded.account import ACCOUNT_FILE, Account, assert_reachable, choose_account

# pg_ctl and initdb put paths in double quotes into a shell command, and a comma separates hosts in libpq and folders in
# unix_socket_directories.
CHARACTERS_REFUSED = frozenset('"$`\\,\n')
NEW_DATABASE_BYTES = 100_000_000  # bytes; the copied binaries, initdb's 40 MB and one segment of the log fit in it


@dataclass(frozen=True, slots=True)
class Place:
    """A home that was checked, the account that its server runs as, and the paths of its files."""

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
    """Make the home where it is missing, and check that it belongs to Footfall alone.

    Raises: EmbeddedDatabaseError where it cannot be used.
    """
    home = home.absolute()
    with translate_file_errors(home):
        account = _check_place(home)
        if not home.exists():
            assert_reachable(_find_nearest_folder(home) / "home", account)
            _make_home(home, account)
        _check_made(home, account)
        write_private(home / "lock", "", account)
        if account.is_other:
            write_private(home / ACCOUNT_FILE, account.name + "\n", account)
    return Place(home, account)


def check_home(home: Path) -> Account:
    """Check that the home can be used, or made where it is missing; give the account of its server. Effects: none.

    Raises: EmbeddedDatabaseError where it cannot be used.
    """
    home = home.absolute()
    with translate_file_errors(home):
        account = _check_place(home)
        if home.exists():
            _check_made(home, account)
        else:
            nearest = _find_nearest_folder(home)
            assert_reachable(nearest / "home", account)
            if not os.access(nearest, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(nearest))
    return account


def _check_place(home: Path) -> Account:
    """Make the checks that are possible before a home is made, and choose its account."""
    if refused := CHARACTERS_REFUSED.intersection(str(home)):
        raise EmbeddedDatabaseError(
            f"the home {str(home)!r} cannot be used: PostgreSQL's own tools do not take "
            f"{' '.join(sorted(refused))!r} in a path; set FOOTFALL_HOME to another folder"
        )
    if home.exists() and not home.is_dir():
        raise EmbeddedDatabaseError(f"the home {home} is a file; set FOOTFALL_HOME to a folder")
    return choose_account(home)


def _check_made(home: Path, account: Account) -> None:
    """Check that an existing home is Footfall's own, and that others cannot write to it."""
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


def list_leftovers(home: Path) -> list[Path]:
    """List the folders that a killed command left in the home or beside it. Effects: none.

    A start that is under way also has such a folder. It holds the lock of the home, and then none is listed.
    """
    home = home.absolute()
    with suppress(OSError):
        if not (home / "lock").exists():
            return []
        with (home / "lock").open() as lock:
            # A shared lock, as a client holds it: it is refused while a command that starts the server holds the lock.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return sorted([*home.glob("scratch-*"), *home.parent.glob(f".{home.name}-*")])
    return []


def is_made(home: Path) -> bool:
    """Say whether the folder is a home that Footfall made. Raises: EmbeddedDatabaseError where it cannot be read."""
    with translate_file_errors(home):
        return (home / "lock").exists()


def _make_home(home: Path, account: Account) -> None:
    """Make the home under another name and rename it, so that another command never sees half of it."""
    for folder in reversed([folder for folder in home.parents if not folder.exists()]):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
            if account.is_other:  # whatever the umask, the account must be able to pass through the folders we make
                folder.chmod(0o711)
    made = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    write_private(made / "lock", "", account)
    account.take_ownership(made)
    try:
        made.rename(home)
    except OSError:
        shutil.rmtree(made)
        if not home.is_dir():
            raise


def _find_nearest_folder(home: Path) -> Path:
    return next(folder for folder in home.parents if folder.exists())


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file that only the account may read; keep a file that is there already."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    account.take_ownership(path)


def is_disk_full(home: Path) -> bool:
    """Say whether the disk of the home has too little space for a new database."""
    place = home if home.exists() else _find_nearest_folder(home)
    return shutil.disk_usage(place).free < NEW_DATABASE_BYTES


@contextmanager
def translate_file_errors(home: Path) -> Iterator[None]:
    """Turn errors of the file system inside the block into ones that name the cure. Raises: EmbeddedDatabaseError."""
    try:
        yield
    except OSError as error:
        # shutil.Error, which copying a folder raises, has no errno, so the free space of the disk is looked at instead.
        if error.errno in {errno.ENOSPC, errno.EDQUOT} or (isinstance(error, shutil.Error) and is_disk_full(home)):
            words = "there is no space left on its disk; free about 100 MB"
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            words = f"{error.filename or home} cannot be written ({error.strerror}); give the right to write"
        else:
            words = str(error)[:300]
        raise EmbeddedDatabaseError(
            f"the home {home} cannot be used: {words}, or set FOOTFALL_HOME to another folder"
        ) from error
