"""A watcher that works for a long time while files come in bursts, its server is restarted and its folder fills up.

What was written is known by its rule: interaction n has the user, product and time that `ROW` gives it. So the tables
are compared with what was written without keeping it.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from footfall.postgres.embedded import clients

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
ROW = "{0},{1},{2},click,2024-01-01 00:00:00\n"
USERS, PRODUCTS = 9_973, 499
PATIENCE_S = 900.0
SAMPLE_S = 1.0
BYTES = 32_000_000  # bytes of the folder's disk, where it is a small one
# What is compared: interactions by the rule above, each id from 1 on once, and counts with their recount.
WRONG = f"""
    select count(*) from user_interactions_raw
    where user_id <> interaction_id %% {USERS} + 1 or product_id <> interaction_id %% {PRODUCTS} + 1
        or interaction_id < 1 or interaction_id > %s"""
COUNTS_THAT_DIFFER = """
    select count(*) from interactions as i full join (
        select user_id, product_id, count(*) as n from user_interactions_raw group by 1, 2
    ) as r using (user_id, product_id) where i.interaction_count is distinct from r.n"""


def write_rows(first: int, last: int) -> str:
    """Give the rows of some interactions."""
    return "".join(ROW.format(n, n % USERS + 1, n % PRODUCTS + 1) for n in range(first, last + 1))


@dataclass(slots=True)
class Soak:
    """One long run: what was written, and what was measured."""

    home: Path
    inbox: Path
    seconds: float
    seed: int
    is_small_disk: bool
    last_id: int = 0
    names: int = 0
    files: dict[str, float] = field(default_factory=dict)  # those moved into place: name -> seconds since 1970
    grown: int = 0
    bad: set[str] = field(default_factory=set)
    rejected: int = 0
    bursts: int = 0
    bytes_written: int = 0
    times_full: int = 0
    kills: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # warnings and errors
    last: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    cpu_s: float = 0.0
    is_kept: bool = False  # files are not taken away for now, so that the folder fills up

    def run(self) -> dict[str, Any]:
        """Run it, compare the tables with what was written, and give the figures."""
        url = clients.start(self.home)
        began = time.monotonic()
        self.start_watcher(url)
        chance = random.Random(self.seed)
        plan: list[tuple[float, Callable[[], None]]] = [
            (0.15, lambda: self.kill_watcher(url)),
            (0.40, lambda: self.restart_server(signal.SIGINT)),
            (0.50, self.keep),
            (0.70, lambda: self.restart_server(signal.SIGKILL)),
            (0.80, self.let_go),
        ]
        next_sample = 0.0
        while (now := time.monotonic() - began) < self.seconds:
            while plan and now >= plan[0][0] * self.seconds:
                plan.pop(0)[1]()
            self.burst(chance)
            pause_until = time.monotonic() + chance.choice((0, 0.5, 2, 5)) * min(1.0, self.seconds / 120)
            while True:
                if time.monotonic() >= next_sample:
                    self.sample(began)
                    next_sample = time.monotonic() + SAMPLE_S
                if time.monotonic() >= pause_until:
                    break
                time.sleep(0.05)
            if not self.is_kept:
                self.take_away(url)
        for _, rest in plan:
            rest()
        written_s = time.monotonic() - began
        self.wait_until_all_is_loaded(url)
        return self.compare(url, written_s)

    def close(self) -> None:
        """End the watcher and the server, whatever happened."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        clients.start(self.home)
        clients.stop(self.home)

    def start_watcher(self, url: str) -> None:
        command = [sys.executable, "-m", "footfall.cli", "watch", str(self.inbox), "--settle", "2", "--poll", "2"]
        environment = {**os.environ, "FOOTFALL_DATABASE_URL": url, "FOOTFALL_LOG_FORMAT": "json"}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        for line in process.stderr:
            self.last = [*self.last[-20:], line]
            if json.loads(line)["level"] in ("warning", "error"):
                self.lines.append(line)
        process.stderr.close()

    def kill_watcher(self, url: str) -> None:
        assert self.process
        self.cpu_s += read_cpu_s(self.process.pid)
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.memory.clear()
        self.kills.append("SIGKILL of the watcher")
        self.start_watcher(url)

    def restart_server(self, how: signal.Signals) -> None:
        pid = clients.find_status(self.home).pid
        assert pid
        os.kill(pid, how)
        until(lambda: not is_alive(pid))
        self.kills.append(f"{how.name} of the server")
        away_until = time.monotonic() + self.seconds / 60
        while time.monotonic() < away_until:
            time.sleep(0.05)
        clients.start(self.home)

    def keep(self) -> None:
        self.is_kept = True

    def let_go(self) -> None:
        self.is_kept = False

    def burst(self, chance: random.Random) -> None:
        """Write some files: small ones moved into place, some that grow, some that repeat, some that are bad."""
        self.bursts += 1
        for _ in range(chance.choice((1, 5, 20, 50))):
            self.names += 1
            name = f"{chance.randrange(8)}/{self.bursts:05}-{self.names:06}"
            rows = chance.choice((1, 10, 100, 1_000, 3_000))
            first, last = self.last_id + 1, self.last_id + rows
            # Some rows come for the second time, in another file.
            again = max(1, first - chance.choice((0, 0, 50)))
            text = HEADER + write_rows(again, last)
            kind = chance.random()
            if kind < 0.03:
                self.move(f"{name}-bad.csv", "nothing of use\n", is_bad=True)
            elif kind < 0.06 and self.grow(f"{name}-grown.csv", text):
                self.last_id, self.grown = last, self.grown + 1
            elif kind < 0.16 and self.move(f"{name}.csv.gz", text):
                self.last_id = last
            elif kind < 0.20 and self.move(f"{name}-mixed.csv", f"{text}x,1,1,click,2024-01-01\n"):
                self.last_id, self.rejected = last, self.rejected + 1
            elif self.move(f"{name}.csv", text):
                self.last_id = last

    def move(self, name: str, text: str, *, is_bad: bool = False) -> bool:
        """Write a file under another name and move it into place; say whether there was room."""
        content = gzip.compress(text.encode(), 1) if name.endswith(".gz") else text.encode()
        path = self.inbox / name
        path.parent.mkdir(exist_ok=True)
        making = path.with_name(f"{path.name}.part")
        if not self._write(making, content):
            return False
        if is_bad:
            self.bad.add(str(path))
        else:
            self.files[str(path)] = time.time()
        making.rename(path)
        return True

    def grow(self, name: str, text: str) -> bool:
        """Write a file in place, in pieces; say whether there was room for all of it."""
        path, content = self.inbox / name, text.encode()
        path.parent.mkdir(exist_ok=True)
        if self.room() < 2 * len(content):
            return False
        for at in range(0, len(content), len(content) // 4 + 1):
            with path.open("ab") as file:
                file.write(content[at : at + len(content) // 4 + 1])
            time.sleep(0.02)
        self.bytes_written += len(content)
        return True

    def _write(self, path: Path, content: bytes) -> bool:
        try:
            path.write_bytes(content)
        except OSError:
            self.times_full += 1
            path.unlink(missing_ok=True)
            return False
        self.bytes_written += len(content)
        return True

    def room(self) -> int:
        look = os.statvfs(self.inbox)
        return look.f_bavail * look.f_frsize

    def take_away(self, url: str) -> None:
        """Remove the files that are loaded, where the database can be asked."""
        if self.bursts % 10:
            return
        try:
            with psycopg.connect(url) as connection:
                found = connection.execute("select source from loads where status = 'loaded'").fetchall()
        except psycopg.Error:
            return
        loaded = {source for (source,) in found}
        for path in self.inbox.glob("*/*.csv*"):
            if str(path) in loaded and not path.name.endswith("-grown.csv"):
                path.unlink()

    def sample(self, began: float) -> None:
        assert self.process
        assert self.process.poll() is None, self.last
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        self.memory.append((time.monotonic() - began, int(text.partition("VmRSS:")[2].split()[0]) * 1024))

    def wait_until_all_is_loaded(self, url: str) -> None:
        def count() -> int:
            try:
                with psycopg.connect(url) as connection:
                    row = connection.execute("select count(*) from user_interactions_raw").fetchone()
                    failed = connection.execute("select count(distinct source) from loads where status = 'failed'")
                    assert row
                    found = failed.fetchone()
                    return row[0] if found and found[0] >= len(self.bad) else -1
            except psycopg.Error:
                return -1

        until(lambda: count() >= self.last_id)

    def compare(self, url: str, written_s: float) -> dict[str, Any]:
        assert self.process
        self.cpu_s += read_cpu_s(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0
        verified = subprocess.run(
            [sys.executable, "-m", "footfall.cli", "verify", "--database", url],
            check=False,
            capture_output=True,
            text=True,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
        with psycopg.connect(url) as connection:
            raw = ask(connection, "select count(*) from user_interactions_raw")
            wrong = ask(connection, WRONG, self.last_id)
            differ = ask(connection, COUNTS_THAT_DIFFER)
            twice = ask(
                connection,
                "select count(*) - count(distinct digest) from loads where status = 'loaded'",
            )
            rejected = ask(connection, "select count(*) from rejected_interactions")
            loads = ask(connection, "select count(*) from loads where status = 'loaded'")
            ledger = dict(
                connection.execute(
                    "select source, extract(epoch from finished_at)::float8 from loads where status = 'loaded'"
                ).fetchall()
            )
            why = dict(connection.execute("select source, error from loads where status = 'failed'").fetchall())
        failed = set(why)
        not_loaded = self.files.keys() - ledger.keys()
        found, expected = (raw, wrong, differ, twice, rejected), (self.last_id, 0, 0, 0, self.rejected)
        assert found == expected, f"{found} in place of {expected}"
        assert not not_loaded, sorted(not_loaded)[:5]
        early = {path for path in failed - self.bad if path.endswith("-grown.csv")}  # it stood still for too long
        wrong_files = sorted((failed - early) ^ self.bad)[:5]
        assert not wrong_files, [(path, why.get(path)) for path in wrong_files]
        waits = sorted(ledger[path] - at for path, at in self.files.items())
        third = max(len(self.memory) // 3, 1)
        first = statistics.median(size for _, size in self.memory[:third])
        last = statistics.median(size for _, size in self.memory[-third:])
        return {
            "minutes": round(self.seconds / 60, 1),
            "seconds_of_writing": round(written_s),
            "bursts": self.bursts,
            "files": len(self.files) + self.grown + len(self.bad),
            "files_grown_in_place": self.grown,
            "files_bad": len(self.bad),
            "files_read_too_early": len(early),
            "files_loaded": loads,
            "bytes": self.bytes_written,
            "interactions": raw,
            "rows_lost": self.last_id - raw,
            "rows_doubled": wrong + twice,
            "counts_that_differ": differ,
            "rows_rejected": rejected,
            "times_the_folder_was_full": self.times_full,
            "kills": self.kills,
            "warnings": len(self.lines) - len(self.bad),
            "median_s": round(statistics.median(waits), 2),
            "p95_s": round(waits[int(len(waits) * 0.95)], 2),
            "memory_first_third_mb": round(first / 1e6, 1),
            "memory_last_third_mb": round(last / 1e6, 1),
            "memory_most_mb": round(max(size for _, size in self.memory) / 1e6, 1),
            "cpu_seconds": round(self.cpu_s),
            "seed": self.seed,
            "cores": os.cpu_count(),
            "python": sys.version.split()[0],
        }


def ask(connection: Any, query: str, *values: object) -> int:
    row = connection.execute(query, values or None).fetchone()
    assert row
    return int(row[0])


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.2)


def is_alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def read_cpu_s(pid: int) -> float:
    """Give the seconds of processor that a process used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Make the folder a disk of its own where that is allowed; say whether it is one."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=755", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(words, check=False, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
