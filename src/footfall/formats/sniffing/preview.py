"""The first rows of a sample as a definition would read them: for people to look at, before anything is loaded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from footfall.contract.definition import Field, Reference, SourceDefinition
from footfall.contract.shapes import COLUMNS
from footfall.formats.sniffing.records import Records
from footfall.formats.sniffing.times import ISO, UNITS

ROWS_SHOWN = 5
MADE = "(made)"


def read_rows(
    records: Records, definition: SourceDefinition, count: int = ROWS_SHOWN
) -> tuple[tuple[str | None, ...], ...]:
    """Read the first rows of a sample. A value that would be rejected is shown as it stands in the file, with a ?."""
    nulls = {*definition.null_values, ""}
    columns = {str(each.reference).lower(): each.values for each in records.columns}
    if definition.columns:
        columns |= {str(at): columns.get(name.lower(), ()) for at, name in enumerate(definition.columns, 1)}

    def look_up(reference: Reference, row: int) -> str | None:
        values = columns.get(str(reference).lower())
        value = values[row] if values else None
        value = None if value is None else value.strip(" \t")
        return None if value is None or value in nulls else value

    def read(name: str, field: Field, row: int) -> str | None:
        if field.made_from:
            return MADE
        if field.from_name:
            return f"(of the name: {field.from_name})"
        if field.value is not None:
            return field.value
        found = [look_up(each, row) for each in field.columns or field.joined]
        if field.joined:
            text = None if None in found else " ".join(str(each) for each in found)
        else:
            text = next((each for each in found if each is not None), None)
        if text is not None and field.extract:
            matched = re.search(field.extract, text)
            text = matched[1] if matched else None
        if text is None:
            return field.default
        if field.is_float:
            text = re.sub(r"\.0+$", "", text)
        return show_time(text, field.formats) if name == "timestamp" else text

    return tuple(
        tuple(read(name, field, row) for name, field in zip(COLUMNS, definition.fields, strict=True))
        for row in range(min(count, records.rows))
    )


def show_time(text: str, formats: tuple[str, ...]) -> str:
    """Show a time as one reads it, and what it is not in its own words with a question mark.

    Example:
        >>> show_time("1704164645", ("epoch-s",)), show_time("02.01.2024", ("%d.%m.%Y",)), show_time("x", ("iso",))
        ('2024-01-02 03:04:05 UTC', '2024-01-02 00:00:00', 'x?')
    """
    for each in formats:
        if each == "iso":
            if ISO.fullmatch(text):
                return text
            continue
        try:
            if each in UNITS:
                micros = round(Decimal(text) * 1_000_000 / UNITS[each])
                moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
                return f"{moment.replace(tzinfo=None)} UTC"
            moment = datetime.strptime(text, each)  # noqa: DTZ007  (a zone is shown where there is one)
        except (ValueError, OverflowError, InvalidOperation):
            continue
        return str(moment)
    return f"{text}?"
