"""A running `edgecv serve` for tests, and requests to it."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def form(*files: bytes, boundary: str = "edge") -> tuple[bytes, str]:
    """The body and the content type of a form with files."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="f{number}"; filename="{number}.png"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for number, data in enumerate(files)
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@dataclass
class Server:
    """`edgecv serve` in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    errors: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request on a connection of its own: the status, and the answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, path, body, headers or {})
            response = link.getresponse()
            data = response.read()
        finally:
            link.close()
        is_json = response.getheader("content-type") == "application/json"
        return response.status, json.loads(data) if is_json else data

    def log(self) -> list[dict[str, Any]]:
        """The log so far."""
        lines = self.errors.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def workers(self) -> list[int]:
        """The numbers of the worker processes."""
        children = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
        return children

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@contextmanager
def serving(folder: Path, *arguments: object, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Serve at a free port until the block ends; it is ready when the block begins."""
    errors = folder / "errors.txt"
    with errors.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "edgecv", "serve", *map(str, arguments), "--port", "0"],
            stderr=sink,
            env={**os.environ, **(env or {})},
        )
    try:
        yield Server(process, _port(process, errors), errors)
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[bytes], errors: Path) -> int:
    from tests.processes import comes_true

    def ready() -> bool:
        return process.poll() is not None or '"event":"ready"' in errors.read_text()

    assert comes_true(ready, 40), errors.read_text()
    assert process.poll() is None, errors.read_text()
    line = next(line for line in errors.read_text().splitlines() if '"event":"ready"' in line)
    return int(json.loads(line)["address"].rpartition(":")[2])
