"""The connections of the server: a client that does not even send the head of a request does not keep one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_END: Final = b"\r\n\r\n"


class WholeAnswers:
    """A connection's transport that sends the head of an answer together with its body.

    uvicorn writes them one after the other, and each write is a call of the system that wakes the client.

    Args:
        transport: What really sends.
        under_way: Tells whether an answer has begun that is not complete.
    """

    def __init__(self, transport: asyncio.Transport, under_way: Callable[[], bool]) -> None:
        self._transport = transport
        self._under_way = under_way
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send bytes; the head of an answer waits for what comes next."""
        if not self._head and data.endswith(HEAD_END) and self._under_way():
            self._head = data
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def flush(self) -> None:
        """Send a head that has no body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Send what waits, and close the connection."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return everything else of the transport itself."""
        return getattr(self._transport, name)


class TimedConnection(HttpToolsProtocol):
    """uvicorn's connection, which ends where the head of a request takes longer than `seconds`.

    uvicorn itself waits for ever for the first byte and between bytes; a body has its own limit (see `intake.py`).
    """

    seconds: ClassVar[float] = 30.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def within(cls, seconds: float) -> type[TimedConnection]:
        """Return the class of connections with another time."""
        return type(cls.__name__, (cls,), {"seconds": seconds})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait, as asyncio calls it."""
        self._answers = WholeAnswers(cast("asyncio.Transport", transport), self._answering)
        super().connection_made(self._answers)  # type: ignore[arg-type]
        self._timer = self.loop.call_later(self.seconds, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, as asyncio calls it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head, as the parser calls it."""
        super().on_message_begin()
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.close)

    def on_headers_complete(self) -> None:
        """Stop waiting, as the parser calls it."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Send an answer that has no body, as the end of every answer calls it."""
        self._answers.flush()
        super().on_response_complete()

    def _answering(self) -> bool:
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
