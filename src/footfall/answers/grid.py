"""A table for a terminal."""

from __future__ import annotations

import io
import re
import shutil
from typing import IO

from footfall.answers.cells import write_table_cell
from footfall.results import Table
from footfall.safe_text import escape_unprintable

UNBOUND_WIDTH = 1_000_000  # characters; a table that goes into a file or a pipe is not folded
BAR_COLUMNS = 24  # characters of the longest bar


def measure_width(stream: IO[str]) -> int:
    return shutil.get_terminal_size().columns if stream.isatty() else UNBOUND_WIDTH


def lay_out_table(table: Table, width: int, *, bars: bool = False) -> str:
    """Lay a table out; with `bars`, each row that ends with a count gets a bar beside it, where there is room."""
    import rich.bar
    import rich.cells
    import rich.console
    import rich.table
    import rich.text

    names = [escape_unprintable(column) for column in table.columns]
    texts = [
        [escape_unprintable(write_table_cell(column, cell)) for column, cell in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    numbers = [any(type(row[at]) in (int, float) for row in table.rows) for at in range(len(names))]
    natural = [max(map(rich.cells.cell_len, column)) for column in zip(names, *texts, strict=True)]
    are_counts = len(texts) > 1 and all(type(row[-1]) is int and row[-1] > 0 for row in table.rows)
    is_room = sum(natural) + 2 * len(natural) + BAR_COLUMNS <= width
    bars = bars and is_room and are_counts and table.columns[-1].endswith("_count")
    if not bars and sum(natural) + 2 * len(natural) <= width:  # nothing to fold: a hundred times as fast without rich
        return "".join(_align(cells, natural, numbers) for cells in (names, *texts))
    # Names of counts are often longer than the counts. Where the table is too wide, the names take several lines.
    heads = _break_names(
        names, [max(map(rich.cells.cell_len, column), default=0) for column in zip(*texts, strict=True)]
    )
    narrow = [max(map(rich.cells.cell_len, column)) for column in zip(*heads, *texts, strict=True)]
    if not bars and texts and sum(narrow) + 2 * (len(narrow) - 1) <= width:
        return "".join(_align(cells, narrow, numbers) for cells in (*heads, *texts))
    shown = rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=True, header_style=None)
    for name, is_number in zip(names, numbers, strict=True):
        shown.add_column(rich.text.Text(name), overflow="fold", justify="right" if is_number else "left")
    if bars:
        shown.add_column("")
    largest = max((row[-1] for row in table.rows), default=0) if bars else 0
    for row, cells in zip(table.rows, texts, strict=True):
        bar = [rich.bar.Bar(largest, 0, row[-1], width=BAR_COLUMNS)] if bars else []
        shown.add_row(*map(rich.text.Text, cells), *bar)
    page = io.StringIO()
    rich.console.Console(file=page, width=width, color_system=None, force_terminal=False).print(shown)
    return "".join(line.rstrip() + "\n" for line in page.getvalue().split("\n")[:-1])


def _align(cells: list[str], widths: list[int], are_numbers: list[bool]) -> str:
    from rich.cells import cell_len

    line = "  ".join(
        " " * (width - cell_len(cell)) + cell if is_number else cell + " " * (width - cell_len(cell))
        for cell, width, is_number in zip(cells, widths, are_numbers, strict=True)
    )
    return line.rstrip() + "\n"


def _break_names(names: list[str], widths: list[int]) -> list[list[str]]:
    """Break the names of columns behind underscores, so that they are as narrow as their cells; give the head's lines.

    Example:
        >>> _break_names(["day", "usual_file_count"], [10, 11])
        [['', 'usual_file_'], ['day', 'count']]
    """
    broken = []
    for name, width in zip(names, widths, strict=True):
        parts = re.findall(r"[^_]*_|[^_]+", name) or [name]
        lines = [""]
        for part in parts:
            if lines[-1] and len(lines[-1]) + len(part) > max(width, *map(len, parts)):
                lines.append("")
            lines[-1] += part
        broken.append(lines)
    height = max(map(len, broken), default=1)
    return [list(line) for line in zip(*([""] * (height - len(lines)) + lines for lines in broken), strict=True)]


def keep_columns(table: Table, columns: tuple[str, ...]) -> Table:
    """Keep some columns, in the order given.

    Example:
        >>> keep_columns(Table(("a", "b"), ((1, 2),)), ("b",)).rows
        ((2,),)
    """
    places = [table.columns.index(column) for column in columns]
    return Table(columns, tuple(tuple(row[place] for place in places) for row in table.rows))


def lay_out_rest(table: Table, columns: tuple[str, ...]) -> str:
    """Give a line for each left-out column that has one value in all rows, with that value.

    Example:
        >>> lay_out_rest(Table(("key", "until"), (("a", 5), ("b", 5))), ("key",))
        'until: 5\\n'
    """
    lines = []
    for at, column in enumerate(table.columns):
        cells = {row[at] for row in table.rows} if column not in columns else set()
        if len(cells) == 1:
            lines.append(escape_unprintable(f"{column}: {write_table_cell(column, cells.pop())}"))
    return "".join(f"{line}\n" for line in lines)
