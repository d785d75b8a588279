"""Text that may be shown: secrets are masked, and what a terminal would obey is spelled out."""

from __future__ import annotations

import re

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# Names of query parameters that carry a secret: signed addresses of the stores, tokens, keys; a name with % may be any.
QUERY_SECRET = re.compile(
    r"([?&;][^=&;\s?#]*(?:sig|token|secret|passw|pwd|credential|key|auth|code|%)[^=&;\s?#]*=)[^&;#\s]+", re.IGNORECASE
)
# What stands before the @ of a web address is for its server alone, a name without a password included: a token may be.
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


def scheme(name: str) -> str | None:
    """Give the scheme of a URL in lower case, or None for the name of a file.

    Example:
        >>> scheme("S3://bucket/a.csv"), scheme("a.csv")
        ('s3', None)
    """
    found = SCHEME.match(name)
    return found.group(1).lower() if found else None


def shown(source: str) -> str:
    """Give a source's name as it may be shown and stored: a URL without its secrets, any other as it is.

    Example:
        >>> shown("https://me:secret@host/a.csv")
        'https://***@host/a.csv'
    """
    return mask(source) if scheme(source) else source


def escaped(text: str) -> str:
    r"""Give the text with everything that a terminal would obey or hide spelled out.

    Example:
        >>> print(escaped("a\n\x1b[31mb\x00"))
        a\n\x1b[31mb\x00
    """
    return text if text.isprintable() else "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
