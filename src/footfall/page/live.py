"""Answer the questions that an open screen repeats: was a load committed since, and which loads are running?"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from footfall.errors import FootfallError
from footfall.page.reading import Waiting, open_reader
from footfall.page.rendering import render
from footfall.page.screens.loads import list_running
from footfall.safe_text import mask
from footfall.settings import Settings
from footfall.verbs import ledger

NOTHING_NEW = 204  # the status at which htmx leaves the screen as it is


def find_news(settings: Settings, asked: Mapping[str, str]) -> Response:
    """Say whether a load was committed since a screen was made; tell an empty screen to load itself again."""
    seen = asked.get("seen", "")
    if not (seen.isascii() and seen.isdigit()):
        return Response("seen: the number of the last load is wanted\n", 400, media_type="text/plain")
    try:
        with open_reader(settings, Waiting()) as reader:
            summary = ledger.summarize(reader.asker)
    except FootfallError as error:
        if asked.get("fill"):  # the tables are not there yet: the first load makes them
            return Response(status_code=NOTHING_NEW)
        words = Markup('<p class="news trouble">{}</p>').format(mask(error.message))
        return HTMLResponse(words)
    if summary.last_load_id <= int(seen):
        return Response(status_code=NOTHING_NEW)
    if asked.get("fill") and summary.rows_loaded:
        return Response(status_code=NOTHING_NEW, headers={"HX-Refresh": "true"})
    words = Markup('<p class="news">Load {} was committed since this was shown. <a href="">Show it</a></p>')
    return HTMLResponse(words.format(summary.last_load_id))


def find_running(settings: Settings) -> Response:
    """List the loads that are running."""
    try:
        with open_reader(settings, Waiting()) as reader:
            return HTMLResponse(render("running.html", rows=list_running(reader)))
    except FootfallError as error:
        return HTMLResponse(Markup('<p class="trouble">{}</p>').format(mask(error.message)))
