"""Count the structure of the package: modules, imports between them, and the files that one row passes through.

    .venv/bin/python scripts/structure.py                        # this checkout
    .venv/bin/python scripts/structure.py ../other-checkout/src  # another one, with the packages of this environment

The imports are read from the source. The files that a row enters are seen while data/sample.csv is loaded into an
embedded PostgreSQL of its own: every file of the package in which a function ran between the call of `footfall.load`
and its return. Decorators and lambdas count as the file in which they stand.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRACED = """
import json, pathlib, sys, threading
import footfall
package = str(pathlib.Path(footfall.__file__).parent)
entered = set()
def note(frame, event, argument):
    if event == "call" and frame.f_code.co_filename.startswith(package):
        entered.add(frame.f_code.co_filename[len(package) + 1:])
footfall.load(sys.argv[1])  # creates the tables and imports what is imported lazily, which is not the path of a row
threading.setprofile(note)
sys.setprofile(note)
footfall.load(sys.argv[2])
sys.setprofile(None)
print(json.dumps(sorted(entered)))
"""


def main() -> None:
    """Print the figures as a table."""
    source = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "src"
    imports = read_imports(source / "footfall")
    rooms = {module: name_room(module) for module in imports}
    arrows = {(rooms[a], rooms[b]) for a, others in imports.items() for b in others if rooms[a] != rooms[b]}
    entered = trace_row(source)
    figures = {
        "modules": len(imports),
        "lines of Python": sum(count_lines(path) for path in (source / "footfall").rglob("*.py")),
        "lines of SQL": sum(count_lines(path) for path in (source / "footfall").rglob("*.sql")),
        "lines of the longest module": max(count_lines(path) for path in (source / "footfall").rglob("*.py")),
        "imports between modules": sum(map(len, imports.values())),
        "longest path of imports, in modules": measure_longest_path(imports),
        "rooms (folders) and modules beside them": len(set(rooms.values())),
        "arrows between rooms": len(arrows),
        "files that a row enters": len(entered),
    }
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}}  {figure:>6,}")
    print("\nthe path of a row:", ", ".join(entered))


def name_room(module: str) -> str:
    """Give the folder of a module, or the module itself where it stands beside the folders."""
    return module.split(".", maxsplit=1)[0]


def count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def read_imports(package: Path) -> dict[str, set[str]]:
    """Read which modules of the package import which others, lazily or not; `footfall` itself is left out."""
    names = {name_module(path, package): path for path in package.rglob("*.py")}
    names.pop("", None)
    found: dict[str, set[str]] = {}
    for module, path in names.items():
        others: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            others |= {find_module(name, names) for name in list_imported(node)} - {"", module}
        found[module] = others
    return {module: others for module, others in found.items() if others or not is_empty(names[module])}


def find_module(name: str, modules: Mapping[str, Path]) -> str:
    """Give the module that an imported name is, or in which it is defined; "" where it is the package itself."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def name_module(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def is_empty(path: Path) -> bool:
    return not [node for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.Expr)]


def list_imported(node: ast.AST) -> list[str]:
    """Give what an import statement names of the package, without the package's own name."""
    prefix = "footfall."
    if isinstance(node, ast.Import):
        return [alias.name.removeprefix(prefix) for alias in node.names if alias.name.startswith(prefix)]
    if isinstance(node, ast.ImportFrom) and node.module and (node.module + ".").startswith(prefix):
        start = node.module.removeprefix("footfall").lstrip(".")
        return [f"{start}.{alias.name}".lstrip(".") for alias in node.names]
    return []


def measure_longest_path(imports: dict[str, set[str]]) -> int:
    """Count the modules of the longest chain of imports; a circle counts once."""

    @cache
    def depth(module: str) -> int:
        if module in on_the_way:
            return 0
        on_the_way.add(module)
        longest = 1 + max((depth(other) for other in imports.get(module, ())), default=0)
        on_the_way.discard(module)
        return longest

    on_the_way: set[str] = set()
    return max(depth(module) for module in imports)


def trace_row(source: Path) -> list[str]:
    """Load two small files and give the files of the package that the second load entered."""
    header = "interaction_id,user_id,product_id,action,timestamp\n"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o711)  # a server that runs as another account passes through it
        (place / "first.csv").write_text(header + "1,1,1,view,2024-01-01\n")
        (place / "second.csv").write_text(header + "2,1,1,view,2024-01-02\n3,1,x,view,2024-01-02\n")
        environment = os.environ | {"PYTHONPATH": str(source), "FOOTFALL_HOME": str(place / "home")}
        command = [sys.executable, "-c", TRACED, str(place / "first.csv"), str(place / "second.csv")]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=folder)
    entered: list[str] = json.loads(done.stdout)
    return entered


if __name__ == "__main__":
    main()
