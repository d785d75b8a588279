"""Objects of S3, Google Cloud Storage and Azure: a name, folder or pattern -> objects; an object -> its bytes.

Endpoint and credentials come from where s3fs, gcsfs and adlfs look for them, never from Footfall's settings. Listings
are not cached: what is asked for is what is there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape, has_magic
from typing import Any
from urllib.parse import urlsplit

from footfall.errors import SourceChangedError, SourceError, SourceUnavailableError
from footfall.results import IgnoredName, Reason
from footfall.safe_text import mask, scheme, shown
from footfall.sources.ignored import describe_ignored, has_ending, is_never_data
from footfall.sources.patterns import is_path_of_any, refuse_pattern, without_case

READ_BYTES = 8 << 20  # bytes per request: few enough requests for large objects, small enough for any memory limit
# What tells one state of an object from another, by the names that the stores give it.
STAMP = ("size", "ETag", "etag", "generation", "LastModified", "last_modified", "mtime", "VersionId")


@dataclass(frozen=True, slots=True)
class _Store:
    """How a store's errors are told apart: all that are no OSError, a passing trouble, an object that has changed."""

    package: str
    errors: tuple[str, ...]
    away: tuple[str, ...]
    changed: tuple[str, ...]


S3 = _Store(
    "s3fs",
    ("botocore.exceptions.BotoCoreError", "botocore.exceptions.ClientError", "aiohttp.ClientError"),
    (
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "botocore.exceptions.IncompleteReadError",
        "aiohttp.ClientError",
    ),
    ("s3fs.utils.FileExpired",),
)
GOOGLE = _Store(
    "gcsfs",
    (
        "gcsfs.retry.HttpError",
        "gcsfs.retry.ChecksumError",
        "google.auth.exceptions.GoogleAuthError",
        "google.api_core.exceptions.GoogleAPIError",
        "aiohttp.ClientError",
    ),
    (
        "gcsfs.retry.ChecksumError",
        "google.auth.exceptions.TransportError",
        "google.api_core.exceptions.RetryError",
        "requests.exceptions.ConnectionError",
        "aiohttp.ClientConnectionError",
        "aiohttp.ClientPayloadError",
    ),
    ("builtins.FileExistsError",),  # what gcsfs makes of 412 Precondition Failed
)
AZURE = _Store(
    "adlfs",
    ("azure.core.exceptions.AzureError",),
    ("azure.core.exceptions.ServiceRequestError", "azure.core.exceptions.ServiceResponseError"),
    ("azure.core.exceptions.ResourceModifiedError",),
)
STORES = {"s3": S3, "gs": GOOGLE, "abfs": AZURE, "abfss": AZURE}


@dataclass(frozen=True, slots=True)
class _Place:
    """A file system of fsspec, and a path in it."""

    store: _Store
    system: Any
    path: str


def find(url: str, also: Sequence[str] = ()) -> tuple[list[str], list[IgnoredName]]:
    """Give the objects of a name, a folder or a pattern in bytewise order, and the names that are left out.

    Shape: `also` are the patterns of URLs that a folder gives beside those with an ending of data.
    What is left out is what it is among files (`finding.py`), by the names alone: a store has no links and no FIFOs.
    Raises: SourceError where a folder or a pattern holds no object, SourceUnavailableError where the store is away.
    """
    with _asking(url) as place:
        kind = "directory" if url.endswith("/") else _kind(place, place.path)
        if kind == "file" or (kind is None and not has_magic(place.path)):
            return [url], []
        if kind == "directory":
            refusal = "holds no object named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet"
            root = place.path.rstrip("/")
            reasons = {
                key: _reason_in_folder(key[len(root) :].lstrip("/").split("/"))
                for key in _keys(place.system.find(place.path, detail=True))
            }
            for key, reason in reasons.items():
                if reason is Reason.ENDING and is_path_of_any(also, _url(url, key)):
                    reasons[key] = None
        else:
            refusal = refuse_pattern(shown(url), "object")
            literal, *parts = _as_written(place)
            pattern = "/".join([literal, *parts[:-1], without_case(parts[-1]) if has_magic(parts[-1]) else parts[-1]])
            reasons = {
                key: _reason_in_pattern(key.split("/")[literal.count("/") + 1 :], parts)
                for key in _keys(place.system.glob(pattern, detail=True))
            }
    found = [_url(url, key) for key, reason in reasons.items() if reason is None]
    ignored = [IgnoredName(shown(_url(url, key)), reason) for key, reason in reasons.items() if reason]
    if not found:
        told = f"; {describe_ignored(ignored)}" if ignored else ""
        raise SourceError(f"{refusal}{told}", source=shown(url))
    return found, ignored


def _reason_in_folder(names: list[str]) -> Reason | None:
    """Say why an object of a folder is left out, by the names of the folders below it and its own."""
    if any(is_never_data(name) for name in names):
        return Reason.NEVER_DATA
    return None if has_ending(names[-1]) else Reason.ENDING


def _reason_in_pattern(names: list[str], parts: list[str]) -> Reason | None:
    """Say why an object that a pattern matches is left out, by the names that no part of the pattern writes out."""
    met = [name for name in names if name not in parts]
    if any(is_never_data(name) for name in met):
        return Reason.NEVER_DATA
    is_hidden = any(name.startswith(".") for name in met) and not any(part.startswith(".") for part in parts)
    return Reason.HIDDEN if is_hidden else None


def _as_written(place: _Place) -> list[str]:
    """Give the parts of a pattern: first those that are there as they are written, together, then one by one."""
    parts = place.path.split("/")
    literal, at = [parts[0]], 1
    while at < len(parts) - 1:
        name = "/".join([*parts[:at], parts[at]])
        if has_magic(parts[at]) and _kind(place, name) != "directory":
            break
        literal.append(escape(parts[at]))
        at += 1
    return ["/".join(literal), *parts[at:]]


def read(url: str) -> Iterator[bytes]:
    """Give an object's bytes in blocks.

    Effects: a request a block, each for the state that was there at the first, where the store can be told so.
    Raises: SourceChangedError where the object is not the same at the end, or not as long as it should be.
    """
    name = shown(url)
    with _asking(url) as place:
        with place.system.open(place.path, "rb", block_size=READ_BYTES, cache_type="none") as stream:
            before, size_bytes = _stamp(stream.details), 0
            while block := stream.read(READ_BYTES):
                size_bytes += len(block)
                yield block
        after = _stamp(place.system.info(place.path))
    if before != after:
        raise SourceChangedError(
            "changed while it was read; run the same command again when its writer is done", source=name
        )
    if size_bytes != after[0]:
        raise SourceChangedError(f"{size_bytes:,} of {after[0]:,} bytes came; run the same command again", source=name)


def _kind(place: _Place, path: str) -> str | None:
    try:
        return str(place.system.info(path)["type"])
    except FileNotFoundError:
        return None


def _keys(found: dict[str, dict[str, Any]]) -> list[str]:
    # A key that ends in / is what consoles make for an empty folder.
    keys = [key for key, info in found.items() if info["type"] == "file" and not key.endswith("/")]
    return sorted(keys, key=lambda key: key.encode("utf-8", "surrogateescape"))


def _url(given: str, key: str) -> str:
    """Give an object's URL: scheme, bucket and account as given, the rest from the store."""
    parts = urlsplit(given)
    return f"{parts.scheme}://{parts.netloc}/{key.partition('/')[2]}"


def _stamp(info: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(info.get(name) for name in STAMP)


def _place(url: str) -> _Place:
    store = STORES[scheme(url) or ""]
    try:
        parts = urlsplit(url)
    except ValueError as error:  # a bracket that does not close
        raise SourceError("is not a name of a bucket and an object; check the spelling", source=shown(url)) from error
    if not parts.netloc:
        raise SourceError(f"names no bucket; write {parts.scheme}://BUCKET/NAME", source=shown(url))
    if ":" in parts.netloc.rpartition("@")[0]:
        raise SourceError(
            "holds a password, and a store's credentials do not belong there; "
            f"give them where {store.package} looks for them, and name the bucket alone",
            source=shown(url),
        )
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(parts.scheme)
    except ImportError as error:
        raise SourceError(
            f"{parts.scheme}:// needs the extra stores: pip install 'footfall[stores]'", source=shown(url)
        ) from error
    # Not fsspec.open: there `::` in a name would begin another URL, of any kind.
    system = kind(**kind._get_kwargs_from_urls(url), use_listings_cache=False)
    return _Place(store, system, kind._strip_protocol(url))


@contextmanager
def _asking(url: str) -> Iterator[_Place]:
    """Give the place of a URL; what its store says against it becomes a SourceError."""
    place = _place(url)
    try:
        yield place
    except _classes(("builtins.OSError", "builtins.ValueError", *place.store.errors)) as error:
        raise _wrapped(shown(url), place.store, error) from error


def _classes(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    found = [name.rpartition(".") for name in names]
    classes: list[type[Exception]] = [getattr(importlib.import_module(module), name) for module, _, name in found]
    return tuple(classes)


def _wrapped(name: str, store: _Store, error: Exception) -> SourceError:
    """Turn a store's error into ours, by its class and the status of HTTP behind it."""
    status = _status(error) or _status(error.__cause__)
    said = mask(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, FileNotFoundError) or status == 404:
        return SourceError(f"there is no such object or bucket ({said}); check the name", source=name)
    if isinstance(error, PermissionError) or status in (401, 403):
        return SourceError(
            f"access is denied ({said}); see that {store.package} finds the right credentials, "
            "with the right to list and read",
            source=name,
        )
    if status == 412 or isinstance(error, _classes(store.changed)):
        return SourceChangedError(
            "changed while it was read; run the same command again when its writer is done", source=name
        )
    away = _classes(("builtins.ConnectionError", "builtins.TimeoutError", *store.away))
    if (status or 0) >= 500 or status in (408, 429) or isinstance(error, away):
        return SourceUnavailableError(
            f"the store cannot be had now ({said}); run the same command again later", source=name
        )
    return SourceError(f"cannot be read ({said}); check the name and what {store.package} is set to", source=name)


def _status(error: BaseException | None) -> int | None:
    """Give the status of HTTP that an error of botocore, aiohttp, gcsfs or azure carries."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for found in (
        response,
        getattr(error, "status_code", None),
        getattr(error, "status", None),
        getattr(error, "code", None),
    ):
        if isinstance(found, int | str) and str(found).isdigit():
            return int(found)
    return None
