"""Look into a trained model, a converted file or a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgecv_runtime.errors import SourceError

from edgecv.inspecting.layers import inspect_layers
from edgecv.inspecting.records import (
    ArtifactInspection,
    BundleInspection,
    Inspection,
    LayersInspection,
    ModelInspection,
)
from edgecv.inspecting.tables import tables

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
) -> Inspection:
    """Find out what a path is by its content, and describe it.

    Args:
        path: A model, a .tflite, .onnx or .mlpackage, or a bundle (a folder or a .zip).
        input_shapes: For a model whose inputs have open dimensions.
        allow_code: Load a model that carries Python code.
        custom_objects: The module with a model's own layers.

    Raises:
        SourceError: The path is missing, or nothing that edgecv knows.
        BundleError: A converted file or a bundle is damaged.
    """
    from edgecv.inspecting.quiet import quiet_stderr

    with quiet_stderr():
        found = _converted(path)
        if found is not None:
            return found
        from edgecv.inspecting.model import inspect_model

        return inspect_model(path, input_shapes, allow_code=allow_code, custom_objects=custom_objects)


def _converted(path: Path) -> Inspection | None:
    """Describe a bundle or an artifact; None where the path is for the model loader to judge."""
    from edgecv.inspecting.bundle import MANIFEST, inspect_bundle, is_bundle_zip
    from edgecv.inspecting.coreml import inspect_coreml
    from edgecv.inspecting.onnx import inspect_onnx
    from edgecv.inspecting.tflite import inspect_tflite

    if not path.exists():
        raise SourceError(f"{path} does not exist", "Give a model, a converted file or a bundle")
    if path.is_dir():
        if (path / MANIFEST).is_file():
            return inspect_bundle(path)
        return inspect_coreml(path) if (path / "Manifest.json").is_file() else None
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise SourceError(f"{path.name} is empty", "Give a model, a converted file or a bundle")
    if head[4:8] == b"TFL3":
        return inspect_tflite(path)
    if path.suffix == ".onnx":
        return inspect_onnx(path)
    if path.suffix == ".mlmodel":
        return inspect_coreml(path)
    return inspect_bundle(path) if is_bundle_zip(path) else None
