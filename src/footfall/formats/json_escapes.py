"""Mark escapes in JSON that stand for no character of a text, so that the kernel finds them as it finds bad bytes."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.limits import RAW_BYTES_MAX
from footfall.formats.framing import cut_text

MAYBE_BAD_ESCAPE = r"\\u(?:0000|[dD][89a-fA-F])"
_HEX = "[0-9a-fA-F]"
ESCAPE = re.compile(
    rf"\\(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|(?P<bad>u(?:0000|[dD][89a-fA-F]{_HEX}{{2}}))|.)",
    re.DOTALL,
)
NO_TEXT = r"\ufffe"  # replaces an escape of a character that no text holds


def mark_bad_escapes(batch: pa.RecordBatch) -> pa.RecordBatch:
    r"""Mark escapes of NUL, and of surrogates that stand alone, in the way in which bad bytes are marked.

    Example:
        >>> from footfall.formats.framing import SCHEMA
        >>> batch = pa.RecordBatch.from_pylist([{"line": r'"\ud83d\ude00\ud83d"'}], schema=SCHEMA)
        >>> mark_bad_escapes(batch).to_pylist()[0]["line"]
        '"\\ud83d\\ude00\\ufffe"'
    """
    lines = batch.column("line")
    data = lines.buffers()[2]
    if data is None or b"\\" not in data.to_pybytes():
        return batch
    candidates = pc.indices_nonzero(pc.match_substring_regex(lines, MAYBE_BAD_ESCAPE)).to_pylist()
    if not candidates:
        return batch
    texts, raw = lines.to_pylist(), batch.column("raw_bytes").to_pylist()
    for at in candidates:
        marked = ESCAPE.sub(lambda found: NO_TEXT if found["bad"] else found[0], texts[at])
        if marked != texts[at]:
            raw[at] = raw[at] or cut_text(texts[at].encode(), RAW_BYTES_MAX)
            texts[at] = marked
    batch = batch.set_column(1, "line", pa.array(texts, pa.string()))
    return batch.set_column(2, "raw_bytes", pa.array(raw, pa.binary()))
