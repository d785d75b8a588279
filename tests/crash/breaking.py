"""The ways to break a command at one message, and the address of a database behind the proxy that does it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire
from footfall.settings import load_settings
from footfall.verbs import verify as verify_verb
from trials import IS_LONG, SEED, left_behind, remember, restore

SQLSTATES = cycle(["53100", "40P01", "57014", "55P03", "40001", "53200"])


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to break a command.

    `is_refusing`: the server is not reachable afterwards. `share`: of the points, in a long run of 1,500 kills.
    """

    name: str
    tags: str
    is_refusing: bool = False
    share: float = 1.0


# Points: `Q` and `P` begin a statement, `S` ends one of several messages, `d` and `c` are a COPY.
KINDS = (
    Kind("cut before the server gets it", "QSdc", share=0.5),
    Kind("cut in the middle of it", "QPd", share=0.25),
    Kind("cut before its answer returns", "QSdc"),
    Kind("cut before its answer returns, and no new connection", "QSdc", is_refusing=True, share=0.25),
    Kind("cut, and the server notices late", "QSc", share=0.25),
    Kind("cut, and the server gets it late", "QSc", share=0.25),
    Kind("refused by the server with an error", "QPdc"),
    Kind("pg_terminate_backend", "QPdc", share=0.25),
)


def fault_of(kind: Kind, admin: str) -> wire.Fault:
    def terminate(link: wire.Link, message: wire.Message) -> None:
        with psycopg.connect(admin, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 600000)", [link.pid])
        link.send(message.data)

    return {
        "cut before the server gets it": wire.cut_before,
        "cut in the middle of it": wire.cut_inside,
        "cut before its answer returns": wire.cut_after,
        "cut before its answer returns, and no new connection": wire.cut_after,
        "cut, and the server notices late": wire.linger,
        "cut, and the server gets it late": wire.arrive_late,
        "refused by the server with an error": wire.fail_with(next(SQLSTATES)),
        "pg_terminate_backend": terminate,
    }[kind.name]


def url_of(database: str, proxy: wire.Proxy) -> str:
    return make_conninfo(database, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable")


def socket_folder(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["host"])


@contextmanager
def losing_the_answer(database: str, *, is_refusing: bool = True) -> Iterator[tuple[str, wire.Proxy]]:
    """Give an address where the answer to the COMMIT of a load is lost, and with `is_refusing` nobody answers then."""
    has_recorded = threading.Event()

    def is_point(message: wire.Message) -> bool:
        if "insert into loads (" in message.statement:
            has_recorded.set()
        return has_recorded.is_set() and message.is_commit

    with wire.proxying(socket_folder(database), conninfo_to_dict(database).get("port", 5432)) as proxy:
        proxy.is_point, proxy.fault, proxy.is_refusing_after = is_point, wire.cut_after, is_refusing
        yield url_of(database, proxy), proxy
        assert proxy.struck is not None


FAULTS: dict[str, wire.Fault] = {
    "cut before the server gets it": wire.cut_before,
    "cut before its answer returns": wire.cut_after,
    "refused by the server with an error": wire.fail_with("40001"),
}


def break_at_each_message(
    command: Callable[[str], int],
    database: str,
    read: Callable[[str], dict[str, list[Any]]],
    *,
    faults: dict[str, wire.Fault],
    points: int,
    is_idempotent: bool = True,
    count: Callable[[str], int] | None = None,
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Break a command at its messages to the server, in each of the ways, and give it again.

    It must say what happened: exit code 0 and the tables of an undisturbed run, or another and those of before. In a
    short run so many `points` of each way are drawn, and every COMMIT. `is_idempotent`: a command that succeeded may be
    given again, too. `count` counts what a success adds one to, and a failure nothing.
    Gives what `read` found before the command and after it.
    """
    before, tables = read(database), remember(database)
    host, port = socket_folder(database), conninfo_to_dict(database).get("port", 5432)
    with wire.proxying(host, port) as proxy:
        assert command(url_of(database, proxy)) == 0
    after, messages = read(database), proxy.messages
    assert before != after
    assert verify_verb.verify(load_settings(database_url=database)).drift == ()
    for kind, fault in faults.items():
        fit = [message for message in messages if message.tag in ("QPdc" if "refused" in kind else "QSdc")]
        chance = random.Random(f"{SEED} {command.__name__} {kind}")
        drawn = fit if IS_LONG else [*chance.sample(fit, points), *(each for each in fit if each.is_commit)]
        for message in drawn:
            restore(database, tables)
            counted = count(database) if count else 0
            with wire.proxying(host, port) as proxy:
                proxy.fault_at, proxy.fault = message.number, fault
                code = command(url_of(database, proxy))
                assert proxy.struck is not None
                assert left_behind(database) == []
                found = read(database)
            assert found == (after if code == 0 else before), (kind, message, code)
            if count:
                assert count(database) - counted == (1 if code == 0 else 0), (kind, message, code)
            if code or is_idempotent:
                assert command(database) == 0, (kind, message)
            assert read(database) == after, (kind, message)
    return before, after
