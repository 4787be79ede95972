"""Label-free distillation: the fake-quantized network learns the float network's answers on the calibration samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.quantize.adam import Adam
from edgecv_converters.quantize.augment import augmented
from edgecv_converters.quantize.execute import execute, unwatched
from edgecv_converters.quantize.logits import logit_tensors, ranged_anew
from edgecv_converters.quantize.network import CASTS, Network
from edgecv_converters.quantize.scheme import Scheme
from edgecv_converters.quantize.shared import FIXED_RESULT
from edgecv_converters.quantize.student import Student
from edgecv_converters.targets import REFINE_SECONDS
from edgecv_converters.tflite.reader import Array

RATE, WARM_UP = 0.007, 100
CLOSE_CALLS = 0.05  # what the second part of the loss counts
TINY = 1e-6
UNTIMED = 3  # steps before the clock starts: the first ones compile
PLANNED_AT = (15, 50, 150)  # steps at which the number of steps is fitted to the time that is left
ESTIMATE_EVERY = 10

Progress = Callable[[float, float | None], None]
LabelsLoss = Callable[[Sequence[Any], Any], tuple[Any, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """The settings of the distillation.

    Attributes:
        steps: Optimizer steps.
        batch: Samples in each.
        seconds: Fewer steps are taken where so many would need longer.
        pictures: The inputs that are pictures, by position: they are mirrored, shifted, mixed and lit differently.
    """

    steps: int = 900
    batch: int = 64
    seconds: float = REFINE_SECONDS
    pictures: frozenset[int] = frozenset()


def refined(
    network: Network,
    scheme: Scheme,
    feeds: Mapping[int, Array],
    how: Refinement,
    seed: int,
    on_progress: Progress = lambda _share, _seconds: None,
) -> tuple[Scheme, int]:
    """A scheme with trained weights, biases and activation scales, and the number of steps that were taken.

    Logits are not rounded meanwhile: what is clipped has no gradient. Their range is searched for once more afterwards.

    Raises:
        NotFiniteError: The training diverged.
    """
    student = Student(network, scheme)
    train = compiled(network, student)
    draw = _batches(network, feeds, how, np.random.default_rng(seed))
    total, began = how.steps, time.monotonic()
    for number in range(how.steps):
        if number == UNTIMED:
            began = time.monotonic()
        if number in PLANNED_AT:
            passed = time.monotonic() - began
            fitting = number + (how.seconds - passed) * (number - UNTIMED) / passed
            total = max(number + 1, min(how.steps, int(fitting)))
        if number >= total:
            break
        train(draw(), np.float32(rate(number, total)))
        if number > PLANNED_AT[0] and number % ESTIMATE_EVERY == 0:
            each = (time.monotonic() - began) / (number + 1 - UNTIMED)
            on_progress((number + 1) / total, each * (total - number - 1))
    return ranged_anew(network, student.scheme(), feeds), total


def rate(step: int, total: int) -> float:
    """The learning rate: a linear warm-up, then half a cosine to 0."""
    warm = min(WARM_UP, max(total // 10, 1))
    return RATE * min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / total))


def compiled(network: Network, student: Student, labels_loss: LabelsLoss | None = None) -> Callable[..., None]:
    """One optimizer step: a function of the feeds, the learning rate and, with `labels_loss`, the labels."""
    import tensorflow as tf

    watch = student.watch(_answers(network) | logit_tensors(network))
    optimizer = Adam(student.variables)
    kinds = [kind_of(network, number) for number in network.outputs]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def train(feeds: Mapping[str, Any], learning_rate: Any, labels: Any) -> None:
        inputs = {int(name): value for name, value in feeds.items()}
        wanted = execute(network, inputs, network.constants, unwatched)
        with tf.GradientTape() as tape:
            found = execute(network, inputs, student.constants(), watch)
            pairs = zip(kinds, network.outputs, strict=True)
            loss = tf.add_n([_loss(kind, wanted[number], found[number]) for kind, number in pairs])
            if labels_loss is not None:
                by_labels, share = labels_loss([found[number] for number in network.outputs], labels)
                loss = share * by_labels + (1 - share) * loss
        optimizer.apply(tape.gradient(loss, student.variables), learning_rate)

    return lambda feeds, learning_rate, labels=(): train(
        {str(number): tf.convert_to_tensor(value) for number, value in feeds.items()},
        tf.constant(learning_rate),
        tf.constant(labels, tf.int64),
    )


def _answers(network: Network) -> set[int]:
    """The results that are not rounded in training: a probability below half a step would lose its gradient."""
    found = set(network.outputs)
    for op in reversed(network.ops):
        if op.kind in CASTS and op.outputs[0] in found:
            found.add(op.inputs[0])
    last = {op.outputs[0] for op in network.ops if op.kind in FIXED_RESULT}
    return found & last


def kind_of(network: Network, output: int) -> str:
    """The operation that makes an output; "" where it is none."""
    maker = network.maker(output)
    return "" if maker is None else maker.kind


def _loss(kind: str, wanted: Any, found: Any) -> Any:
    import tensorflow as tf

    if kind == "LOGISTIC":
        wanted, found = tf.stack([wanted, 1 - wanted], -1), tf.stack([found, 1 - found], -1)
    if kind in {"SOFTMAX", "LOGISTIC"}:
        ratio = tf.math.log((wanted + TINY) / (found + TINY))
        return tf.reduce_mean(tf.reduce_sum(wanted * ratio, -1)) + CLOSE_CALLS * close_calls(wanted, found)
    return tf.reduce_mean(tf.square(wanted - found)) / (tf.math.reduce_variance(wanted) + TINY)


def close_calls(wanted: Any, found: Any) -> Any:
    """Square how far the log-odds of the two likeliest classes are off: where they change sign, so does the answer.

    A sample counts by how close its call is, the odds of the second class against the first (0..1).

    Args:
        wanted: Probabilities, (..., classes) float32.
        found: Those of the network that learns, the same shape.
    """
    import tensorflow as tf

    if wanted.shape[-1] < 2:
        return tf.constant(0.0)
    first_two = tf.math.top_k(wanted, 2).indices

    def log_odds(values: Any) -> Any:
        pair = tf.math.log(tf.gather(values, first_two, batch_dims=len(values.shape) - 1) + TINY)
        return pair[..., 0] - pair[..., 1]

    sure = log_odds(wanted)
    return tf.reduce_mean(tf.exp(-sure) * tf.square(sure - log_odds(found)))


def _batches(
    network: Network, feeds: Mapping[int, Array], how: Refinement, rng: np.random.Generator
) -> Callable[[], dict[int, Array]]:
    count = len(next(iter(feeds.values())))
    ends = {number: (float(values.min()), float(values.max())) for number, values in feeds.items()}

    def draw() -> dict[int, Array]:
        rows = rng.permutation(count)[: how.batch]
        batch = {number: np.asarray(values[rows]) for number, values in feeds.items()}
        for position, number in enumerate(network.inputs):
            if position in how.pictures:
                batch[number] = augmented(batch[number], *ends[number], rng)
        return batch

    return draw
