"""The form of a function that computes one of TFLite's operations in TensorFlow (see `kernels`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgecv_converters.tflite.reader import Shape

Kernel = Callable[[Sequence[Any], "OpContext"], Any]


@dataclass(frozen=True, slots=True)
class OpContext:
    """An operation's context: its options, the file's shapes (batch 1) of its ends, and its result's dtype."""

    options: Any
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    dtype: str = "float32"


def tensorflow() -> Any:
    """TensorFlow, imported when the first operation is computed."""
    import tensorflow as tf

    return tf
