"""What a caller of Python hears: the warnings of the logger `footfall`, one by one, as they are said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Listener(logging.Handler):
    def __init__(self, listen: Callable[[str], Any]) -> None:
        super().__init__(logging.WARNING)
        self.listen = listen

    def emit(self, record: logging.LogRecord) -> None:
        self.listen(record.getMessage())  # what it raises reaches the one who logs


def heard_by(listen: Callable[[str], Any], function: Callable[..., Result], *values: Any, **named: Any) -> Result:
    """Call a function, and let `listen` hear each warning of Footfall meanwhile."""
    logger, listener = logging.getLogger("footfall"), _Listener(listen)
    logger.addHandler(listener)
    try:
        return function(*values, **named)
    finally:
        logger.removeHandler(listener)
