"""Training data as people have it, as batches of exactly the tensors that the device will see."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import Sample, SampleSet, Spool, open_samples, write_spool
from edgecv_runtime import npz
from edgecv_runtime.errors import DataError
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv.compress.head import TrainingHead
from edgecv.terminal.observer import Observer

Array = npt.NDArray[Any]
Batch = tuple[tuple[Any, ...], Any]
TRAIN, VALIDATION = "train", ("val", "valid", "validation")
INDEX = "data.json"


class Batches(Protocol):
    """Samples that can be gone through again and again."""

    @property
    def count(self) -> int:
        """The number of samples."""

    def batches(self, size: int, order: Sequence[int] | None = None) -> Iterator[Batch]:
        """Inputs (one tensor for each of the model's) and targets, `size` at a time; shuffled by the seeds `order`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Samples in files or in memory: one array for each input, and the targets."""

    inputs: tuple[Array, ...]
    targets: Array

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(self.targets)

    def batches(self, size: int, order: Sequence[int] | None = None) -> Iterator[Batch]:
        """See `Batches`."""
        rows = np.arange(self.count) if order is None else np.random.default_rng(list(order)).permutation(self.count)
        for start in range(0, self.count, size):
            chosen = np.sort(rows[start : start + size])  # in file order: which samples, not their order, matters
            yield tuple(np.asarray(column[chosen]) for column in self.inputs), self.targets[chosen]


@dataclass(frozen=True, slots=True)
class Streamed:
    """A `tf.data.Dataset` of batches of tensors that are prepared already; it shuffles itself, or does not."""

    dataset: Any
    head: TrainingHead
    count: int

    def batches(self, size: int, order: Sequence[int] | None = None) -> Iterator[Batch]:
        """See `Batches`; the dataset's own batches and order."""
        del size, order
        for inputs, labels in self.dataset.as_numpy_iterator():
            columns = inputs if isinstance(inputs, tuple | list) else (inputs,)
            yield tuple(columns), self.head.targets(np.asarray(labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The samples that a model is trained on, and those that it is judged on.

    Attributes:
        train: To learn from.
        validation: To choose the best epoch by, never to learn from.
        classes: Class names in the order of the outputs; empty where the data has none.
        digest: Tells other data apart.
    """

    train: Batches
    validation: Batches
    classes: tuple[str, ...]
    digest: str

    def class_weights(self, head: TrainingHead) -> Array:
        """One weight for each class, count / (classes * count of the class), so that all classes weigh the same.

        Raises:
            DataError: The data is a stream, or has several labels a sample.
        """
        targets = getattr(self.train, "targets", None)
        if targets is None or (targets.ndim == 2 and targets.shape[1] > 1):
            raise DataError("class weights need one class index a sample", "Leave out --class-weights")
        counts = np.bincount(targets.reshape(-1).astype(np.int64), minlength=head.classes)
        return np.asarray(len(targets) / (head.classes * np.maximum(counts, 1)), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The settings with which samples on disk are read: preprocessing, the model's labels, the share for validation."""

    head: TrainingHead
    inputs: tuple[TensorSpec, ...]
    specs: dict[str, Preprocess]
    labels: tuple[str, ...] | None
    share: float
    seed: int


def read_files(path: Path, folder: Path, how: Reading, observer: Observer) -> TrainingData:
    """Prepare a labelled folder or .npz file once into `folder`, or find it there prepared by an earlier run.

    Raises:
        DataError: There are no samples, no labels, one class, or labels that do not fit the model.
    """
    if not (folder / INDEX).exists():
        _prepare(path, folder, how, observer)
    index = json.loads((folder / INDEX).read_text())
    parts = {name: _stored(folder / name, how) for name in ("train", "validation")}
    return TrainingData(**parts, classes=tuple(index["classes"]), digest=index["digest"])


def _stored(folder: Path, how: Reading) -> Stored:
    names = tuple(spec.name for spec in how.inputs)
    count = len(labels := np.load(folder / "labels.npy"))
    spool = Spool(folder, names, count)
    columns = tuple(np.load(spool.path(name), mmap_mode="r")[:count] for name in names)
    return Stored(columns, how.head.targets(labels))


def _prepare(path: Path, folder: Path, how: Reading, observer: Observer) -> None:
    columns = _label_columns(path)
    parts = dict(zip(("train", "validation"), _parts(path, how, labelled=columns is None), strict=True))
    order = _order(parts["train"], how) if columns is None else ()
    digests = []
    for name, samples in parts.items():
        _, info = write_spool(
            samples,
            folder / name,
            how.specs,
            how.inputs,
            labels=order,
            on_progress=partial(observer.stage, f"preprocess {name}"),
        )
        if info.skipped:
            names = info.skipped_names
            observer.note(f"{len(info.skipped)} unreadable images in {samples.path} are left out: {names}")
        labels = np.asarray(info.labels) if columns is None else columns[[int(key) for key in info.ids]]
        how.head.targets(labels)
        np.save(folder / name / "labels.npy", labels)
        digests.append(info.digest)
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    (folder / INDEX).write_text(json.dumps({"classes": order, "digest": digest}))


def _label_columns(path: Path) -> Array | None:
    """The labels of an .npz file that has a column for every output, or None."""
    if path.is_dir() or path.suffix.lower() != ".npz" or not path.exists():
        return None
    arrays = npz.headers(path)
    key = next((key for key in npz.LABEL_KEYS if key in arrays and len(arrays[key].shape) == 2), None)
    if key is None or arrays[key].shape[1] == 1:
        return None
    return npz.read(path, key)


def _parts(path: Path, how: Reading, *, labelled: bool) -> tuple[SampleSet, SampleSet]:
    """The training and the validation samples: as the folder has them, or split here."""
    inner = next((path / name for name in VALIDATION if (path / name).is_dir()), None)
    base = path / TRAIN if (path / TRAIN).is_dir() else path
    whole = open_samples(base, labelled=labelled)
    if not labelled:
        whole = replace(whole, classes=())
    if base != path and inner is not None:
        return whole, open_samples(inner, labelled=True)
    return split(whole, how.share, how.seed)


def split(samples: SampleSet, share: float, seed: int) -> tuple[SampleSet, SampleSet]:
    """Keep `share` of every class (one at least) apart for validation; the same samples for the same seed.

    Raises:
        DataError: A class has a single sample.
    """
    rng = np.random.default_rng(seed)
    groups: dict[str | None, list[Sample]] = defaultdict(list)
    for sample in samples.samples:
        groups[sample.label if samples.classes else None].append(sample)
    apart: set[str] = set()
    for label, group in groups.items():
        if len(group) < 2:
            raise DataError(
                f"{samples.path} has a single sample of the class {label!r}", "Training and validation both need one"
            )
        count = min(len(group) - 1, max(1, round(share * len(group))))
        apart |= {group[row].id for row in rng.permutation(len(group))[:count]}
    kept = tuple(s for s in samples.samples if s.id not in apart)
    return replace(samples, samples=kept), replace(samples, samples=tuple(s for s in samples.samples if s.id in apart))


def _order(samples: SampleSet, how: Reading) -> tuple[str, ...]:
    """The class names in the order of the outputs.

    Raises:
        DataError: There is one class, or not as many as the model tells apart.
    """
    if len(samples.classes) < 2:
        raise DataError(
            f"{samples.path} has one class, {samples.classes[0]!r}", "A model learns to tell classes apart: give two"
        )
    return how.labels if how.labels is not None else samples.class_names(how.head.classes)


def read_datasets(data: Any, head: TrainingHead, inputs: Sequence[TensorSpec], batch: int) -> TrainingData:
    """A pair (training, validation) of `tf.data.Dataset`s of (inputs, labels), batched or not.

    Raises:
        DataError: It is no such pair, a dataset never ends, is empty, has no labels, or does not fit the model.
    """
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(
            "a dataset needs another one to choose the best epoch by", "Give data=(training, validation), two datasets"
        )
    train, validation = (_streamed(part, head, inputs, batch) for part in data)
    return TrainingData(train=train, validation=validation, classes=(), digest=f"{train.count} {validation.count}")


def _streamed(dataset: Any, head: TrainingHead, inputs: Sequence[TensorSpec], batch: int) -> Streamed:
    spec = getattr(dataset, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise DataError("a dataset's elements must be (inputs, labels)", "For example dataset.map(lambda x, y: (x, y))")
    first = spec[0][0] if isinstance(spec[0], tuple | list) else spec[0]
    rank = len(inputs[0].shape)
    if first.shape.rank not in {rank, rank - 1}:
        raise DataError(f"a dataset's inputs have the shape {first.shape}, the model takes {inputs[0].shape}")
    if int(dataset.cardinality()) == -1:
        raise DataError("a dataset never ends", "Leave out repeat(): every pass through it is one epoch")
    batched = dataset if first.shape.rank == rank else dataset.batch(batch)
    stream = Streamed(batched, head, 0)
    count = sum(len(targets) for _, targets in stream.batches(batch))
    if not count:
        raise DataError("a dataset is empty")
    return replace(stream, count=count)
