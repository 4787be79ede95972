"""The meaning of a model's output for training: its loss, and when an answer is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import DataError, SourceError

from edgecv.compress.walk import Graph

Kind = Literal["softmax", "logits", "sigmoid"]
_KEEPS = frozenset({"Activation", "Dropout", "Flatten", "Identity", "Reshape"})
_EPSILON = 1e-7
_TEMPERATURE = 4.0  # of the softened answers in distillation (Hinton et al. 2015)


@dataclass(frozen=True, slots=True)
class TrainingHead:
    """The first output: probabilities of classes, their logits, or independent probabilities; and how many."""

    kind: Kind
    width: int

    @property
    def classes(self) -> int:
        """The number of classes that the labels may have."""
        return 2 if self.kind == "sigmoid" and self.width == 1 else self.width

    def targets(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Labels as the loss takes them: class indices, or for sigmoids 0 or 1 for every output.

        Raises:
            DataError: The labels do not fit the output.
        """
        if labels.ndim == 2:
            if self.kind == "sigmoid" and labels.shape[1] == self.width:
                return labels.astype(np.float32)
            if self.kind == "sigmoid" or labels.shape[1] != self.width:
                raise DataError(
                    f"the labels have {labels.shape[1]} columns and the model has {self.width} outputs",
                    "Give a class index for each sample, or one column for each output",
                )
            labels = labels.argmax(1)
        if labels.size and not (labels.min() >= 0 and labels.max() < self.classes):
            raise DataError(
                f"the labels go from {labels.min()} to {labels.max()} and the model tells {self.classes} classes apart",
                "Train on the classes that the model was made for, or give --labels with the order of its outputs",
            )
        if self.kind != "sigmoid":
            return labels.astype(np.int64)
        if self.width == 1:
            return labels.astype(np.float32)[:, None]
        return np.eye(self.width, dtype=np.float32)[labels.astype(np.int64)]

    def losses(self, outputs: Any, targets: Any) -> Any:
        """The cross-entropy of every sample."""
        import tensorflow as tf

        if self.kind == "logits":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, outputs)
        clipped = tf.clip_by_value(outputs, _EPSILON, 1 - _EPSILON)
        if self.kind == "softmax":
            return -tf.math.log(tf.gather(clipped, targets, batch_dims=1))
        both = targets * tf.math.log(clipped) + (1 - targets) * tf.math.log(1 - clipped)
        return -tf.reduce_sum(both, -1)

    def distances(self, outputs: Any, teacher: Any) -> Any:
        """Compute the softened divergence of every answer from the teacher's (Hinton et al. 2015)."""
        import tensorflow as tf

        ours, theirs = self._soft(outputs), self._soft(teacher)
        if self.kind == "sigmoid":
            ours, theirs = (tf.stack([side, 1 - side], -1) for side in (ours, theirs))
        gap = theirs * (tf.math.log(theirs) - tf.math.log(ours))
        return _TEMPERATURE**2 * tf.reduce_sum(gap, list(range(1, len(gap.shape))))

    def _soft(self, outputs: Any) -> Any:
        import tensorflow as tf

        if self.kind == "sigmoid":
            clipped = tf.clip_by_value(outputs, _EPSILON, 1 - _EPSILON)
            logits = tf.math.log(clipped) - tf.math.log(1 - clipped)
            return tf.clip_by_value(tf.sigmoid(logits / _TEMPERATURE), _EPSILON, 1 - _EPSILON)
        logits = outputs if self.kind == "logits" else tf.math.log(tf.clip_by_value(outputs, _EPSILON, 1.0))
        return tf.clip_by_value(tf.nn.softmax(logits / _TEMPERATURE), _EPSILON, 1.0)

    def right(self, outputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Tell which answers are right: the largest output, or for independent labels all of them from 0.5 on."""
        if self.kind != "sigmoid":
            return np.asarray(outputs.argmax(-1) == targets)
        if self.width > 1 and bool((targets.sum(-1) == 1).all()):
            return np.asarray(outputs.argmax(-1) == targets.argmax(-1))
        return np.asarray(((outputs >= 0.5) == (targets >= 0.5)).all(-1))


def head_of(graph: Graph) -> TrainingHead:
    """The head that the last layers show.

    Raises:
        SourceError: The model has several outputs, or none that classes can be read from.
    """
    if len(graph.outputs) != 1:
        raise SourceError(
            f"the model has {len(graph.outputs)} outputs, and training is for one", "Leave out --data to prune alone"
        )
    shape = graph.shapes[graph.outputs[0]]
    name = _last_activation(graph)
    if len(shape) != 2 or (name not in {"softmax", "sigmoid"} and shape[-1] == 1):
        raise SourceError(
            f"the model's output has the shape {shape[1:]} and ends in {name}: no classes can be trained on it",
            "Leave out --data to prune alone, and train it yourself",
        )
    kind: Kind = "softmax" if name == "softmax" else "sigmoid" if name == "sigmoid" else "logits"
    return TrainingHead(kind, int(shape[-1] or 1))


def _last_activation(graph: Graph) -> str:
    makers = {number: call for call in graph.calls for number in call.outputs}
    number = graph.outputs[0]
    while number in makers:
        call = makers[number]
        kind = type(call.layer).__name__
        name = (
            kind if kind in {"Softmax", "Sigmoid"} else getattr(getattr(call.layer, "activation", None), "__name__", "")
        )
        if name.lower() not in {"", "linear"}:
            return str(name).lower()
        if kind not in _KEEPS:
            return "linear"
        number = call.inputs[0]
    return "linear"
