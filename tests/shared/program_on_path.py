"""A program `footfall` for shells: it hands its command line to a forked process, and waits for its exit code.

A shell that runs ten commands does not wait for ten starts of Python with all its packages, as in `command_line`.
"""

from __future__ import annotations

import json
import shlex
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import warm
from forks import FORKS, start_forks

# Python without its site packages, which this program has no use for, starts in a twentieth of the time.
PROGRAM = """#!/bin/sh
exec {python} -I -S -c '
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.connect(sys.argv[1])
    asked = {{"pid": os.getpid(), "words": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}}
    way.sendall(json.dumps(asked).encode() + bytes([10]))
    os._exit(int(way.makefile().readline()))
' {address} "$@"
"""


class _Asked(socketserver.StreamRequestHandler):
    """One command line: its process reads and writes what the program has open."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        files = [f"/proc/{asked['pid']}/fd/{number}" for number in range(3)]
        told = asked["words"], asked["environment"], asked["folder"], files
        process = FORKS.Process(target=warm.command, args=told)
        process.start()
        process.join()
        self.wfile.write(f"{process.exitcode}\n".encode())


@contextmanager
def serve_program(folder: Path) -> Iterator[Path]:
    """Put the program into a folder of a short name, and serve it; give the folder that goes into PATH."""
    start_forks()
    address, program = folder / "asked", folder / "footfall"
    program.write_text(PROGRAM.format(python=shlex.quote(sys.executable), address=shlex.quote(str(address))))
    program.chmod(0o755)
    with socketserver.ThreadingUnixStreamServer(str(address), _Asked) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()
