"""What the tasks of all DAGs have in common: the database, what is tried again, and who is told of a failure."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import footfall_lineage
from airflow.sdk import BaseNotifier, Connection, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from footfall import errors

if TYPE_CHECKING:
    from airflow.sdk import Context

    from footfall import LoadSummary

log = logging.getLogger("airflow.task.footfall")
POOL = "footfall"  # how many files are loaded at a time; the set-up makes it
ROWS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")
ALERTS = "footfall_alerts"  # a connection of type smtp; where there is none, a failure is a line in the log
RETRYABLE = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.FootfallError) and kind.retryable
]
LIBPQ_EXTRAS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options", "service", "target_session_attrs")


class FailureNotifier(BaseNotifier):
    """Say that a task failed: in the log, and by e-mail where the connection `footfall_alerts` is there."""

    def notify(self, context: Context) -> None:
        """Write the line, send the mail. Effects: a mail that cannot be sent is a line in the log, too."""
        ti = context["task_instance"]
        words = (
            f"{ti.dag_id}.{ti.task_id} failed in run {ti.run_id}: {context.get('exception') or 'no reason was given'}"
        )
        self.log.error("footfall: %s", words)
        send(ALERTS, f"Footfall: {ti.dag_id}.{ti.task_id} failed", words, self.log)


def send(connection: str, subject: str, words: str, to_log: logging.Logger, page: Path | None = None) -> None:
    """Mail words, and a page, to whom a connection of type smtp names; nothing where there is no such connection.

    Effects: a mail that cannot be sent is a line in the log. The connection's secrets go to its server alone.
    """
    try:
        server = Connection.get(connection)
    except AirflowNotFoundException:
        return
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = server.extra_dejson.get("from", "footfall@localhost")
    mail["To"] = server.extra_dejson["to"]
    mail.set_content(words)
    if page is not None:
        mail.add_attachment(page.read_bytes(), maintype="text", subtype="html", filename=page.name)
    try:
        with smtplib.SMTP(server.host, server.port or 25, timeout=30) as smtp:
            if server.extra_dejson.get("starttls"):
                smtp.starttls()
            if server.login:
                smtp.login(server.login, server.password or "")
            smtp.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        to_log.warning("footfall: the mail about it could not be sent: %s", error)


def read_settings(context: Context) -> dict[str, Any]:
    """Give Footfall's settings: the database from Airflow's connection, all else from the environment as ever."""
    connection = Connection.get(context["params"]["connection"])
    extra = connection.extra_dejson
    schema = {"schema": extra["footfall_schema"]} if "footfall_schema" in extra else {}
    return {"database_url": write_conninfo(connection), **schema}


def write_conninfo(connection: Connection) -> str:
    """Write a connection of Airflow as libpq takes it, what its extra holds for libpq included."""
    from psycopg.conninfo import make_conninfo

    extra = connection.extra_dejson
    words = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        **{name: extra[name] for name in LIBPQ_EXTRAS if name in extra},
    }
    return make_conninfo("", **{name: value for name, value in words.items() if value not in (None, "")})


def end_file(summary: LoadSummary, settings: dict[str, Any]) -> dict[str, Any]:
    """End the task of one file: say what became of it, to the log and to OpenLineage, and give its figures.

    Raises: what may be cured by a second try as it is; all else as a failure at once.
    """
    (result,) = summary.loads
    if result.failure is None:
        log.info("%s", summary)
    footfall_lineage.tell(summary, settings["database_url"])
    if result.failure is not None:
        if result.failure.retryable:
            raise result.failure
        raise AirflowFailException(result.error) from result.failure
    return {name: getattr(result, name) for name in ("source", "digest", "status", "load_id", *ROWS)}


DEFAULTS = {
    "owner": "footfall",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    # Only what a second try may cure is tried again; all else fails at once.
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception=RETRYABLE, action=RetryAction.DEFAULT, reason="it may be there again")],
        default=RetryAction.FAIL,
    ),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": FailureNotifier(),
}
