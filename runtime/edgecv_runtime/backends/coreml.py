"""Core ML packages, on macOS only."""

from __future__ import annotations

import platform
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.schema import Artifact, TensorIO


class CoreML:
    """One compiled model; Core ML chooses the processor and the threads itself."""

    def __init__(self, artifact: Artifact, file: Path, threads: int) -> None:
        if platform.system() != "Darwin":
            raise BackendError("Core ML runs on macOS only", "Verify the bundle on a Mac, or on the phone")
        try:
            import coremltools as ct
        except ImportError as error:
            raise MissingDependencyError("coremltools is not installed", 'pip install "edgecv[convert]"') from error
        self._lock = threading.Lock()
        self._model = ct.models.MLModel(str(file))
        self.info = BackendInfo(name="coreml", version=platform.mac_ver()[0], providers=("Core ML",), threads=threads)
        self._inputs, self._outputs = artifact.inputs, artifact.outputs
        self._spec = self._model.get_spec() if any(io.normalize or io.by_label for io in self._ios()) else None

    def _ios(self) -> tuple[TensorIO, ...]:
        return (*self._inputs, *self._outputs)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        feeds = {
            io.tensor: picture(inputs[io.name], io, self._spec) if io.normalize else inputs[io.name]
            for io in self._inputs
        }
        model = self._model
        if model is None:
            raise BackendError("the model was closed")
        with self._lock:
            values = model.predict(feeds)
        return {io.name: _array(values[io.tensor], io, self._spec) for io in self._outputs}

    def close(self) -> None:
        """Free the model."""
        self._model = None


def picture(values: np.ndarray, io: TensorIO, spec: Any) -> Image.Image:
    """Pixels in the model's colour order, (1, height, width, channels) uint8, as the picture that Core ML takes.

    Core ML turns a picture's colours into the order that the model declares.
    """
    pixels = values[0]
    declared = next(feature.type.imageType for feature in spec.description.input if feature.name == io.tensor)
    if declared.colorSpace == declared.BGR:
        pixels = pixels[..., ::-1]
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def class_labels(spec: Any) -> list[str]:
    """The labels of a classifier, in the order of its probabilities, from the model's protobuf message."""
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    classify = next(operation for operation in block.operations if operation.type == "classify")
    values = classify.inputs["classes"].arguments[0].value.immediateValue.list.values
    return [value.immediateValue.tensor.strings.values[0] for value in values]


def _array(value: Any, io: TensorIO, spec: Any) -> np.ndarray:
    return np.asarray([[value[label] for label in class_labels(spec)]]) if io.by_label else np.asarray(value)
