"""Reading bundles: nothing in one is trusted before it is checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, Self

import msgspec

from edgecv_runtime import formats
from edgecv_runtime.digest import entries_below, sha256_file, sha256_tree, tree_bytes
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.golden_schema import Golden
from edgecv_runtime.left_out import NOTHING_LEFT_OUT, LeftOut, ListedFile
from edgecv_runtime.manifest import ANEW, MAX_ELEMENTS, ManifestFile, check_cases, decode_manifest, decode_record
from edgecv_runtime.paths import locate, shortened
from edgecv_runtime.schema import Artifact, DataFile, Manifest

MANIFEST = "bundle.json"
LABELS = "labels.txt"
REPORTS: Final = ("report.json", "report.html")
MOST_TEXT: Final = 16 * MIB  # bytes of bundle.json and labels.txt
MOST_GOLDEN: Final = 64 * MIB  # of the list of golden cases, which has sketches of every layer
MOST_TENSOR: Final = 8 * MAX_ELEMENTS  # bytes of a golden picture or tensor
FOLDERS: Final = frozenset({*formats.KNOWN, "golden"})  # where every file must be listed
REMOVE: Final = "Remove it, or make the bundle again"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk; close it (or use it as a context manager) to remove what was unpacked from a .zip."""

    root: Path
    manifest: Manifest
    unpacked: Path | None = None
    unread: LeftOut = NOTHING_LEFT_OUT

    @classmethod
    def load(cls, path: Path | str, *, verify: bool = True, scratch: Path | None = None) -> Bundle:
        """Open a NAME.edgecv folder or NAME.edgecv.zip; with `verify`, check every artifact's digest.

        A .zip is unpacked into a new folder in `scratch`, or where this system keeps temporary files.

        Raises:
            BundleError: It is missing, damaged, unsafe, or written by another version.
        """
        path = Path(path)
        if not _is_there(path):
            raise BundleError(
                f"{shortened(str(path))} does not exist", "Give a NAME.edgecv folder or a NAME.edgecv.zip"
            )
        unpacked = None if path.is_dir() else _unpack(path, scratch)
        try:
            root = unpacked or path
            found = read_manifest(root)
            bundle = cls(root=root, manifest=found.manifest, unpacked=unpacked, unread=found.left_out)
            for artifact in bundle.manifest.artifacts if verify else ():
                bundle.check(artifact)
        except BaseException:
            if unpacked is not None:
                _remove(unpacked)
            raise
        return bundle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was unpacked."""
        if self.unpacked is not None:
            _remove(self.unpacked)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences on what the bundle holds and this edgecv does not know."""
        return self.unread.sentences

    def file(self, name: str) -> Path:
        """Find a file or folder of the bundle; nothing else leads to one.

        Raises:
            BundleError: The name, or a symbolic link on its way, leads out of the bundle.
        """
        return locate(self.root, name)

    def path(self, artifact: Artifact | ListedFile) -> Path:
        """Find an artifact's file or folder; raises as `file`, also for its second file."""
        first, *_ = [self.file(part.file) for part in artifact.parts]
        return first

    def artifact(self, target: str | None = None, precision: str | None = None) -> Artifact:
        """The first artifact of that target and precision.

        Raises:
            BundleError: There is none; the hint lists those there are.
        """
        for artifact in self.manifest.artifacts:
            if target in {None, artifact.target} and precision in {None, artifact.precision}:
                return artifact
        asked = " ".join(part for part in (target, precision) if part) or "artifact"
        there = ", ".join(f"{artifact.target} {artifact.precision}" for artifact in self.manifest.artifacts)
        raise BundleError(f"the bundle {self.manifest.name} has no {asked}", f"It has {there or 'nothing'}")

    def golden(self) -> Golden:
        """The list of golden cases.

        Raises:
            BundleError: The list was changed or is damaged.
        """
        info = self.manifest.golden
        data = read_within(self.root, info.file, MOST_GOLDEN)
        if hashlib.sha256(data).hexdigest() != info.sha256:
            raise BundleError(f"{info.file} was changed since the bundle was made", ANEW)
        golden = decode_record(data, Golden, info.file)
        if len(golden.cases) != info.count:
            raise BundleError(f"{info.file} lists {len(golden.cases)} cases, {MANIFEST} has {info.count}", ANEW)
        check_cases(golden, self.manifest, self.unread)
        return golden

    def check(self, artifact: Artifact | ListedFile) -> None:
        """Check an artifact's sizes and digests.

        Raises:
            BundleError: It is missing, was changed, cannot be read, or holds what no digest covers.
        """
        for part in artifact.parts:
            self._check_part(part)

    def _check_part(self, part: Artifact | ListedFile | DataFile) -> None:
        path, name = self.file(part.file), shortened(part.file)
        if not _is_there(path):
            raise BundleError(f"{name} is missing", ANEW)
        try:
            same = tree_bytes(path) == part.bytes and sha256_tree(path) == part.sha256
        except OSError as error:
            raise BundleError(f"{name} cannot be read: {error.strerror}", ANEW) from error
        if not same:
            raise BundleError(f"{name} was changed since the bundle was made", ANEW)

    def verify_integrity(self) -> None:
        """Check every file of the bundle: artifacts, labels, golden cases, and that nothing else lies among them.

        Raises:
            BundleError: Names the first file that is missing, changed or not listed.
        """
        for listed in self.listed():
            self.check(listed)
        if self.manifest.labels is not None:
            wanted = "".join(f"{label}\n" for label in self.manifest.labels).encode()
            if read_within(self.root, LABELS, MOST_TEXT) != wanted:
                raise BundleError(f"{LABELS} does not hold the labels of {MANIFEST}", ANEW)
        self._check_strangers(self._check_cases())

    def listed(self) -> tuple[Artifact | ListedFile, ...]:
        """Return every artifact of the bundle, also those that this edgecv does not know."""
        return (*self.manifest.artifacts, *self.unread.files)

    def _check_cases(self) -> set[str]:
        """Check the golden files' digests; the names of all of them."""
        folder = PurePosixPath(self.manifest.golden.file).parent
        files = {self.manifest.golden.file}
        for case in self.golden().cases:
            parts = [(tensor.file, tensor.sha256) for tensor in case.tensors]
            if case.image is not None and case.image_sha256 is not None:
                parts.append((case.image, case.image_sha256))
            for name, digest in parts:
                file = str(folder / name)
                self._check_file(file, digest)
                files.add(file)
        return files

    def _check_file(self, name: str, digest: str) -> None:
        path = self.file(name)
        if not _is_there(path):
            raise BundleError(f"{shortened(name)} is missing", ANEW)
        try:
            found = sha256_file(path, MOST_TENSOR)
        except OSError as error:
            raise BundleError(f"{shortened(name)} cannot be read: {error.strerror}", ANEW) from error
        if found != digest:
            raise BundleError(f"{shortened(name)} was changed since the bundle was made", ANEW)

    def _check_strangers(self, golden: set[str]) -> None:
        """Refuse what no digest covers in any folder that holds artifacts or golden files, links and pipes too."""
        listed = {PurePosixPath(name) for name in (*golden, MANIFEST, LABELS, *REPORTS)}
        artifacts = {PurePosixPath(part.file) for one in self.listed() for part in one.parts}
        owned = {path.parts[0] if len(path.parts) > 1 else "." for path in (*artifacts, *map(PurePosixPath, golden))}
        for folder in sorted(owned | FOLDERS):
            try:
                found = sorted(entries_below(self.file(folder) if folder != "." else self.root))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise BundleError(f"{shortened(folder)} cannot be read: {error.strerror}", ANEW) from error
            for path in found:
                name = PurePosixPath(path.relative_to(self.root).as_posix())
                if name not in listed and artifacts.isdisjoint((name, *name.parents)):
                    raise BundleError(f"{shortened(str(name))} is not listed in {MANIFEST}", REMOVE)


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of `bundle.json`, indented, keys in the order of the schema."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(root: Path) -> ManifestFile:
    """Read and check the `bundle.json` in a bundle's folder.

    Raises:
        BundleError: See the message; unknown keys come with the list of the known ones.
    """
    return decode_manifest(read_within(root, MANIFEST, MOST_TEXT), str(root / MANIFEST))


def read_within(root: Path, name: str, most: int) -> bytes:
    """The bytes of a file of a bundle.

    Raises:
        BundleError: It is missing, cannot be read, is no regular file, is larger than `most`, or leads outside.
    """
    path = locate(root, name)
    try:
        return read_regular(path, most)
    except OSError as error:
        raise BundleError(
            f"{shortened(str(path))} cannot be read: {error.strerror}", "Is this a bundle made by edgecv convert?"
        ) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _unpack(path: Path, scratch: Path | None) -> Path:
    from edgecv_runtime.archive import unpack  # zip support takes a while to import, and few bundles need it

    return unpack(path, scratch)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
