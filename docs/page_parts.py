"""Parts of which the pages are made."""

from __future__ import annotations


def end_sentence(text: str) -> str:
    """Give a text with a capital letter and a mark at its end."""
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")


def lay_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Give a table of Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
