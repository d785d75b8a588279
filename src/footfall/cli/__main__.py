"""The program `footfall`, and `python -m footfall.cli`: what is set for the whole process before a command runs."""

from __future__ import annotations

import gc
import sys

from footfall.cli.main import main
from footfall.without_pandas import keep_pandas_out

START_OBJECTS = 100_000  # objects that a command makes before its work begins; nearly all of them stay


def start() -> int:
    """Run the command line of this process, and give its exit code."""
    put_off_collections()
    keep_pandas_out()
    try:
        return main()
    finally:
        # The last collection of Python would look through all modules once more, and find no garbage there.
        gc.freeze()


def put_off_collections() -> None:
    """Put off the first collection of garbage until the start is over. From then on, they come as often as usual.

    While modules are imported, Python would look through all objects again and again. That takes a sixth of the time of
    a short command, and finds nothing, since the objects that an import makes stay.
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
