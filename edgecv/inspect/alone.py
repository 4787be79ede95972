"""Describes a trained model or a converted file, in the process that this is called in."""

from __future__ import annotations

from pathlib import Path

from edgecv_converters.source.request import SourceRequest
from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import open_regular

from edgecv.inspect.records import ArtifactInspection, Inspection

HINT = "Give a model, a converted file or a bundle"


def look_into(request: SourceRequest) -> Inspection:
    """Describe a model or an artifact; the options of the request count for a model.

    Raises:
        EdgecvError: It is damaged, or nothing that edgecv knows.
    """
    found = _artifact(request.path)
    if found is not None:
        return found
    from edgecv.inspect.model import inspect_model

    return inspect_model(request)


def _artifact(path: Path) -> ArtifactInspection | None:
    """Describe a converted file; None where the path is for the model loader to judge."""
    from edgecv.inspect.coreml import inspect_coreml
    from edgecv.inspect.onnx import inspect_onnx
    from edgecv.inspect.tflite import inspect_tflite

    if path.is_dir():
        return inspect_coreml(path) if (path / "Manifest.json").is_file() else None
    try:
        with open_regular(path) as file:
            head = file.read(8)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}", HINT) from error
    if not head:
        raise SourceError(f"{path.name} is empty", HINT)
    if head[4:8] == b"TFL3":
        return inspect_tflite(path)
    if path.suffix == ".onnx":
        return inspect_onnx(path)
    return inspect_coreml(path) if path.suffix == ".mlmodel" else None
