"""The watcher over time: some twelve seconds with every change, twenty where figures are asked for (`make soak`)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from soaking import Soak, small_disk

pytestmark = [
    pytest.mark.crash,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
]
MINUTES = float(os.environ.get("FOOTFALL_SOAK_MINUTES", "0.2"))
FIGURES = os.environ.get("FOOTFALL_SOAK_FIGURES")
SEED = int(os.environ.get("FOOTFALL_SOAK_SEED", "20261127"))
GROWTH_MAX = 1.15  # of the watcher's memory, from the first third of a long run to its last


@pytest.mark.timeout(0)
def test_a_watcher_loses_nothing_and_doubles_nothing_over_time_and_its_memory_is_flat(
    tmp_path: Path, short_folder: Path
) -> None:
    with small_disk(tmp_path / "in") as is_small_disk:
        soak = Soak(short_folder / "soak", tmp_path / "in", MINUTES * 60, SEED, is_small_disk)
        try:
            figures = soak.run()
        finally:
            soak.close()
    assert figures["rows_lost"] == figures["rows_doubled"] == figures["counts_that_differ"] == 0
    assert len(figures["kills"]) == 3
    if MINUTES >= 5:
        assert figures["memory_last_third_mb"] <= GROWTH_MAX * figures["memory_first_third_mb"]
        assert figures["times_the_folder_was_full"] or not is_small_disk
    if FIGURES:
        Path(FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
