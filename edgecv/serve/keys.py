"""The keys that clients must show."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import UsageError
from starlette.datastructures import Headers

AGAIN: Final = 1.0  # seconds between looks at whether the file has changed
LEAST: Final = 16  # letters of a key


class ApiKeys:
    """The keys in a file, one a line, which is read again when it changes; lines that begin with # are comments.

    Raises:
        UsageError: The file cannot be read, has no key, or one that is too short.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._look()
        self._digests = self._read()
        self._looked = time.monotonic()

    def admit(self, headers: Headers) -> bool:
        """Tell whether a request shows one of the keys: `Authorization: Bearer KEY`, or `X-API-Key: KEY`."""
        self._refresh()
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = headers.get("x-api-key", "")
        digest = _digest(given.strip())
        # Every key is compared, so that the time tells nothing of which one was nearly right.
        return bool(sum([hmac.compare_digest(digest, known) for known in self._digests]))

    def _refresh(self) -> None:
        """Read the file again where it has changed; where it cannot be used, the keys before stay."""
        now = time.monotonic()
        if now - self._looked < AGAIN:
            return
        self._looked = now
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._digests, self._stamp = self._read(), stamp
        except UsageError:
            return

    def _look(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {error.strerror}") from error
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> tuple[bytes, ...]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self._path} cannot be read as text") from error
        keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not keys:
            raise UsageError(f"{self._path} has no key", "Write one a line")
        if any(len(key) < LEAST for key in keys):
            raise UsageError(f"{self._path} has a key under {LEAST} letters", "Make them with openssl rand -hex 32")
        return tuple(map(_digest, keys))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
