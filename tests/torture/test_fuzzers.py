"""The programs of `make fuzz-framing` and `make fuzz-json` start, and judge an input.

atheris, which drives them, has an environment of its own. Here a stand-in gives them one input.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STAND_IN = """
from contextlib import nullcontext

def instrument_imports(include):
    return nullcontext()

def Setup(arguments, one_input):
    for data in (b"interaction_id,user_id\\n1,2\\n", b'[{"a": 1}]', b""):
        one_input(data)
    print("judged")

def Fuzz():
    pass
"""


@pytest.mark.parametrize("program", ["fuzz_framing.py", "fuzz_json.py"])
def test_a_fuzzer_starts_and_judges_an_input(program: str, tmp_path: Path) -> None:
    (tmp_path / "atheris.py").write_text(STAND_IN)
    here = str(Path(__file__).parent)
    code = f"import runpy, sys; sys.path[:0] = {[here, str(tmp_path)]}; "
    code += f"runpy.run_path({f'{here}/{program}'!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "judged\n"), done.stderr
