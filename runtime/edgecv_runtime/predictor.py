"""A bundle that answers: picture in, label out."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Final, Literal, Self, overload

import numpy as np

from edgecv_runtime.artifact_choice import open_best
from edgecv_runtime.backends import Backend
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError, ImageError, LeftOutWarning
from edgecv_runtime.feeds import Feed
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import Top
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import Thresholds, heads_of
from edgecv_runtime.prediction import Prediction, Reader
from edgecv_runtime.preprocess import input_preprocessor
from edgecv_runtime.preprocess.clip import ClipPreprocessor, FrameSequence
from edgecv_runtime.preprocess.decode import ImageSource
from edgecv_runtime.schema import Artifact, Manifest

Tensors = np.ndarray | dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class _Way:
    """The way of a sample: the milliseconds of its preprocessing, and where its picture lies in the model's input."""

    milliseconds: float = 0.0
    view: View | None = None


_ALONE: Final = (_Way(),)  # one sample, nothing preprocessed


def load(
    path: Path | str,
    *,
    target: str | None = None,
    precision: str | None = None,
    backend: str | None = None,
    threads: int = 1,
    thresholds: Thresholds | None = None,
) -> Predictor:
    """Open a bundle and load the best of its artifacts that this machine can run (see `artifact_choice.PREFERENCE`).

    Args:
        path: NAME.edgecv or NAME.edgecv.zip.
        target: The name of a format (`formats.KNOWN`), such as "tflite".
        precision: For example "int8".
        backend: The name of a back end (`formats.BACKENDS`), such as "onnx-cuda".
        threads: Of the runtime, for one inference.
        thresholds: In place of the bundle's: from which score on a label holds, one for all or one a label; by the
            head's name where several heads have thresholds.

    Raises:
        BundleError: The bundle is damaged, or holds no such artifact.
        BackendError: No runtime can run it here.
        MissingDependencyError: The runtime is not installed.
        SpecError: The thresholds are not in 0..1, not as many as the labels, or no head's.

    Warns:
        LeftOutWarning: The bundle holds what this edgecv does not know.
    """
    bundle = Bundle.load(path)
    try:
        for sentence in bundle.left_out:
            warnings.warn(sentence, LeftOutWarning, stacklevel=2)
        heads = heads_of(bundle.manifest, thresholds)
        artifact, loaded = open_best(bundle, target=target, precision=precision, backend=backend, threads=threads)
        return Predictor(bundle, artifact, loaded, heads)
    except BaseException:
        bundle.close()
        raise


class Predictor:
    """A bundle with one artifact loaded; a context manager.

    Any number of threads may call its methods at once. Preprocessing runs in parallel; inference does on ONNX Runtime's
    CPU kernels, and elsewhere (LiteRT, CUDA, Core ML) one waits for the other. `close` may be called while others
    predict: what is under way ends, and what comes later is refused with a BackendError.
    """

    def __init__(
        self, bundle: Bundle, artifact: Artifact, backend: Backend, heads: Sequence[Head] | None = None
    ) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self.artifact = artifact
        self.backend = backend
        self._reader = Reader(artifact.outputs, heads or heads_of(manifest))
        self._preprocessors = {io.name: input_preprocessor(manifest.preprocess[io.name], io) for io in artifact.inputs}
        sources = {spec.name: spec for spec in manifest.inputs}
        self._feeds = {io.name: Feed(sources[io.name], io) for io in artifact.inputs}
        self._first = artifact.inputs[0]
        self._batch = artifact.batch
        self._local = threading.local()

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.bundle.manifest

    def describe(self) -> str:
        """Describe which artifact answers, and what runs it."""
        return f"{self.artifact.file} on {self.backend.info}"

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

    def warm_up(self, runs: int = 3) -> None:
        """Infer on zeros, so that the first picture does not pay for what the runtime prepares lazily."""
        zeros = {io.name: np.zeros(io.shape, io.dtype) for io in self.artifact.inputs}
        for _ in range(runs):
            self.backend.run(zeros)

    @overload
    def predict(self, source: ImageSource) -> Prediction: ...
    @overload
    def predict(self, source: list[ImageSource], *, skip_bad: Literal[False] = False) -> list[Prediction]: ...
    @overload
    def predict(self, source: list[ImageSource], *, skip_bad: bool) -> list[Prediction | ImageError]: ...
    def predict(
        self, source: ImageSource | list[ImageSource], *, skip_bad: bool = False
    ) -> Prediction | list[Prediction] | list[Prediction | ImageError]:
        """Answer for a path, bytes, Pillow image, uint8 RGB array (H x W x 3), or a list of them.

        A model of clips takes a video file or a uint8 array (frames x H x W x 3), a model of sounds a sound file or a
        waveform at its own rate (samples,).

        A list goes through in the artifact's batches. With `skip_bad` a picture of a list that cannot be read has its
        ImageError in the place of its answer; without it the first one is raised.

        Raises:
            ImageError: A picture cannot be read.
            BundleError: The model has several inputs.
        """
        if not isinstance(source, list):
            began = perf_counter()
            tensor, view = self.locate(source, self._scratch()[:1])
            return self.infer(tensor, 1e3 * (perf_counter() - began), view)
        answers: list[Prediction | ImageError] = []
        for start in range(0, len(source), self._batch):
            answers += self._predict_batch(source[start : start + self._batch], skip_bad=skip_bad)
        return answers

    @overload
    def prepare(self, source: ImageSource, out: np.ndarray | None = None) -> np.ndarray: ...
    @overload
    def prepare(self, source: Mapping[str, ImageSource], out: None = None) -> dict[str, np.ndarray]: ...
    def prepare(self, source: ImageSource | Mapping[str, ImageSource], out: np.ndarray | None = None) -> Tensors:
        """The artifact's input tensor for one picture: batch 1, its own dtype and layout, in `out` where given.

        For a model with several inputs, by name: a picture or the numbers of each, and the tensor of each.

        Raises:
            ImageError: A picture cannot be read.
            BundleError: The model has several inputs, and one picture was given, or other names.
        """
        return self.locate(source, out)[0]

    @overload
    def locate(self, source: ImageSource, out: np.ndarray | None = None) -> tuple[np.ndarray, View | None]: ...
    @overload
    def locate(
        self, source: ImageSource | Mapping[str, ImageSource], out: np.ndarray | None = None
    ) -> tuple[Tensors, View | None]: ...
    def locate(
        self, source: ImageSource | Mapping[str, ImageSource], out: np.ndarray | None = None
    ) -> tuple[Tensors, View | None]:
        """Prepare as `prepare` does, and say where the (first) picture lies in the model's input: for boxes and masks.

        Raises:
            ImageError, BundleError: As `prepare`.
        """
        if isinstance(source, Mapping):
            if source.keys() != self._preprocessors.keys():
                raise BundleError(f"the model's inputs are {', '.join(self._feeds)}", "Give a source for each, by name")
            found = {name: prepare.locate(source[name]) for name, prepare in self._preprocessors.items()}
            view = next((view for _, view in found.values() if view is not None), None)
            return {name: tensor for name, (tensor, _) in found.items()}, view
        if len(self._preprocessors) != 1:
            raise BundleError("the model has several inputs", "Use predict_tensor with one array per input")
        return self._preprocessors[self._first.name].locate(source, out)

    def sequence(self) -> FrameSequence | None:
        """A new sequence of frames, of which clips are made for `infer`; None where the model takes no clip."""
        prepare = self._preprocessors[self._first.name]
        if len(self._preprocessors) != 1 or not isinstance(prepare, ClipPreprocessor):
            return None
        return FrameSequence(prepare)

    def infer(self, tensor: Tensors, preprocess_ms: float = 0.0, view: View | None = None) -> Prediction:
        """Answer for what `prepare` or `locate` made; without a view, places are those in the model's input."""
        raw = tensor if isinstance(tensor, dict) else {self._first.name: tensor}
        return self._run(raw, (_Way(preprocess_ms, view),))[0]

    def predict_tensor(self, tensors: np.ndarray | Mapping[str, np.ndarray]) -> Prediction:
        """Answer for prepared tensors of one sample.

        Args:
            tensors: Of each input the preprocessed values, float32 in the source's layout with a batch of 1; or the
                artifact's own integers in its layout. An array alone is the first input.

        Raises:
            ImageError: A shape or dtype is wrong, or a value is NaN or infinite.
            BundleError: An input is missing or unknown.
        """
        if isinstance(tensors, np.ndarray) and len(self._feeds) == 1:
            name = self._first.name
            return self._run({name: self._feeds[name].admit(tensors)}, _ALONE)[0]
        if isinstance(tensors, np.ndarray) or tensors.keys() != self._feeds.keys():
            raise BundleError(f"the model's inputs are {', '.join(self._feeds)}", "Give a tensor for each, by name")
        return self._run({name: feed.admit(tensors[name]) for name, feed in self._feeds.items()}, _ALONE)[0]

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads with the thresholds that were given; one answer of a prediction belongs to each."""
        return self._reader.heads

    def top(self, prediction: Prediction, count: int) -> tuple[Top, ...]:
        """The `count` best answers of the first head with their names, best first."""
        return self.heads[0].top(prediction.scores, count)

    def _predict_batch(self, sources: list[ImageSource], *, skip_bad: bool) -> list[Prediction | ImageError]:
        """Answers to at most as many pictures as the artifact takes at once."""
        tensors = self._scratch()
        prepared: list[_Way | ImageError] = []
        rows = 0
        for source in sources:
            made = self._prepare_timed(source, tensors[rows : rows + 1])
            if isinstance(made, _Way):
                rows += 1
            elif not skip_bad:
                raise made
            prepared.append(made)
        ways = [made for made in prepared if isinstance(made, _Way)]
        answers = iter(self._run({self._first.name: tensors}, ways) if ways else ())
        return [next(answers) if isinstance(made, _Way) else made for made in prepared]

    def _prepare_timed(self, source: ImageSource, out: np.ndarray) -> _Way | ImageError:
        """Fill `out`, and say how long it took and where the picture lies, or why it could not be done."""
        began = perf_counter()
        try:
            _, view = self.locate(source, out)
        except ImageError as error:
            return error
        return _Way(1e3 * (perf_counter() - began), view)

    def _scratch(self) -> np.ndarray:
        """This thread's input tensor; a runtime has read it when `run` returns."""
        tensor: np.ndarray | None = getattr(self._local, "tensor", None)
        if tensor is None:
            tensor = self._local.tensor = np.zeros(self._first.shape, self._first.dtype)
        return tensor

    def _run(self, raw: dict[str, np.ndarray], ways: Sequence[_Way]) -> list[Prediction]:
        """Infer once, and read as many answers as there are ways."""
        count = len(ways)
        began = perf_counter()
        outputs = self.backend.run(raw if self._batch == 1 else {k: _padded(v, self._batch) for k, v in raw.items()})
        inferred = perf_counter()
        real = self._reader.real(outputs)
        share = 1e3 * (inferred - began) / count
        if self._batch == 1:
            return [self._finish(real, ways[0], share, inferred)]
        rows = ({name: values[row : row + 1] for name, values in real.items()} for row in range(count))
        return [self._finish(row, way, share, perf_counter()) for row, way in zip(rows, ways, strict=True)]

    def _finish(self, outputs: Mapping[str, np.ndarray], way: _Way, inference_ms: float, began: float) -> Prediction:
        answers = self._reader.read(outputs, way.view)
        return Prediction(
            answers=answers,
            outputs=outputs,
            preprocess_ms=way.milliseconds,
            inference_ms=inference_ms,
            postprocess_ms=1e3 * (perf_counter() - began),
        )


def _padded(values: np.ndarray, batch: int) -> np.ndarray:
    """A tensor with the rows that the artifact's batch wants; what is in the added ones does not matter."""
    if len(values) == batch:
        return values
    return np.concatenate([values, np.zeros((batch - len(values), *values.shape[1:]), values.dtype)])
