"""The programs of Prometheus: Debian's package brings them, and .ci/run installs it."""

from __future__ import annotations

import shutil

import pytest

PROMETHEUS = shutil.which("prometheus") or ""
PROMTOOL = shutil.which("promtool") or ""
needs_prometheus = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL), reason="Prometheus is not installed (Debian's package prometheus)"
)
