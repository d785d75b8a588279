"""Keep pandas out of the processes that are Footfall's own: no command needs it, and only PySpark wants it to be there.

These are the command line and the processes that stage. In a program of somebody else, pandas stays as it is.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _WithoutPandas(MetaPathFinder):
    """Makes pandas look as if it were not installed. No command makes a frame.

    If it is installed, pyarrow imports it with the first list that it is given, to ask whether pandas made the list.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing. Raises: ModuleNotFoundError for pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError("Footfall does not use pandas", name=fullname)


def keep_pandas_out() -> None:
    """Make pandas look as if it were not installed in this process."""
    sys.meta_path.insert(0, _WithoutPandas())


def let_pandas_in() -> None:
    """Let pandas be imported again: PySpark refuses Spark Connect without it."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _WithoutPandas)]
