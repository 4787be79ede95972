"""Quantization-aware training: the fake-quantized network learns labels, and keeps to the float network's answers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecv_runtime.heads.one_class import OneClassHead

from edgecv_converters.quantize.logits import ranged_anew
from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.observed import NotFiniteError
from edgecv_converters.quantize.refine import ESTIMATE_EVERY, UNTIMED, compiled, kind_of, rate
from edgecv_converters.quantize.scheme import BiasRoomError, Scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.student import Student
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.tflite.reader import Array

LABELS_SHARE = 0.5  # of the loss; the rest is distillation
TINY = 1e-6
RANGED = 512  # samples that the logits' range is chosen on

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Samples for each input in the file's order, (count, ...) float32, and their class indices, (count,) int64."""

    samples: Sequence[Array]
    labels: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingJob:
    """The job of quantization-aware training: its samples, and how often they are seen.

    Attributes:
        epochs: How often every training sample is seen.
        train: The samples that are learned.
        held_out: Others, which decide the best epoch and whether training helped at all.
        head: What the labelled output means.
        output: Its position among the file's outputs.
        batch: Samples in one step.
    """

    epochs: int
    train: Labelled
    held_out: Labelled
    head: OneClassHead
    output: int
    batch: int = 64


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """The score of a file on the held-out samples: right answers first, then how sure it is of them."""

    right: int
    likelihood: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The best epoch's scheme, its number from 1 on, and its score; epoch 0 where training diverged in the first."""

    scheme: Scheme
    epoch: int
    score: Score


def trained(
    network: Network,
    plain: bytes,
    scheme: Scheme,
    how: TrainingJob,
    seed: int,
    on_progress: Progress = lambda _share, _seconds: None,
) -> Trained:
    """Train weights, biases and activation scales; of all epochs the one whose file is best on the held-out samples.

    Args:
        network: What the files compute.
        plain: The converter's int8 file, into which the scheme is written to judge it.
        scheme: Where training begins.
        how: What is learned.
        seed: Of the order of the samples.
        on_progress: Told the share that is done and the seconds that are left.
    """
    student = Student(network, scheme)
    train = compiled(network, student, labels_loss(how.head, kind_of(network, network.outputs[how.output]), how.output))
    rng = np.random.default_rng(seed)
    clock = _TrainingClock(how.epochs * len(list(_rows(how, np.random.default_rng(seed)))), on_progress)
    some = _some(network, how, seed)
    best: Trained | None = None
    for epoch in range(how.epochs):
        for rows in _rows(how, rng):
            feeds = {n: np.asarray(values[rows]) for n, values in zip(network.inputs, how.train.samples, strict=True)}
            train(feeds, np.float32(rate(clock.done, clock.total)), how.train.labels[rows])
            clock.step()
        try:
            reached = ranged_anew(network, student.scheme(), some)
        except NotFiniteError:  # training has diverged, and does not come back
            break
        best = better(best, Trained(scheme=reached, epoch=epoch + 1, score=_judged(network, plain, reached, how)))
    return best or Trained(scheme=scheme, epoch=0, score=Score(0, -math.inf))


def _some(network: Network, how: TrainingJob, seed: int) -> dict[int, Array]:
    """Samples that the logits' range is chosen on."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(how.train.labels))[:RANGED])
    return {n: np.asarray(values[rows]) for n, values in zip(network.inputs, how.train.samples, strict=True)}


def _judged(network: Network, plain: bytes, scheme: Scheme, how: TrainingJob) -> Score:
    """The epoch's score; the worst there is where no file can hold it, or none that the kernels take."""
    try:
        return score(write_scheme(network, plain, scheme), how)
    except (BiasRoomError, UnusableFileError):
        return Score(0, -math.inf)


def better(best: Trained | None, found: Trained) -> Trained:
    """The one with the higher score, the earlier where they are equal."""
    return found if best is None or found.score > best.score else best


def score(data: bytes, how: TrainingJob) -> Score:
    """Score a file with float32 inputs and outputs on the held-out samples."""
    output = answers(data, how.held_out.samples)[how.output]
    named = dict.fromkeys(how.head.spec.outputs, output)
    decisions = how.head.decisions(named)
    likely = how.head.scores(named)[np.arange(len(output)), how.held_out.labels]
    right = int((decisions == how.held_out.labels).sum())
    return Score(right, round(float(np.log(np.maximum(likely, 1 / 512)).mean()), 6))


def _rows(how: TrainingJob, rng: np.random.Generator) -> Iterator[Array]:
    """The rows of each batch of one epoch; what does not fill a batch is left to another epoch's order."""
    count = len(how.train.labels)
    order = rng.permutation(count)
    for start in range(0, max(1, count - how.batch + 1), how.batch):
        yield np.sort(order[start : start + how.batch])


def labels_loss(head: OneClassHead, kind: str, output: int) -> Callable[[Sequence[Any], Any], tuple[Any, float]]:
    """A function from the network's outputs and the labels to their cross-entropy, and its share of the whole loss.

    Args:
        head: Which activation is still to be applied; where it is none, `kind` tells probabilities from logits.
        kind: The operation that makes the output.
        output: The output's position.
    """

    def loss(found: Sequence[Any], labels: Any) -> tuple[Any, float]:
        return cross_entropy(head, kind, found[output], labels), LABELS_SHARE

    return loss


def cross_entropy(head: OneClassHead, kind: str, found: Any, labels: Any) -> Any:
    """The mean negative log-likelihood of the labels, (batch,) int64, by an output, (batch, answers) float32."""
    import tensorflow as tf

    rows = tf.reshape(found, [tf.shape(labels)[0], -1])
    targets = tf.gather(tf.constant(head.target_rows()), labels)
    if head.spec.activation == "none" and kind in {"SOFTMAX", "LOGISTIC"}:
        by_label = -targets * tf.math.log(rows + TINY)
        if kind == "LOGISTIC":
            by_label -= (1 - targets) * tf.math.log(1 - rows + TINY)
    elif head.spec.activation == "sigmoid" or not head.exclusive:
        by_label = tf.nn.sigmoid_cross_entropy_with_logits(targets, rows)
    else:
        by_label = tf.nn.softmax_cross_entropy_with_logits(targets, rows)[:, None]
    return tf.reduce_mean(tf.reduce_sum(by_label, -1))


class _TrainingClock:
    """Counts steps and estimates the rest, by the mean step so far."""

    def __init__(self, total: int, on_progress: Progress) -> None:
        self.total, self.done, self._tell, self._began = total, 0, on_progress, time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self.done == UNTIMED:
            self._began = time.monotonic()
        if self.done > UNTIMED and self.done % ESTIMATE_EVERY == 0:
            each = (time.monotonic() - self._began) / (self.done - UNTIMED)
            self._tell(self.done / self.total, each * (self.total - self.done))
