"""Send a screen while it is made: each piece leaves when it is ready, and the work ends when the browser goes away.

A screen is made in a thread, because the driver of the database blocks until an answer comes; the response passes on
each piece that the thread gives.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.types import Message, Receive, Scope, Send

from footfall.page.reading import GoneError, Waiting

SCREENS_AT_ONCE = 8  # each holds a session of the database while it is made
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Head:
    """The status, the media type and the headers, which a response sends before its text."""

    status: int = 200
    media_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()


# A function that gives the head, then pieces of text.
Making = Callable[[Waiting], Generator[Head | str, None, None]]


class ScreenResponse:
    """An answer that is sent while it is made."""

    limiter: anyio.CapacityLimiter | None = None

    def __init__(self, making: Making) -> None:
        self.making = making

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the screen in a thread; end its questions when the browser goes away."""
        if ScreenResponse.limiter is None:
            ScreenResponse.limiter = anyio.CapacityLimiter(SCREENS_AT_ONCE)
        waiting = Waiting()
        is_body_wanted = scope["method"] != "HEAD"
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, receive, waiting)
            try:
                making = partial(self._make, waiting, send, is_body_wanted)
                await anyio.to_thread.run_sync(making, abandon_on_cancel=True, limiter=ScreenResponse.limiter)
            except anyio.get_cancelled_exc_class():  # the server is told to end
                await _end(waiting)
                raise
            group.cancel_scope.cancel()

    def _make(self, waiting: Waiting, send: Send, is_body_wanted: bool) -> None:
        async def pass_to_server(message: Message) -> None:
            await send(message)

        def pass_on(message: Message) -> None:
            waiting.check()
            anyio.from_thread.run(pass_to_server, message)

        making = self.making(waiting)
        try:
            for piece in making:
                if isinstance(piece, Head):
                    pass_on(_begin(piece))
                    if not is_body_wanted:
                        break
                else:
                    pass_on({"type": "http.response.body", "body": piece.encode(), "more_body": True})
            pass_on({"type": "http.response.body", "body": b"", "more_body": False})
        except GoneError:
            pass
        finally:
            making.close()


def _begin(head: Head) -> Message:
    headers = (("content-type", head.media_type), *head.headers)
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": head.status, "headers": encoded}


async def _watch(receive: Receive, waiting: Waiting) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    await _end(waiting)


async def _end(waiting: Waiting) -> None:
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(waiting.end)
