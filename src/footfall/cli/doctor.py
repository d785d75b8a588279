"""The command that says what is wrong: doctor."""

from __future__ import annotations

from footfall.cli.app import Database, Quiet, Schema, TextOrJson, Verbose, app, make_example
from footfall.cli.output import open_stdout

FAILED = 1
SIGNS = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE", "unknown": "?"}


@app.command(epilog=make_example("footfall doctor", "footfall doctor --format json"))
def doctor(
    fmt: TextOrJson = "table",
    database: Database = None,
    schema: Schema = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Look at all that may be wrong, and say what mends it. Nothing is changed; the exit code is 1 with failures."""
    import json
    import logging

    from footfall.cli.talk import log
    from footfall.safe_text import escape_unprintable
    from footfall.verbs.doctor.examining import examine

    log.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    options = {name: value for name, value in (("database_url", database), ("schema", schema)) if value is not None}
    found: list[dict[str, str]] = []
    checks = examine(options)
    with open_stdout() as stream:
        for check, verdict in checks:
            found.append({"check": check.name, "state": verdict.state, "found": verdict.found, "cure": verdict.cure})
            if fmt == "table":
                cure = f"\n{'':26}cure: {escape_unprintable(verdict.cure)}" if verdict.cure else ""
                stream.write(f"{SIGNS[verdict.state]:8}{check.name:18}{escape_unprintable(verdict.found)}{cure}\n")
                stream.flush()
        if fmt == "json":
            stream.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        else:
            counts = {state: sum(each["state"] == state for each in found) for state in SIGNS}
            said = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
            stream.write(f"{len(found)} checks: {said}\n")
    states = {each["state"] for each in found}
    states |= {verdict.state for _, verdict in checks}  # those that a reader who had seen enough did not wait for
    return FAILED if "failure" in states else 0
