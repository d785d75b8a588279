"""Checks of this machine: Python, packages, the home, disks, what was left behind."""

from __future__ import annotations

import os
import platform
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from footfall.engines.spill import list_abandoned_folders
from footfall.errors import FootfallError
from footfall.postgres.embedded.home import check_home, list_leftovers
from footfall.verbs.doctor.checking import (
    Examined,
    Verdict,
    check,
    fail,
    join_names,
    pass_over,
    say_ok,
    show_bytes,
    warn,
)

REQUIREMENT = re.compile(
    r"([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;.*extra\s*==\s*['\"]([\w-]+)['\"].*|;.*)?"
)
SPECIFIER = re.compile(r"(>=|<=|==|!=|<|>|~=)\s*([\d.]+)")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
LOCK = Path(__file__).resolve().parents[4] / "requirements" / "runtime.lock"  # only in a checkout
HOME_BYTES_MIN = 100_000_000  # bytes; a new database needs less, and PostgreSQL stops where its disk is full
TEMPORARY_BYTES_MIN = 100_000_000  # bytes; a compressed file of a few MB is copied there as it is
ROOMY_BYTES = 2_000_000_000  # bytes; below it a large file, or a large index, may fill the disk
SHOWN_PACKAGES = ("duckdb", "pyarrow", "psycopg")


@check("python", fails="It is a version that Footfall does not support.")
def look_at_python(_: Examined) -> Verdict:
    """Python's version, beside those that Footfall supports."""
    here = f"Python {platform.python_version()} in {sys.prefix}"
    wanted = metadata.metadata("footfall")["Requires-Python"] or ""
    if not is_version_within(platform.python_version(), wanted):
        return fail(f"{here}; Footfall needs {wanted}", "install Footfall into an environment of such a Python")
    return say_ok(f"{here}; Footfall needs {wanted}")


@check(
    "packages",
    warns="In a checkout, versions are others than those of requirements/runtime.lock, by which the tests are run.",
    fails="A package that Footfall needs is missing, or has a version that it does not take.",
)
def look_at_packages(_: Examined) -> Verdict:
    """The packages that Footfall needs: installed, and of a version that it takes; in a checkout also of the lock."""
    wrong: list[str] = []
    extras: dict[str, bool] = {}
    for name, specifiers, extra in list_requirements():
        found = find_version(name)
        is_right = found is not None and is_version_within(found, specifiers)
        if extra:
            extras[extra] = extras.get(extra, True) and is_right
        elif not is_right:
            wrong.append(f"{name}{specifiers} ({found or 'not installed'})")
    if wrong:
        return fail(
            f"not as Footfall needs them: {join_names(wrong)}", "pip install --upgrade --force-reinstall footfall"
        )
    shown = ", ".join(f"{name} {find_version(name)}" for name in SHOWN_PACKAGES)
    has = [extra for extra, is_whole in sorted(extras.items()) if is_whole]
    words = f"footfall {find_version('footfall')}, {shown}; extras: {', '.join(has) or 'none'}"
    if not LOCK.is_file():
        return say_ok(f"{words}; an installed package does not hold the locks, so they are not compared")
    pins = PIN.findall(LOCK.read_text(encoding="utf-8"))
    others = [
        f"{name} {find_version(name)} (lock: {pin})" for name, pin in pins if find_version(name) not in (None, pin)
    ]
    if others:
        return warn(f"{words}; not as locked: {join_names(others)}", "make install")
    return say_ok(f"{words}; as requirements/runtime.lock has them")


def list_requirements() -> Iterator[tuple[str, str, str]]:
    """Give what Footfall requires: name, specifiers and the extra that asks for it, if any."""
    for text in metadata.requires("footfall") or []:
        if found := REQUIREMENT.fullmatch(text):
            yield found[1], found[2].replace(" ", ""), found[3] or ""


def find_version(name: str) -> str | None:
    """Give the version of a package that is installed, or None."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return None


def is_version_within(version: str, specifiers: str) -> bool:
    """Say whether a version is one of those that the specifiers allow; only numbers are compared.

    Example:
        >>> is_version_within("3.12.1", ">=3.11,<3.14"), is_version_within("3.14", ">=3.11,<3.14")
        (True, False)
    """
    have = split_version(version)
    for sign, text in SPECIFIER.findall(specifiers):
        want = split_version(text)
        is_met = {
            ">=": have >= want,
            "<=": have <= want,
            ">": have > want,
            "<": have < want,
            "==": have == want,
            "!=": have != want,
            "~=": have >= want and have[: len(want) - 1] == want[:-1],
        }[sign]
        if not is_met:
            return False
    return True


def split_version(version: str) -> tuple[int, ...]:
    """Give the numbers of a version, without zeros at its end."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found.group().split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


@check(
    "home",
    fails="It cannot be used: another owner, rights that are too wide, other files, a path that PostgreSQL refuses.",
)
def look_at_home(examined: Examined) -> Verdict:
    """The folder of the embedded PostgreSQL: its owner, its rights, and whether it can be made where it is missing."""
    home = examined.embedded_home
    if home is None:
        return say_ok("the database is a named one; no home is used")
    try:
        account = check_home(home)
    except FootfallError as error:
        return fail(error.message, "see above; FOOTFALL_HOME names another folder")
    if not home.exists():
        return say_ok(f"{home} is not there yet; the first load makes it for the account {account.name}")
    return say_ok(f"{home}, of the account {account.name}")


@check(
    "disk",
    warns="Less than 2 GB, or less than 5 % of the inodes, are free.",
    fails="Less than 100 MB are free.",
)
def look_at_disk(examined: Examined) -> Verdict:
    """The free space of the disk that holds the home; that of a named server is not to be seen from here."""
    home = examined.embedded_home
    if home is None:
        return say_ok("the database is a named one, whose disk only its own machine can see")
    return judge_space(home, HOME_BYTES_MIN, "or set FOOTFALL_HOME to a folder on another disk")


@check(
    "temporary-folder",
    warns="Less than 2 GB are free, or it is in memory.",
    fails="Nothing can be written to it, or less than 100 MB are free.",
)
def look_at_temporary_folder(examined: Examined) -> Verdict:
    """The folder for temporary files: copies of streams, and what does not fit into the memory limit."""
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:
        return fail(f"there is none ({error.strerror})", "set TMPDIR to a folder where you may write")
    found = judge_space(folder, TEMPORARY_BYTES_MIN, "or set TMPDIR to a folder on another disk")
    if found.state == "ok" and find_file_system(folder) in {"tmpfs", "ramfs"}:
        return warn(
            f"{found.found}; it is in memory, which adds to the limit of {examined.settings.memory_limit_mb} MB",
            "set TMPDIR to a folder on a disk",
        )
    return found


def judge_space(folder: Path, least: int, otherwise: str) -> Verdict:
    """Judge the free space of the disk that holds a folder, or would hold it."""
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        disk = os.statvfs(place)
    except OSError as error:
        return fail(f"{place} cannot be looked at ({error.strerror})", f"give the right to read, {otherwise}")
    free = disk.f_bavail * disk.f_frsize
    words = f"{show_bytes(free)} free for {folder}"
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK) and os.geteuid() != 0:
        return fail(f"{folder} cannot be written by this account", f"give the right to write, {otherwise}")
    if free < least:
        return fail(words, f"free some space there, {otherwise}")
    if free < ROOMY_BYTES:
        return warn(words, f"free some space there, {otherwise}")
    if disk.f_files and disk.f_favail < disk.f_files // 20:
        return warn(f"{words}, and {disk.f_favail:,} files", f"remove files there, {otherwise}")
    return say_ok(words)


def find_file_system(folder: Path) -> str | None:
    """Give the kind of file system that holds a folder, where Linux says it."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            left, _, right = line.partition(" - ")
            if left.split()[2] == wanted:
                return right.split()[0]
    return None


@check("left-behind", warns="A command that was killed left a temporary folder.")
def look_at_left_behind(examined: Examined) -> Verdict:
    """Temporary folders that a killed command left in the temporary folder or in the home."""
    left = list_abandoned_folders()
    if examined.embedded_home is not None:
        left += list_leftovers(examined.embedded_home)
    if not left:
        return say_ok("no temporary folder was left behind")
    return warn(
        f"left behind: {join_names([str(each) for each in left])}",
        "the next load removes those of the temporary folder, the next start of the server those of the home; or: "
        f"rm -r {join_names([str(each) for each in left])}",
    )


@check(
    "secrets",
    warns="A file that holds the address of the database can be read by others.",
)
def look_at_secrets(_: Examined) -> Verdict:
    """Who may read the files that hold the address: .env and footfall.toml of this folder."""
    looked, open_to_all = [], []
    for name in (".env", "footfall.toml"):
        try:
            mode = Path(name).stat().st_mode
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            return pass_over(f"{name} cannot be read ({error.strerror})")
        if re.search(r"^\s*(FOOTFALL_)?DATABASE_URL\s*=\s*\S", text, re.IGNORECASE | re.MULTILINE):
            looked.append(name)
            if stat.S_IMODE(mode) & 0o044:
                open_to_all.append(name)
    if open_to_all:
        names = " ".join(open_to_all)
        return warn(f"others may read {names}, which names the database", f"chmod 600 {names}")
    return say_ok(f"only you may read {', '.join(looked)}" if looked else "no file of this folder names the database")
