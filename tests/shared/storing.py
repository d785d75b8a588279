"""A server of the S3 protocol, a client that fills it, and a way to it that a test can disturb."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.config import Config

HEADER = b"interaction_id,user_id,product_id,action,timestamp\n"
KEYS = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-s0meone", "AWS_DEFAULT_REGION": "us-east-1"}


def rows(*ids: int) -> bytes:
    return HEADER + b"".join(b"%d,1,1,click,2024-01-01\n" % each for each in ids)


def many_rows(size_bytes: int) -> bytes:
    line = b"%019d,1,1,click,2024-01-01\n"
    return HEADER + b"".join(line % (10**18 + each) for each in range(size_bytes // 45))


@contextmanager
def serving_objects() -> Iterator[str]:
    """Serve objects by the S3 protocol from a process of its own; give its address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/moto-api/data.json", timeout=600).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
        process.terminate()


@contextmanager
def emptied(server: str) -> Iterator[Any]:
    """Empty a store but for the bucket `inbox`; give a client of it."""
    request = urllib.request.Request(f"{server}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=600).close()
    client = boto3.client(
        "s3",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(request_checksum_calculation="when_required"),
    )
    client.create_bucket(Bucket="inbox")
    yield client
    client.close()


def put(store: Any, **objects: bytes) -> None:
    for key, body in objects.items():
        store.put_object(Bucket="inbox", Key=key, Body=body)


@dataclass
class Way:
    """A way to the store. `disturb` may answer a request itself, and then says so; `asked` is what came by."""

    address: str
    disturb: Callable[[BaseHTTPRequestHandler], bool] = lambda _: False
    asked: list[str] = field(default_factory=list)


@contextmanager
def way_to(server: str) -> Iterator[Way]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            way.asked.append(f"{self.command} {self.path}")
            if way.disturb(self):
                return
            request = urllib.request.Request(server + self.path, method=self.command)
            for name, value in self.headers.items():
                request.add_header(name, value)
            try:
                answer = urllib.request.urlopen(request, timeout=600)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("connection", "date", "server"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.read())

        do_HEAD = do_GET  # noqa: N815  (http.server's own name)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = False  # it ends when each answer has: none leaves its sockets open
        way = Way(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield way
        listening.shutdown()
        thread.join()


def is_read_of(request: BaseHTTPRequestHandler, key: str) -> bool:
    return request.command == "GET" and request.path.partition("?")[0].endswith(f"/{key}")
