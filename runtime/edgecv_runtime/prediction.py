"""Answers, as small frozen records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from edgecv_runtime.backends import to_real
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.answers import HeadAnswer
from edgecv_runtime.heads.base import Head
from edgecv_runtime.schema import TensorIO


class Prediction(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The answers to one sample. `label`, `index`, `score`, `labels` and `scores` are those of the first head.

    Attributes:
        answers: One for each head of the bundle, in their order.
        outputs: Every output by name as the model gives it, float32, with a batch of 1.
        preprocess_ms, inference_ms, postprocess_ms: Wall-clock milliseconds of each stage; of a batch, the
            inference's equal share.
    """

    answers: tuple[HeadAnswer, ...]
    outputs: Mapping[str, np.ndarray]
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float

    @property
    def label(self) -> str | None:
        """The first head's class name (see `HeadAnswer`)."""
        return self.answers[0].label

    @property
    def index(self) -> int | None:
        """The first head's class index, or None."""
        return self.answers[0].index

    @property
    def score(self) -> float | None:
        """The first head's winning score, or None."""
        return self.answers[0].score

    @property
    def labels(self) -> tuple[str, ...]:
        """The first head's labels that hold."""
        return self.answers[0].labels

    @property
    def scores(self) -> np.ndarray:
        """The first head's scores, float32."""
        return self.answers[0].scores


def prediction_record(heads: Sequence[Head], found: Prediction, count: int) -> dict[str, Any]:
    """Return a prediction as JSON-able fields: the first head's answer, that of every head, and the stages' times.

    Args:
        heads: The predictor's.
        found: Its answer.
        count: How many of the best classes are named.
    """
    pairs = zip(heads, found.answers, strict=True)
    records = [head.record(answer, found.outputs, count) for head, answer in pairs]
    named = [{"head": head.name, "kind": head.kind, **one} for head, one in zip(heads, records, strict=True)]
    times = {
        "preprocess": found.preprocess_ms,
        "inference": found.inference_ms,
        "postprocess": found.postprocess_ms,
    }
    return records[0] | {"answers": named} | {f"{stage}_ms": round(value, 3) for stage, value in times.items()}


class Reader:
    """Reads a model's raw outputs: dequantizes them, and lets every head answer.

    Args:
        outputs: The artifact's outputs.
        heads: What they mean; an activation that the artifact applies by itself is left out.
    """

    def __init__(self, outputs: tuple[TensorIO, ...], heads: Sequence[Head]) -> None:
        self.heads = tuple(head.given(outputs) for head in heads)
        self._ios = outputs
        self._plain = all(io.dtype == "float32" and io.layout != "NCHW" for io in outputs)

    def real(self, raw: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the outputs as float32, by the source's names."""
        return raw if self._plain else {io.name: to_real(raw[io.name], io) for io in self._ios}

    def read(self, outputs: Mapping[str, np.ndarray], view: View | None = None) -> tuple[HeadAnswer, ...]:
        """Return the answers in the outputs of one sample, (1, ...) float32 each.

        Args:
            outputs: The outputs.
            view: Where the picture lies in the model's input; None for what is no picture.

        Raises:
            BackendError: The model gave NaN, so it said nothing.
        """
        return tuple([head.read(outputs, view) for head in self.heads])  # a list is faster than a generator
