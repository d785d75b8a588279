"""What the page brings into memory: it waits for days, and needs none of what judges and copies rows."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("duckdb", "numpy", "pandas", "pgpq", "polars", "pyarrow", "rich", "typer")


@pytest.mark.slow
def test_the_page_does_not_load_what_judges_and_copies_rows() -> None:
    program = f"import sys, footfall.page.app, footfall.page.serving; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.strip() == "[]"
