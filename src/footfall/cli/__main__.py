"""The program `footfall`, and `python -m footfall.cli`: what concerns the whole process, around the command line."""

from __future__ import annotations

import gc
import sys

from footfall.cli.main import main
from footfall.cli.without_pandas import keep_pandas_out

START_OBJECTS = 100_000  # objects that a command makes before its work begins, nearly all of them to stay


def start() -> int:
    """Run the command line of this process, and give its exit code."""
    put_off_collections()
    keep_pandas_out()
    try:
        return main()
    finally:
        # Python's last collection would look through all modules once more, and nothing of them is garbage.
        gc.freeze()


def put_off_collections() -> None:
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


if __name__ == "__main__":
    sys.exit(start())
