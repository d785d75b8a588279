"""Load a file as the seed did: read with pandas, drop rows with gaps, count, copy to PostgreSQL.

python pandas_seed.py CLEANED_FILE URL COUNT_SQL        (the SQL is not used: pandas counts)
"""

import io
import sys

import pandas as pd
import psycopg2

COPY = "copy {table} ({columns}) from stdin (format csv)"


def copy(cursor: "psycopg2.extensions.cursor", table: str, frame: pd.DataFrame) -> None:
    """Copy a frame into a table with columns of the same names."""
    text = io.StringIO()
    frame.to_csv(text, index=False, header=False)
    text.seek(0)
    cursor.copy_expert(COPY.format(table=table, columns=", ".join(frame.columns)), text)


def main() -> None:
    """Read, drop, count, copy."""
    source, url = sys.argv[1:3]
    rows = pd.read_csv(source).dropna()
    counts = rows.groupby(["user_id", "product_id"]).size().reset_index(name="interaction_count")
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        copy(cursor, "user_interactions_raw", rows)
        copy(cursor, "interactions", counts)
    connection.close()


if __name__ == "__main__":
    main()
