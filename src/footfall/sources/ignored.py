"""Names that a search for files leaves out: which they are, the reasons, and the sentence that reports them."""

from __future__ import annotations

from collections.abc import Iterable

from footfall.results import IgnoredName, Reason

COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")
# Files of a folder with one of these endings, in any case, are sources. .txt, .dat and .log are left out, because notes
# and logs stand beside data everywhere.
FORMAT_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
ENDINGS = (
    *FORMAT_ENDINGS,
    *(f"{ending}{packed}" for ending in FORMAT_ENDINGS[:-1] for packed in COMPRESSIONS),  # Parquet is packed inside
)
NAMES_SAID = 3  # names that the sentence lists for each reason; JSON and Python callers get all of them
# Names that systems and tools write beside data, or while data is still being copied; all in lower case.
NEVER_DATA_NAMES = frozenset(
    {
        ".ds_store", ".localized", "__macosx", ".trashes", ".spotlight-v100", ".fseventsd", ".temporaryitems",  # macOS
        "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",  # Windows
        ".trash", "lost+found", "@eadir", "#recycle", ".snapshot", ".snapshots", ".stversions",  # Linux, storage
        "_success", "_metadata", "_common_metadata", "_temporary", "_spark_metadata", "_delta_log",  # Hadoop, Spark
        ".ipynb_checkpoints",  # Jupyter
        ".rsync-partial", ".~tmp~",  # rsync: --partial-dir, --delay-updates
    }
)  # fmt: skip
NEVER_DATA_BEGINNINGS = (
    "._",  # macOS: what its own file systems keep beside a file (AppleDouble)
    ".#", ".~lock.", "~$", ".goutputstream-",  # editors and offices: locks, and files that are being saved
    "_committed_", "_started_", ".hive-staging", ".spark-staging",  # Databricks, Hive, Spark
    ".nfs0", ".fuse_hidden", ".trash-",  # removed files that NFS and FUSE keep while they are open
)  # fmt: skip
NEVER_DATA_ENDS = (
    ".tmp", ".temp", ".part", ".partial", ".filepart", "._copying_",  # copies on their way: rclone, WinSCP, Hadoop
    ".crdownload", ".opdownload", ".download",  # browsers
    "~", ".swp", ".swo",  # editors
    ".crc",  # Hadoop
)  # fmt: skip


def is_never_data(name: str) -> bool:
    """Say whether systems or tools leave files or folders of this name behind; its case does not matter.

    Example:
        >>> [is_never_data(name) for name in ("._a.csv", "Thumbs.db", "a.csv.part", "part-0.csv", ".csv")]
        [True, True, True, False, False]
    """
    low = name.lower()
    return (
        low in NEVER_DATA_NAMES
        or low.startswith(NEVER_DATA_BEGINNINGS)
        or low.endswith(NEVER_DATA_ENDS)
        or (low.startswith("#") and low.endswith("#"))  # Emacs saves unsaved changes there
    )


def has_ending(name: str) -> bool:
    """Say whether a file of this name in a folder is a source by its ending.

    Example:
        >>> has_ending("A.CSV"), has_ending("a.json.BZ2"), has_ending("a.csv.txt")
        (True, True, False)
    """
    return name.lower().endswith(ENDINGS)


def describe_ignored(ignored: Iterable[IgnoredName]) -> str:
    """Say in one line how many names are left out, which, and why; of each reason only the first few names.

    Example:
        >>> describe_ignored([IgnoredName("in/a.txt", Reason.ENDING), IgnoredName("in/b.csv", Reason.SAME, "in/a.csv")])
        'ignored 2 names: in/a.txt (not named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet, plain \
or compressed); in/b.csv, which is in/a.csv (another name \
of a file that is taken already)'
    """
    groups: dict[Reason, list[str]] = {}
    for each in ignored:
        twin = f", which is {each.taken_as}" if each.taken_as not in ("", each) else ""
        groups.setdefault(each.reason, []).append(f"{each}{twin}".replace("\n", "\\n"))
    amount = sum(len(names) for names in groups.values())
    told = "; ".join(f"{_name_first(names)} ({reason})" for reason, names in sorted(groups.items(), key=_weigh))
    return f"ignored {amount:,} name{'' if amount == 1 else 's'}: {told}"


def _weigh(group: tuple[Reason, list[str]]) -> tuple[bool, int]:
    return group[0] is Reason.NEVER_DATA, list(Reason).index(group[0])


def _name_first(names: list[str]) -> str:
    more = len(names) - NAMES_SAID
    return ", ".join(names[:NAMES_SAID]) + (f" and {more:,} more" if more > 0 else "")
