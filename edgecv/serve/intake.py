"""Reading requests within their limits: bodies, multipart forms, and pictures at addresses that are allowed."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from edgecv.serve.options import MIB, ServeLimits
from edgecv.serve.refusals import RequestRefusedError, busy, invalid, too_large

MOST_FIELDS: Final = 32  # parts of a form that are no pictures
PATIENCE: Final = 2.0  # seconds for which a body that is too long is read on
MOST_DROPPED: Final = 256 * MIB
SLOW: Final = 10.0  # seconds that a host may take to answer
_options = lru_cache(256)(parse_options_header)  # clients send the same headers again and again


class HeldBytes:
    """Counts the bytes of all bodies that are under way, and refuses more than a limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @contextmanager
    def share(self) -> Iterator[HeldShare]:
        """Hold bytes until the end of the block."""
        share = HeldShare(self)
        try:
            yield share
        finally:
            self._held -= share.size

    def take(self, count: int) -> None:
        """Count bytes.

        Raises:
            RequestRefusedError: They would be too many.
        """
        if self._held + count > self._most:
            raise busy("too many bytes are under way")
        self._held += count


class HeldShare:
    """The part of one request in the bytes that are under way."""

    def __init__(self, whole: HeldBytes) -> None:
        self.size = 0
        self._whole = whole

    def take(self, count: int) -> None:
        """Count bytes; raises as `HeldBytes.take`."""
        self._whole.take(count)
        self.size += count


async def read_body(request: Request, limits: ServeLimits, share: HeldShare, deadline: float) -> bytes:
    """Read a request's body.

    Args:
        request: The request.
        limits: How long it may be.
        share: Counts its bytes.
        deadline: Until when it must be there, in the loop's time.

    Raises:
        RequestRefusedError: It is too long, too slow, or cut off; or too many bytes are under way.
    """
    most = limits.body * MIB
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise await _after_the_rest(request, most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout_at(deadline):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise await _after_the_rest(request, most)
                share.take(len(part))
                parts.append(part)
    except TimeoutError:
        raise RequestRefusedError(
            408, "the body did not come in time", outcome="slow", headers={"connection": "close"}
        ) from None
    except ClientDisconnect:
        raise RequestRefusedError(499, "the client has gone", outcome="cancelled") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _after_the_rest(request: Request, most: int) -> RequestRefusedError:
    """Read on for a moment before a body is refused: who is still sending would find the connection broken."""
    dropped = 0
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                dropped += len(part)
                if dropped > MOST_DROPPED:
                    break
    return too_large(f"a body may have {most // MIB} MiB")


def form_pictures(content_type: str, body: bytes, limits: ServeLimits) -> list[bytes]:
    """Return the files of a multipart form, whatever their fields are called.

    Raises:
        RequestRefusedError: It is no form, has no file, or too many.
    """
    _, options = _options(content_type)
    if b"boundary" not in options:
        raise invalid("the form has no boundary")
    alone = _only_file(body, options[b"boundary"])
    if alone is not None:
        return [alone]
    reader = _FormReader(limits.pictures)
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise invalid(f"the form cannot be read: {error}") from error
    if not reader.complete:
        raise invalid("the form is cut off")
    if not reader.files:
        raise invalid("the form has no file", "Send the picture as a file: curl -F picture=@photo.jpg")
    return reader.files


def _only_file(body: bytes, boundary: bytes) -> bytes | None:
    """Return the file of a plain form of one file, which most are; None for all others, which the parser reads."""
    begin, end = b"--" + boundary + b"\r\n", b"\r\n--" + boundary
    last, head_end = body.find(end), body.find(b"\r\n\r\n")
    if not body.startswith(begin) or not 0 < head_end <= last - 4 or body[last + len(end) :] not in {b"--\r\n", b"--"}:
        return None
    for line in body[len(begin) : head_end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-disposition":
            return body[head_end + 4 : last] if b"filename" in _options(value.strip())[1] else None
    return None


class _FormReader:
    """Takes the parser's callbacks, and keeps the files of a form in memory."""

    def __init__(self, most: int) -> None:
        self.files: list[bytes] = []
        self.complete = False
        self._most = most
        self._fields = 0
        self._header = bytearray()
        self._value = bytearray()
        self._is_file = False
        self._data: list[bytes] = []

    def callbacks(self) -> Any:
        """Return the functions by the names that the parser knows."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def _begin(self) -> None:
        self._is_file, self._data = False, []

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = _options(bytes(self._value))
            self._is_file = b"filename" in options
        self._header.clear()
        self._value.clear()

    def _end(self) -> None:
        if not self._is_file:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise too_large("the form has too many fields")
            return
        if len(self.files) == self._most:
            raise too_large(f"a request may have {self._most} pictures")
        self.files.append(b"".join(self._data))

    def _all(self) -> None:
        self.complete = True


class PictureAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A request that names a picture's address in place of sending it."""

    url: str


async def fetch_picture(
    body: bytes, allowed: Sequence[str], limits: ServeLimits, headers: Mapping[str, str], deadline: float
) -> bytes:
    """Fetch the picture that a JSON body names, from a host that is allowed. Redirections are not followed.

    Args:
        body: The request's.
        allowed: The hosts.
        limits: How long the picture may be.
        headers: What goes along, such as the trace.
        deadline: Until when it must be there, in the loop's time.

    Raises:
        RequestRefusedError: The body is no such request, the host is not allowed, or gave no picture.
    """
    try:
        url = msgspec.json.decode(body, type=PictureAddress).url
        parts = urlsplit(url)
        port = parts.port
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise invalid('the body must be a picture, a form, or {"url": "https://..."}') from error
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    names = {parts.netloc.lower(), *([(parts.hostname or "")] if port in {None, usual} else [])}
    if usual is None or "@" in parts.netloc or names.isdisjoint(host.lower() for host in allowed):
        raise RequestRefusedError(403, "pictures are not fetched from there", outcome="forbidden")
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.to_thread(_fetch, parts.scheme, parts.hostname or "", port, target, headers, limits)
    except TimeoutError:
        raise RequestRefusedError(504, "the picture's host did not answer in time", outcome="deadline") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RequestRefusedError(502, f"the picture cannot be fetched: {error}", outcome="unreachable") from error


def _fetch(
    scheme: str, host: str, port: int | None, target: str, headers: Mapping[str, str], limits: ServeLimits
) -> bytes:
    if scheme == "https":
        link: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=SLOW, context=ssl.create_default_context()
        )
    else:
        link = http.client.HTTPConnection(host, port, timeout=SLOW)
    try:
        link.request("GET", target, headers=dict(headers))
        with link.getresponse() as response:
            if response.status != 200:
                raise ValueError(f"its host answered {response.status}")
            data = response.read(limits.body * MIB + 1)
    finally:
        link.close()
    if len(data) > limits.body * MIB:
        raise too_large(f"a picture may have {limits.body} MiB")
    return data
