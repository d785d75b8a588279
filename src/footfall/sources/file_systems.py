"""Which file systems set the time of change of a file themselves, so that no writer of a file can set it.

On all others, a file can have the same times as before although its content is new. A read-only image has no time that
distinguishes it from the next image. FUSE (sshfs, rclone, gcsfuse), shares of other systems (9p, SMB) and FAT derive
the time from others. A client of NFS may show an old one, and it is not known what its server keeps.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

# Local file systems whose driver sets ctime itself. overlay is not one of them: it may show a read-only image.
WITH_CHANGE_TIMES = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "tmpfs", "apfs", "hfs"}
)
# File systems that only the kernel of this machine changes, so that it knows of every change.
ON_THIS_MACHINE = WITH_CHANGE_TIMES | {
    "overlay", "ramfs", "jfs", "nilfs2", "vfat", "exfat", "msdos", "ntfs3", "squashfs", "erofs", "iso9660", "udf",
}  # fmt: skip
MACOS_FLAGS_AT, MACOS_TYPE_AT, MACOS_TYPE_BYTES = 64, 72, 16  # bytes: struct statfs of <sys/mount.h>, 64-bit inodes
MACOS_STATFS_BYTES = 4_096  # more than the 2,168 that the struct takes
MACOS_READ_ONLY = 1  # MNT_RDONLY


def keeps_change_times(file: int) -> bool:
    """Say whether the time of change of an open file can be believed; False if in doubt."""
    try:
        if sys.platform == "darwin":
            return is_believed_on_macos(_call_macos_statfs(file))
        mount_id = find_mount(Path(f"/proc/self/fdinfo/{file}").read_text(encoding="ascii"))
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except (OSError, ValueError, AttributeError):
        return False
    return mount_id is not None and is_believed(mounts, mount_id)


def keeps_change_times_at(path: bytes, device: int) -> bool | None:
    """Say the same for a path on a known device; None where the path is gone, or on another device now."""
    try:
        # O_PATH of Linux does not open the file itself, so that a FIFO does not make us wait.
        file = os.open(path, getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return None
    try:
        return keeps_change_times(file) if os.fstat(file).st_dev == device else None
    finally:
        os.close(file)


def tells_of_changes(folder: str) -> bool:
    """Say whether this machine's kernel knows of every change in a folder; False if in doubt, or without the folder."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        if sys.platform == "darwin":
            return is_believed_on_macos(_call_macos_statfs(file))
        mount_id = find_mount(Path(f"/proc/self/fdinfo/{file}").read_text(encoding="ascii"))
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        return mount_id is not None and find_kind(mounts, mount_id)[0] in ON_THIS_MACHINE
    except (OSError, ValueError, AttributeError):
        return False
    finally:
        os.close(file)


def find_mount(fdinfo: str) -> str | None:
    """Find the number of the mount in the text of /proc/self/fdinfo about an open file.

    Source: proc_pid_fdinfo(5).

    Example:
        >>> find_mount("pos:\\t0\\nflags:\\t0100000\\nmnt_id:\\t27\\n")
        '27'
    """
    for line in fdinfo.splitlines():
        name, _, number = line.partition(":")
        if name == "mnt_id":
            return number.strip()
    return None


def is_believed(mountinfo: str, mount_id: str) -> bool:
    """Say whether a mount has a file system that sets times of change itself and is not read-only.

    Source: proc_pid_mountinfo(5): number, parent, device, root, place, options, tags, "-", type, source, its options.

    Example:
        >>> is_believed("27 1 254:0 / / ro,relatime shared:1 - ext4 /dev/vda rw,discard", "27")
        True
        >>> is_believed("31 1 7:0 / /image ro - squashfs /dev/loop0 ro", "31")
        False
    """
    kind, options = find_kind(mountinfo, mount_id)
    return kind in WITH_CHANGE_TIMES and "rw" in options


def find_kind(mountinfo: str, mount_id: str) -> tuple[str, list[str]]:
    """Give the kind of file system of a mount, and its options; an empty kind where there is no such mount.

    Example:
        >>> find_kind("27 1 0:41 / /mnt rw,relatime shared:1 - nfs4 server:/in rw,vers=4.2", "27")
        ('nfs4', ['rw', 'vers=4.2'])
    """
    for line in mountinfo.split("\n"):
        mount, _, superblock = line.partition(" - ")
        if mount.split(" ", 1)[0] == mount_id:
            kind, _, rest = superblock.partition(" ")
            return kind, rest.rpartition(" ")[2].split(",")
    return "", []


def is_believed_on_macos(statfs: bytes) -> bool:
    """Say the same from the bytes that fstatfs(2) of macOS gives."""
    kind = statfs[MACOS_TYPE_AT : MACOS_TYPE_AT + MACOS_TYPE_BYTES].split(b"\0", 1)[0]
    flags = int.from_bytes(statfs[MACOS_FLAGS_AT : MACOS_FLAGS_AT + 4], sys.byteorder)
    return kind.decode("ascii", "replace") in WITH_CHANGE_TIMES and not flags & MACOS_READ_ONLY


def _call_macos_statfs(file: int) -> bytes:
    library = ctypes.CDLL(None, use_errno=True)
    ask = library["fstatfs$INODE64" if platform.machine() == "x86_64" else "fstatfs"]
    buffer = ctypes.create_string_buffer(MACOS_STATFS_BYTES)
    if ask(file, buffer) != 0:
        raise OSError(ctypes.get_errno(), "fstatfs")
    return buffer.raw
