"""Ask Linux for changes in folders: which names were moved there as whole files, and which changed in other ways.

These few calls are made here because watchfiles reports the same event for a file that was moved into place and for one
that is being written, and because it fails at a name that is not UTF-8.

Source: inotify(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

KINDS = {
    "MODIFY": 0x2,
    "ATTRIB": 0x4,
    "MOVED_FROM": 0x40,
    "MOVED_TO": 0x80,
    "CREATE": 0x100,
    "DELETE": 0x200,
    "DELETE_SELF": 0x400,
    "MOVE_SELF": 0x800,
}
UNMOUNT, OVERFLOW, IGNORED, IS_FOLDER = 0x2000, 0x4000, 0x8000, 0x4000_0000
ONLY_FOLDERS, NOT_REMOVED = 0x0100_0000, 0x0400_0000  # no events of files that are removed and still open
WANTED = sum(KINDS.values()) | ONLY_FOLDERS | NOT_REMOVED
CLOSE_ON_EXEC, NEVER_WAIT = os.O_CLOEXEC, os.O_NONBLOCK
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
READ_BYTES = 1 << 18
NO_MORE = (errno.ENOSPC, errno.EMFILE, errno.ENOMEM)  # fs.inotify.max_user_watches, max_user_instances


class FoldersWatched:
    """The folders whose changes the kernel tells, and the changes that were not read yet."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, "no inotify")
        self._library = ctypes.CDLL(None, use_errno=True)
        self.file = self._library.inotify_init1(CLOSE_ON_EXEC | NEVER_WAIT)
        if self.file < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders: dict[int, str] = {}

    def close(self) -> None:
        """Stop watching."""
        os.close(self.file)

    def watch(self, folders: list[str]) -> bool:
        """Watch exactly these folders, written with a slash at the end or empty for this one; say whether one is new.

        Raises: OSError where the system allows no more (`NO_MORE`). A folder that is gone by now is left out.
        """
        before, now = self._folders, {}
        for folder in folders:
            number = self._library.inotify_add_watch(self.file, os.fsencode(folder or "."), WANTED)
            if number >= 0:
                now[number] = folder
            elif (error := ctypes.get_errno()) in NO_MORE:
                raise OSError(error, os.strerror(error))
        for number in before.keys() - now.keys():
            self._library.inotify_rm_watch(self.file, number)
        self._folders = now
        return bool(now.keys() - before.keys())

    def read(self) -> tuple[set[str], set[str], bool]:
        """Give the names moved in, the other names that changed, and whether folders have to be looked at anew.

        Effects: does not wait.
        """
        moved: set[str] = set()
        changed: set[str] = set()
        is_unsure = False
        try:
            while block := os.read(self.file, READ_BYTES):
                at = 0
                while at < len(block):
                    number, mask, _, length = EVENT.unpack_from(block, at)
                    name = block[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0")
                    at += EVENT.size + length
                    folder = self._folders.get(number)
                    if mask & IGNORED:
                        self._folders.pop(number, None)
                    if folder is None or not name or mask & (IS_FOLDER | OVERFLOW | UNMOUNT):
                        is_unsure = is_unsure or folder is not None or bool(mask & OVERFLOW)
                        continue
                    path = folder + os.fsdecode(name)
                    if mask & KINDS["MOVED_TO"]:
                        moved.add(path)
                        changed.discard(path)
                    elif mask != KINDS["ATTRIB"] or path not in moved:  # a change of rights leaves the file whole
                        moved.discard(path)
                        changed.add(path)
        except BlockingIOError:
            pass
        return moved, changed, is_unsure
