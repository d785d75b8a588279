"""Text that is safe to show: secrets are masked, and characters that a terminal would obey are spelled out."""

from __future__ import annotations

import re

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# Query parameters whose names say that they carry a secret, such as those of signed addresses, tokens and keys. A name
# with % may be one of them in another spelling.
QUERY_SECRET = re.compile(
    r"([?&;][^=&;\s?#]*(?:sig|token|secret|passw|pwd|credential|key|auth|code|%)[^=&;\s?#]*=)[^&;#\s]+", re.IGNORECASE
)
# All before the @ of a web address is hidden, also a name without a password, since that may be a token.
WEB_USER = re.compile(r"(\bhttps?://)[^\s/@]+@", re.IGNORECASE)
URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/]*@", re.IGNORECASE)
KEYWORD_PASSWORD = re.compile(r"(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


def mask(text: str) -> str:
    """Hide the passwords of URLs and of key=value strings, and the secrets in the query of a URL.

    Example:
        >>> mask("cannot reach postgresql://me:secret@host/db password=secret")
        'cannot reach postgresql://me:***@host/db password=***'
        >>> mask("https://me@host/a.csv?day=1&X-Amz-Signature=0123")
        'https://***@host/a.csv?day=1&X-Amz-Signature=***'
    """
    text = WEB_USER.sub(r"\1***@", text)
    text = URL_PASSWORD.sub(r"\1:***@", text)
    text = QUERY_SECRET.sub(r"\1***", text)
    return KEYWORD_PASSWORD.sub(r"\1***", text)


def find_scheme(name: str) -> str | None:
    """Give the scheme of a URL in lower case, or None for the name of a file.

    Example:
        >>> find_scheme("S3://bucket/a.csv"), find_scheme("a.csv")
        ('s3', None)
    """
    found = SCHEME.match(name)
    return found.group(1).lower() if found else None


def mask_source(source: str) -> str:
    """Give a source's name in a form that may be shown and stored: a URL without its secrets, any other unchanged.

    Example:
        >>> mask_source("https://me:secret@host/a.csv")
        'https://***@host/a.csv'
    """
    return mask(source) if find_scheme(source) else source


def escape_unprintable(text: str) -> str:
    r"""Give the text with all characters spelled out that a terminal would obey or hide.

    Example:
        >>> print(escape_unprintable("a\n\x1b[31mb\x00"))
        a\n\x1b[31mb\x00
    """
    return text if text.isprintable() else "".join(map(_escape_character, text))


def _escape_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
