"""The preprocessor of an input, by the kind of its preprocessing."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from edgecv_runtime.geometry import View
from edgecv_runtime.preprocess.clip import ClipPreprocessor
from edgecv_runtime.preprocess.decode import ImageSource
from edgecv_runtime.preprocess.pipeline import Preprocessor
from edgecv_runtime.preprocess.sound import SoundPreprocessor
from edgecv_runtime.schema import Preprocess, TensorIO


class InputPreprocessor(Protocol):
    """Makes an artifact's input tensor from a sample of the input's kind."""

    spec: Preprocess

    def __call__(self, source: ImageSource, out: np.ndarray | None = None) -> np.ndarray:
        """One tensor with batch 1, in `out` where that is given."""

    def locate(self, source: ImageSource, out: np.ndarray | None = None) -> tuple[np.ndarray, View | None]:
        """Make the same tensor, and say where in the (newest) picture it comes from; None for what is no picture."""


def input_preprocessor(
    spec: Preprocess, io: TensorIO | None = None, *, shape: tuple[int, ...] | None = None
) -> InputPreprocessor:
    """Prepare for many samples of one input.

    Args:
        spec: A resolved preprocessing.
        io: The artifact's input; None gives float32, as the source model takes it.
        shape: The source model's input where `io` is None.

    Raises:
        SpecError: The preprocessing is not resolved, or an integer input lacks its scale.
    """
    if spec.kind == "clip":
        return ClipPreprocessor(spec, io, shape=shape)
    if spec.kind == "sound":
        return SoundPreprocessor(spec, io, shape=shape)
    return Preprocessor(spec, io, shape=shape)
