"""A folder of objects under a URL (``s3://bucket/prefix``, ``file:///mnt/nas/lab``): get, put, create once, list."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import DatasetInvalid, MissingDependency, RemoteUnavailable, UsageError
from .credentials import s3_settings

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

# A store that does not answer is given up soon; a slow uplink may take its time for each part of 5 MiB.
PROBE_S, TRANSFER_S = 10, 300
_PARTS_AT_ONCE = 2


class ObjectStore:
    """Keys are relative paths with ``/``. An object appears whole or not at all.

    Every method raises RemoteUnavailable, in one sentence, where the store is away or refuses, and DatasetInvalid where
    an object is missing.
    """

    def __init__(self, url: str, *, make: bool = False) -> None:
        """Open the store of ``url``; a plain path is a folder. ``make``: a folder that is missing is made.

        Raises:
            UsageError: a URL of another kind, or a folder whose parent is not there (a NAS that is not mounted).
            MissingDependency: obstore is not installed.
        """
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme == "s3" and parts.netloc:
            self.folder: Path | None = None
            self._store: LocalStore | S3Store
            self._probe: LocalStore | S3Store
            self._store, self._probe = (_s3(parts.netloc, parts.path, limit_s) for limit_s in (TRANSFER_S, PROBE_S))
        elif parts.scheme in ("", "file") and parts.path and not parts.netloc:
            self.folder = Path(parts.path).absolute()
            self._store = self._probe = _local(self.folder, make)
        else:
            raise UsageError(f"{url}: is neither s3://bucket/prefix nor file:///folder")

    def read(self, key: str) -> bytes | None:
        """A small object, or None where there is none; gives up after ten seconds per attempt."""
        with self._told(key) as obstore:
            try:
                return bytes(obstore.get(self._probe, key).bytes())
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                return None

    def get(self, key: str) -> bytes:
        """A whole object."""
        with self._told(key) as obstore:
            return bytes(obstore.get(self._store, key).bytes())

    def pieces(self, key: str) -> Iterator[bytes]:
        """A whole object, piece by piece."""
        with self._told(key) as obstore:
            for piece in obstore.get(self._store, key).stream():
                yield bytes(piece)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Bytes ``[start, start + length)`` of an object."""
        with self._told(key) as obstore:
            return bytes(obstore.get_range(self._store, key, start=start, length=length)) if length else b""

    def put(self, key: str, source: bytes | Path) -> None:
        """Write an object, from memory or from a file, in parts where it is large."""
        with self._told(key) as obstore:
            obstore.put(self._store, key, source, max_concurrency=_PARTS_AT_ONCE)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that must not exist yet; False where it does. Of two at once, one gets True."""
        with self._told(key) as obstore:
            try:
                obstore.put(self._store, key, data, mode="create")
            except obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def sizes(self, prefix: str) -> dict[str, int]:
        """Size in bytes of every object below ``prefix``, by key."""
        with self._told(prefix) as obstore:
            return {item["path"]: int(item["size"]) for page in obstore.list(self._probe, prefix) for item in page}

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below ``prefix``."""
        with self._told(prefix) as obstore:
            listed = obstore.list_with_delimiter(self._probe, prefix)
        return [name.rstrip("/").rpartition("/")[2] for name in listed["common_prefixes"]]

    @contextlib.contextmanager
    def _told(self, key: str) -> Iterator[ModuleType]:
        """Run calls of the library; whatever it raises becomes one sentence."""
        import obstore

        try:
            yield obstore
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise RemoteUnavailable(f"{self.url}: {_sentence(error, key)}") from error
            raise DatasetInvalid(f"{self.url}/{key}: is not there, so the dataset there is damaged") from error
        except (obstore.exceptions.BaseError, OSError) as error:
            raise RemoteUnavailable(f"{self.url}: {_sentence(error, key)}") from error


def _s3(bucket: str, path: str, limit_s: int) -> S3Store:
    obstore_store = _library()
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    settings = s3_settings() | ({"endpoint": endpoint} if endpoint else {})
    store: S3Store = obstore_store.S3Store(
        bucket,
        prefix=path.strip("/") or None,
        config={**settings, "checksum_algorithm": "sha256"},
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=limit_s),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=2 * PROBE_S)},
    )
    return store


def _local(folder: Path, make: bool) -> LocalStore:
    obstore_store = _library()
    if not folder.is_dir() and not (make and folder.parent.is_dir()):
        raise UsageError(f"{folder}: is not a folder (is the disk or the share mounted?)")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RemoteUnavailable(f"{folder}: cannot be made ({error.strerror})") from error
    store: LocalStore = obstore_store.LocalStore(folder)
    return store


def _library() -> ModuleType:
    try:
        import obstore.store
    except ModuleNotFoundError as error:
        raise MissingDependency("push and pull need obstore: pip install 'rove_teleop[s3]'") from error
    return obstore.store


def _sentence(error: Exception, key: str) -> str:
    text = str(error)
    for signs, sentence in _KNOWN:
        if any(sign in text for sign in signs):
            return sentence
    return f"{key or 'listing'} failed ({text.splitlines()[0][:200] if text else type(error).__name__})"


_NO_BUCKET = "NoSuchBucket"
_KNOWN = (
    (
        ("169.254.169.254", "169.254.170.2"),
        "no credentials were found (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)",
    ),
    ((_NO_BUCKET,), "there is no such bucket"),
    (
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403 Forbidden", "401 Unauthorized"),
        "the store refuses these credentials",
    ),
    (("error sending request", "timed out", "timeout", "error decoding response"), "the store does not answer"),
    (("No space left on device",), "the disk is full"),
)
