"""The payload for a machine over ssh: the bundle's files and edgecv's own runtime, as one tar stream."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import edgecv_runtime
from edgecv_runtime.bundle import LABELS, MANIFEST
from edgecv_runtime.formats import KNOWN

from edgecv.machine import versions

BUNDLE, SAMPLES = "bundle.edgecv", "samples"
PARTS = (MANIFEST, LABELS, "golden", *KNOWN)  # reports stay here
BLOCK = 4096  # bytes; what a file takes on a disk is a multiple of it
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Payload:
    """Files by the names that they get there, and the version of edgecv that they are of."""

    files: tuple[tuple[str, Path], ...]
    version: str

    @classmethod
    def of(cls, bundle: Path, samples: Path | None = None) -> Self:
        """A bundle's folder, the package edgecv_runtime, and a folder of inputs to answer."""
        package = Path(edgecv_runtime.__file__).parent
        code = ((f"{package.name}/{name}", path) for name, path in _files(package) if "__pycache__" not in name)
        parts = ((f"{BUNDLE}/{name}", path) for name, path in _files(bundle) if name.split("/")[0] in PARTS)
        inputs = () if samples is None else ((f"{SAMPLES}/{name}", path) for name, path in _files(samples))
        return cls((*code, *parts, *inputs), versions(("edgecv",))["edgecv"])

    @property
    def size(self) -> int:
        """Bytes that it takes on the device's disk."""
        return sum((path.stat().st_size // BLOCK + 1) * BLOCK for _, path in self.files)

    def write(self, stream: IO[bytes], progress: Progress) -> None:
        """Write the tar stream; `progress` gets the bytes sent so far and all bytes.

        Raises:
            OSError: The stream broke, or a file cannot be read.
        """
        sent, total = 0, sum(path.stat().st_size for _, path in self.files)
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            archive.addfile(*self._metadata())
            for name, path in self.files:
                with path.open("rb") as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = path.stat().st_size
                    archive.addfile(entry, _ProgressReader(file, sent, total, progress))
                    sent += entry.size
        stream.flush()
        progress(total, total)

    def _metadata(self) -> tuple[tarfile.TarInfo, IO[bytes]]:
        """The metadata that tell Python's importlib.metadata the version, whichever edgecv is installed there."""
        data = f"Metadata-Version: 2.1\nName: edgecv\nVersion: {self.version}\n".encode()
        entry = tarfile.TarInfo(f"edgecv-{self.version}.dist-info/METADATA")
        entry.size = len(data)
        return entry, io.BytesIO(data)


class _ProgressReader(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], before: int, total: int, progress: Progress) -> None:
        self._file = file
        self._sent = before
        self._total = total
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._sent += len(data)
        self._progress(self._sent, self._total)
        return data


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path
