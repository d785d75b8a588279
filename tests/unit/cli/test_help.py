"""What the command line says of itself, and of a command that it cannot understand."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from footfall.cli import files, questions, talk, upkeep
from footfall.cli import main as cli
from footfall.cli.commands import gather_commands
from footfall.contract.problems import PROBLEM_CODES
from footfall.errors import DatabaseUnavailableError

HEAVY = ("rich", "duckdb", "psycopg", "pydantic", "pyarrow", "numpy", "footfall.verbs", "footfall.settings")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


EVERY = dict(commands(typer.main.get_command(gather_commands())))
VERBS = [path for path, command in EVERY.items() if not hasattr(command, "commands")]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("FOOTFALL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(talk.talk, "is_json", False)
    yield
    talk.log.removeHandler(talk.talk)
    talk.log.propagate = True


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["footfall", *arguments])
    return cli.main()


def test_every_verb_of_the_specification_is_there() -> None:
    words = {" ".join(path) for path in VERBS}
    assert words == {
        *(
            "load",
            "check",
            "guess",
            "sources",
            "rejects",
            "loads",
            "query",
            "report",
            "serve",
            "watch",
            "notify",
            "metrics",
            "doctor",
            "replay",
            "forget",
            "undo",
            "verify",
            "schema show",
            "schema apply",
            "schema grant",
        ),
        *("database start", "database stop", "database status", "database url"),
        *("undo", "forget", "replay", "doctor", "metrics", "notify"),
    }


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_help_has_an_example(
    path: tuple[str, ...], flag: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *path, flag) == 0
    assert re.search(r"Examples?:\n +.*footfall ", capsys.readouterr().out)


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_option_shows_its_variable(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *path, "--help") == 0
    text = capsys.readouterr().out.partition("Options:\n")[2].partition("Example")[0]
    options = re.split(r"\n(?=  -)", text.rstrip())
    without = [option for option in options if not re.search(r"env\s+var:\s+FOOTFALL_[A-Z_]+", option)]
    assert [option.split()[0] for option in without] == ["-h,"]


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_can_be_quiet_or_verbose(path: tuple[str, ...]) -> None:
    options = {name for parameter in EVERY[path].params for name in parameter.opts}
    assert {"-q", "--quiet", "-v", "--verbose"} <= options


WITHOUT_TABLES = ("check", "guess", "sources", "database")


@pytest.mark.parametrize("path", [path for path in VERBS if path[0] not in WITHOUT_TABLES], ids=" ".join)
def test_every_verb_of_the_tables_takes_a_database_and_a_schema(path: tuple[str, ...]) -> None:
    options = {name for parameter in EVERY[path].params for name in parameter.opts}
    assert {"--database", "--schema"} <= options


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['footfall', '--help']\n"
        "from footfall.cli.main import main\n"
        "main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["load"], "Missing argument 'SOURCE'; try `footfall load --help`"),
        (["load", "a.csv", "--frob"], "No such option: --frob; try `footfall load --help`"),
        (["-q", "load", "a.csv"], "options come after the verb"),
        (["loadx"], "Did you mean 'load'"),
        (["loads", "--limit", "0"], "--limit"),
        (["load", "a.csv", "--format", "csv"], "'csv' is not one of 'table', 'json'"),
        (["load", "a.csv", "--max-rejected", "x"], "--max-rejected (FOOTFALL_MAX_REJECTED)"),
    ],
)
def test_a_usage_error_exits_2_and_says_what_to_try(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("footfall: error: ")
    assert told in err


@pytest.mark.parametrize("group", [[], ["schema"], ["database"]])
def test_without_a_verb_the_help_is_talk(
    group: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *group) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err


def test_an_unknown_code_is_answered_with_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "rejects", "--code", "mising-value") == 2
    err = capsys.readouterr().err
    assert all(f"\n  {code}: " in err for code in PROBLEM_CODES)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    for module in (files, questions, upkeep):
        monkeypatch.setattr(module, "begin", fail)


def test_an_error_of_ours_gives_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, DatabaseUnavailableError("no answer from postgresql://me:hunter2@db/x; run it again"))
    assert run(monkeypatch, "loads") == 5
    assert capsys.readouterr().err == "footfall: error: no answer from postgresql://me:***@db/x; run it again\n"


def test_ctrl_c_exits_130_and_says_what_became_of_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert run(monkeypatch, "load", "a.csv") == 130
    assert capsys.readouterr().err.startswith("footfall: error: Interrupted. Each file was loaded completely or not")


def test_a_surprise_is_one_line_without_passwords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, RuntimeError("at postgresql://me:hunter2@db/x"))
    talk.log.setLevel("INFO")
    assert run(monkeypatch, "loads") == 1
    err = capsys.readouterr().err
    assert err.startswith("footfall: error: unexpected RuntimeError: at postgresql://me:***@db/x")
    assert err.count("\n") == 1


def test_a_terminal_is_not_painted_by_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    talk.talk.emit(talk.log.makeRecord("footfall", 30, "", 0, "a\x1b[31m", (), None))
    assert capsys.readouterr().err == "footfall: warning: a\\x1b[31m\n"


def test_a_log_line_can_be_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    monkeypatch.setattr(talk.talk, "is_json", True)
    talk.talk.emit(talk.log.makeRecord("footfall", 40, "", 0, "a\nb", (), None))
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"]) == ("error", "a\nb")


def test_a_reader_who_has_seen_enough_does_not_change_the_exit_code() -> None:
    code = "import sys; from footfall.cli import output; output.write('x' * 1_000_000); sys.exit(4)"
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}', sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (4, "")


def test_progress_in_a_log_is_a_line_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    from types import SimpleNamespace

    talk.log.addHandler(talk.talk)
    talk.log.setLevel("INFO")
    show = talk._log_progress()
    for source in ("a.csv", "a.csv", "b.csv"):
        show(SimpleNamespace(source=source, bytes_done=1, bytes_total=2, rows_read=3, seconds=0.5))  # type: ignore[arg-type]
    assert capsys.readouterr().err == "footfall: a.csv: reading\nfootfall: b.csv: reading\n"


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with talk.show_progress(quiet=False) as show:
        assert show is not None
        show(SimpleNamespace(source="a[b]\x1b.csv", bytes_done=1, bytes_total=2, rows_read=3000, seconds=1.0))  # type: ignore[arg-type]
    assert "a[b]\\x1b.csv" in screen.getvalue()
    assert "3,000 rows/s" in screen.getvalue()
