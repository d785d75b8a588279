"""A proxy between a client and PostgreSQL that knows enough of the wire protocol to break it at one message.

Frontend messages (Query, Parse, Bind, Execute, CopyData, CopyDone, Sync, ...) are numbered from 1 over all sessions of
the client; a fault meets one number. Source: PostgreSQL, "Message Formats".
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

CANCEL_REQUEST = 80877102
WAIT_S = 600.0  # far above what a busy server needs for one message
UNLIKE = re.compile(r"[0-9a-f]{32}|\d+")  # names of staging tables and numbers of loads: each run has its own
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: the other side sees a reset, as after a crash


@dataclass(frozen=True, slots=True)
class Message:
    """One frontend message: its number, its tag (`Q`, `P`, `d`, ...) and its bytes as sent.

    `statement` is the text that it brings, or that of the statement which it goes on with.
    """

    number: int
    tag: str
    data: bytes
    statement: str = ""

    @property
    def asks(self) -> tuple[str, str]:
        """Give the tag and the statement, without what differs from one run to the next."""
        return self.tag, UNLIKE.sub("#", self.statement)

    @property
    def is_commit(self) -> bool:
        """Say whether this ends a transaction well."""
        return self.tag == "Q" and self.statement.upper() == "COMMIT"

    @property
    def phase(self) -> str:
        """Say in one word what the client is about."""
        words = {"d": "COPY", "c": "COPY", "X": "end"}
        return "COMMIT" if self.is_commit else words.get(self.tag, "statement")


@dataclass(slots=True)
class Link:
    """One session: a socket to the client, one to the server, and what is known of it."""

    client: socket.socket
    server: socket.socket
    pid: int = 0
    is_deaf: bool = False
    is_extended: bool = False
    statement: str = ""
    answered: threading.Event = field(default_factory=threading.Event)

    def send(self, data: bytes) -> None:
        """Send bytes to the server."""
        self.server.sendall(data)

    def execute(self, message: Message) -> None:
        """Let the server do what the message asks, and keep the answer from the client."""
        self.is_deaf = True
        self.answered.clear()
        self.send(message.data)
        if message.tag in "QS" and not self.answered.wait(WAIT_S):
            raise TimeoutError(f"no answer to {message}")

    def cut_client(self) -> None:
        """Reset the connection to the client."""
        _reset(self.client)

    def cut_server(self) -> None:
        """Reset the connection to the server."""
        _reset(self.server)

    def cut(self) -> None:
        """Reset both."""
        self.is_deaf = True
        self.cut_client()
        self.cut_server()


Fault = Callable[[Link, Message], None]


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Proxy:
    """What a client went through. `messages` holds all that were numbered.

    `fault_at` is the number to break, or 0; `is_point` says in its place of each message whether it is the one.
    """

    port: int
    server: str
    fault_at: int = 0
    fault: Fault | None = None
    is_point: Callable[[Message], bool] | None = None
    is_refusing: bool = False
    is_refusing_after: bool = False
    struck: Message | None = None
    messages: list[Message] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_to_break(self, message: Message) -> bool:
        """Say whether this is the message to break."""
        if self.fault is None or self.is_point is None:
            return self.fault is not None and message.number == self.fault_at
        return self.struck is None and self.is_point(message)

    def numbered(self, link: Link, tag: str, data: bytes) -> Message:
        """Give the message its number, and say to which statement of its session it belongs."""
        if tag in "QP":  # a Query is its text; a Parse is a name and the text
            link.statement = data[5:].split(b"\0")[tag == "P"].decode()
        with self.lock:
            message = Message(len(self.messages) + 1, tag, data, link.statement)
            self.messages.append(message)
        return message


def _received(end: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = end.recv(min(size - len(data), 1 << 20))
        if not part:
            raise ConnectionResetError
        data += part
    return bytes(data)


def _frontend(proxy: Proxy, link: Link) -> None:
    """Pass on what the client says, message by message; break the one that is to be broken."""
    with suppress(OSError):
        (size,) = struct.unpack("!I", head := _received(link.client, 4))
        start = _received(link.client, size - 4)
        link.send(head + start)
        if struct.unpack("!I", start[:4]) == (CANCEL_REQUEST,):
            return
        while True:
            head = _received(link.client, 5)
            tag, size = head[:1].decode(), struct.unpack("!I", head[1:])[0]
            message = proxy.numbered(link, tag, head + _received(link.client, size - 4))
            if tag in "QP":
                link.is_extended = tag == "P"
            if proxy.is_to_break(message) and proxy.fault is not None:
                proxy.struck = message
                proxy.is_refusing = proxy.is_refusing_after
                proxy.fault(link, message)
            else:
                link.send(message.data)
    if not link.is_deaf:
        with suppress(OSError):
            link.server.shutdown(socket.SHUT_WR)


def _backend(link: Link) -> None:
    """Pass on what the server says, and note that it has answered."""
    with suppress(OSError):
        while True:
            head = _received(link.server, 5)
            body = _received(link.server, struct.unpack("!I", head[1:])[0] - 4)
            if head[:1] == b"K":
                (link.pid,) = struct.unpack("!I", body[:4])
            if not link.is_deaf:
                link.client.sendall(head + body)
            if head[:1] in b"ZGH":  # ReadyForQuery, CopyInResponse, CopyOutResponse
                link.answered.set()
    if not link.is_deaf:
        with suppress(OSError):
            link.client.shutdown(socket.SHUT_WR)


def _serve(proxy: Proxy, client: socket.socket) -> None:
    if proxy.is_refusing:
        _reset(client)
        client.close()
        return
    with socket.socket(socket.AF_UNIX) as server, client:
        try:
            server.connect(proxy.server)
        except OSError:
            _reset(client)
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, server)
        back = threading.Thread(target=_backend, args=(link,), daemon=True)
        back.start()
        _frontend(proxy, link)
        back.join(WAIT_S)


def _accept(proxy: Proxy, listener: socket.socket, served: list[threading.Thread]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            served.append(threading.Thread(target=_serve, args=(proxy, client), daemon=True))
            served[-1].start()


@contextmanager
def proxying(folder: str, port: str | int = 5432) -> Iterator[Proxy]:
    """Listen on a port of this machine for the server whose socket is in the folder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener.getsockname()[1], str(Path(folder) / f".s.PGSQL.{port}"))
        served: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(proxy, listener, served), daemon=True)
        accepting.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(WAIT_S)
        for thread in served:  # each closes its two sockets: a test that ends leaves none open
            thread.join(WAIT_S)


# The faults


def cut_before(link: Link, _: Message) -> None:
    """Cut the connection; the server never gets the message."""
    link.cut()


def cut_inside(link: Link, message: Message) -> None:
    """Cut the connection when half of the message has gone through."""
    link.send(message.data[: max(1, len(message.data) // 2)])
    link.cut()


def cut_after(link: Link, message: Message) -> None:
    """Cut the connection when the server has done what the message asks; its answer never arrives."""
    link.execute(message)
    link.cut()


def linger(link: Link, message: Message) -> None:
    """Cut the client off; the server goes on, and notices 0.2 s later."""
    link.is_deaf = True
    link.send(message.data)
    link.cut_client()
    time.sleep(0.2)
    link.cut_server()


def arrive_late(link: Link, message: Message) -> None:
    """Cut the client off; the message reaches the server 0.2 s later all the same, as out of a slow network."""
    link.is_deaf = True
    link.cut_client()
    time.sleep(0.2)
    link.execute(message)
    link.cut_server()


def fail_with(sqlstate: str) -> Fault:
    """Let the server refuse the statement with an error of its own; in a COPY, break the stream off."""

    def fail(link: Link, message: Message) -> None:
        if message.tag in "dc":
            why = b"the stream was broken off\0"
            link.send(b"f" + struct.pack("!I", 4 + len(why)) + why)
            return  # what still comes of the stream is ignored by the server
        query = f"do $$ begin raise exception using errcode = '{sqlstate}', message = 'injected'; end $$".encode()
        if message.tag == "P":
            while (head := _received(link.client, 5))[:1] != b"S":
                _received(link.client, struct.unpack("!I", head[1:])[0] - 4)
        link.send(b"Q" + struct.pack("!I", 5 + len(query)) + query + b"\0")

    return fail
