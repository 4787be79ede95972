"""A bundle that answers: picture in, label out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, overload

import numpy as np

from edgecv_runtime.backends import Backend, open_backend, run_float
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError, EdgecvError
from edgecv_runtime.postprocess import decisions, scores
from edgecv_runtime.preprocess import Preprocessor, dequantize
from edgecv_runtime.preprocess.decode import ImageSource
from edgecv_runtime.schema import Artifact, Manifest

PREFERENCE = (("tflite", "int8"), ("onnx", "int8"), ("tflite", None), ("onnx", None), ("coreml", None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer.

    Attributes:
        label: The class name, its index as text where the bundle has no labels, or None for regression.
        index: The class index, or None.
        score: The winning class's value in `scores`, or None.
        scores: One value for each answer of the first output, float32 (see `postprocess.scores`).
        outputs: Every output by name, float32, batch included.
        preprocess_ms, inference_ms, postprocess_ms: Wall-clock milliseconds of each stage.
    """

    label: str | None
    index: int | None
    score: float | None
    scores: np.ndarray
    outputs: Mapping[str, np.ndarray]
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


def load(
    path: Path | str,
    *,
    target: str | None = None,
    precision: str | None = None,
    backend: str | None = None,
    threads: int = 1,
) -> Predictor:
    """Open a bundle and load one of its artifacts; by default the int8 one that an installed runtime can run.

    Raises:
        BundleError: The bundle is damaged, or holds no such artifact.
        BackendError: No runtime can run it here.
    """
    bundle = Bundle.load(path)
    try:
        artifact, loaded = _open(bundle, target, precision, backend, threads)
    except EdgecvError:
        bundle.close()
        raise
    return Predictor(bundle, artifact, loaded)


def _open(
    bundle: Bundle, target: str | None, precision: str | None, backend: str | None, threads: int
) -> tuple[Artifact, Backend]:
    if target is not None or precision is not None or backend is not None:
        artifact = bundle.artifact(target, precision)
        return artifact, open_backend(artifact, bundle.path(artifact), backend=backend, threads=threads)
    reasons: list[EdgecvError] = []
    for kind, numbers in PREFERENCE:
        try:
            artifact = bundle.artifact(kind, numbers)
            return artifact, open_backend(artifact, bundle.path(artifact), threads=threads)
        except EdgecvError as error:
            reasons.append(error)
    blocked = next((reason for reason in reasons if not isinstance(reason, BundleError)), reasons[0])
    raise blocked


class Predictor:
    """A bundle with one artifact loaded; a context manager. One thread at a time."""

    def __init__(self, bundle: Bundle, artifact: Artifact, backend: Backend) -> None:
        self.bundle = bundle
        self.artifact = artifact
        self.backend = backend
        specs = bundle.manifest.preprocess
        self._preprocessors = {io.name: Preprocessor(specs[io.name], io) for io in artifact.inputs}

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.bundle.manifest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the model and what was unpacked."""
        self.backend.close()
        self.bundle.close()

    @overload
    def predict(self, source: ImageSource) -> Prediction: ...
    @overload
    def predict(self, source: list[ImageSource]) -> list[Prediction]: ...
    def predict(self, source: ImageSource | list[ImageSource]) -> Prediction | list[Prediction]:
        """Answer for a path, bytes, Pillow image, uint8 RGB array, or a list of them.

        Raises:
            ImageError: A picture cannot be read.
            BundleError: The model has several inputs.
        """
        if isinstance(source, list):
            return [self.predict(one) for one in source]
        if len(self._preprocessors) != 1:
            raise BundleError("the model has several inputs", "Use predict_tensor with one array per input")
        began = time.perf_counter()
        (name, preprocessor), *_ = self._preprocessors.items()
        tensor = preprocessor(source)
        prepared = time.perf_counter()
        raw = self.backend.run({name: tensor})
        inferred = time.perf_counter()
        outputs = {
            io.name: dequantize(raw[io.name], io.quantization) if io.quantization else raw[io.name].astype(np.float32)
            for io in self.artifact.outputs
        }
        return self._answer(outputs, began, prepared, inferred)

    def predict_tensor(self, tensors: np.ndarray | Mapping[str, np.ndarray]) -> Prediction:
        """Answer for preprocessed float32 tensors in the source's layout, batch included."""
        began = time.perf_counter()
        inputs = {self.artifact.inputs[0].name: tensors} if isinstance(tensors, np.ndarray) else tensors
        outputs = run_float(self.backend, self.artifact, inputs)
        return self._answer(outputs, began, began, time.perf_counter())

    def _answer(self, outputs: dict[str, np.ndarray], began: float, prepared: float, inferred: float) -> Prediction:
        values = next(iter(outputs.values()))
        decided = decisions(values, self.manifest.task)
        index = int(decided[0]) if decided is not None and decided.ndim == 1 else None
        row = scores(values, self.manifest.task)[0]
        return Prediction(
            label=None if index is None else self._label(index),
            index=index,
            score=None if index is None else float(row[index]),
            scores=row,
            outputs=outputs,
            preprocess_ms=1e3 * (prepared - began),
            inference_ms=1e3 * (inferred - prepared),
            postprocess_ms=1e3 * (time.perf_counter() - inferred),
        )

    def _label(self, index: int) -> str:
        labels = self.manifest.labels or ()
        return labels[index] if index < len(labels) else str(index)
