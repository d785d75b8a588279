"""The program `footfall`, and `python -m footfall.cli`: what concerns the whole process, around the command line."""

from __future__ import annotations

import gc
import sys
from importlib.abc import MetaPathFinder

from footfall.cli.main import main

START_OBJECTS = 100_000  # objects that a command makes before its work begins, nearly all of them to stay


def start() -> int:
    """Run the command line of this process, and give its exit code."""
    _put_off_collections()
    sys.meta_path.insert(0, _WithoutPandas())
    try:
        return main()
    finally:
        # Python's last collection would look through all modules once more, and nothing of them is garbage.
        gc.freeze()


def _put_off_collections() -> None:
    """Put off the first collection of garbage until the start is over; from then on they come as often as ever.

    Python looks through all that is there again and again while modules are imported, a sixth of the time of a short
    command, and finds nothing: what an import makes stays.
    """
    usual = gc.get_threshold()

    def settle(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            gc.callbacks.remove(settle)
            gc.set_threshold(*usual)

    if 0 < usual[0] < START_OBJECTS:
        gc.callbacks.append(settle)
        gc.set_threshold(START_OBJECTS, *usual[1:])


class _WithoutPandas(MetaPathFinder):
    """Lets pandas count as not installed. No command makes a frame.

    Where it is installed, pyarrow imports it when it is given the first list, to ask whether the list is one of pandas.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing. Raises: ModuleNotFoundError for pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError("the command line does not use pandas", name=fullname)


if __name__ == "__main__":
    sys.exit(start())
