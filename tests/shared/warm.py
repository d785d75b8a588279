"""One command line, in a process that was forked when what it needs was imported already.

The modules of all rooms are imported, as most commands import some of them when they begin to work, but nothing of
`footfall.cli`: what it makes depends on the environment of its process. pandas is kept out, as the program does it.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module

import duckdb
import jinja2
import numpy
import psycopg
import pyarrow
import pydantic
import rich.console
import typer

import footfall
from footfall.without_pandas import keep_pandas_out

PRELOADED = (duckdb, jinja2, numpy, psycopg, pyarrow, pydantic, rich.console, typer)
NOT_PRELOADED = ("footfall.cli", "footfall.page")  # the page's room needs packages that few commands do

keep_pandas_out()
for _module in sorted(each.name for each in pkgutil.walk_packages(footfall.__path__, "footfall.")):
    if not _module.startswith(NOT_PRELOADED):
        import_module(_module)
gc.freeze()  # a collection in a forked process has nothing to look for in what was there before


def command(words: Sequence[str], environment: Mapping[str, str], folder: str, files: Sequence[str]) -> None:
    """Run a command line as its own process would, and end with its exit code.

    Shape: `files` are what it reads, and where its stdout and its stderr go.
    """
    for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(file, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["footfall", *words]
    from footfall.cli.main import main

    code = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    sys.exit(code)
