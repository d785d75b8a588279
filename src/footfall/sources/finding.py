"""Find the files of one command, in loading order, from names, patterns, folders and URLs, and the names left out.

One rule holds for every verb. A name that is written out is taken as it is, and if it is a link to a folder, the link
is followed. A name that is found in a folder or by a wildcard is a file to read, a folder to look into, or left out
with a reason: links to folders, FIFOs, sockets, devices, and files that systems and tools leave behind. Each file is
taken once.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from glob import has_magic

from footfall.errors import SourceChangedError, SourceError
from footfall.results import FoundSources, IgnoredName, Reason
from footfall.safe_text import find_scheme, mask_source
from footfall.sources.ignored import describe_ignored, has_ending, is_never_data
from footfall.sources.patterns import DEEP, Part, describe_no_match, is_path_of_any, split_pattern

NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


class _Kind(Enum):
    FILE = auto()  # also a link to a file, and a link to nothing: opening that gives the error
    FOLDER = auto()
    LINK = auto()  # a link to a folder
    SPECIAL = auto()


@dataclass(slots=True)
class _Search:
    """The names that the search for one SOURCE has met so far.

    Shape: `found` has each file's inode as its folder lists it, 0 where that is unknown. `entered` has the folders
    whose names are written out. `listed` is the folder that was listed last, with its entries. `folders` has every
    folder that was listed, with a slash at its end, or as an empty text for the working folder. Files that fit one of
    the patterns `also` are taken from a folder whatever their ending.
    """

    found: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, Reason] = field(default_factory=dict)
    entered: set[str] = field(default_factory=set)
    listed: tuple[str, list[os.DirEntry[str]]] = ("/", [])
    folders: list[str] = field(default_factory=list)
    also: Sequence[str] = ()


def find_sources(names: list[str], also: Sequence[str] = ()) -> FoundSources:
    """Expand files, patterns, folders, URLs and `-` in their order, and what each stands for in bytewise order.

    Shape: `also` are the patterns of source definitions; a file in a folder that fits one is taken whatever its ending.
    Effects: lists folders and looks at links; opens no file.
    Raises: SourceError where a folder cannot be read, a folder or a pattern holds no file, or a scheme is unknown;
    SourceUnavailableError where a store does not answer.
    """
    found: list[tuple[str, int | str]] = []
    ignored: list[IgnoredName] = []
    for name in names:
        kind = find_scheme(name)
        if name == "-":
            found.append((name, name))
        elif kind and (objects := _find_objects(name, kind, also)) is not None:
            found += [(each, each) for each in objects[0]]
            ignored += objects[1]
        elif os.path.isdir(name):  # noqa: PTH112  (a Path would change the name)
            search = _search_folder(name, also)
            _require_found(
                search, name, "the folder holds no file named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet"
            )
            _add(search, found, ignored)
        elif has_magic(name) and not os.path.lexists(name):
            search = _search_pattern(name)
            _require_found(search, name, describe_no_match(name))
            _add(search, found, ignored)
        else:
            found.append((name, _find_inode(name)))
    paths, same = _take_once(found)
    taken = {*paths, *names}
    return FoundSources(paths, (*(each for each in ignored if each not in taken), *same))


def _find_objects(name: str, kind: str, also: Sequence[str]) -> tuple[list[str], list[IgnoredName]] | None:
    """Find what a URL of this scheme names, and what is left out; None for a file whose name looks like a URL."""
    from footfall.sources import stores, web  # heavy, and no file needs them

    if kind in stores.STORES:
        return stores.find(name, also)
    if kind in web.SCHEMES:
        return [name], []
    if os.path.lexists(name):
        return None
    known = ", ".join(f"{each}://" for each in (*stores.STORES, *web.SCHEMES))
    raise SourceError(f"{kind}:// is not read; there are {known} and the names of files", source=mask_source(name))


def find_present(name: str, also: Sequence[str] = ()) -> tuple[list[str], list[str]] | None:
    """Find the files of a file, folder or pattern that are there now, and the folders that were listed.

    Shape: files in loading order. None where the file or the folder is not there; a folder without files is no error.
    Effects: lists folders and looks at links; opens no file.
    Raises: SourceError where a folder cannot be read; SourceChangedError where one was removed meanwhile.
    """
    if os.path.isdir(name):  # noqa: PTH112  (a Path would change the name)
        search = _search_folder(name, also)
    elif os.path.lexists(name):
        above = name.rpartition("/")
        return [name], [above[0] + above[1]]
    elif has_magic(name):
        search = _search_pattern(name)
    else:
        return None
    found: list[tuple[str, int | str]] = []
    _add(search, found, [])
    return list(_take_once(found)[0]), search.folders


def _add(search: _Search, found: list[tuple[str, int | str]], ignored: list[IgnoredName]) -> None:
    found += sorted(search.found.items(), key=lambda each: os.fsencode(each[0]))
    ignored += _list_ignored(search)


def _list_ignored(search: _Search) -> list[IgnoredName]:
    names = search.ignored.keys() - search.found.keys() - search.entered
    return [IgnoredName(name, search.ignored[name]) for name in sorted(names, key=os.fsencode)]


def _require_found(search: _Search, name: str, refusal: str) -> None:
    if not search.found:
        ignored = _list_ignored(search)
        raise SourceError(f"{refusal}; {describe_ignored(ignored)}" if ignored else refusal, source=name)


def _take_once(found: list[tuple[str, int | str]]) -> tuple[tuple[str, ...], list[IgnoredName]]:
    """Give the first name of each file, and list its other names as ignored."""
    paths: list[str] = []
    same: list[IgnoredName] = []
    seen: dict[int | str, list[str]] = {}
    for path, key in found:
        before = seen.setdefault(key, [])
        first = next((other for other in before if other == path or _are_same(path, other)), None) if key else None
        if first is None:
            before.append(path)
            paths.append(path)
        else:
            same.append(IgnoredName(mask_source(path), Reason.SAME, mask_source(first)))
    return tuple(paths), same


def _are_same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)  # noqa: PTH121  (a Path would change the name)
    except OSError:
        return False


def _find_inode(path: str) -> int:
    """Give the inode of a regular file, else 0: only regular files are taken once, since a FIFO may be read twice."""
    try:
        status = os.stat(path)  # noqa: PTH116  (a Path would change the name)
    except (OSError, ValueError):
        return 0
    return status.st_ino if stat.S_ISREG(status.st_mode) else 0


def _search_folder(root: str, also: Sequence[str]) -> _Search:
    """Search a folder and all folders below it."""
    search, waiting = _Search(also=also), [root if root.endswith("/") else f"{root}/"]
    while waiting:
        folder = waiting.pop()
        for entry in _list(search, folder):
            path = folder + entry.name
            if is_never_data(entry.name):
                search.ignored[path] = Reason.NEVER_DATA
                continue
            kind, inode = _look(entry)
            if kind is _Kind.FOLDER:
                waiting.append(f"{path}/")
            elif kind is _Kind.LINK:
                search.ignored[path] = Reason.LINK
            elif not (has_ending(entry.name) or is_path_of_any(search.also, path)):
                search.ignored[path] = Reason.ENDING
            elif kind is _Kind.SPECIAL:
                search.ignored[path] = Reason.SPECIAL
            else:
                search.found[path] = inode
    return search


def _search_pattern(pattern: str) -> _Search:
    """Search for the files that a pattern matches, part by part, each part once in each folder.

    The first parts are taken literally as long as such a folder exists, since brackets may belong to its name.
    """
    search, parts = _Search(), split_pattern(pattern)
    folder, at, last = "", 0, len(parts) - 1
    while at < last and (parts[at].matches is None or os.path.lexists(folder + parts[at].text)):
        folder += parts[at].text + parts[at].slashes
        at += 1
    status = _read_status(folder or ".")
    waiting = [(folder, at)] if status and stat.S_ISDIR(status.st_mode) else []
    visited: set[tuple[str, int]] = set()
    while waiting:
        folder, at = waiting.pop()
        if (folder, at) in visited:
            continue
        visited.add((folder, at))
        part = parts[at]
        if part.matches is None and at < last:
            waiting += [(below, at + 1) for below in _enter_written(search, folder, part)]
        elif part.matches is None:
            _take_written(search, folder + part.text)
        else:
            next_at = at if part.text == DEEP else at + 1
            waiting += [(below, next_at) for below in _match(search, folder, part, is_last=at == last)]
            if part.text == DEEP and at < last:
                waiting.append((folder, at + 1))  # taken next, while the list of this folder is still in `listed`
    return search


def _enter_written(search: _Search, folder: str, part: Part) -> list[str]:
    path = folder + part.text
    status = _read_status(path)
    if status is None or not stat.S_ISDIR(status.st_mode):
        return []
    search.entered.add(path)
    return [path + part.slashes]


def _take_written(search: _Search, path: str) -> None:
    status = _read_status(path)
    if status is None:
        if os.path.lexists(path):  # a link to nothing: opening it gives the error
            search.found[path] = 0
    elif stat.S_ISREG(status.st_mode):
        search.found[path] = status.st_ino
    else:
        search.ignored[path] = Reason.FOLDER if stat.S_ISDIR(status.st_mode) else Reason.SPECIAL


def _match(search: _Search, folder: str, part: Part, *, is_last: bool) -> list[str]:
    """Match one part of a pattern in a folder: take files for the last part, and give the folders for the next part."""
    below: list[str] = []
    is_deep = part.text == DEEP
    for entry in _list(search, folder):
        name = entry.name
        # After a wildcard a part is matched as a pattern even where a file has exactly its text as name: taking that
        # file alone would miss the others that match.
        if not (is_deep or name == part.text or (part.matches and part.matches(name))):
            continue
        kind, inode = _look(entry)
        if not is_last and kind not in {_Kind.FOLDER, _Kind.LINK}:
            continue
        path = folder + name
        if is_never_data(name):
            search.ignored[path] = Reason.NEVER_DATA
        elif name.startswith(".") and not part.text.startswith("."):
            search.ignored[path] = Reason.HIDDEN
        elif kind is _Kind.LINK:
            search.ignored[path] = Reason.LINK
        elif kind is _Kind.SPECIAL:
            search.ignored[path] = Reason.SPECIAL
        elif kind is _Kind.FILE:
            search.found[path] = inode
        elif is_last and not is_deep:
            search.ignored[path] = Reason.FOLDER
        else:
            below.append(path + (part.slashes or "/"))
    return below


def _list(search: _Search, folder: str) -> list[os.DirEntry[str]]:
    """List a folder; the last list is kept for the next call. Raises: SourceError that names the folder."""
    if search.listed[0] != folder:
        name = folder.rstrip("/") or folder or "."
        try:
            with os.scandir(folder or ".") as entries:
                search.listed = folder, list(entries)
            search.folders.append(folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceChangedError(
                "the folder was removed while it was searched; run the same command again", source=name
            ) from error
        except OSError as error:
            raise _make_unreadable_error(name, error) from error
    return search.listed[1]


def _look(entry: os.DirEntry[str]) -> tuple[_Kind, int]:
    """Give the kind of a folder's entry, and the inode of a file. Effects: only a link costs a system call."""
    try:
        if not entry.is_symlink():
            if entry.is_file(follow_symlinks=False):
                return _Kind.FILE, entry.inode()
            return (_Kind.FOLDER if entry.is_dir(follow_symlinks=False) else _Kind.SPECIAL), 0
        status = entry.stat()
    except OSError:
        return _Kind.FILE, 0
    if stat.S_ISREG(status.st_mode):
        return _Kind.FILE, status.st_ino
    return (_Kind.LINK if stat.S_ISDIR(status.st_mode) else _Kind.SPECIAL), 0


def _read_status(path: str) -> os.stat_result | None:
    """Give the status of a path; None where there is nothing. Raises: SourceError where it may not be looked at."""
    try:
        return os.stat(path)  # noqa: PTH116  (a Path would change the name)
    except OSError as error:
        if error.errno in NOT_THERE:
            return None
        raise _make_unreadable_error(path, error) from error


def _make_unreadable_error(name: str, error: OSError) -> SourceError:
    return SourceError(f"cannot be read ({error.strerror or error}); give the right to read it", source=name)
