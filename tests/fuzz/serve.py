"""Many requests to one `edgecv serve`, with faults among them: no answer is wrong, and none that was taken is lost.

Clients send good pictures and tensors, damaged ones, half a body, a body byte by byte, too large a body, wrong keys
and rubbish, and go away in the middle; meanwhile worker processes are killed and the bundle is replaced, by a good one
and by one with other golden answers. At the end the memory is compared with that after a twentieth of the requests.

    python -m tests.fuzz.serve --requests 100000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests import bundles
from tests.serving import Server, encoded, serving

KEY = "a-key-of-the-test-0123456789"
CLIENTS, LARGEST = 12, 1 << 20
PREDICT, INFER = "/v2/models/colours/predict", "/v2/models/colours/infer"
COLOURS = {"red": (200, 10, 10), "green": (10, 190, 20), "blue": (10, 20, 210)}
PICTURES = {name: encoded(bundles.plain(colour)) for name, colour in COLOURS.items()}
LABELS = {"1d" * 32: bundles.LABELS, "2e" * 32: ("rot", "gruen", "blau")}
TENSOR = json.dumps(
    {"inputs": [{"name": "image", "shape": [1, 4, 4, 3], "datatype": "FP32", "data": [9.0, 90.0, 9.0] * 16}]}
).encode()


class DamageError(Exception):
    """An answer is wrong, lost, or says too much."""


class Campaign:
    """Counts what was sent and what came back."""

    def __init__(self, server: Server, requests: int, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.left = requests
        self._server = server
        self._random = random.Random(seed)
        kinds: dict[Callable[[], Any], int] = {
            self.good: 60,
            self.tensors: 10,
            self.bad: 10,
            self.too_large: 2,
            self.wrong_key: 4,
            self.unknown: 3,
            self.half: 3,
            self.slow: 2,
            self.gone: 4,
            self.rubbish: 2,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    async def client(self) -> None:
        """Send one request after the other until there is none left."""
        while self.left > 0:
            self.left -= 1
            await self._random.choices(self._kinds, self._weights)[0]()

    async def good(self) -> None:
        name = self._random.choice(list(PICTURES))
        status, answer = await self.ask(PREDICT, PICTURES[name])
        self.expect("good", status, 200, answer)
        labels = LABELS[answer["identity"]]
        if answer["label"] != labels[list(PICTURES).index(name)]:
            raise DamageError(f"{name} was answered {answer}")

    async def tensors(self) -> None:
        status, answer = await self.ask(INFER, TENSOR)
        self.expect("tensors", status, 200, answer)
        if int(np.argmax(answer["outputs"][0]["data"])) != 1:
            raise DamageError(f"the green tensor was answered {answer}")

    async def bad(self) -> None:
        picture = bytearray(PICTURES["red"])
        for _ in range(self._random.randint(1, 8)):
            picture[self._random.randrange(len(picture))] = self._random.randrange(256)
        status, answer = await self.ask(PREDICT, bytes(picture))
        self.counts[f"bad {status}"] += 1
        if status not in {200, 400, 413} or (status != 200 and "error" not in answer):
            raise DamageError(f"a damaged picture was answered {status} {answer}")

    async def too_large(self) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the server need not read it all
            status, answer = await self.ask(PREDICT, b"x" * (LARGEST + 1))
            self.expect("too large", status, 413, answer)

    async def wrong_key(self) -> None:
        status, answer = await self.ask(PREDICT, PICTURES["red"], key="wrong-key-0123456789")
        self.expect("wrong key", status, 401, answer)

    async def unknown(self) -> None:
        status, answer = await self.ask("/v2/models/nothing/predict", PICTURES["red"])
        self.expect("unknown", status, 404, answer)

    async def half(self) -> None:
        message = self.message(PREDICT, PICTURES["red"], KEY)
        await self.leave_after(message[: self._random.randrange(1, len(message))])

    async def gone(self) -> None:
        await self.leave_after(self.message(PREDICT, PICTURES["red"], KEY))

    async def slow(self) -> None:
        message = self.message(PREDICT, PICTURES["blue"], KEY)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        for start in range(0, len(message), 40):
            writer.write(message[start : start + 40])
            await asyncio.sleep(0.002)
        status, answer = await self.answer(reader)
        writer.close()
        self.expect("slow", status, 200, answer)

    async def rubbish(self) -> None:
        await self.leave_after(self._random.randbytes(self._random.randint(1, 300)))

    async def leave_after(self, data: bytes) -> None:
        """Send something and close the connection."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(data)
        await asyncio.sleep(self._random.choice([0, 0.001, 0.01]))
        writer.transport.abort()
        self.counts["left"] += 1

    async def ask(self, path: str, body: bytes, key: str = KEY) -> tuple[int, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        try:
            writer.write(self.message(path, body, key))
            return await self.answer(reader)
        finally:
            writer.transport.abort()

    @staticmethod
    def message(path: str, body: bytes, key: str) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, Any]:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b"Traceback" in body:
            raise DamageError(f"a traceback was answered: {body!r}")
        return int(head.split(b" ", 2)[1]), json.loads(body)

    def expect(self, what: str, status: int, wanted: int, answer: Any) -> None:
        self.counts[f"{what} {status}"] += 1
        if status != wanted:
            raise DamageError(f"{what} was answered {status} {answer}")


class Faults:
    """Kills worker processes and replaces the bundle until it is told to stop."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._server = server
        self._folder = folder

    async def kill(self) -> None:
        """Kill a worker now and then."""
        while True:
            await asyncio.sleep(random.uniform(1, 3))
            workers = self._server.workers()
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(random.choice(workers), signal.SIGKILL)
                self.counts["killed"] += 1

    async def swap(self) -> None:
        """Put another bundle in the place of the one that is served."""
        for number in range(1_000_000):
            await asyncio.sleep(random.uniform(3, 6))
            kind = ("other", "wrong", "first")[number % 3]
            fresh, place = self._folder / "fresh", self._folder / "colours.edgecv"
            await asyncio.to_thread(shutil.copytree, self._folder / kind, fresh)
            place.rename(self._folder / "before")
            fresh.rename(place)
            await asyncio.to_thread(shutil.rmtree, self._folder / "before")
            self.counts[f"swapped {kind}"] += 1


def resident(pid: int) -> int:
    """The memory of a process in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def run(server: Server, folder: Path, requests: int, seed: int) -> dict[str, Any]:
    """The whole campaign; what happened in it."""
    campaign, faults = Campaign(server, requests, seed), Faults(server, folder)
    disturbing = [asyncio.create_task(work) for work in (faults.kill(), faults.swap())]
    clients = [asyncio.create_task(campaign.client()) for _ in range(CLIENTS)]
    early, began = 0, time.perf_counter()
    while not all(client.done() for client in clients):
        await asyncio.wait(clients, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
        if any(client.done() and client.exception() for client in clients):
            break
        if not early and campaign.left < requests * 19 // 20:
            early = resident(server.process.pid)
    for task in (*disturbing, *(client for client in clients if not client.done())):
        task.cancel()
    for client in clients:
        await client
    late = resident(server.process.pid)
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "answers": dict(sorted(campaign.counts.items())),
        "faults": dict(faults.counts),
        "memory_kb": [early, late],
        "memory_ratio": round(late / early, 3) if early else None,
    }


def write_bundles(folder: Path) -> None:
    """A bundle, another one whose labels differ, and one with other golden answers."""
    bundles.write_bundle(folder / "first")
    bundles.write_bundle(folder / "other", bundles.colour_head(labels=LABELS["2e" * 32]), identity="2e" * 32)
    samples = bundles.golden_samples()
    for sample in samples:
        sample.outputs["colour"][:] = [[0.0, 1.0, 0.0]]
    bundles.write_bundle(folder / "wrong", samples=samples, identity="3f" * 32)
    shutil.copytree(folder / "first", folder / "colours.edgecv")


def main() -> None:
    """Run it, print what happened, and fail where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bundles(folder)
        (folder / "keys").write_text(KEY)
        options = ["--workers", 2, "--max-body", 1, "--quiet", "--api-key-file", folder / "keys"]
        with serving(folder, folder / "colours.edgecv", *options) as server:
            found = asyncio.run(run(server, folder, given.requests, given.seed))
            found["exit code"] = server.stop()
            errors = [line for line in server.log() if line["event"] == "server" and line["level"] == "error"]
    print(json.dumps(found, indent=2))
    if errors or found["exit code"] or (found["memory_ratio"] or 0) > 1.1:
        print(errors[:3])
        sys.exit(1)


if __name__ == "__main__":
    main()
