"""Time a day's file: new rows in a table of a thousand and in a large one, and files that are there in part or whole.

Both tables get the same files. The small one is a fresh copy for each, so that it never holds more than a thousand
rows beforehand; the large one keeps what it got. Footfall proves both at the end.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from make_data import Wanted, make
from measure import Run, figures
from server import Server

SMALL_ROWS = 1_000
FIRST_DAY = 180  # the day after the base data
# Ids of the base data lie so far apart, so that random ids can fall between any two of them; one file a day, so at
# most so many files less one.
ID_STEP = 1_000
SETTLED_S = 2.5  # above the two seconds in which a file may change within one tick of its clock
CLEAN = {"bad_share": 0.0, "duplicate_share": 0.0}


@dataclass(frozen=True, slots=True)
class Days:
    """The files of one run, in a folder. Units: rows."""

    folder: Path
    rows: int
    day_rows: int

    def base(self, rows: int) -> Path:
        """Give the data that is there beforehand."""
        return self._path(Wanted(rows, first_id=ID_STEP, id_step=ID_STEP))

    def rising(self, number: int) -> Path:
        """Give a day's file whose ids are all above those before it."""
        first = (max(self.rows, self.day_rows) + 1) * ID_STEP + number * self.day_rows
        return self._path(Wanted(self.day_rows, first_id=first, day=FIRST_DAY + number, **CLEAN))

    def random(self, number: int) -> Path:
        """Give a day's file whose ids lie anywhere between those of the base data, in no order."""
        wanted = Wanted(
            self.day_rows,
            first_id=number + 1,
            id_step=ID_STEP,
            scattered_over=max(self.rows, self.day_rows),
            day=FIRST_DAY + number,
            **CLEAN,
        )
        return self._path(wanted)

    def overlapping(self, number: int) -> Path:
        """Give a file whose first half is the second half of the rising file before, and whose second half is new."""
        path = self.folder / f"overlapping-{number}.csv"
        if not path.exists():
            half = self.day_rows // 2
            header, *before = self.rising(number - 1).read_text(encoding="utf-8").splitlines(keepends=True)
            _, *new = self.rising(number).read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join([header, *before[-half:], *new[:half]]), encoding="utf-8")
        return path

    def make_all(self, runs: int) -> None:
        """Make all files, and wait: Footfall does not trust the time of a file that changed just now."""
        for rows in (SMALL_ROWS, self.rows):
            self.base(rows)
        for number in range(runs):
            self.rising(2 * number)
            self.random(number)
            self.overlapping(2 * number + 1)
        time.sleep(SETTLED_S)

    def _path(self, wanted: Wanted) -> Path:
        """Make a file once: written again, it would be another to those who look at its time of change."""
        path = self.folder / f"{wanted.name}.csv"
        return path if path.exists() else make(wanted, self.folder).full


def part(server: Server, rows: int, day_rows: int, runs: int) -> dict[str, Any]:
    """Measure from beginning to end."""
    days = Days(server.scratch / "daily", rows, day_rows)
    kept: dict[str, list[Run]] = {}

    def load(what: str, database: str, path: Path, expected: tuple[int, int], *words: str) -> None:
        """Time one load and see that it brought what was expected: rows loaded, rows duplicate."""
        server.checkpoint()
        run, said = server.load(database, str(path), *words)
        if (said["rows_loaded"], said["rows_duplicate"]) != expected:
            raise SystemExit(f"{what}: {said} where (loaded, duplicate) should be {expected}")
        kept.setdefault(what, []).append(run)
        print(f"daily, {rows:,} rows: {what} {run.seconds:.2f} s", file=sys.stderr)

    with server.databases("small", "fresh", "large") as (small, fresh, large):
        days.make_all(runs)
        base = days.base(rows)
        server.create(large)
        base_run, _ = server.load(large, str(base))
        server.create(small)
        server.load(small, str(days.base(SMALL_ROWS)))
        for database in (small, large):
            server.tidy(database)

        def new_rows(kind: str, file: Path, turn: int) -> None:
            for which in ("small", "large") if turn % 2 == 0 else ("large", "small"):
                if which == "small":
                    server.create(fresh, template=small)
                load(f"{kind}, {which}", large if which == "large" else fresh, file, (day_rows, 0))

        for number in range(runs):
            new_rows("rising", days.rising(2 * number), number)
            new_rows("random", days.random(number), number)
            half = day_rows // 2
            load("half there", large, days.overlapping(2 * number + 1), (half, half))
        last = days.rising(2 * (runs - 1))
        for _ in range(runs):
            load("there, known", large, last, (0, 0))
            load("there, read again", large, last, (0, 0), "--rehash")
            load("base there, known", large, base, (0, 0))
            load("base there, read again", large, base, (0, 0), "--rehash")
        for database in (fresh, large):
            server.verify(database)
    return {
        "rows": rows,
        "small_rows": SMALL_ROWS,
        "day_rows": day_rows,
        "base_mb": round(base.stat().st_size / 1e6, 1),
        "day_mb": round(last.stat().st_size / 1e6, 2),
        "base_load": figures([base_run]),
        "kinds": {what: figures(runs_of) for what, runs_of in kept.items()},
    }
