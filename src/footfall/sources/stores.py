"""Find and read objects of S3, Google Cloud Storage and Azure.

Endpoint and credentials come from the places where s3fs, gcsfs and adlfs look for them, never from Footfall's settings.
Listings are not cached, so that each command sees the objects that are there now.
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
from footfall.safe_text import find_scheme, mask, mask_source
from footfall.sources.ignored import describe_ignored, has_ending, is_never_data
from footfall.sources.patterns import describe_no_match, ignore_case_of_endings, is_path_of_any

READ_BYTES = 8 << 20  # bytes per request: few enough requests for large objects, small enough for any memory limit
# The values by which states of an object differ, under the names that the stores give them.
STAMP = ("size", "ETag", "etag", "generation", "LastModified", "last_modified", "mtime", "VersionId")

# The value among them that no two states share: a number in Google Cloud Storage, an ETag in S3 and Azure.
ETAGS = ("generation", "ETag", "etag")


@dataclass(frozen=True, slots=True)
class _Store:
    """The error classes of a store's package, by their full names.

    Shape: `errors` has all classes that are no OSError. After an error in `away`, a later try may succeed. An error in
    `changed` says that the object changed while it was read.
    """

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
    ("builtins.FileExistsError",),  # gcsfs raises it for 412 Precondition Failed
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
    """Find the objects of a name, a folder or a pattern in bytewise order, and the names that are left out.

    Shape: an object in a folder that fits one of the patterns `also` is taken whatever its ending. The same names are
    left out as among files (`finding.py`); links and FIFOs do not exist in a store.
    Raises: SourceError where a folder or a pattern holds no object, SourceUnavailableError where the store does not
    answer.
    """
    found, ignored, refusal = _search(url, also)
    if not found:
        told = f"; {describe_ignored(ignored)}" if ignored else ""
        raise SourceError(f"{refusal}{told}", source=mask_source(url))
    return list(found), ignored


def find_states(url: str, also: Sequence[str] = ()) -> dict[str, int]:
    """Find the same objects, each with a number for its state. No object is no error here.

    Raises: SourceError; SourceUnavailableError where the store does not answer.
    """
    found, _, _ = _search(url, also)
    return {each: hash(_make_stamp(info)) for each, info in found.items() if info}


def _search(url: str, also: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[IgnoredName], str]:
    """Give the objects with the store's descriptions, the names left out, and the message for the case of no object.

    Shape: an object whose name is written out and that is not there has an empty description.
    """
    with _ask_store(url) as place:
        info = {"type": "directory"} if url.endswith("/") else _find_info(place, place.path)
        kind = info.get("type")
        if kind == "file" or (kind is None and not has_magic(place.path)):
            return {url: info}, [], ""
        if kind == "directory":
            refusal = "holds no object named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet"
            root = place.path.rstrip("/")
            listed = place.system.find(place.path, detail=True)
            reasons = {
                key: _find_reason_in_folder(key[len(root) :].lstrip("/").split("/")) for key in _list_keys(listed)
            }
            for key, reason in reasons.items():
                if reason is Reason.ENDING and is_path_of_any(also, _make_url(url, key)):
                    reasons[key] = None
        else:
            refusal = describe_no_match(mask_source(url), "object")
            literal, *parts = _split_as_written(place)
            pattern = "/".join(
                [literal, *parts[:-1], ignore_case_of_endings(parts[-1]) if has_magic(parts[-1]) else parts[-1]]
            )
            listed = place.system.glob(pattern, detail=True)
            reasons = {
                key: _find_reason_in_pattern(key.split("/")[literal.count("/") + 1 :], parts)
                for key in _list_keys(listed)
            }
    found = {_make_url(url, key): listed[key] for key, reason in reasons.items() if reason is None}
    ignored = [IgnoredName(mask_source(_make_url(url, key)), reason) for key, reason in reasons.items() if reason]
    return found, ignored, refusal


def _find_reason_in_folder(names: list[str]) -> Reason | None:
    """Say why an object in a folder is left out, by its own name and those of the folders on the way to it."""
    if any(is_never_data(name) for name in names):
        return Reason.NEVER_DATA
    return None if has_ending(names[-1]) else Reason.ENDING


def _find_reason_in_pattern(names: list[str], parts: list[str]) -> Reason | None:
    """Say why an object that a pattern matches is left out. Only names that a wildcard matched count."""
    met = [name for name in names if name not in parts]
    if any(is_never_data(name) for name in met):
        return Reason.NEVER_DATA
    is_hidden = any(name.startswith(".") for name in met) and not any(part.startswith(".") for part in parts)
    return Reason.HIDDEN if is_hidden else None


def _split_as_written(place: _Place) -> list[str]:
    """Split the pattern of a place. The first parts, as far as they exist as they are written, stay joined."""
    parts = place.path.split("/")
    literal, at = [parts[0]], 1
    while at < len(parts) - 1:
        name = "/".join([*parts[:at], parts[at]])
        if has_magic(parts[at]) and _find_info(place, name).get("type") != "directory":
            break
        literal.append(escape(parts[at]))
        at += 1
    return ["/".join(literal), *parts[at:]]


def read(url: str) -> Iterator[bytes]:
    """Give an object's bytes in blocks.

    Effects: one request for each block. Where the store allows it, each asks for the state that the first one saw.
    Raises: SourceChangedError where the object changed meanwhile, or fewer or more bytes came than it has.
    """
    name = mask_source(url)
    with _ask_store(url) as place:
        with place.system.open(place.path, "rb", block_size=READ_BYTES, cache_type="none") as stream:
            before, size_bytes = _make_stamp(stream.details), 0
            while block := stream.read(READ_BYTES):
                size_bytes += len(block)
                yield block
        after = _make_stamp(place.system.info(place.path))
    if before != after:
        raise _make_changed_error(name)
    if size_bytes != after[0]:
        raise SourceChangedError(f"{size_bytes:,} of {after[0]:,} bytes came; run the same command again", source=name)


@dataclass(frozen=True, slots=True)
class RangedObject:
    """One state of an object, read in ranges: see `ranged_stream`.

    Where the store allows it, each request asks for that state. All stores are asked once more at the end.
    """

    url: str
    place: _Place
    stream: Any
    size_bytes: int
    etag: str

    @property
    def source(self) -> str:
        """Give the name of the object without secrets."""
        return mask_source(self.url)

    def read(self, begin: int, end: int) -> bytes:
        """Give the bytes between two places. Raises: SourceChangedError where the object changed; SourceError."""
        with _ask_store(self.url, self.place):
            self.stream.seek(begin)
            found: bytes = self.stream.read(end - begin)
        return found

    def assert_unchanged(self) -> None:
        """Raise SourceChangedError where the object is in another state now."""
        with _ask_store(self.url, self.place):
            info = dict(self.place.system.info(self.place.path))
        if (info.get("size"), _find_etag(info)) != (self.size_bytes, self.etag):
            raise _make_changed_error(self.source)


@contextmanager
def open_ranged(url: str) -> Iterator[RangedObject | None]:
    """Open an object in the state it is in now; None where its store does not tell its states apart.

    Raises: SourceError where it cannot be read.
    """
    with _ask_store(url) as place:
        stream = place.system.open(place.path, "rb", block_size=READ_BYTES, cache_type="none")
    with stream:
        etag = _find_etag(stream.details)
        yield RangedObject(url, place, stream, stream.details["size"], etag) if etag else None


def _find_etag(info: dict[str, Any]) -> str:
    """Give the text by which a store tells the states of an object apart; empty where it has none."""
    return str(next((info[name] for name in ETAGS if info.get(name)), ""))


def _make_changed_error(name: str) -> SourceChangedError:
    return SourceChangedError(
        "changed while it was read; run the same command again when its writer is done", source=name
    )


def _find_info(place: _Place, path: str) -> dict[str, Any]:
    """Give what the store says of a name; nothing where it has none."""
    try:
        return dict(place.system.info(path))
    except FileNotFoundError:
        return {}


def _list_keys(found: dict[str, dict[str, Any]]) -> list[str]:
    # Consoles of the stores make a key that ends in / for an empty folder.
    keys = [key for key, info in found.items() if info["type"] == "file" and not key.endswith("/")]
    return sorted(keys, key=lambda key: key.encode("utf-8", "surrogateescape"))


def _make_url(given: str, key: str) -> str:
    """Give an object's URL: scheme, bucket and account as they were given, the rest as the store names it."""
    parts = urlsplit(given)
    return f"{parts.scheme}://{parts.netloc}/{key.partition('/')[2]}"


def _make_stamp(info: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(info.get(name) for name in STAMP)


def _find_place(url: str) -> _Place:
    store = STORES[find_scheme(url) or ""]
    try:
        parts = urlsplit(url)
    except ValueError as error:  # a bracket that does not close
        raise SourceError(
            "is not a name of a bucket and an object; check the spelling", source=mask_source(url)
        ) from error
    if not parts.netloc:
        raise SourceError(f"names no bucket; write {parts.scheme}://BUCKET/NAME", source=mask_source(url))
    if ":" in parts.netloc.rpartition("@")[0]:
        raise SourceError(
            "holds a password, and a store's credentials do not belong there; "
            f"give them where {store.package} looks for them, and name the bucket alone",
            source=mask_source(url),
        )
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(parts.scheme)
    except ImportError as error:
        raise SourceError(
            f"{parts.scheme}:// needs the extra stores: pip install 'footfall[stores]'", source=mask_source(url)
        ) from error
    # fsspec.open would read `::` in a name as the beginning of another URL, of any scheme.
    system = kind(**kind._get_kwargs_from_urls(url), use_listings_cache=False)
    return _Place(store, system, kind._strip_protocol(url))


@contextmanager
def _ask_store(url: str, place: _Place | None = None) -> Iterator[_Place]:
    """Give the place of a URL, and turn errors of its store into SourceError while the block runs."""
    place = place or _find_place(url)
    try:
        yield place
    except _import_classes(("builtins.OSError", "builtins.ValueError", *place.store.errors)) as error:
        raise _to_source_error(mask_source(url), place.store, error) from error


def _import_classes(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    found = [name.rpartition(".") for name in names]
    classes: list[type[Exception]] = [getattr(importlib.import_module(module), name) for module, _, name in found]
    return tuple(classes)


def _to_source_error(name: str, store: _Store, error: Exception) -> SourceError:
    """Turn a store's error into a SourceError, by its class and by the HTTP status that it carries."""
    status = _find_status(error) or _find_status(error.__cause__)
    said = mask(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, FileNotFoundError) or status == 404:
        return SourceError(f"there is no such object or bucket ({said}); check the name", source=name)
    if isinstance(error, PermissionError) or status in (401, 403):
        return SourceError(
            f"access is denied ({said}); see that {store.package} finds the right credentials, "
            "with the right to list and read",
            source=name,
        )
    if status == 412 or isinstance(error, _import_classes(store.changed)):
        return _make_changed_error(name)
    away = _import_classes(("builtins.ConnectionError", "builtins.TimeoutError", *store.away))
    if (status or 0) >= 500 or status in (408, 429) or isinstance(error, away):
        return SourceUnavailableError(
            f"the store is not available now ({said}); run the same command again later", source=name
        )
    return SourceError(f"cannot be read ({said}); check the name and the configuration of {store.package}", source=name)


def _find_status(error: BaseException | None) -> int | None:
    """Find the HTTP status that an error of botocore, aiohttp, gcsfs or azure carries."""
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
