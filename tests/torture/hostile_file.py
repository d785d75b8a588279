"""One file with every kind of nastiness: at the borders of a record's lines and bytes, and so at those of any block."""

from __future__ import annotations

from collections.abc import Iterator

from footfall.contract.limits import RECORD_BYTES_MAX, RECORD_LINES_MAX

HEADER = b"interaction_id,user_id,product_id,action,timestamp,note"
GOOD = b'#,2,3,"%s",2024-01-01,note'


def hostile_file(end: bytes) -> bytes:
    """Give a file of some 15 MB whose lines end so. Each # is an id of its own: no verdict hangs on another row."""
    lines = [b"\xef\xbb\xbf \t", b"", HEADER]
    for number, part in enumerate(_parts(end), start=1):
        lines += [part.replace(b"#", b"%d" % number), b"%d,2,3,click,2024-01-01 10:00:00,between" % (1000 + number)]
    return end.join(lines)


def _parts(end: bytes) -> Iterator[bytes]:
    yield from (b"", b" ", b"\t \t", b"\r", b"\0", b"\0" * 3000, b"\x1a", b"\xef\xbb\xbf", HEADER)
    for size in (RECORD_BYTES_MAX - 1, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1, 3_000_000):
        yield b" " * size
    for size in (RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1):
        yield b" " * size + b"\r"
        yield b"x".rjust(size)
        yield b"#,2,3,a,2024-01-01,".ljust(size, b"x")
        yield (b'#,2,3,a,2024-01-01,"' + end).ljust(size - 1, b"x") + b'"'
    for count in (2, RECORD_LINES_MAX - 1, RECORD_LINES_MAX, RECORD_LINES_MAX + 1):
        yield GOOD % end.join([b"x"] * count)
        yield GOOD % (end * (count - 1))
        yield end.join([b'#,2,3,a,,"open', *[b"2,2,3,a,,row"] * (count - 2), b'3,2,3,a,,closed"'])
    yield from (
        GOOD % b"\xff",
        GOOD % b"a\0b",
        GOOD % b"\xef\xbf\xbd",
        b"#,\xe9,3,a,2024-01-01,",
        b"#,2,3,\xff,never,\0",
    )
    yield from (
        GOOD % b"",
        b'#,2,3,"' + end + b'",2024-01-01,"' + end + b'"',
        b'#,2,3,a,,"two, with' + end + b'a break"',
    )
    yield b'"#,2,3,click,2024-01-01,open' + end + b'4,"5"'
    yield from (b'"', b'""', b'"#","2","3","a","2024-01-01",""', b'#,2,3,"a"b,2024-01-01,', b'#,2,3, "a",2024-01-01,')
    yield from (b"#,2,3", b"#,2,3,a,2024-01-01,n,more", b",,,,,", b"x,0,-1,,24:00,", b"#,2,3," + b"a" * 501 + b",now,")
    yield from (b"#,2,3,a,2024-01-01 7:01 UTC,", b"#,2,3,a,2024-01-01 07:01 +02,", b"#,2,3,a\rb,2024-01-01,\r\r")
