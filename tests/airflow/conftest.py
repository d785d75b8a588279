"""The DAG's tests need the environment of `make test-airflow`; the core is tested without Airflow."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("airflow.sdk" if find_spec("airflow") else "airflow") else ["test_*.py"]
