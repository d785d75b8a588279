"""What a forked process finds imported. The server of forks alone imports this, and no process of tests.

The modules of all rooms are imported, as most commands import some of them when they begin to work, but nothing of
`footfall.cli`: what it makes depends on the environment of its process. pandas is kept out, as the program does it.
"""

from __future__ import annotations

import gc
import pkgutil
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
