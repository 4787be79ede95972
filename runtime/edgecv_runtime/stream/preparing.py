"""From frames to what a model takes: each alone, or the clips that successive ones make."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from edgecv_runtime.errors import ImageError
from edgecv_runtime.geometry import View
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.preprocess.clip import FrameSequence
from edgecv_runtime.stream.frame import Frame, Picture

Tensors = np.ndarray | dict[str, np.ndarray]


class Answers(Protocol):
    """A predictor as far as the pipeline needs one."""

    def locate(self, source: Picture, out: np.ndarray | None = None) -> tuple[Tensors, View | None]:
        """The input tensor, in `out` where that fits, or one for each input by name; and where the picture is in it.

        Several threads call it at once.
        """

    def infer(self, tensor: Tensors, preprocess_ms: float = 0.0, view: View | None = None) -> Prediction:
        """The answer to what `locate` made; one thread at a time calls it."""

    def sequence(self) -> FrameSequence | None:
        """Begin a sequence of frames, for a model that takes clips of them; None for another model."""


class Prepared(msgspec.Struct, frozen=True, eq=False):
    """A frame and its tensor, or why it has none.

    Attributes:
        frame: The frame; of a clip its last one.
        tensor: The model's input.
        view: Where the picture lies in it.
        error: The picture cannot be read (ImageError), or anything else went wrong.
        milliseconds: That preparing took.
    """

    frame: Frame
    tensor: Tensors | None = None
    view: View | None = None
    error: BaseException | None = None
    milliseconds: float = 0.0


class Preparer:
    """Prepares the frames of one source, in tensors that go round.

    Args:
        predictor: Prepares a picture.
    """

    def __init__(self, predictor: Answers) -> None:
        self._predictor = predictor
        self._sequence = predictor.sequence()
        self._newest: Frame | None = None  # the last frame that the sequence took
        self._spare: deque[np.ndarray] = deque()

    def alone(self, frame: Frame) -> bool:
        """Tell whether a frame is prepared without those before it, so that several threads may call `prepare`."""
        return self._sequence is None or frame.whole or isinstance(frame.image, Mapping)

    def prepare(self, frame: Frame) -> Prepared:
        """The tensor of a frame that stands alone; errors are in what is returned, to be told when its turn comes."""
        began = time.perf_counter()
        try:
            tensor, view = self._predictor.locate(frame.image, self._spare_tensor())
        except ImageError as error:
            return Prepared(frame, error=_named(error, frame))
        except BaseException as error:  # noqa: BLE001 - as the docstring says
            return Prepared(frame, error=error)
        return Prepared(frame, tensor, view, milliseconds=1e3 * (time.perf_counter() - began))

    def gather(self, frame: Frame) -> Iterator[Prepared]:
        """Every clip that a frame makes ready: the one that it completes, and before it one that none will complete.

        Called for one frame after the other.
        """
        sequence = self._sequence
        if sequence is None or isinstance(frame.image, Mapping):
            raise ValueError("the model takes no clips")
        if self._newest is not None and _place(frame) != _place(self._newest):
            yield from self.rest()
            sequence.clear()
        if not sequence.takes(frame.index):
            return
        began = time.perf_counter()
        try:
            clip = sequence.add(frame.image, frame.index)
        except ImageError as error:
            yield Prepared(frame, error=_named(error, frame))
            return
        self._newest = frame
        if clip is not None:
            yield Prepared(frame, *clip, milliseconds=1e3 * (time.perf_counter() - began))

    def rest(self) -> Iterator[Prepared]:
        """The clip of frames that were too few for one, where there are such and nothing follows them."""
        clip = None if self._sequence is None else self._sequence.rest()
        if clip is not None and self._newest is not None:
            yield Prepared(self._newest, *clip)

    def recycle(self, done: Iterable[Prepared]) -> None:
        """Take back the tensors that nobody reads any more."""
        tensors = (sample.tensor for sample in done)
        self._spare += [tensor for tensor in tensors if isinstance(tensor, np.ndarray) and tensor.flags.writeable]

    def _spare_tensor(self) -> np.ndarray | None:
        try:
            return self._spare.pop()
        except IndexError:  # another thread took the last one
            return None


def _place(frame: Frame) -> Path | None:
    """The folder of a picture's file: frames of one folder follow one another."""
    return frame.image.parent if isinstance(frame.image, Path) else None


def _named(error: ImageError, frame: Frame) -> ImageError:
    """Return the error with the frame's name in it, where the decoder saw only bytes or numbers."""
    text = error.message
    if isinstance(frame.image, Path):
        return error
    if not isinstance(frame.image, bytes):
        return ImageError(f"{frame.name}: {text}", error.hint)
    return ImageError(text.replace("the picture", f"picture {frame.index} of {frame.name}", 1), error.hint)
