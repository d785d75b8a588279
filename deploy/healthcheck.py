"""Say by the exit code whether the API server reports a component of Airflow as healthy.

`airflow jobs check` gives the same answer for 5 seconds of processor time a call; this takes 0.1. Without an API
server nothing is healthy: tasks could not run either.
"""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10


def status(component: str) -> str:
    """Ask /api/v2/monitor/health for one of metadatabase, scheduler, triggerer, dag_processor."""
    server = urlsplit(os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    connection = HTTPConnection(server.hostname or "", server.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/api/v2/monitor/health")
        report = json.load(connection.getresponse())
        return str(report[component]["status"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return f"no answer: {error!r}"
    finally:
        connection.close()


if __name__ == "__main__":
    found = status(sys.argv[1])
    sys.stdout.write(f"{sys.argv[1]}: {found}\n")
    sys.exit(found != "healthy")
