"""A real Spark and a real Dask; these tests need the environment of `make test-spark`.

The core is tested without them: there these tests are not collected. Without a Java those of Spark are left out.

One cluster of Spark serves all: it starts in a minute where the machine is busy. Footfall's own door opens it, and
its driver answers Spark Connect, too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from elsewhere import find_free_port, write_large_file

HAS_ENGINES = find_spec("pyspark") is not None and find_spec("distributed") is not None
collect_ignore_glob = [] if HAS_ENGINES else ["test_*.py"]
HAS_JAVA = shutil.which("java") is not None or "JAVA_HOME" in os.environ
MASTER = "local-cluster[2,1,1024]"
# What makes a JVM start sooner, and run slower once it is warm.
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
SPARK_DEFAULTS = """
spark.ui.enabled false
spark.eventLog.enabled true
spark.eventLog.compress false
spark.eventLog.dir file://{folder}/events
spark.driver.extraJavaOptions {java}
spark.executor.extraJavaOptions {java}
spark.executor.memory 512m
spark.task.maxFailures 2
spark.plugins org.apache.spark.sql.connect.SparkConnectPlugin
spark.connect.grpc.binding.port {port}
"""
ROWS = 60_000  # some 2.7 MB: three ranges


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of ours are errors here as everywhere; those inside the engines are not ours to mend."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default"))
            item.add_marker(pytest.mark.filterwarnings("error:::footfall"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of three ranges."""
    return write_large_file(tmp_path_factory.mktemp("large") / "large.csv", ROWS)


@dataclass(frozen=True)
class SparkCluster:
    """A driver in this process, with two executors of one core each. `connect` is its address for Spark Connect."""

    master: str
    connect: str
    application: str
    events: Path

    def list_executors(self) -> list[psutil.Process]:
        """List the processes of Java that are executors of this application."""
        return [
            each
            for each in psutil.Process().children(recursive=True)
            if "CoarseGrainedExecutorBackend" in " ".join(_command_line(each))
        ]

    @property
    def work(self) -> Path:
        """The folder of the executors, with what they say."""
        import pyspark

        return Path(pyspark.__file__).parent / "work" / self.application

    def read_all_said(self) -> str:
        """Read what the executors said, and all that the pages of Spark show."""
        files = [*self.events.rglob("*"), *self.work.rglob("*/std*")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A cluster of Spark that Footfall's own door has opened."""
    if not HAS_JAVA:
        pytest.skip("there is no Java here")
    from pyspark import SparkContext

    from footfall.verbs.runs.spark import Spark

    folder = tmp_path_factory.mktemp("spark")
    (folder / "events").mkdir()
    port = find_free_port()
    defaults = SPARK_DEFAULTS.format(folder=folder, java=QUICK_START, port=port)
    (folder / "spark-defaults.conf").write_text(defaults)
    # Without the last two, executors look for the driver under a name that a machine without a network cannot find.
    named = {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "127.0.0.1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in named.items():
            patch.setenv(name, value)
        door = Spark(MASTER)
        application = door._open().sparkContext.applicationId
        cluster = SparkCluster(MASTER, f"sc://127.0.0.1:{port}", application, folder / "events")
        yield cluster
        work = cluster.work
        door.close()
    assert SparkContext._active_spark_context is None
    shutil.rmtree(work)


@pytest.fixture
def dask() -> Iterator[Any]:
    """A cluster of Dask with two workers, each a process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def ordinary(new_database: Callable[[], str], large: str) -> str:
    """A database into which the file was loaded the ordinary way."""
    import footfall

    database = new_database()
    footfall.load(large, database_url=database)
    return database
