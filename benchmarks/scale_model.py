"""Compute how long loads of any size take by each way, from measured constants; write the page and its picture.

    python benchmarks/scale_model.py --page docs/explanation/scale.md

All constants stand in CONSTANTS, each with the command that measures it. Whoever has other figures, of another machine
or after a change, puts them there and runs this again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scale_picture import Line, picture

BUSY = (
    2.0  # a constant from the busy machine counts half: the same COPY with its key took 1.9 there, 0.85 on a quiet one
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A figure of the model. `busy`: it is from a machine with other work; the model takes half of it."""

    what: str
    value: float
    unit: str
    command: str
    busy: bool = False

    def read(self) -> float:
        """Give the figure that the model uses."""
        return self.value / BUSY if self.busy else self.value


CPU = "microseconds of CPU a row"
STAGES = "`benchmarks/stages.py --rows 10000000`"
LARGE = "`benchmarks/large_merge.py --rows 4000000`"
PARTITIONS = "`benchmarks/partitions.py --rows 4000000`"
TAKING = "`benchmarks/taking.py`, [decision 0053](../decisions/0053-batches-are-staged-as-judged.md)"
SPARK = "by hand, on Spark 4.3: 4,000,000 rows, cold"
ASSUMED = "assumed"
CONSTANTS = {
    "row_bytes": Constant("a row of the file", 50, "bytes", "`benchmarks/run.py --only daily --rows 100000000`"),
    "digest": Constant("SHA-256 of the file", 1050, "MB a second", "`benchmarks/run.py --only daily --rows 10000000`"),
    "first_load": Constant(
        "a first load, whole, by one process and one session",
        2.53,
        "microseconds of the clock a row",
        "`benchmarks/run.py --only daily --rows 100000000`",
    ),
    "judge": Constant("cut, judge and encode a range", 1.14, CPU, STAGES),
    "stage": Constant("COPY to the empty table", 0.55, CPU, STAGES),
    "keep": Constant("batches kept by `stage` as they were judged: the server", 0.31, CPU, TAKING, busy=True),
    "keys": Constant("key and index of the rows", 0.30, CPU, STAGES),
    "counts": Constant("counts of a first load, sent, and their keys", 0.54, CPU, STAGES),
    "merge": Constant("a load as large as what is there: the server", 6.4, CPU, LARGE, busy=True),
    "attach_server": Constant("the same with partitions, all that the server does", 3.6, CPU, PARTITIONS, busy=True),
    "attach_inside": Constant("of it inside the transaction", 0.12, CPU, PARTITIONS, busy=True),
    "attach_client": Constant("counts that executors read and add with partitions", 5.2, CPU, PARTITIONS, busy=True),
    "attach_log": Constant("log with partitions", 187, "bytes a row", PARTITIONS),
    "lake": Constant("a lake: judge, find repeats, count, write Parquet", 28, CPU, SPARK, busy=True),
    "table_bytes": Constant("tables and keys", 155, "bytes a row", "`pg_total_relation_size` after a first load"),
    "task": Constant("start of a task for one range", 0.19, "seconds of CPU", "by hand", busy=True),
    "range_bytes": Constant("a range", 64, "MB", "a setting"),
    "spark_start": Constant("start of a session of Spark", 5, "seconds", "by hand, on a quiet machine"),
    "disk": Constant("the disk of the server", 1000, "MB a second", ASSUMED),
    "server_cores": Constant("cores of the server", 8, "", ASSUMED),
    "executor_cores": Constant("cores of an executor", 4, "", ASSUMED),
}
US = 1e-6
RESULTS = Path(__file__).parent / "results"
MB = 1e6


def take(name: str) -> float:
    """Give the figure of a constant."""
    return CONSTANTS[name].read()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to load. `compute` gives its seconds from the rows and the number of executors.

    `measured` has the seconds of the sizes that were loaded as a whole.
    """

    name: str
    compute: Callable[[float, int], float]
    executors: int = 0
    measured: dict[float, float] = field(default_factory=dict)


def load_first(rows: float, _: int) -> float:
    """One process into empty tables: measured as it is, client and server beside each other."""
    return rows * take("first_load") * US


def load_spare(rows: float, _: int) -> float:
    """The same with cores to spare, so that only the server's session takes time."""
    return rows * (take("stage") + take("keys") + take("counts")) * US


def load_more(rows: float, _: int) -> float:
    """One process into tables that hold as many rows: the server's session is what takes long."""
    return rows * take("merge") * US


def stage(rows: float, executors: int) -> float:
    """Stage by executors: their cores, the server's cores, and the digest, which one process makes meanwhile."""
    cores = executors * take("executor_cores")
    tasks = max(1.0, rows * take("row_bytes") / MB / take("range_bytes"))
    client = rows * take("judge") * US + tasks * take("task")
    server = rows * take("keep") * US
    digest = rows * take("row_bytes") / MB / take("digest")
    return max(client / min(cores, tasks), server / min(take("server_cores"), cores, tasks), digest)


def take_first(rows: float) -> float:
    """Take what was staged into empty tables: one session of the server, which does what that of a load does."""
    return load_spare(rows, 0)


def take_more(rows: float) -> float:
    """Take what was staged into tables that hold as many rows: as a load does."""
    return load_more(rows, 0)


def run_first(rows: float, executors: int) -> float:
    """Plan, stage and take into empty tables."""
    return stage(rows, executors) + take_first(rows)


def run_more(rows: float, executors: int) -> float:
    """Plan, stage and take into tables that hold as many rows."""
    return stage(rows, executors) + take_more(rows)


def run_attached(rows: float, executors: int) -> float:
    """The same with partitions that are attached, into tables that hold as many rows."""
    cores = executors * take("executor_cores")
    client = rows * (take("judge") + take("attach_client")) * US / cores
    server = rows * (take("attach_server") - take("attach_inside")) * US / min(take("server_cores"), cores)
    written = rows * (take("attach_log") + 2 * take("table_bytes")) / MB / take("disk")
    return max(client, server, written) + rows * take("attach_inside") * US


def run_lake(rows: float, executors: int) -> float:
    """Rows and pairs in files, by Spark; only what is summed up is in PostgreSQL."""
    return take("spark_start") + rows * take("lake") * US / (executors * take("executor_cores"))


def read_first_loads() -> dict[float, float]:
    """Read the seconds of the first loads that the benchmarks keep, by their rows."""
    found = {}
    for name in ("first-load-1000000", "first-load-10000000", "daily-100000000"):
        kept = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        run = kept["ways"]["footfall load"] if "ways" in kept else kept["base_load"]
        found[float(kept["rows"])] = statistics.median(run["seconds"])
    return found


FIRST = (
    Way("`footfall load`, two cores", load_first, measured=read_first_loads()),
    Way("with cores to spare", load_spare),
    Way("plan, stage, take: 1 executor", run_first, 1),
    Way("4 executors", run_first, 4),
    Way("16 executors", run_first, 16),
    Way("lake, 16 executors", run_lake, 16),
)
MORE = (
    Way("`footfall load`", load_more),
    Way("plan, stage, take: 4 executors", run_more, 4),
    Way("16 executors", run_more, 16),
    Way("partitions, 4 executors", run_attached, 4),
    Way("16 executors", run_attached, 16),
)
SIZES = tuple(10.0**power for power in range(6, 12))
SIZE_NAMES = ("1 million", "10 million", "100 million", "1 billion", "10 billion", "100 billion")


def say(seconds: float) -> str:
    """Say a time as people do, to two digits at most.

    >>> say(0.26), say(253), say(90_000), say(900_000)
    ('0.3 s', '4.2 min', '25 h', '10 days')
    """
    for unit, length, up_to in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < up_to:
            return f"{seconds / length:.1f} {unit}" if seconds < 10 * length else f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def table(ways: tuple[Way, ...]) -> str:
    """Write a table: one line a size, one column a way. What was measured as a whole is bold."""
    lines = ["| rows | " + " | ".join(way.name for way in ways) + " |", "| --- |" + " ---: |" * len(ways)]
    for rows, name in zip(SIZES, SIZE_NAMES, strict=True):
        cells = (
            f"**{say(way.measured[rows])}**" if rows in way.measured else say(way.compute(rows, way.executors))
            for way in ways
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table_of_constants() -> str:
    """Write the constants, with what the model makes of those from a busy machine."""
    lines = ["| what | measured | the model takes | unit | how |", "| --- | ---: | ---: | --- | --- |"]
    for each in CONSTANTS.values():
        lines.append(f"| {each.what} | {each.value:,g} | {each.read():,g} | {each.unit} | {each.command} |")
    return "\n".join(lines)


def draw() -> str:
    """Draw both tables' ways that differ."""
    ways = (
        Line("one process, more rows", "footfall load into as many", points(MORE[0])),
        Line("one process, first load", "footfall load", points(FIRST[0]), max(FIRST[0].measured)),
        Line("16 executors, first load", "plan, stage, take", points(FIRST[4])),
        Line("16 executors, partitions", "not built", points(MORE[4])),
        Line("16 executors, lake", "not built", points(FIRST[5])),
    )
    return picture("How long a load takes, by its rows", list(ways))


def points(way: Way) -> tuple[tuple[float, float], ...]:
    """Give rows and seconds of a way."""
    return tuple((rows, way.measured.get(rows) or way.compute(rows, way.executors)) for rows in SIZES)


TEXT = """# How far it scales

Written by `benchmarks/scale_model.py`; do not edit. Figures in bold were measured as a whole; **all others are
computed** from the constants below, and those past a hundred million rows from measurements of a few million.

    python benchmarks/scale_model.py --page docs/explanation/scale.md

![Time of a load by its rows, for each way](../pictures/scale.svg)

## In short

| you have | use |
| --- | --- |
| a day's file into any table | `footfall load`: there is little to share |
| a first load of up to a hundred million rows | `footfall load`: {first_8} on two cores |
| a first load of a billion rows or more | `footfall load`: {first_9} on two cores, {spare_9} with cores to spare |
| a load as large as what is there | `footfall load`: {more_8} for a hundred million rows, however many executors |
| files of which most rows are rejected or repeated, packed files, ids that are text or made | local processes \
(`--workers`); Airflow, Spark or Dask where they run anyway: what they share is reading and judging |
| a server without a core to spare, and other machines | the same: they take {judge_share:.0%} of a first load's CPU |
| more than ten billion rows in all | a lake, with the ledger and the sums in PostgreSQL; not built |

## What one machine does

One process of Footfall and one session of PostgreSQL take {rate:,.0f} rows of a first load a second, measured up to a
hundred million rows ([benchmarks](../benchmarks.md)). Rows are cut and judged on every core while the session writes,
so that session is the limit, not the client ([where the time goes](where-time-goes.md)). A load into tables that hold
as many rows takes the session {merge:.1f} microseconds a row: each key that is known has its page to be found and
changed ([decision 0042](../decisions/0042-cheap-merge.md)). A day's file pays for its pages, not for its rows
([where a day's time goes](where-a-days-time-goes.md)).

## When to add processes, Airflow or Spark

`plan`, `stage` and `take` share the reading, judging and COPY of one large file among processes, on one machine or on
many; `take` then moves everything into the tables in one transaction, in one session. That part does not shrink:

- Its session does what that of one process does, and takes as long: {take_first:.1f} microseconds a row into empty
  tables, {take_more:.1f} into tables that hold as many rows. What is staged costs the server {keep:.2f} microseconds a
  row more ([decision 0053](../decisions/0053-batches-are-staged-as-judged.md)).
- One process on two cores, which it shares with the server, takes {first_load:.1f} microseconds a row of a first load:
  no number of executors is more than {gain_first:.1f} times as quick. With cores to spare a process has only its own
  session to wait for: executors gain nothing.
- Local processes stage while the session is at work, as the threads of one process judge. Two on two cores
  gain nothing: they take 1.2 times the CPU. With Airflow, Spark and Dask all ranges are staged before.
- [Decision 0047](../decisions/0047-take-is-one-load.md) counts all CPU of loads of up to a million rows: there the
  client's part, which executors take over, is a third to two thirds. It is gained where no core is free to judge beside
  the session.
- So they pay where judging is more than the server's share: files of which most rows are rejected (ten million rows
  that are all bad take 2.4 times as long as clean ones), slow packing (a packed file cannot be cut, but many of them
  are staged at once), ids that are text or made.
- And where the machine with the server has no cores to give: judging is then done elsewhere.

A first load, with a server of {server_cores:.0f} cores and executors of {executor_cores:.0f}:

{first_table}

The same into tables that hold as many rows:

{more_table}

The engines differ in their start: a task takes {task:.1f} seconds of CPU before its first row, and a session of Spark
{spark_start:.0f} seconds of the clock. Take what you have: where Airflow runs the load every day, Airflow; where the
files lie beside a Spark cluster, Spark; else `--workers`. They stage the same rows by the same code.

## Partitions

Rows that become a partition, and counts that are written anew and exchanged, take the work out of the one session:
only {attach_inside:.2f} microseconds a row stay in the transaction. That is the only way here that grows with the
number of machines, and it is not built: to a snapshot from before its commit, that of a backup say, the load is there
in part, or the counts are gone. [Decision 0052](../decisions/0052-no-partitions-yet.md) has what was measured, and
what would change our mind.

## A lake

Past ten billion rows the table is terabytes in one server: possible, but each backup and each `vacuum` is, too. There
rows and pairs belong in files (Parquet) that Spark writes and counts, and PostgreSQL keeps the ledger and the sums by
user, product and quarter hour. One commit is still possible: files that no ledger row names do not exist. By hand,
Spark took {lake:.0f} microseconds of CPU a row for it, {lake_share:.0f} times what a load with partitions takes, but
all of it in parallel. Not built.

## The constants

Change them in `benchmarks/scale_model.py` where yours differ. Those marked as taken for half of what was measured come
from a machine that others kept busy: the same COPY with its key took 1.9 microseconds of CPU a row there and 0.85 on
the quiet one.

{constants}

## What is computed, and how

- `footfall load` with cores to spare, and into tables that hold as many rows: the CPU of its session alone, as if the
  client did all of its work beside it.
- `stage`: the longest of the executors' CPU by their cores, the server's by its cores, and the digest, which one
  process makes meanwhile. `take`: the CPU of its session alone. Both one after the other.
- Partitions: the longest of the executors' CPU, the server's CPU by its cores, and its disk, then the transaction.
- No figure has more than one server, a network between machines, or a table that does not fit the memory of the
  server's machine. Two cores, which others used as well, cannot show that a second machine makes staging twice as
  quick; what they show is that the CPU a row is the same with one process and with two.
- A billion rows of anything were never loaded: the model multiplies what it knows of four million to a hundred million.
"""


def page() -> str:
    """Write the page."""
    return TEXT.format(
        first_8=say(load_first(1e8, 0)),
        first_9=say(load_first(1e9, 0)),
        spare_9=say(load_spare(1e9, 0)),
        more_8=say(load_more(1e8, 0)),
        judge_share=take("judge") / (take("judge") + take("stage") + take("keys") + take("counts")),
        rate=round(1e6 / take("first_load"), -4),
        merge=take("merge"),
        take_first=take_first(1e6),
        take_more=take_more(1e6),
        lake_share=take("lake") / (take("judge") + take("attach_client") + take("attach_server")),
        gain_first=take("first_load") / take_first(1e6),
        first_table=table(FIRST),
        more_table=table(MORE),
        constants=table_of_constants(),
        **{
            name: take(name)
            for name in (
                *("server_cores", "executor_cores", "task", "spark_start", "keep"),
                *("attach_inside", "lake", "first_load"),
            )
        },
    )


def main() -> None:
    """Print the page; write it and its picture if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="write the page of the docs here; its picture goes beside it")
    arguments = parser.parse_args()
    print(page())
    if arguments.page:
        arguments.page.write_text(page(), encoding="utf-8")
        drawn = arguments.page.parent.parent / "pictures" / "scale.svg"
        drawn.parent.mkdir(exist_ok=True)
        drawn.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
