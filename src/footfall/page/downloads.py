"""Give an answer as a file: CSV for spreadsheets, JSON as the command line prints it, SVG with its own colours."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable

from footfall.answers.charts import make_file_text
from footfall.answers.files import print_table
from footfall.errors import FootfallError, SettingsError, UnknownNameError
from footfall.page.drawing import DRAWINGS, is_one_picture
from footfall.page.making import open_view
from footfall.page.options import BadAddressError, read_options
from footfall.page.reading import Waiting, open_reader
from footfall.page.sections import Ask, Section, check
from footfall.page.streaming import Head
from footfall.results import Table
from footfall.safe_text import mask
from footfall.settings import Settings

PLAIN = "text/plain; charset=utf-8"
FORMS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
}
# An SVG file has its colours in a style element of its own: inline styles are allowed, and nothing else.
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def make_download(
    settings: Settings, name: str, form: str, pairs: Iterable[tuple[str, str]], waiting: Waiting
) -> Generator[Head | str, None, None]:
    """Give an answer as a file. An error gives its status and a sentence of plain text."""
    try:
        if form not in FORMS or (form == "svg" and name not in DRAWINGS):
            raise UnknownNameError(f"{name}.{form}: an answer can be had as {', '.join(FORMS)}")
        with open_reader(settings, waiting) as reader:
            known = (*reader.list_options(name), "limit")
            given = read_options(f"/query/{name}.{form}", pairs, known)
            if form == "svg" and not is_one_picture(name, given.options):
                raise BadAddressError(f"--by: {name}.svg is one picture; leave --by out, or take CSV or JSON", "by")
            view = open_view(given, reader)
            needed = reader.find(name).needed
            identifier = given.get("user" if needed == "user_id" else "product") if needed else None
            options = {key: value for key, value in given.options.items() if not identifier or value != identifier}
            try:
                section = Section("", "", lambda *_: None, (Ask(name, {}, identifier or None),))  # type: ignore[arg-type]
                check((section,), reader, options)
            except SettingsError as error:
                raise BadAddressError(error.message, "") from error
            with reader.wait_for_slow_place():
                answered = reader.ask(name, options, identifier=identifier or None)
            table = Table(answered.table.columns, tuple(answered.table.rows))
            headers = (("Content-Disposition", f'attachment; filename="{name}.{form}"'),)
            if form == "svg":
                yield Head(200, FORMS[form], (*headers, ("Content-Security-Policy", SVG_POLICY)))
                yield make_file_text(DRAWINGS[name](answered, view.make_drawing(answered.question.answers, name)))
                return
            stream = io.StringIO()
            print_table(table, "csv" if form == "csv" else "json", stream, escape_formulas=form == "csv")
            yield Head(200, FORMS[form], headers if form == "csv" else ())
            yield stream.getvalue()
    except BadAddressError as error:
        known_words = f"\nThere are: {', '.join(error.known)}" if error.known else ""
        yield Head(400, PLAIN)
        yield f"{error.message}{known_words}\n"
    except UnknownNameError as error:
        yield Head(404, PLAIN)
        yield f"{error.message}\n"
    except FootfallError as error:
        yield Head(503, PLAIN)
        yield f"{mask(error.message)}\n"
