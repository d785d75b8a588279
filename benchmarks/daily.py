"""Time a day's file: new rows in a table of a thousand and in a large one, and files that are there in part or whole.

Both tables get the same files. The small one is a fresh copy for each, so that it never holds more than a thousand
rows beforehand; the large one keeps what it got. Footfall proves both at the end.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from make_data import Made, Wanted, make
from measure import Run, figures
from server import Server

SMALL_ROWS = 1_000
FIRST_DAY = 180  # the day after the base data
# Ids of the base data lie so far apart, so that random ids can fall between any two of them; one file a day, so at
# most so many files less one.
ID_STEP = 1_000
CLEAN = {"bad_share": 0.0, "duplicate_share": 0.0}


@dataclass(frozen=True, slots=True)
class Days:
    """The files of one run, in a folder. Units: rows."""

    folder: Path
    rows: int
    day_rows: int

    def base(self, rows: int) -> Made:
        """Make the data that is there beforehand."""
        return make(Wanted(rows, first_id=ID_STEP, id_step=ID_STEP), self.folder)

    def rising(self, number: int) -> Made:
        """Make a day's file whose ids are all above those before it."""
        first = (max(self.rows, self.day_rows) + 1) * ID_STEP + number * self.day_rows
        return make(Wanted(self.day_rows, first_id=first, day=FIRST_DAY + number, **CLEAN), self.folder)

    def random(self, number: int) -> Made:
        """Make a day's file whose ids lie anywhere between those of the base data, in no order."""
        wanted = Wanted(
            self.day_rows,
            first_id=number + 1,
            id_step=ID_STEP,
            scattered_over=max(self.rows, self.day_rows),
            day=FIRST_DAY + number,
            **CLEAN,
        )
        return make(wanted, self.folder)

    def overlapping(self, number: int) -> Path:
        """Write a file whose first half is the second half of the rising file before, and whose second half is new."""
        half = self.day_rows // 2
        header, *before = self.rising(number - 1).full.read_text(encoding="utf-8").splitlines(keepends=True)
        _, *new = self.rising(number).full.read_text(encoding="utf-8").splitlines(keepends=True)
        path = self.folder / f"overlapping-{number}.csv"
        path.write_text("".join([header, *before[-half:], *new[:half]]), encoding="utf-8")
        return path


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
        server.create(large)
        base = days.base(rows)
        base_run, _ = server.load(large, str(base.full))
        server.create(small)
        server.load(small, str(days.base(SMALL_ROWS).full))
        for database in (small, large):
            server.tidy(database)

        def new_rows(kind: str, file: Path, turn: int) -> None:
            for which in ("small", "large") if turn % 2 == 0 else ("large", "small"):
                if which == "small":
                    server.create(fresh, template=small)
                load(f"{kind}, {which}", large if which == "large" else fresh, file, (day_rows, 0))

        for number in range(runs):
            new_rows("rising", days.rising(2 * number).full, number)
            new_rows("random", days.random(number).full, number)
            half = day_rows // 2
            load("half there", large, days.overlapping(2 * number + 1), (half, half))
        last = days.rising(2 * (runs - 1)).full
        for _ in range(runs):
            load("there, known", large, last, (0, 0))
            load("there, read again", large, last, (0, 0), "--rehash")
            load("base there, known", large, base.full, (0, 0))
            load("base there, read again", large, base.full, (0, 0), "--rehash")
        for database in (fresh, large):
            server.verify(database)
    return {
        "rows": rows,
        "small_rows": SMALL_ROWS,
        "day_rows": day_rows,
        "base_mb": round(base.full.stat().st_size / 1e6, 1),
        "day_mb": round(last.stat().st_size / 1e6, 2),
        "base_load": figures([base_run]),
        "kinds": {what: figures(runs_of) for what, runs_of in kept.items()},
    }
