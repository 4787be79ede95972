"""Reading bundles: nothing in one is trusted before it is checked."""

from __future__ import annotations

import hashlib
import math
import re
import typing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

import msgspec

from edgecv_runtime.digest import sha256_file, sha256_tree
from edgecv_runtime.errors import BundleError, SpecError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.preprocess.rules import check
from edgecv_runtime.schema import SCHEMA_VERSION, Artifact, Golden, Manifest, Record

MANIFEST = "bundle.json"
LABELS = "labels.txt"
MAX_ELEMENTS = 1 << 28  # of one input or output
DTYPES = frozenset({"bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"})
ANEW = "Make the bundle again with edgecv convert"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk; close it (or use it as a context manager) to remove what was unpacked from a .zip."""

    root: Path
    manifest: Manifest
    unpacked: Path | None = None

    @classmethod
    def load(cls, path: Path | str, *, verify: bool = True) -> Bundle:
        """Open a NAME.edgecv folder or NAME.edgecv.zip; with `verify`, check every artifact's digest.

        Raises:
            BundleError: It is missing, damaged, unsafe, or written by another version.
        """
        path = Path(path)
        if not path.exists():
            raise BundleError(f"{path} does not exist", "Give a NAME.edgecv folder or a NAME.edgecv.zip")
        unpacked = None if path.is_dir() else _unpack(path)
        root = path if unpacked is None else _top(unpacked)
        try:
            bundle = cls(root=root, manifest=read_manifest(root / MANIFEST), unpacked=unpacked)
            for artifact in bundle.manifest.artifacts:
                _check_tensors(bundle.manifest, artifact)
                if verify:
                    _check_artifact(bundle, artifact)
        except BundleError:
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

    def path(self, artifact: Artifact) -> Path:
        """Where an artifact lies."""
        return self.root / artifact.file

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
        data = _read(self.root / info.file)
        if hashlib.sha256(data).hexdigest() != info.sha256:
            raise BundleError(f"{info.file} was changed since the bundle was made", ANEW)
        try:
            golden = msgspec.json.decode(data, type=Golden)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BundleError(f"{info.file}: {error}", _known_keys(str(error), Golden) or ANEW) from error
        if len(golden.cases) != info.count:
            raise BundleError(f"{info.file} lists {len(golden.cases)} cases, {MANIFEST} has {info.count}", ANEW)
        return golden

    def verify_integrity(self) -> None:
        """Check every file of the bundle: artifacts, labels, golden cases, and that nothing else lies among them.

        Raises:
            BundleError: Names the first file that is missing, changed or not listed.
        """
        for artifact in self.manifest.artifacts:
            _check_artifact(self, artifact)
        if self.manifest.labels is not None:
            wanted = "".join(f"{label}\n" for label in self.manifest.labels).encode()
            if _read(self.root / LABELS) != wanted:
                raise BundleError(f"{LABELS} does not hold the labels of {MANIFEST}", ANEW)
        listed = self._check_golden()
        self._check_strangers(listed)

    def _check_golden(self) -> set[str]:
        folder = PurePosixPath(self.manifest.golden.file).parent
        files = {self.manifest.golden.file}
        for case in self.golden().cases:
            tensors = [*case.inputs.values(), *case.outputs.values()]
            parts = [(tensor.file, tensor.sha256) for tensor in tensors]
            if case.image is not None and case.image_sha256 is not None:
                parts.append((case.image, case.image_sha256))
            for name, digest in parts:
                file = inside(str(folder / name))
                if not (self.root / file).is_file():
                    raise BundleError(f"{file} is missing", ANEW)
                if sha256_file(self.root / file) != digest:
                    raise BundleError(f"{file} was changed since the bundle was made", ANEW)
                files.add(file)
        return files

    def _check_strangers(self, listed: set[str]) -> None:
        artifacts = tuple(artifact.file for artifact in self.manifest.artifacts)
        for folder in ("tflite", "onnx", "coreml", "golden"):
            for path in sorted((self.root / folder).rglob("*")):
                name = path.relative_to(self.root).as_posix()
                ours = name in listed or any(name == file or name.startswith(f"{file}/") for file in artifacts)
                if path.is_file() and not ours:
                    raise BundleError(f"{name} is not listed in {MANIFEST}", "Remove it, or make the bundle again")


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of `bundle.json`, indented, keys in the order of the schema."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read and check `bundle.json`.

    Raises:
        BundleError: See the message; unknown keys come with the list of the known ones.
    """
    data = _read(path)
    version = _version(path, data)
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {version}, this edgecv reads up to {SCHEMA_VERSION}",
            "Update edgecv: pip install --upgrade edgecv",
        )
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.ValidationError as error:
        raise BundleError(f"{path}: {error}", _known_keys(str(error), Manifest) or ANEW) from error
    _check_manifest(path, manifest)
    return manifest


def _version(path: Path, data: bytes) -> int:
    try:
        content = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}", ANEW) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or version < 1:
        raise BundleError(f"{path} has no schema_version, so it is no bundle's manifest", ANEW)
    return version


def _known_keys(message: str, root: type[Record]) -> str | None:
    """For "Object contains unknown field `x` - at `$.a[...].b`", the keys that are known there."""
    found = re.search(r"unknown field `[^`]*`(?: - at `\$([^`]*)`)?", message)
    if found is None:
        return None
    kind: object = root
    for part in re.findall(r"\.(\w+)", found.group(1) or ""):
        kind = _member(kind, part)
    fields = getattr(kind, "__struct_fields__", ())
    return f"Known keys there are {', '.join(fields)}" if fields else None


def _member(kind: object, name: str) -> object:
    hint = typing.get_type_hints(kind).get(name) if hasattr(kind, "__struct_fields__") else None
    candidates = [hint]
    while candidates:
        candidate = candidates.pop()
        if hasattr(candidate, "__struct_fields__"):
            return candidate
        candidates.extend(typing.get_args(candidate))
    return None


def _check_manifest(path: Path, manifest: Manifest) -> None:
    for artifact in manifest.artifacts:
        inside(artifact.file)
    inside(manifest.golden.file)
    missing = [spec.name for spec in manifest.inputs if spec.name not in manifest.preprocess]
    if missing:
        raise BundleError(f"{path} does not say how the input {missing[0]!r} is preprocessed", ANEW)
    for field in ("artifacts", "inputs", "outputs"):
        if not getattr(manifest, field):
            raise BundleError(f"{path} lists no {field}", ANEW)
    _check_preprocess(path, manifest)
    try:
        Head.of(manifest)
    except SpecError as error:
        raise BundleError(f"{path}: postprocess: {error.message}", ANEW) from error


def _check_preprocess(path: Path, manifest: Manifest) -> None:
    for name, spec in manifest.preprocess.items():
        try:
            check(spec)
        except SpecError as error:
            raise BundleError(f"{path}: preprocess of {name!r}: {error.message}", ANEW) from error
        if spec.kind == "image" and spec.size is None:
            raise BundleError(f"{path}: preprocess of {name!r} has no size", ANEW)


def _check_tensors(manifest: Manifest, artifact: Artifact) -> None:
    """An artifact that is to run has the source's inputs and outputs, and scales to divide by."""
    for side, source in (("inputs", manifest.inputs), ("outputs", manifest.outputs)):
        mine = {io.name for io in getattr(artifact, side)}
        if mine != {spec.name for spec in source}:
            raise BundleError(f"the {side} of {artifact.file} are not the model's in {MANIFEST}", ANEW)
    for io in (*artifact.inputs, *artifact.outputs):
        if io.dtype not in DTYPES:
            raise BundleError(f"{io.name!r} in {artifact.file} has the dtype {io.dtype!r}", ANEW)
        if not io.shape or min(io.shape) < 1 or math.prod(io.shape) > MAX_ELEMENTS:
            raise BundleError(f"{io.name!r} in {artifact.file} has the shape {io.shape}", ANEW)
        if io.quantization is not None and not io.quantization.scale > 0:
            raise BundleError(f"the scale of {io.name!r} in {artifact.file} must be over 0", ANEW)


def inside(name: str) -> str:
    """The same relative path, if it stays in the bundle.

    Raises:
        BundleError: It does not.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts or ":" in path.parts[0]:
        raise BundleError(f"the bundle names the path {name!r}, which leaves it", "Do not use this bundle")
    return name


def _check_artifact(bundle: Bundle, artifact: Artifact) -> None:
    path = bundle.path(artifact)
    if not path.exists():
        raise BundleError(f"{artifact.file} is missing", ANEW)
    if sha256_tree(path) != artifact.sha256:
        raise BundleError(f"{artifact.file} was changed since the bundle was made", ANEW)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read: {error.strerror}", "Is this a bundle made by edgecv convert?"
        ) from error


def _unpack(path: Path) -> Path:
    from edgecv_runtime.archive import unpack  # zip support takes a while to import, and few bundles need it

    return unpack(path)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _top(folder: Path) -> Path:
    """Where the bundle lies in what was unpacked: at the top, or in the one folder there, as other tools pack it."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder
