"""Bundles whose ONNX model has a second file, as models above 2 GB have: small ones, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.onnx.large import set_place
from edgecv_converters.targets import ConversionJob, Converted, find
from edgecv_converters.workers import convert_artifact
from edgecv_runtime.bundle import encode_manifest, read_manifest
from edgecv_runtime.digest import sha256_file
from edgecv_runtime.schema import Artifact, DataFile, Manifest

from tests import bundles

FIRST = "onnx/model.float32.onnx"
SECOND = f"{FIRST}.data"
MOST = 100_000


def convert_in_two_files(job: ConversionJob, store: ObjectStore) -> Converted:
    """Convert in a worker as edgecv does, with another bound on the bytes of a model in one file."""
    target: Any = find("onnx")
    target.most = MOST
    return convert_artifact(job, store)


def write_bundle(root: Path) -> Manifest:
    """The bundle of `bundles.write_bundle`, whose float32 model takes a constant from its second file."""
    import onnx

    bundles.write_bundle(root)
    model = onnx.load(root / FIRST)
    tenth = next(tensor for tensor in model.graph.initializer if tensor.name == "tenth")
    (root / SECOND).write_bytes(bytes(8) + np.float32(0.1).tobytes())
    set_place(tenth, location="model.float32.onnx.data", offset=8, length=4)
    write_first(root, model)
    return read_manifest(root).manifest


def write_first(root: Path, model: Any) -> None:
    """Write the model, and let the manifest have the digests of both files as they are now."""
    (root / FIRST).write_bytes(model.SerializeToString())
    record(root)


def record(root: Path, **changed: Any) -> None:
    """Let the manifest have the sizes and digests of both files; `changed` are other keys of the second file."""
    manifest = read_manifest(root).manifest
    artifact: Artifact = manifest.artifacts[0]
    data = DataFile(**{"file": SECOND, "sha256": sha256_file(root / SECOND), "bytes": size(root / SECOND), **changed})
    artifact = msgspec.structs.replace(artifact, sha256=sha256_file(root / FIRST), bytes=size(root / FIRST), data=data)
    artifacts = (artifact, *manifest.artifacts[1:])
    (root / "bundle.json").write_bytes(encode_manifest(msgspec.structs.replace(manifest, artifacts=artifacts)))


def size(path: Path) -> int:
    """The bytes of a file."""
    return path.stat().st_size
