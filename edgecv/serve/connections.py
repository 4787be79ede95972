"""The connections of the server: a client that does not even send the head of a request does not keep one."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


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
        super().connection_made(transport)  # type: ignore[arg-type]
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

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
