"""Bundles packed into one .zip: nothing is unpacked but what the manifest lists, and no more bytes than it says."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, Self

from edgecv_runtime.bundle import LABELS, MANIFEST, MOST_TEXT, REPORTS
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB, open_regular
from edgecv_runtime.left_out import ListedFile
from edgecv_runtime.manifest import ANEW, ManifestFile, decode_manifest
from edgecv_runtime.paths import inside, shortened
from edgecv_runtime.schema import Artifact

MOST_ENTRIES: Final = 4096
MOST_LISTING: Final = MOST_ENTRIES * 256  # bytes of the table of contents
MOST_UNPACKED: Final = 8 << 30  # bytes; no edge model comes near
FREE: Final = 64 * MIB  # bytes that a bundle may unpack to, however small it is packed
MOST_RATIO: Final = 50  # unpacked over packed, above that: weights do not compress like that, bombs do
METHODS: Final = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
KINDS: Final = frozenset((0, stat.S_IFREG, stat.S_IFDIR))  # 0: a system without kinds of files has packed it
ENCRYPTED: Final = 1  # of an entry's flags
HARM: Final = "Do not use it"
DAMAGED: Final = (  # what the library raises for a stranger's file
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError),
    *(struct.error, OverflowError),
)


class _Bounded(io.BufferedReader):
    """A file of which only so much is read at once: the library reads a table of contents of any length in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(MOST_LISTING + 1 if size is None or size < 0 else min(size, MOST_LISTING + 1))
        if len(data) > MOST_LISTING:
            raise zipfile.BadZipFile(f"its table of contents is longer than that of {MOST_ENTRIES:,} files")
        return data


class Archive:
    """A bundle's .zip, opened; a context manager.

    Raises:
        BundleError: It cannot be read, or is no .zip.
    """

    def __init__(self, path: Path) -> None:
        self.name = shortened(str(path))
        with self._readable():
            self._file = _Bounded(open_regular(path).detach())
            try:
                if path.suffix.lower() != ".zip":
                    self._check_kind()
                self._zip = zipfile.ZipFile(self._file)
            except BaseException:
                self._file.close()
                raise
        self._size = path.stat().st_size
        names = [entry.filename for entry in self._zip.infolist()]
        tops = {name.split("/")[0] for name in names}
        self._prefix = "" if MANIFEST in names or len(tops) != 1 else f"{tops.pop()}/"
        self.holds_bundle = f"{self._prefix}{MANIFEST}" in names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()

    def manifest(self) -> ManifestFile:
        """The bundle's manifest, checked.

        Raises:
            BundleError: See `manifest.decode_manifest`; or the .zip is damaged or would harm.
        """
        return decode_manifest(self.read(MANIFEST, MOST_TEXT), f"{self.name}/{MANIFEST}")

    def read(self, name: str, most: int) -> bytes:
        """One file of the bundle, of at most so many bytes.

        Raises:
            BundleError: It is missing, too large, or damaged.
        """
        entry = self._entries().get(name)
        if entry is None:
            raise BundleError(f"{self.name} has no {name}", "Is this a bundle made by edgecv convert?")
        if entry.file_size > most:
            size = f"{entry.file_size / MIB:,.0f} MiB"
            raise BundleError(f"{name} in {self.name} unpacks to {size}, which it never has in a bundle", HARM)
        with self._readable():
            return self._zip.read(entry)

    def unpack(self, folder: Path) -> None:
        """Write what the manifest lists into a folder.

        Raises:
            BundleError: The .zip is damaged, would harm, or holds what the manifest does not list.
        """
        wanted = self._wanted(self.manifest())
        total = sum(entry.file_size for entry in wanted.values())
        if total > min(MOST_UNPACKED, FREE + MOST_RATIO * self._size):
            raise BundleError(f"{self.name} unpacks to {total / MIB:,.0f} MiB, which no bundle does", HARM)
        with self._readable():
            for name, entry in wanted.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with self._zip.open(entry) as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink, MOST_LISTING)

    def _wanted(self, found: ManifestFile) -> Mapping[str, zipfile.ZipInfo]:
        """The entries to unpack by their names in the bundle."""
        manifest = found.manifest
        listed: tuple[Artifact | ListedFile, ...] = (*manifest.artifacts, *found.left_out.files)
        allowed = {part.file: part.bytes for one in listed for part in one.parts}
        golden = str(PurePosixPath(manifest.golden.file).parent)
        wanted = {}
        for name, entry in self._entries().items():
            owner = next((file for file in allowed if name == file or name.startswith(f"{file}/")), None)
            if owner is not None:
                allowed[owner] -= entry.file_size
                if allowed[owner] < 0:
                    raise BundleError(f"{owner} in {self.name} has more bytes than {MANIFEST} says", HARM)
            elif name not in {MANIFEST, LABELS, manifest.golden.file, *REPORTS} and not name.startswith(f"{golden}/"):
                raise BundleError(
                    f"{self.name} holds {shortened(name)}, which is not listed in {MANIFEST}",
                    "Pack only what edgecv convert wrote, or do not use it",
                )
            if name not in REPORTS:
                wanted[name] = entry
        return wanted

    def _entries(self) -> dict[str, zipfile.ZipInfo]:
        """The files by their names in the bundle, every entry checked."""
        listed = self._zip.infolist()
        if len(listed) > MOST_ENTRIES:
            raise BundleError(f"{self.name} holds {len(listed):,} files, a bundle has at most {MOST_ENTRIES:,}", HARM)
        entries = {}
        for entry in listed:
            path = str(PurePosixPath(inside(entry.orig_filename)))
            self._check(entry)
            if path in entries:
                raise BundleError(f"{self.name} holds {shortened(path)} twice", HARM)
            entries[path] = entry
        start = len(self._prefix)
        return {path[start:]: entry for path, entry in entries.items() if not entry.is_dir()}

    def _check_kind(self) -> None:
        if not zipfile.is_zipfile(self._file):
            raise BundleError(
                f"{self.name} is no bundle: neither a folder nor a .zip",
                "Give a NAME.edgecv folder or a NAME.edgecv.zip, as edgecv convert makes them",
            )

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = shortened(entry.filename)
        if entry.compress_type not in METHODS:
            raise BundleError(
                f"{self.name} is packed with neither store nor deflate", "Pack it anew with an ordinary zip tool"
            )
        if entry.flag_bits & ENCRYPTED:
            raise BundleError(f"{name} in {self.name} is encrypted", "Pack it anew without a password")
        if stat.S_IFMT(entry.external_attr >> 16) not in KINDS:
            raise BundleError(f"{name} in {self.name} is no file, but a link or the like", HARM)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except DAMAGED as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise BundleError(f"{self.name} is not a readable .zip: {shortened(reason)}", ANEW) from error


def unpack(path: Path, scratch: Path | None = None) -> Path:
    """Unpack into a new folder in `scratch`, or where this system keeps temporary files.

    Raises:
        BundleError: It is no .zip, or one that is damaged or would harm; nothing is left behind.
    """
    with Archive(path) as archive:
        folder = Path(tempfile.mkdtemp(prefix="edgecv-", dir=scratch))
        try:
            archive.unpack(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder
