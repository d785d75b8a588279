"""The ways to break a command at one message, and the address of a database behind the proxy that does it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import wire

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
