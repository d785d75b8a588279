"""Every command that writes, broken at every statement, one after the other; then the same command again."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from breaking import KINDS, Kind, fault_of, socket_folder, url_of
from earlier import load_earlier
from footfall import runs
from footfall.errors import FootfallError, RunGoneError
from footfall.results.running import Run
from footfall.settings import load_settings
from footfall.verbs import forget as forget_verb
from footfall.verbs import load as load_verb
from footfall.verbs import replay as replay_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from trials import IS_LONG, SEED, TRIALS, Contents, Figures, Tables, compare, left_behind, loaded

pytestmark = pytest.mark.crash
HEADER = "interaction_id,user_id,product_id,action,timestamp"
LINE = "{},{},{},{},2024-01-01 00:{:02}:00"
DRIFT = """
    update interactions set interaction_count = interaction_count + 1 where user_id = 1;
    delete from interactions_per_user where user_id = 2;
    update interactions_per_quarter_hour set interaction_count = interaction_count + 1"""
BEFORE_TAKING_BACK = 10  # version of the schema
RANGE_BYTES, RANGES = 1_500, 2  # of e.csv


def line(number: int, action: str = "click") -> str:
    return LINE.format(number, number % 7 + 1, number % 5 + 1, action, number % 60)


# Of these, b repeats rows of a, and some of them twice; c contradicts one of a; d brings rejected rows that a longer
# list of actions allows, one of which contradicts a row of a.
FILES = {
    "a.csv": [*map(line, range(1, 60)), "x,1,1,click,2024-01-01"],
    "b.csv": [*map(line, range(40, 90)), *map(line, range(45, 50)), "90,1,1,click"],
    "c.csv": [*map(line, range(100, 130)), line(7, "other"), line(58)],
    "d.csv": [*map(line, range(200, 230)), *(line(number, "buy") for number in (230, 231, 231, 9))],
    # of e, both ranges repeat and contradict rows of a and of each other
    "e.csv": [*map(line, range(300, 330)), line(7, "other"), *map(line, range(310, 340)), line(305, "other"), line(8)],
}


def settings_of(url: str, **more: Any) -> Any:
    return load_settings(database_url=url, max_rejected="1.0", **more)


def prepare(database: str) -> None:
    """Load the files but the last, each by itself: the loads 1 to 4."""
    for name in list(FILES)[:4]:
        assert loaded(database, [name], actions="click,other", max_rejected="1.0").exit_code == 0


def prepare_drift(database: str) -> None:
    prepare(database)
    with psycopg.connect(database) as connection:
        connection.execute(DRIFT)


def prepare_earlier(database: str) -> None:
    """Make the tables of the last version that could not take loads back, with the rows of two files."""
    load_earlier(database, BEFORE_TAKING_BACK, "a.csv", "b.csv")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is broken: what it finds, and what it does at an address.

    `commits`: what a repair leads to is recorded in a transaction of its own, behind it, and options are switched
    behind the upgrade. `is_run`: where it fails, tables of a run stay, of which it goes on. `is_long`: `make crash`
    alone breaks it.
    """

    name: str
    run: Callable[[str], Any]
    prepare: Callable[[str], None] = prepare
    has_temp: bool = True
    commits: int = 1
    is_run: bool = False
    is_long: bool = False


def plan_run(url: str, lease_hours: float) -> Run:
    return runs.plan("e.csv", range_bytes=RANGE_BYTES, lease_hours=lease_hours, database_url=url)


def stage_and_take(url: str, run: Run | None = None) -> Any:
    """Stage what is left of a run, and take it; where it is gone, the take says what became of it."""
    token = run.token if run else Path("token").read_text()
    with suppress(RunGoneError):
        for number in runs.left(token, database_url=url):
            runs.stage(token, number, database_url=url)
    return runs.take(token, database_url=url, max_rejected="1.0")


def load_by_run(url: str) -> Any:
    """Plan, stage and take a file; what a broken attempt left is swept by the next one."""
    run = plan_run(url, 0)
    return run.already_loaded or stage_and_take(url, run)


def prepare_run(database: str) -> None:
    prepare(database)
    Path("token").write_text(plan_run(database, 24).token)


COMMANDS = (
    Command("undo", lambda url: undo_verb.undo([2], settings_of(url))),
    Command("undo, and rows pass to later loads", lambda url: undo_verb.undo([1], settings_of(url), with_later=True)),
    Command(
        "undo without the right to make temporary tables",
        lambda url: undo_verb.undo([1], settings_of(url), with_later=True),
        has_temp=False,
    ),
    Command(
        "load --again",
        lambda url: load_verb.load(["b.csv"], settings_of(url, source_time_zone="Asia/Kathmandu"), again=True),
    ),
    Command("forget", lambda url: forget_verb.forget(["3"], settings_of(url))),
    Command("replay", lambda url: replay_verb.replay(settings_of(url), [4])),
    Command(
        "verify --repair",
        lambda url: verify_verb.verify(settings_of(url), repair=True),
        prepare_drift,
        commits=2,
    ),
    Command("stage and take of a run", stage_and_take, prepare_run, commits=RANGES + 1, is_run=True),
    Command("plan, stage and take of a run", load_by_run, commits=RANGES + 2, is_run=True, is_long=True),
    Command("schema apply", lambda url: schema_verb.upgrade_schema(settings_of(url)), prepare_earlier),
    Command(
        "schema apply --with",
        lambda url: schema_verb.upgrade_schema(settings_of(url), with_options=["user-days"]),
        commits=2,
        is_long=True,
    ),
)


# Of an error after which all is done: nobody could be asked whether it was, or it is said that it was.
HONEST = ("it could not be asked since", "the counts are mended, and could not be compared since")


def run(command: Command, folder: Path, url: str) -> tuple[int, str]:
    """Run a command in the folder of the files; give the exit code that the command line would have, and the error."""
    try:
        with chdir(folder):
            said = command.run(url)
    except FootfallError as error:
        return error.exit_code, error.message
    loads = getattr(said, "loads", [said])
    return int(getattr(said, "exit_code", 0)), "; ".join(str(getattr(load, "error", "")) for load in loads)


def find_exit_code(command: Command, folder: Path, url: str) -> int:
    """Run a command as `run` does; give the exit code alone."""
    return run(command, folder, url)[0]


@dataclass(slots=True)
class Stage:
    """What all trials of one command share. Databases are copied from `template`, which nobody is connected with."""

    command: Command
    folder: Path
    admin: str
    template: str
    database: str
    before: Tables
    after: Tables
    messages: list[wire.Message]
    contents: Contents
    figures: Figures

    def renew(self) -> None:
        """Let the database be what the command finds."""
        copy_database(self.admin, self.template, self.database)


def copy_database(admin: str, template: str, database: str) -> None:
    """Make a database anew, as a copy of another one."""
    names = [sql.Identifier(str(conninfo_to_dict(each)["dbname"])) for each in (database, template)]
    owner = sql.Identifier(str(conninfo_to_dict(database)["user"]))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(names[0]))
        connection.execute(sql.SQL("create database {} template {} strategy file_copy owner {}").format(*names, owner))


def take_temp(admin: str, database: str) -> None:
    """Take the right to make temporary tables from the role that the tests connect with."""
    name = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"revoke temp on database {name} from public")
        connection.execute(f"alter database {name} owner to {connection.info.user}")
        connection.execute(f"grant connect, create on database {name} to owner")
    with psycopg.connect(make_conninfo(admin, dbname=name), autocommit=True) as connection:
        connection.execute("grant all on schema public to owner")


BROKEN = [command for command in COMMANDS if IS_LONG or not command.is_long]


@pytest.fixture(scope="module", params=BROKEN, ids=lambda command: command.name)
def stage(
    request: pytest.FixtureRequest,
    cluster: Any,
    new_database_of_module: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    contents: Contents,
    figures: Figures,
) -> Any:
    command: Command = request.param
    folder = tmp_path_factory.mktemp("commands")
    for name, lines in FILES.items():
        (folder / name).write_text("\n".join([HEADER, *lines, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 1)  # one session of the engine: a trial is quicker
        patch.chdir(folder)
        template, database = new_database_of_module(), new_database_of_module()
        command.prepare(template)
        made = Stage(command, folder, cluster.admin, template, database, {}, {}, [], contents, figures)
        renew_with_rights(made)
        assert (
            find_exit_code(command, folder, database) == 0
        )  # what is asked once in a process, as the zones, is asked now
        renew_with_rights(made)
        made.before = contents(database)
        with wire.proxying(socket_folder(database), conninfo_to_dict(database).get("port", 5432)) as proxy:
            assert find_exit_code(command, folder, url_of(database, proxy)) == 0
        made.after, made.messages = contents(database), proxy.messages
        assert made.before != made.after
        commits = sum(message.is_commit for message in made.messages)
        assert commits == command.commits  # all of it is one transaction
        yield made


def renew_with_rights(stage: Stage) -> None:
    stage.renew()
    if not stage.command.has_temp:
        take_temp(stage.admin, stage.database)


def points(stage: Stage, kind: Kind) -> list[int]:
    """Choose which messages to break: in a long run a share of all, else one; and COMMIT."""
    fit = [message for message in stage.messages if message.tag in kind.tags]
    chance = random.Random(f"{SEED} {stage.command.name} {kind.name}")
    wanted = min(len(fit), round(len(fit) * kind.share * TRIALS / 1_500)) if IS_LONG else 1
    commits = [message for message in fit if message.is_commit]
    if stage.command.is_run and not IS_LONG:
        commits = commits[-1:]
    return sorted({message.number for message in [*chance.sample(fit, wanted), *commits]})


def trial(stage: Stage, kind: Kind, at: int) -> None:
    """Break the command at one message, look at the tables, run it again, look again."""
    database = stage.database
    renew_with_rights(stage)
    with wire.proxying(socket_folder(database), conninfo_to_dict(database).get("port", 5432)) as proxy:
        proxy.fault_at, proxy.fault = at, fault_of(kind, stage.admin)
        proxy.is_refusing_after = kind.is_refusing
        exit_code, error = run(stage.command, stage.folder, url_of(database, proxy))
        assert proxy.struck is not None, "the command was over before"
        assert proxy.struck.asks == stage.messages[at - 1].asks  # or another message has the number now
        assert left_behind(database, is_run=stage.command.is_run) == []
        found = stage.contents(database)
        assert exit_code in {0, 5}
        if exit_code == 0:
            assert found == stage.after
        elif found != stage.before:  # whoever cannot ask does not know better
            assert kind.is_refusing
            assert any(words in error for words in HONEST), error
            assert found == stage.after
    stage.figures.kills[kind.name] += 1
    stage.figures.phases[proxy.struck.phase] += 1
    assert find_exit_code(stage.command, stage.folder, database) == 0
    compare(stage.figures, stage.contents(database), stage.after)
    assert verify_verb.verify(settings_of(database)).drift == ()
    assert left_behind(database) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.usefixtures("temporary_folder")
@pytest.mark.timeout(3600)
def test_a_command_broken_at_any_statement_and_run_again_gives_the_tables_of_an_undisturbed_run(
    stage: Stage, kind: Kind
) -> None:
    for at in points(stage, kind):
        try:
            trial(stage, kind, at)
        except AssertionError as error:
            error.add_note(f"at message {stage.messages[at - 1]}")
            raise
