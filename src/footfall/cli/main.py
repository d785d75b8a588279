"""Run one command line: parse it, call a verb, print the result, and give the exit code.

Data goes to stdout, and messages go to stderr. Heavy modules are imported where they are used, so that a command takes
the time of its own imports alone.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from contextlib import suppress

OPEN_FILES = 4096  # files; more than those of one transaction and all others that are open


def main() -> int:
    """Run one command line and give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # The name of a file need not be text. It is shown escaped, so that it never makes a load fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    if sys.argv[1:] == ["--version"]:  # loading the parser would take three times as long as this
        from footfall.cli.output import write_version

        write_version()
        return 0
    _allow_open_files()
    return _run(sys.argv[1:])


def _allow_open_files() -> None:
    """Allow this process to open the files of one transaction: the usual limit of 256 or 1,024 may be too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _run(arguments: list[str]) -> int:
    import typer
    from typer.exceptions import TyperException

    from footfall.cli.commands import gather_commands
    from footfall.cli.talk import log, talk
    from footfall.errors import FootfallError, InterruptedLoadError

    if talk not in log.handlers:
        log.addHandler(talk)
        log.propagate = False
    command = typer.main.get_command(gather_commands(arguments))
    try:
        # `app()` is not called, since typer would answer Ctrl-C and a closed pipe itself.
        with command.make_context("footfall", arguments) as context:
            return int(command.invoke(context))
    except typer.Exit as done:
        return done.exit_code
    except TyperException as error:
        at = getattr(error, "ctx", None)
        path = at.command_path if at else "footfall"
        order = " (options come after the verb)" if path == "footfall" and hasattr(error, "option_name") else ""
        message = error.format_message().rstrip(".")
        log.error("%s; try `%s --help`%s", message, path, order)
        return error.exit_code
    except FootfallError as error:
        return _fail(error.message, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(InterruptedLoadError().message, InterruptedLoadError.exit_code)
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  (the last place before the user: one line, not a traceback)
        return _fail(f"unexpected {type(error).__name__}: {error}; run it again with -v and report what it prints", 1)


def _fail(message: str, exit_code: int) -> int:
    import traceback

    from footfall.cli.talk import log
    from footfall.safe_text import mask

    log.error("%s", mask(message))
    log.debug("%s", mask(traceback.format_exc()))
    return exit_code
