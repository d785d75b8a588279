"""The command that measures: metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from footfall.cli.app import Database, Quiet, Schema, Verbose, app, begin, call_option, make_example
from footfall.cli.output import open_stdout
from footfall.cli.talk import log
from footfall.errors import SettingsError


@app.command(
    epilog=make_example("footfall metrics", "footfall metrics --output /var/lib/prometheus/node-exporter/footfall.prom")
)
def metrics(
    output: Annotated[
        Path | None, call_option("--output", metavar="FILE", about="Replace FILE as a whole, in place of stdout.")
    ] = None,
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Measure loads, rows, problems, lags and sizes for Prometheus. A database that is down is `footfall_up 0`."""
    settings = begin(quiet, verbose, database_url=database, schema=schema)
    from footfall.answers.metrics import write_metrics
    from footfall.answers.replacing import open_replacement
    from footfall.verbs import metrics as metrics_verb

    measured = metrics_verb.collect(settings)
    if measured.reason:
        log.warning("%s", measured.reason)
    text, _ = write_metrics(measured)
    if output is None:
        with open_stdout() as stream:
            stream.write(text.decode())
        return 0
    try:
        with open_replacement(output, "wb") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(
            f"--output {output}: it cannot be written ({error.strerror}); name a file in a folder that is there"
        ) from error
    return 0
