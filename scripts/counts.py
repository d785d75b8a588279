"""Print the counts per user and product: `footfall database url | python scripts/counts.py`."""

from __future__ import annotations

import sys

import psycopg
from rich.console import Console
from rich.table import Table

COUNTS = """
select user_id, product_id, interaction_count
from interactions
order by user_id, product_id
"""


def main() -> None:
    """Read a connection string from stdin and print the table `interactions`."""
    with psycopg.connect(sys.stdin.readline().strip()) as connection:
        rows = connection.execute(COUNTS).fetchall()
    table = Table(box=None, pad_edge=False)
    for column in ("user_id", "product_id", "interaction_count"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    Console().print(table)


if __name__ == "__main__":
    main()
