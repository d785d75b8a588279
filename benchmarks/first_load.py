"""Time a first load: Footfall with the full file next to its peers with the cleaned one, each in a fresh database.

Before any figure is kept, the tables of Footfall and of every peer must equal those of the expert's script.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from comparing import COUNTS, RAW, compare
from make_data import Made
from measure import Run, figures, timed
from server import Server
from ways import EXPERT, WAYS, Place, Way

FOOTFALL = "footfall load"
MEANING = "`footfall load` of the full file: reads, checks, quarantines, deduplicates, keeps counts and ledger"
EACH_ROUND_COMPARED = 1_000_000  # rows; larger files are compared after the last round alone, to save time
PEERS_END = 10_000_000  # rows; larger files are for Footfall alone, and `footfall verify` proves them


@dataclass(slots=True)
class Rounds:
    """What came of all rounds: name of the way -> its runs, table -> rows, name -> why it was left out."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def chosen(rows: int, *, quick: bool, slow_rows_max: int) -> tuple[list[Way], dict[str, str]]:
    """Give the peers that run with a file of so many rows, and why others do not."""
    ways, skipped = [], {}
    for way in WAYS:
        if quick and not way.is_quick_form:
            skipped[way.name] = "not in the quick form"
        elif rows > PEERS_END:
            skipped[way.name] = f"not above {PEERS_END:,} rows"
        elif reason := way.missing():
            skipped[way.name] = reason
        elif way.is_slow and rows > slow_rows_max:
            skipped[way.name] = f"only up to {slow_rows_max:,} rows, to keep the run short"
        else:
            ways.append(way)
    return ways, skipped


def measure(server: Server, made: Made, runs: int, ways: list[Way]) -> Rounds:
    """Load in rotation, each time in a fresh database; compare the tables."""
    rounds = Rounds()
    peers = {way.name: way for way in ways}
    names = [FOOTFALL, *peers]
    with server.databases(*map(str, range(len(names)))) as made_for:
        databases = dict(zip(names, made_for, strict=True))
        for number in range(runs):
            turn = number % len(names)
            is_compared = made.rows <= EACH_ROUND_COMPARED or number == runs - 1
            for name in names[turn:] + names[:turn]:
                server.create(databases[name])
                if name == FOOTFALL:
                    run = load_footfall(server, made, databases[name])
                else:
                    run, _ = timed(peers[name].load(Place(server, made, databases[name])))
                rounds.runs.setdefault(name, []).append(run)
                print(f"{made.rows:,} rows, run {number + 1} of {runs}: {name} {run.seconds:.2f} s", file=sys.stderr)
                if not is_compared:
                    server.drop(databases[name])
            if EXPERT not in peers:
                server.verify(databases[FOOTFALL])
            elif is_compared:
                rounds.rows = _compared(server, databases, peers)
    return rounds


def load_footfall(server: Server, made: Made, database: str) -> Run:
    """Run Footfall's command line with the full file; what it says must be what was made."""
    run, said = server.load(database, str(made.full))
    got = [said[f"rows_{name}"] for name in ("read", "loaded", "duplicate", "rejected")]
    expected = [made.rows, made.rows_clean, made.rows_duplicate, made.rows_bad]
    if got != expected:
        raise SystemExit(f"Footfall said {got}, the file holds {expected}")
    return run


def _compared(server: Server, databases: dict[str, str], peers: dict[str, Way]) -> dict[str, int]:
    """Compare Footfall and every peer with the expert; give the rows of his tables."""
    expert = server.of(databases[EXPERT])
    rows = compare(server.of(databases[FOOTFALL]), expert)
    for name, way in peers.items():
        if name != EXPERT:
            compare(server.of(databases[name]), expert, way.compared)
    return rows


def result(made: Made, rounds: Rounds) -> dict[str, Any]:
    """Turn what was measured into what is kept."""
    versions = {way.name: way.version() for way in WAYS if way.name in rounds.runs}
    meanings = {FOOTFALL: MEANING, **{way.name: way.meaning for way in WAYS}}
    return {
        "rows": made.rows,
        "rows_bad": made.rows_bad,
        "rows_duplicate": made.rows_duplicate,
        "rows_clean": rounds.rows.get(RAW, made.rows_clean),
        "pairs": rounds.rows.get(COUNTS),
        "file_mb": round(made.full.stat().st_size / 1e6, 1),
        "ways": {name: {"meaning": meanings[name], **figures(runs)} for name, runs in rounds.runs.items()},
        "versions": {name: version for name, version in versions.items() if version},
        "skipped": rounds.skipped,
    }


def part(server: Server, made: Made, runs: int, options: dict[str, Any]) -> dict[str, Any]:
    """Measure one size from beginning to end; options: `quick`, `slow_rows_max`."""
    ways, skipped = chosen(made.rows, **options)
    for name, reason in skipped.items():
        print(f"{made.rows:,} rows: {name} is left out: {reason}", file=sys.stderr)
    rounds = measure(server, made, runs, ways)
    rounds.skipped = skipped
    return result(made, rounds)
