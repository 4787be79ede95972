"""Sends one picture again and again from a number of clients, each with a connection that it keeps, and times it."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path

import uvloop

BOUNDARY = "benchmark"
WARM_UP = 1.0  # seconds that are not counted


def request(path: str, picture: bytes) -> bytes:
    """A form with one file, as browsers and curl send it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    body = head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    lines = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return lines.encode() + body


class Client(asyncio.Protocol):
    """One client: the next request goes out when the answer to the one before it is there."""

    def __init__(self, message: bytes, done: asyncio.Future[None]) -> None:
        self.times: list[tuple[float, float]] = []  # when each answer came, and how long it took
        self.failed = 0
        self.ending = False
        self._message = message
        self._done = done
        self._buffer = bytearray()
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count an answer that is complete, and send the next request."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer.clear()
        now = time.perf_counter()
        if head.startswith(b"http/1.1 200"):
            self.times.append((now, now - self._began))
        else:
            self.failed += 1
        if self.ending:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """Count a connection that the server closed."""
        self.failed += 0 if self.ending else 1
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._message)  # type: ignore[attr-defined]


async def load(port: int, message: bytes, clients: int, seconds: float) -> dict[str, float]:
    """Run all clients for so long, and sum up."""
    loop = asyncio.get_running_loop()
    running: list[tuple[Client, asyncio.Future[None]]] = []
    for _ in range(clients):
        done = loop.create_future()
        client = Client(message, done)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        running.append((client, done))
    start = time.perf_counter() + WARM_UP
    await asyncio.sleep(WARM_UP + seconds)
    end = time.perf_counter()
    for client, _ in running:
        client.ending = True
    await asyncio.wait([done for _, done in running], timeout=60)
    counted = sorted(took for client, _ in running for came, took in client.times if start <= came <= end)
    return {
        "per_second": round(len(counted) / (end - start), 1),
        "p50_ms": round(1e3 * counted[len(counted) // 2], 3),
        "p99_ms": round(1e3 * counted[int(0.99 * len(counted))], 3),
        "failed": sum(client.failed for client, _ in running),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    message = request(given.path, given.picture.read_bytes())
    print(json.dumps(uvloop.run(load(given.port, message, given.clients, given.seconds))))


if __name__ == "__main__":
    main()
