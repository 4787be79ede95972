"""The samples of a folder or an .npz file, and a seeded, class-balanced choice among them."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from edgecv_runtime import sound_files, video_files
from edgecv_runtime.errors import DataError
from edgecv_runtime.heads.annotation import Annotations
from edgecv_runtime.heads.truth import refuse_two_readings
from edgecv_runtime.npz import LABEL_KEYS
from edgecv_runtime.npz import headers as npz_headers
from edgecv_runtime.npz import read as read_npz
from edgecv_runtime.picture_files import SUFFIXES, PictureWarning, others_in_words, pictures_below
from edgecv_runtime.text import valid

from edgecv_converters.data.annotated import find_annotated


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its `id` (relative path, or index), its class name or None, and where it is.

    `location` is an image file, or a row of the .npz file's arrays.
    """

    id: str
    label: str | None
    location: Path | int


@dataclass(frozen=True, slots=True)
class SampleSet:
    """Samples of one folder or file, in a fixed order.

    Attributes:
        kind: "npz", or what the files of a folder are: pictures, or where there is none videos, or sounds.
        path: The folder or file that was opened.
        samples: Sorted by id, until a choice is made.
        classes: Class names in order; empty where the data has no labels.
        numbered: Whether the classes are whole numbers, not text.
        annotations: What people marked in the pictures; None where they marked nothing.
    """

    kind: Literal["images", "videos", "sounds", "npz"]
    path: Path
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    numbered: bool = False
    annotations: Annotations | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def choose(self, count: int, seed: int) -> SampleSet:
        """`count` samples (or all, where there are fewer), the classes as equal as they can be, the same for a seed.

        Every class gives its next sample in turn, in an order shuffled by the seed; the result is sorted by id within
        that round-robin, so that its first k are balanced as well.
        """
        rng = np.random.default_rng(seed)
        groups: dict[str | None, list[Sample]] = defaultdict(list)
        for sample in self.samples:
            groups[sample.label].append(sample)
        shuffled = [[group[i] for i in rng.permutation(len(group))] for group in groups.values()]
        longest = max(map(len, shuffled), default=0)
        turns = [group[i] for i in range(longest) for group in shuffled if i < len(group)]
        return replace(self, samples=tuple(turns[:count]))

    def without(self, ids: Sequence[str]) -> SampleSet:
        """Return the set without the samples that have these ids."""
        left_out = set(ids)
        return replace(self, samples=tuple(sample for sample in self.samples if sample.id not in left_out))

    def class_names(self, outputs: int) -> tuple[str, ...]:
        """The names of a model's outputs, by the data's classes; the numbers in an .npz file are the outputs' own.

        Raises:
            DataError: There are not as many classes as outputs.
        """
        if self.kind == "npz" and all(name.isdigit() for name in self.classes):
            return tuple(str(number) for number in range(outputs))
        if len(self.classes) != outputs:
            raise DataError(
                f"{self.path} has {len(self.classes)} classes and the model tells {outputs} apart",
                "Give --labels FILE with the model's classes in the order of its outputs",
            )
        return self.classes

    def labels(self, order: Sequence[str] | None) -> list[int] | None:
        """The class index of every sample, by `order` (the model's labels) or by the data's own classes.

        Raises:
            DataError: A class of the data is not among the model's labels; or numbers may be labels or indices.
        """
        if not self.classes:
            return None
        names = list(order) if order is not None else list(self.classes)
        if self.numbered:
            refuse_two_readings([int(name) for name in self.classes], names, str(self.path))
        unknown = [name for name in self.classes if name not in names]
        if unknown and order is not None and all(name.isdigit() and int(name) < len(names) for name in self.classes):
            return [int(sample.label or 0) for sample in self.samples]
        if unknown:
            raise DataError(
                f"{self.path} has the class {unknown[0]!r}, which is not among the model's labels",
                f"The labels are {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}",
            )
        index = {name: number for number, name in enumerate(names)}
        return [index[sample.label] for sample in self.samples if sample.label is not None]


def open_samples(path: Path, *, labelled: bool = False) -> SampleSet:
    """List a folder of images (with or without a subfolder per class), pictures with annotations, or an .npz file.

    A folder without images may hold videos, or sounds, likewise.

    Raises:
        DataError: Nothing is there, nothing in it is usable, or `labelled` was asked for and there are no labels.
    """
    if not os.path.lexists(path):
        raise DataError(f"{path} does not exist", "Give a folder of images, or an .npz file")
    marked = find_annotated(path)
    if marked is not None:
        pictures = sorted(marked.pictures.items())
        samples = tuple(Sample(valid(name), None, file) for name, file in pictures)
        return SampleSet("images", path, samples, (), annotations=marked.annotations)
    found = _open_folder(path) if os.path.isdir(path) else _open_npz(path)  # noqa: PTH112 - it takes every name
    if labelled and not found.classes:
        hint = f"Put the {found.kind} of each class into a subfolder of its own"
        if found.kind == "npz":
            hint = f"Store the class indices as an array named {LABEL_KEYS[0]!r}"
        raise DataError(f"{path} has no labels", hint)
    return found


def _open_folder(folder: Path) -> SampleSet:
    try:
        files, others = pictures_below(folder, hidden=True)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}", "Change its permissions") from error
    kind: Literal["images", "videos", "sounds"] = "images"
    if not files:
        kind, files = _videos_or_sounds(folder, others)
    if not files:
        held = f", but {others_in_words(others)}" if others else ""
        raise DataError(f"{folder} holds no images{held}", f"Image files end in {', '.join(sorted(SUFFIXES))}")
    relative = [file.relative_to(folder) for file in files]
    nested = all(len(name.parts) > 1 for name in relative)
    samples = tuple(
        Sample(valid(name.as_posix()), valid(name.parts[0]) if nested else None, file)
        for name, file in zip(relative, files, strict=True)
    )
    classes = tuple(sorted({valid(name.parts[0]) for name in relative})) if nested else ()
    return SampleSet(kind, folder, samples, classes)


def _videos_or_sounds(folder: Path, files: list[Path]) -> tuple[Literal["videos", "sounds"], list[Path]]:
    """The videos of a folder without pictures, or where there is none its sounds.

    Warns:
        PictureWarning: There are others beside them.
    """
    videos = [file for file in files if file.suffix.lower() in video_files.SUFFIXES]
    sounds = [file for file in files if file.suffix.lower() in sound_files.SUFFIXES]
    kind: Literal["videos", "sounds"] = "videos" if videos else "sounds"
    found = videos or sounds
    others = [file for file in files if file not in set(found)]
    if found and others:
        message = f"{folder}: no {kind}, and left out: {others_in_words(others)}"
        warnings.warn(PictureWarning(message, message), stacklevel=4)
    return kind, found


def _open_npz(path: Path) -> SampleSet:
    if path.suffix.lower() != ".npz":
        raise DataError(f"{path} is neither a folder nor an .npz file", "Give a folder of images, or an .npz file")
    arrays = npz_headers(path)
    counts = {name: header.shape[0] if header.shape else 0 for name, header in arrays.items()}
    if not counts or min(counts.values()) == 0:
        raise DataError(f"{path} holds no samples", "Every array needs a first axis that counts the samples")
    if len(set(counts.values())) > 1:
        sizes = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"{path} has arrays of different lengths ({sizes})", "All arrays need the same first axis")
    labels = next((read_npz(path, key).reshape(-1) for key in LABEL_KEYS if key in arrays), None)
    if labels is not None and labels.size < next(iter(counts.values())):
        raise DataError(
            f"{path} has {labels.size} labels for {next(iter(counts.values()))} samples", "Store one for each"
        )
    names = None if labels is None else [valid(str(value)) for value in labels.tolist()]
    samples = tuple(
        Sample(f"{i:06d}", None if names is None else names[i], i) for i in range(next(iter(counts.values())))
    )
    classes = () if names is None else tuple(sorted(set(names), key=lambda n: (len(n), n) if n.isdigit() else (0, n)))
    numbered = labels is not None and np.issubdtype(labels.dtype, np.integer)
    return SampleSet("npz", path, samples, classes, numbered)
