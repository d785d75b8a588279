"""Any sequence of commands, with the server lost at any statement and the command run again, beside a plain model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import sql

from beside_model import describe, list_load_ids, losing_the_server, read_tables
from footfall.errors import DatabaseUnavailableError, FootfallError, RunStaleError, SettingsError
from footfall.results import LoadSummary
from footfall.settings import load_settings
from footfall.tables import known_files
from footfall.tables.schema import list_tables
from footfall.verbs import forget as forget_verb
from footfall.verbs import load as load_verb
from footfall.verbs import replay as replay_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.mending import write_file
from footfall.verbs.runs import planning
from footfall.verbs.runs.planning import Plan
from footfall.verbs.runs.staging import find_left, stage
from footfall.verbs.runs.taking import take
from model import Delivery, History, Terms, judge
from sampling import examples

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
DEFINITIONS = """
[sources.swapped]
format = "csv"
interaction_id = "interaction_id"
user_id = "product_id"
product_id = "user_id"
action = "action"
timestamp = "timestamp"
"""
MADE = """
[sources.made]
format = "csv"
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = "action"
timestamp = "timestamp"
"""
ZONES = ["UTC", "Europe/Vienna", "Asia/Kathmandu"]
ALWAYS_SETTLED_NS = -1_000_000_000  # what a file looks like is kept however young it is
STATEMENTS_MAX = 80  # of a command; a number beyond its last statement disturbs nothing

# Ids are few, so that files overlap, repeat and contradict one another; users are no products, so that a swap tells.
ids = st.integers(1, 9)
users = st.integers(21, 24)
instants = st.sampled_from(["2024-01-01", "2024-03-31 02:30", "2024-01-01 00:10:00Z", "2023-12-31 23:59:59"])
rows = st.tuples(ids, users, st.integers(31, 32), st.sampled_from(["click", " click", "buy", ""]), instants)
bad = st.sampled_from(
    ["x,21,31,click,2024-01-01", "3,22,31,click", "4,u,31,click,2024-01-01", "5,23,31,click,2024-02-30", "1,2,3,4,5,6"]
)
lines = st.one_of(rows, rows, rows, bad).map(lambda row: row if isinstance(row, str) else ",".join(map(str, row)))
texts = st.lists(lines, min_size=1, max_size=7).map("\n".join)
faults = st.one_of(st.none(), st.none(), st.tuples(st.integers(1, STATEMENTS_MAX), st.booleans()))
Fault = tuple[int, bool] | None


@dataclass(slots=True)
class Planned:
    """A run that waits to be staged and taken: its token, and what the model is told of its file then."""

    token: str
    text: str
    digest: str
    terms: Terms


def has_runs(machine: Operations) -> bool:
    """Say whether a run was planned and not taken."""
    return hasattr(machine, "history") and bool(machine.planned)


def has_loads(machine: Operations) -> bool:
    """Say whether a load stands."""
    return hasattr(machine, "history") and bool(machine.history.standing())


class Operations(RuleBasedStateMachine):
    """Runs each command, and does the same to the model."""

    conninfo: str
    has_made_ids = False

    @initialize(has_user_days=st.booleans())
    def begin(self, has_user_days: bool) -> None:
        self.history = History()
        self.files: dict[str, str] = {}
        self.planned: list[Planned] = []
        self.has_user_days = has_user_days
        emptied = [name for name in list_tables() if name != "forgotten_users_key"]
        tables = sql.SQL(", ").join(map(sql.Identifier, emptied))
        with psycopg.connect(self.conninfo) as connection:
            connection.execute(sql.SQL("truncate {} restart identity").format(tables))
            for (left,) in connection.execute(
                "select relname from pg_class where relname ~ '^staging_' and relkind = 'r'"
            ):
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier(left)))
            connection.execute("insert into footfall_options values ('user-days', %s)", [has_user_days])

    # What the commands need

    def settings_of(self, terms: Terms) -> Any:
        return load_settings(
            database_url=self.conninfo,
            source="made" if self.has_made_ids else "swapped" if terms.is_swapped else None,
            interaction_id_type="uuid" if self.has_made_ids else "bigint",
            source_time_zone=terms.zone,
            actions=terms.actions,
            max_rejected="1.0",
        )

    def draw_terms(self, data: st.DataObject) -> Terms:
        return Terms(
            data.draw(st.sampled_from(ZONES), "zone"),
            data.draw(st.sampled_from([None, None, ("buy",), ("buy", "click")]), "actions"),
            not self.has_made_ids and data.draw(st.booleans(), "swapped"),
            self.has_made_ids,
        )

    def draw_file(self, data: st.DataObject) -> tuple[str, str, str]:
        """Draw a new file, or one that was delivered before; give its name, text and digest."""
        before = sorted(self.files)
        text = data.draw(st.one_of(texts, st.sampled_from(before)) if before else texts, "file")
        name = self.files.setdefault(text, f"{len(self.files)}.csv")
        content = f"{HEADER}{text}\n".encode()
        if not Path(name).exists() or Path(name).read_bytes() != content:  # else the file is known by how it looks
            Path(name).write_bytes(content)
        return name, text, hashlib.sha256(content).hexdigest()

    def draw_load(self, data: st.DataObject) -> tuple[Delivery, int]:
        """Draw a load that stands; give its load_id, too."""
        delivery = data.draw(st.sampled_from(self.history.standing()), "load")
        return delivery, list_load_ids(self.conninfo)[delivery.number]

    def run(self, fault: Fault, command: Callable[[], Any]) -> Any:
        """Run a command; where the server is lost in it, see that it did all or nothing, and run it again.

        Gives what it says at last.
        """
        if fault is None:
            return self.call(command)
        before = read_tables(self.conninfo)
        with losing_the_server(fault[0], is_answer=fault[1]) as lost:
            said = self.call(command)
        if isinstance(said, DatabaseUnavailableError):
            assert lost, said
            assert read_tables(self.conninfo) == before, "the command says that it failed, and something is there"
            return self.call(command)
        return said

    def call(self, command: Callable[[], Any]) -> Any:
        """Give what a command returns, or its error; a single load that failed is its error, too."""
        try:
            said = command()
        except FootfallError as error:
            return error
        if isinstance(said, LoadSummary) and said.loads and said.loads[0].failure:
            return said.loads[0].failure
        return said

    def count_blank(self, number: int) -> int:
        """Count the open rejected rows of a load that were blanked, since their user was forgotten."""
        tables = self.history.tables()
        whole = dict(tables.list_whole(number))
        return sum(
            load == number and each.closed_by is None and line not in whole
            for (load, line), each in tables.quarantine.items()
        )

    # The commands

    @rule(data=st.data(), fault=faults)
    def load(self, data: st.DataObject, fault: Fault) -> None:
        name, text, digest = self.draw_file(data)
        terms = self.draw_terms(data)
        said = self.run(fault, lambda: load_verb.load([name], self.settings_of(terms)))
        (result,) = said.loads
        if self.history.find_standing(digest):
            assert result.status == "already-loaded"
            return
        assert result.status == "loaded" or (fault and result.status == "already-loaded")
        self.history.deliver(digest, judge(text, terms), terms)

    @rule(data=st.data())
    def load_several(self, data: st.DataObject) -> None:
        """Load files of one contract with one command, so that they share a transaction."""
        terms = self.draw_terms(data)
        files = list(dict.fromkeys(self.draw_file(data) for _ in range(2)))
        said = load_verb.load([name for name, _, _ in files], self.settings_of(terms))
        for (_, text, digest), result in zip(files, said.loads, strict=True):
            assert result.status == ("already-loaded" if self.history.find_standing(digest) else "loaded")
            if result.status == "loaded":
                self.history.deliver(digest, judge(text, terms), terms)

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """Load a file that has a row too many that is rejected: nothing of it comes in, and it may be loaded later."""
        Path("failing.csv").write_text(f"{HEADER}{data.draw(texts)}\nx,x,x,,\n")
        bound = load_settings(max_rejected="0").max_rejected
        settings = self.settings_of(self.draw_terms(data)).model_copy(update={"max_rejected": bound})
        (result,) = load_verb.load(["failing.csv"], settings).loads
        assert result.status == "failed"

    @rule(data=st.data(), range_bytes=st.integers(1, 200), fault=faults)
    def plan(self, data: st.DataObject, range_bytes: int, fault: Fault) -> None:
        """Plan a run, which may be taken after other commands."""
        name, text, digest = self.draw_file(data)
        settings = self.settings_of(terms := self.draw_terms(data))
        said = self.run(fault, lambda: planning.plan(name, settings, Plan(range_bytes=range_bytes)))
        assert bool(said.already_loaded) == bool(self.history.find_standing(digest))
        if not said.already_loaded:
            self.planned.append(Planned(said.token, text, digest, terms))

    @precondition(has_runs)
    @rule(data=st.data(), fault=faults)
    def stage(self, data: st.DataObject, fault: Fault) -> None:
        """Stage some ranges of a run in any order, some of them twice."""
        run = data.draw(st.sampled_from(self.planned), "run")
        left = find_left(run.token, self.settings_of(Terms()))
        for number in data.draw(st.lists(st.sampled_from(left), max_size=4) if left else st.just([]), "ranges"):
            is_left = number in find_left(run.token, self.settings_of(Terms()))
            said = self.run(fault, lambda number=number: stage(run.token, number, self.settings_of(Terms())))
            assert said == ("staged" if is_left else "staged-already") or (fault and said == "staged-already")

    @precondition(has_runs)
    @rule(data=st.data(), fault=faults)
    def take(self, data: st.DataObject, fault: Fault) -> None:
        """Stage what is left of a run and take it, under other settings than those of its plan: the job knows them."""
        run = self.planned.pop(data.draw(st.integers(0, len(self.planned) - 1), "run"))
        self.stage_left(run.token)
        said = self.run(fault, lambda: take(run.token, self.settings_of(Terms())))
        if isinstance(said, RunStaleError):  # users were forgotten since some of it was staged
            self.stage_left(run.token)
            said = self.run(fault, lambda: take(run.token, self.settings_of(Terms())))
        if self.history.find_standing(run.digest):
            assert said.status == "already-loaded"
        else:
            assert said.status == "loaded"
            self.history.deliver(run.digest, judge(run.text, run.terms), run.terms)
        assert take(run.token, self.settings_of(Terms())).status == "already-loaded"

    def stage_left(self, token: str) -> None:
        """Stage what is left of a run, the last range first."""
        for number in reversed(find_left(token, self.settings_of(Terms()))):
            assert stage(token, number, self.settings_of(Terms())) == "staged"

    @precondition(has_loads)
    @rule(data=st.data(), with_later=st.booleans(), fault=faults)
    def undo(self, data: st.DataObject, with_later: bool, fault: Fault) -> None:
        drawn = [self.draw_load(data) for _ in range(data.draw(st.integers(1, 2), "how many"))]
        numbers = {delivery.number for delivery, _ in drawn}
        load_ids = [load_id for _, load_id in drawn]
        later = self.history.find_dependents(numbers)
        said = self.run(
            fault, lambda: undo_verb.undo(load_ids, self.settings_of(Terms()), with_later=with_later, dry_run=False)
        )
        if later and not with_later:
            assert isinstance(said, SettingsError), said
            return
        every = list_load_ids(self.conninfo)
        assert [load.load_id for load in said.loads] == sorted(every[number] for number in numbers | later)
        self.history.undo(numbers | later)

    @precondition(has_loads)
    @rule(data=st.data(), with_later=st.booleans(), fault=faults)
    def load_again(self, data: st.DataObject, with_later: bool, fault: Fault) -> None:
        name, text, digest = self.draw_file(data)
        terms = self.draw_terms(data)
        standing = self.history.find_standing(digest)
        later = self.history.find_dependents([standing.number]) if standing else set()
        said = self.run(
            fault, lambda: load_verb.load([name], self.settings_of(terms), again=True, with_later=with_later)
        )
        if later and not with_later:
            assert isinstance(said, SettingsError), said
            return
        assert said.loads[0].status == "loaded"
        self.history.undo({standing.number, *later} if standing else set())
        self.history.deliver(digest, judge(text, terms), terms)

    @precondition(has_loads)
    @rule(data=st.data(), fault=faults)
    def replay(self, data: st.DataObject, fault: Fault) -> None:
        delivery, load_id = self.draw_load(data)
        terms = self.draw_terms(data)
        said = self.run(fault, lambda: replay_verb.replay(self.settings_of(terms), [load_id]))
        if not terms.is_swapped and not self.has_made_ids:  # without --source, by that of the load
            terms = replace(terms, is_swapped=delivery.terms.is_swapped)
        assert len(said.loads) == self.history.replay(delivery.number, terms), said

    @precondition(has_loads)
    @rule(data=st.data(), fault=faults)
    def mend(self, data: st.DataObject, fault: Fault) -> None:
        """Write the open rows of a load to a file, mend some of them, leave some out, and load it as their mending."""
        delivery, load_id = self.draw_load(data)
        still_open = [
            old.row.raw for _, old in self.history.tables().list_whole(delivery.number) if old.closed_by is None
        ]
        if not still_open:
            return
        path = Path(f"mended {len(self.files)}.csv")
        path.unlink(missing_ok=True)
        written = write_file(self.settings_of(Terms()), path, load_id=load_id, source=None, code=None)
        assert path.read_text() == "\n".join([HEADER.strip(), *still_open, ""])
        assert (written.rows, written.left_out) == (len(still_open), self.count_blank(delivery.number))
        mended = [data.draw(st.one_of(st.just([row]), st.lists(lines, max_size=2)), "mended") for row in still_open]
        text = "\n".join(row for rows_of_one in mended for row in rows_of_one) or "x"
        self.files.setdefault(text, path.name)
        content = f"{HEADER}{text}\n".encode()
        path.write_bytes(content)
        digest, terms = hashlib.sha256(content).hexdigest(), self.draw_terms(data)
        said = self.run(fault, lambda: load_verb.load([path.name], self.settings_of(terms), replays=load_id))
        (result,) = said.loads
        if self.history.find_standing(digest):
            assert result.status == "already-loaded"
            return
        assert result.status == "loaded" or (fault and result.status == "already-loaded")
        if not terms.is_swapped and not self.has_made_ids:  # without --source, by that of the load
            terms = replace(terms, is_swapped=delivery.terms.is_swapped)
        self.history.mend(delivery.number, digest, text, terms)

    @rule(user=users, fault=faults)
    def forget(self, user: int, fault: Fault) -> None:
        said = self.run(fault, lambda: forget_verb.forget([str(user)], self.settings_of(Terms())))
        assert not isinstance(said, FootfallError), said.message
        self.history.forget(user)

    # What always holds

    @invariant()
    def the_tables_are_those_of_the_model(self) -> None:
        if not hasattr(self, "history"):
            return
        found = read_tables(self.conninfo, has_made_ids=self.has_made_ids)
        wanted = describe(self.history, has_made_ids=self.has_made_ids, has_user_days=self.has_user_days)
        for name, held in wanted.items():
            assert found[name] == held, name

    @invariant()
    def the_recount_finds_no_drift(self) -> None:
        drift = verify_verb.verify(load_settings(database_url=self.conninfo)).drift
        assert drift == ()


class OperationsOfMadeIds(Operations):
    """The same where interaction ids are made of the records."""

    has_made_ids = True


@pytest.fixture(params=[Operations, OperationsOfMadeIds], ids=["ids of the files", "made ids"])
def machine(
    request: pytest.FixtureRequest, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Operations]]:
    chosen: type[Operations] = request.param
    monkeypatch.setattr(known_files, "SETTLED_NS", ALWAYS_SETTLED_NS)
    Path("footfall.toml").write_text(DEFINITIONS + MADE)
    kind = {"interaction_id_type": "uuid"} if chosen.has_made_ids else {}
    schema_verb.upgrade_schema(load_settings(database_url=database, **kind))
    chosen.conninfo = database
    yield chosen


def test_any_sequence_of_commands_gives_the_tables_of_the_model(machine: type[Operations]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(4),
            phases=(Phase.generate,),  # a failure says its whole history, and to make that shorter would take hours
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
