"""Ask the product for its verdicts on many small files at once, in process.

Each file is read by itself; the records of all files with the same header then go through one run of the kernel,
since a run costs some milliseconds whatever it judges, and judges each row by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from factories import make_contract, make_layout
from footfall.contract.mapping import Layout
from footfall.engines import kernel
from footfall.engines.kernel import KernelSession
from footfall.errors import SourceError
from footfall.formats.delimited import read_records
from independent_reader import Content, Problem, Record, Rules

SESSIONS_MAX = 16
LINES_A_FILE = 10_000_000  # line numbers of the files of one run are set apart by so much
EPOCH = 62_135_596_800_000_000  # microseconds from 0001-01-01 to 1970-01-01


@dataclass(frozen=True)
class Verdict:
    """What is said of one record: its content, or its problems and what the quarantine would keep of it."""

    line_number: int
    content: Content | None
    problems: frozenset[Problem] = frozenset()
    raw_line: str | None = None
    raw_bytes: bytes | None = None
    raw_size_bytes: int | None = None


Judged = list[Verdict] | None  # None: the file is refused as a whole


def expected_verdict(record: Record) -> Verdict:
    """Put a record of the independent reader as the product's engine has to judge it, before any merge.

    The merge, not the engine, tells duplicates and conflicts.
    """
    if record.content is not None:
        return Verdict(record.line_number, record.content)
    text = record.raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    is_exact = b"\0" not in record.raw and text == record.raw.decode("utf-8", "replace")
    kept = text.encode()[:65_536].decode("utf-8", "ignore")
    raw_bytes = None if is_exact else record.raw[:65_536]
    return Verdict(record.line_number, None, record.problems, kept, raw_bytes, len(record.raw))


@dataclass
class Product:
    """The product's engine; sessions are kept for later calls, as opening one costs more than all else."""

    sessions: dict[Any, KernelSession] = field(default_factory=dict)

    def judge(self, contents: Iterable[bytes], rules: Rules = Rules(), block: int = 1 << 20) -> list[Judged]:  # noqa: B008
        """Judge each of these files by itself, read in blocks of that size."""
        contract = make_contract(rules.delimiter, source_time_zone=rules.source_time_zone, actions=rules.actions)
        latest = None if rules.latest is None else datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=rules.latest)
        found: list[Judged] = []
        groups: dict[Layout, list[pa.RecordBatch]] = defaultdict(list)
        for number, content in enumerate(contents):
            blocks = [content[at : at + block] for at in range(0, len(content), block)]
            try:
                record, batches = read_records(lambda blocks=blocks: iter(blocks), "a.csv", rules.delimiter)
                layout = make_layout(record.fields, contract)
            except SourceError:
                found.append(None)
                continue
            found.append([])
            for batch in batches:
                numbers = pa.array(batch["position"].to_numpy() + number * LINES_A_FILE)
                groups[layout].append(batch.set_column(0, "position", numbers))
        for layout, batches in groups.items():
            for verdict in self.run(pa.concat_batches(batches), layout, latest):
                number, line_number = divmod(verdict[0], LINES_A_FILE)
                judged = found[number]
                assert judged is not None
                judged.append(Verdict(line_number, *verdict[1:]))
        for judged in found:
            if judged is not None:
                judged.sort(key=lambda verdict: verdict.line_number)
        return found

    def run(self, batch: pa.RecordBatch, layout: Layout, latest: datetime | None) -> list[Any]:
        """Run the kernel once: (line number, content, and the other attributes of a verdict)."""
        if (layout, latest) not in self.sessions:
            if len(self.sessions) == SESSIONS_MAX:
                self.close()
            self.sessions[layout, latest] = kernel.open_kernel_session(layout, latest, 256)
        verdicts = kernel.judge_batch(self.sessions[layout, latest], batch)
        accepted = verdicts.accepted.set_column(5, "timestamp", verdicts.accepted["timestamp"].cast(pa.int64()))
        columns = accepted.to_pydict().values()
        found: list[Any] = [
            (number, Content(*values, instant + EPOCH)) for number, *values, instant in zip(*columns, strict=True)
        ]
        for row in verdicts.rejected.to_pylist():
            problems = frozenset(Problem(one["code"], one["field"]) for one in json.loads(row["problems"]))
            raw = row["raw_line"], row["raw_bytes"], row["raw_size_bytes"]
            found.append((row["position"], None, problems, *raw))
        return found

    def close(self) -> None:
        """Let the sessions go."""
        while self.sessions:
            self.sessions.popitem()[1].close()
