"""Checks of what was loaded: files that failed, rows that were rejected, whether loads still come."""

from __future__ import annotations

from footfall.safe_text import escape_unprintable
from footfall.tables import health, history
from footfall.verbs.doctor.checking import Examined, Verdict, check, say_ok, show_seconds, warn

REJECTED_AGE_S_MAX = 7 * 86_400  # seconds; until then, the people who send the files still remember them
GAPS_MIN = 4  # gaps between runs; fewer do not show which gap is usual
LATE = 2  # times the usual gap, after which the next load is late
FAILURES_SHOWN = 100


@check(
    "newest-load",
    needs="tables",
    warns="It is older than twice the median gap between runs, and than nine of ten gaps.",
)
def look_at_newest_load(examined: Examined) -> Verdict:
    """The age of the newest load, beside the gaps between earlier ones."""
    found = health.read_rhythm(examined.database)
    if found.age_s is None:
        return say_ok("nothing is loaded yet")
    words = f"{show_seconds(found.age_s)} ago"
    if found.gap_count < GAPS_MIN:
        return say_ok(f"{words}; too few runs to say what is usual")
    words += f"; between runs are {show_seconds(found.median_s)} (median)"
    if found.age_s > max(LATE * found.median_s, found.long_s):
        return warn(words, "look for new files where they should be, and at what calls `footfall load`")
    return say_ok(words)


@check("failed-files", needs="tables", warns="Of a file nothing is loaded, and no later load brought it.")
def look_at_failed_files(examined: Examined) -> Verdict:
    """Files whose last load failed."""
    found = history.list_open_failures(examined.database, FAILURES_SHOWN)
    if not found:
        return say_ok("none is open")
    source, error = found[0].source, found[0].error or ""  # an error of a file begins with its name
    many = f"{len(found)} or more" if len(found) == FAILURES_SHOWN else str(len(found))
    return warn(
        f"{many}; the newest: {escape_unprintable(source)}: {escape_unprintable(error.removeprefix(f'{source}: '))}",
        "mend the file or the definition, and load it again; `footfall loads` lists them",
    )


@check("quarantine", needs="tables", warns="Rejected rows have been open for a week.")
def look_at_quarantine(examined: Examined) -> Verdict:
    """Rejected rows that are open, and the age of the oldest."""
    found = health.read_quarantine(examined.database)
    if not found.rows_open:
        return say_ok("no rejected row is open")
    share = found.rows_open / max(found.rows_read, 1)
    words = f"{found.rows_open:,} rows ({share:.1%}) of {found.load_count} loads"
    words += f"; the oldest came {show_seconds(found.age_s)} ago"
    if found.age_s > REJECTED_AGE_S_MAX:
        return warn(
            words,
            "`footfall rejects` shows them; `footfall replay`, or mend them as docs/how-to/mend-rejected-rows.md says",
        )
    return say_ok(words)
