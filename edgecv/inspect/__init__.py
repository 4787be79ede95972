"""Look into a trained model, a converted file or a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate import WorkerLimits, run_alone
from edgecv_converters.source.request import SourceRequest
from edgecv_runtime.errors import SourceError

from edgecv.inspect.alone import look_into
from edgecv.inspect.bundle import MANIFEST, inspect_bundle, is_bundle_zip
from edgecv.inspect.layers import inspect_layers
from edgecv.inspect.records import (
    BundleInspection,
    Inspection,
    LayersInspection,
    ModelInspection,
)
from edgecv.inspect.tables import tables

__all__ = [
    "ArtifactInspection",
    "BundleInspection",
    "Inspection",
    "LayersInspection",
    "ModelInspection",
    "inspect",
    "inspect_layers",
    "tables",
]


def inspect(
    path: Path,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    allow_code: bool = False,
    custom_objects: str | None = None,
    signature: str | None = None,
) -> Inspection:
    """Find out what a path is by its content, and describe it.

    A model or an artifact is read in a process of its own: what is damaged may crash the library that reads it.

    Args:
        path: A model, a .tflite, .onnx or .mlpackage, or a bundle (a folder or a .zip).
        input_shapes: For a model whose inputs have open dimensions.
        allow_code: Load a model that carries Python code.
        custom_objects: The module with a model's own layers; it may lie in the working directory.
        signature: The signature or function of a SavedModel to take; by default the one that serves.

    Raises:
        SourceError: The path is missing, or nothing that edgecv knows.
        BundleError: A converted file or a bundle is damaged.
        BackendError: The library that reads it crashed.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist", "Give a model, a converted file or a bundle")
    if (path / MANIFEST).is_file() or (path.is_file() and is_bundle_zip(path)):
        return inspect_bundle(path)
    request = SourceRequest(
        path=path.absolute(),
        input_shapes=dict(input_shapes or {}),
        allow_code=allow_code,
        custom_objects=custom_objects,
        signature=signature,
        modules=None if custom_objects is None else Path.cwd(),
    )
    found: Inspection = run_alone(f"reading {path.name}", look_into, WorkerLimits.of_machine(), request=request)
    return found
