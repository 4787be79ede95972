"""The options of `edgecv serve` and their defaults; nothing heavy is imported here."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from edgecv_runtime.errors import UsageError

MIB: Final = 1 << 20
MOST_WORKERS: Final = 4  # where nobody says how many: each holds the model
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION: Final = re.compile(r"[0-9]{1,18}")


class ServeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of what one client may ask for, and of what may wait.

    Attributes:
        queue: Requests that may wait for a model; one more is answered 429.
        deadline: Seconds until a request is answered 504.
        body: Bytes of a request, in MiB.
        pixels: Pixels of a picture, in millions.
        pictures: Pictures in one request.
        held: Bytes of all requests that are under way, in MiB.
    """

    queue: int = 256
    deadline: float = 30.0
    body: int = 32
    pixels: float = 100.0
    pictures: int = 16
    held: int = 1024

    def __post_init__(self) -> None:
        if not 0 < self.deadline <= 3600:
            raise UsageError(f"--deadline must be over 0 and at most 3600 seconds, got {self.deadline:g}")
        if not 0.001 <= self.pixels <= 1000:
            raise UsageError(f"--max-pixels must be from 0.001 to 1000 million, got {self.pixels:g}")


class BundleChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle on the command line: its path, and the name and version that it is served under, where given."""

    path: Path
    name: str | None = None
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> BundleChoice:
        """Read `[NAME[@VERSION]=]PATH`.

        Raises:
            UsageError: The name or the version cannot stand in an address.
        """
        said, equals, path = text.partition("=")
        if not equals or os.sep in said or Path(text).exists():
            said, path = "", text
        if not path:
            raise UsageError("the path of a bundle cannot be empty")
        name, at, version = said.partition("@")
        if said and not NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a model's name", "Use letters, digits, dots, - and _")
        if at and not VERSION.fullmatch(version):
            raise UsageError(f"{version!r} cannot be a model's version", "Use a whole number")
        return cls(path=Path(path), name=name or None, version=str(int(version)) if version else None)


class ServiceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The bundles that are served, and how; for `edgecv.serve.app` as well as for the command.

    Attributes:
        bundles: What is served.
        workers: Processes for each bundle; None takes one for `threads` processors, and at most four.
        threads, target, precision, backend: As of `edgecv run`.
        thresholds: As of `edgecv run --threshold`, for every bundle.
        gates: Bars that are moved for the golden cases, as of `edgecv verify`.
        top: How many of the best classes an answer names.
        limits: Bounds.
        watch: Look every second whether a bundle has changed.
        allow_urls: The hosts that pictures may be fetched from, each with its port where that is not the usual one.
        api_key_file: The keys that clients need, one a line; None asks for none.
        cors: Origins whose pages may call the server.
        local_only: Refuse requests that call the server by another name than this machine's own.
        access_log: Log every request.
    """

    bundles: tuple[BundleChoice, ...]
    workers: int | None = None
    threads: int = 1
    target: str | None = None
    precision: str | None = None
    backend: str | None = None
    thresholds: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    top: int = 3
    limits: ServeLimits = ServeLimits()
    watch: bool = True
    allow_urls: tuple[str, ...] = ()
    api_key_file: Path | None = None
    cors: tuple[str, ...] = ()
    local_only: bool = False
    access_log: bool = True

    def __post_init__(self) -> None:
        if not self.bundles:
            raise UsageError("there is no bundle to serve")
        for name in ("workers", "threads", "top"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be at least 1, got {value}")

    @property
    def worker_count(self) -> int:
        """The number of processes for each bundle."""
        if self.workers is not None:
            return self.workers
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(usable // self.threads, MOST_WORKERS))


class ListenOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The address that the server listens at, and who may reach it.

    Attributes:
        host, port: The address; port 0 takes a free one.
        tls_cert, tls_key: PEM files; both or none.
        no_auth: Anybody may call the server, wherever it listens.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    no_auth: bool = False

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("--tls-cert and --tls-key belong together", "Give both, or none")

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_access(self, api_key_file: Path | None) -> None:
        """Refuse to listen to others without keys.

        Raises:
            UsageError: The address is not this machine's own, and nobody said who may call.
        """
        if api_key_file is not None and self.no_auth:
            raise UsageError("--api-key-file and --no-auth contradict each other", "Give one of them")
        if not self.loopback and api_key_file is None and not self.no_auth:
            raise UsageError(
                f"{self.host} can be reached from other machines, and no key is asked for",
                "Give --api-key-file FILE, or --no-auth where something else checks who calls",
            )


def choices(texts: Sequence[str | Path]) -> tuple[BundleChoice, ...]:
    """Read the bundles of a command line; raises as `BundleChoice.parse`."""
    return tuple(BundleChoice.parse(str(text)) for text in texts)
