"""Training that can be stopped after any epoch and gone on with, to the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv.compress.augment import MIXUP, augmenter, mixed
from edgecv.compress.checkpoint import Epoch, Progress
from edgecv.compress.data import Batches, TrainingData
from edgecv.compress.head import TrainingHead
from edgecv.compress.options import TrainingOptions
from edgecv.compress.sparse import MaskSet
from edgecv.terminal.observer import Observer

Array = npt.NDArray[Any]
WARM_UP, LAST = 0.05, 0.01  # share of the steps, and of the highest learning rate
REFRESHED, REFRESHED_BATCH = 1024, 128  # samples that batch-norm statistics are taken from
SCORED, SCORED_BATCH = 512, 32  # samples that the importance is measured on


def learning_rate(step: int, total: int, highest: float) -> float:
    """Linear from zero over the first 5 % of the steps, then half a cosine down to 1 % (Loshchilov and Hutter 2017)."""
    warm = max(1, round(WARM_UP * total))
    if step < warm:
        return highest * (step + 1) / warm
    share = (step - warm) / max(1, total - warm)
    return highest * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * share)))


def predictor(model: Any) -> Callable[..., Any]:
    """The model in inference mode, compiled for batches of any size."""
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    return tf.function(lambda *inputs: model(_packed(inputs), training=False), input_signature=specs)  # type: ignore[no-any-return]


def evaluate(run: Callable[..., Any], head: TrainingHead, data: Batches, batch: int) -> tuple[float, float]:
    """Mean loss and accuracy of what `predictor` made."""
    import tensorflow as tf

    outputs, targets = [], []
    for inputs, wanted in data.batches(batch):
        outputs.append(np.asarray(run(*(tf.constant(column) for column in inputs))))
        targets.append(np.asarray(wanted))
    answers, truth = np.concatenate(outputs), np.concatenate(targets)
    return float(np.mean(head.losses(tf.constant(answers), tf.constant(truth)))), float(
        head.right(answers, truth).mean()
    )


def refresh_norms(model: Any, data: Batches, seed: int) -> None:
    """Set every batch norm's moving statistics to the mean over some batches: the wider model's are wrong now."""
    import keras

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    seen = 0
    for number, (inputs, targets) in enumerate(data.batches(REFRESHED_BATCH, (seed, 0)) if norms else ()):
        for layer in norms:
            layer.momentum = number / (number + 1)
        model(_packed(inputs), training=True)
        seen += len(targets)
        if seen >= REFRESHED:
            break
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum


def sampled_loss(model: Any, head: TrainingHead, data: Batches, seed: int) -> float:
    """Mean loss over some training samples, in inference mode, once the batch norms' statistics are the model's own."""
    refresh_norms(model, data, seed)
    losses: list[Array] = []
    for inputs, targets in data.batches(REFRESHED_BATCH, (seed, 0)):
        losses.append(np.asarray(head.losses(model(_packed(inputs), training=False), targets)))
        if sum(len(found) for found in losses) >= REFRESHED:
            break
    return float(np.concatenate(losses).mean())


def gradients(model: Any, weights: list[Any], head: TrainingHead, data: Batches, seed: int) -> Iterator[list[Array]]:
    """For each of some batches the gradients of the mean loss by `weights`, in inference mode."""
    import tensorflow as tf

    variables = [weight.value for weight in weights]

    def run(targets: Any, *inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(head.losses(model(_packed(inputs), training=False), targets))
        return tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    compiled = tf.function(run, reduce_retracing=True)
    seen = 0
    for inputs, targets in data.batches(SCORED_BATCH, (seed, 0)):
        yield [np.asarray(found) for found in compiled(tf.constant(targets), *(tf.constant(c) for c in inputs))]
        seen += len(targets)
        if seen >= SCORED:
            return


def _packed(inputs: Sequence[Any]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


@dataclass(slots=True)
class Trainer:
    """One model with its optimizer, for one step of removal.

    `state` are all variables that the next epoch depends on: weights, optimizer, random states.
    """

    model: Any
    head: TrainingHead
    training: TrainingOptions
    data: TrainingData
    teacher: Any = None
    masks: MaskSet | None = None
    _optimizer: Any = None
    _augmenter: Any = None
    _run: Any = None
    _predict: Any = None

    def __post_init__(self) -> None:
        import keras

        self._optimizer = keras.optimizers.Adam(self.training.learning_rate)
        self._optimizer.build(self.model.trainable_variables)
        first = next(self.data.train.batches(self.training.batch))[0][0]
        self._augmenter = augmenter(self.training.augment, first, self.training.seed)
        self._run = self._compiled()
        self._predict = predictor(self.model)

    @property
    def state(self) -> list[Any]:
        """The variables, in a fixed order."""
        extra = self._augmenter.variables if self._augmenter is not None else []
        return [*self.model.variables, *extra, *self._optimizer.variables]

    def groups(self, best: Sequence[Array]) -> dict[str, list[Array]]:
        """All that a checkpoint has to hold."""
        held = self.masks.packed() if self.masks else []
        return {"state": [np.asarray(v) for v in self.state], "best": list(best), "masks": held}

    def restore(self, groups: dict[str, list[Array]]) -> None:
        """Go back to what `groups` said."""
        for variable, value in zip(self.state, groups["state"], strict=True):
            variable.assign(value)
        if self.masks is not None:
            self.masks.restore(groups.get("masks", []))

    def epoch(self, number: int, epochs: int, step: int, observer: Observer) -> Epoch:
        """Train through all samples once, then judge."""
        import tensorflow as tf

        began = time.monotonic()
        per_epoch = math.ceil(self.data.train.count / self.training.batch)
        weights = self._class_weights()
        losses, right, count, rate = 0.0, 0, 0, 0.0
        for batch, (inputs, targets) in enumerate(
            self.data.train.batches(self.training.batch, self._order(step, number))
        ):
            place = number * per_epoch + batch
            rate = learning_rate(place, epochs * per_epoch, self.training.learning_rate)
            self._optimizer.learning_rate.assign(rate)
            if self.masks is not None:
                self.masks.advance(place, epochs * per_epoch)
            loss, outputs = self._run(tf.constant(targets), weights, *(tf.constant(c) for c in inputs))
            losses += float(loss) * len(targets)
            right += int(self.head.right(np.asarray(outputs), targets).sum())
            count += len(targets)
            observer.stage(f"epoch {number + 1} of {epochs}", batch + 1, per_epoch)
        loss, accuracy = evaluate(self._predict, self.head, self.data.validation, self.training.batch)
        return Epoch(
            step=step,
            epoch=number + 1,
            loss=losses / count,
            accuracy=right / count,
            validation_loss=loss,
            validation_accuracy=accuracy,
            learning_rate=rate,
            seconds=round(time.monotonic() - began, 2),
            sparsity=self.masks.sparsity if self.masks else 0.0,
        )

    def _order(self, step: int, epoch: int) -> tuple[int, int, int]:
        return (self.training.seed, step, epoch)

    def _class_weights(self) -> Any:
        import tensorflow as tf

        balanced = self.training.balanced
        return tf.constant(self.data.class_weights(self.head) if balanced else np.ones(self.head.classes, np.float32))

    def _compiled(self) -> Callable[..., Any]:
        import tensorflow as tf

        def losses(inputs: Sequence[Any], targets: Any, outputs: Any, own: Any, others: Any) -> Any:
            found = self.head.losses(outputs, targets)
            if others is not None:
                found = own * found + (1 - own) * self.head.losses(outputs, tf.gather(targets, others))
            if self.teacher is None:
                return found
            taught = self.head.distances(outputs, tf.stop_gradient(self.teacher(_packed(inputs), training=False)))
            return (1 - self.training.distill) * found + self.training.distill * taught

        def run(targets: Any, weights: Any, *given: Any) -> Any:
            inputs, own, others = given, None, None
            if self._augmenter is not None:
                inputs = (self._augmenter(given[0], training=True),)
            if MIXUP in self.training.augment:
                inputs, own, others = mixed(inputs, (self.training.seed, self._optimizer.iterations.value))
            with tf.GradientTape() as tape:
                outputs = self.model(_packed(inputs), training=True)
                each = losses(inputs, targets, outputs, own, others)
                weighed = each * self._sample_weights(weights, targets)
                loss = tf.reduce_mean(weighed) + tf.add_n([0.0, *self.model.losses])
            variables = self.model.trainable_variables
            found = tape.gradient(loss, [variable.value for variable in variables])
            self._optimizer.apply(found, variables)
            if self.masks is not None:
                self.masks.apply()
            return tf.reduce_mean(each), outputs

        return tf.function(run, reduce_retracing=True)  # type: ignore[no-any-return]

    def _sample_weights(self, weights: Any, targets: Any) -> Any:
        import tensorflow as tf

        if not self.training.balanced:
            return 1.0
        labels = (
            tf.reshape(targets, [-1]) if self.head.width == 1 or len(targets.shape) == 1 else tf.argmax(targets, -1)
        )
        return tf.gather(weights, tf.cast(labels, tf.int64))


def train(
    trainer: Trainer,
    progress: Progress,
    best: list[Array],
    epochs: int,
    save: Callable[[Progress, list[Array]], None],
    tell: Callable[[Epoch, Progress], None],
    observer: Observer,
) -> list[Array]:
    """Train until `epochs` are done or nothing gets better, and put the best epoch's weights back.

    Args:
        trainer: The model and what it learns from.
        progress: Where to begin; brought forward after each epoch.
        best: The weights of the best epoch so far; empty before the first.
        epochs: How many epochs this step has.
        save: Called after each epoch, to keep it.
        tell: Called after each epoch, for people.
        observer: Shows the batches.

    Returns:
        The weights that the model has now: those of the epoch with the best validation accuracy (of equal ones the
        lowest loss). Epochs before the masks have all their zeros do not count.
    """
    while progress.epoch < epochs and progress.stale < trainer.training.patience:
        found = trainer.epoch(progress.epoch, epochs, progress.step, observer)
        progress.epoch += 1
        progress.history.append(found)
        if trainer.masks is None or trainer.masks.complete:
            mark = (found.validation_accuracy, -found.validation_loss)
            if mark > (progress.best, -progress.best_loss):
                progress.best, progress.best_loss, progress.stale = mark[0], -mark[1], 0
                best = [np.asarray(weight) for weight in trainer.model.weights]
            else:
                progress.stale += 1
        save(progress, best)
        tell(found, progress)
    if best:
        trainer.model.set_weights(best)
    return best
