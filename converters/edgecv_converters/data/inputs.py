"""A person's word on a model's inputs: their preprocessing, their static shapes, and the names of the classes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from edgecv_runtime.errors import DataError, UsageError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.preprocess import PRESETS, from_preset, resolve
from edgecv_runtime.schema import Preprocess, TensorSpec
from edgecv_runtime.text import valid

IMAGE_CHANNELS = (1, 3)
NUMBERED = re.compile(r"(\d{1,6})(?:\s*[:,;)]\s*|\.\s+|\s+)(\S.*)")  # "0 Rock", "1: Paper", "2,Scissors"
CLIPS = "; if it is a clip of frames, give --preprocess clip+NAME"
LARGEST_LABELS = 16 * MIB  # bytes; the longest lists that are in use have some hundred kilobytes


class HasInputs(Protocol):
    """A model as far as preparing its inputs goes."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, at a batch of one."""

    @property
    def has_preprocessing(self) -> bool:
        """Tell whether the model scales raw pixels itself."""


def is_image(spec: TensorSpec) -> bool:
    """Tell whether an input may be a picture: N x H x W x C with one or three channels."""
    return len(spec.shape) == 4 and spec.shape[3] in IMAGE_CHANNELS


def is_plane(spec: TensorSpec) -> bool:
    """Tell whether an input may be a gray picture without a channel axis, N x H x W; it may also be a sequence."""
    return len(spec.shape) == 3


def is_clip(spec: TensorSpec) -> bool:
    """Tell whether an input may be a clip, N x frames x H x W x C with one or three channels; it may be a volume."""
    return len(spec.shape) == 5 and spec.shape[4] in IMAGE_CHANNELS


def preprocessing(
    given: Preprocess | None, model: HasInputs, note: Callable[[str], None], own: Preprocess | None = None
) -> dict[str, Preprocess]:
    """The preprocessing of every input, complete.

    What was given applies to the inputs that may be pictures (or clips, or the one that may be a sound), or to all
    where it is for tensors; others are tensors. An input of H x W is a gray picture where the preprocessing is one for
    pictures and no other input may be one. Where nothing was given, it is `own`, what the model carries beside its
    graph; a model that scales raw pixels itself gets "none". Nothing is ever assumed of any other picture.

    Raises:
        UsageError: An input may be a picture and nobody says how it is prepared; the hint lists the presets.
        SpecError: What was given does not fit the input.
    """
    chosen = given
    if given is not None and given.kind in {"clip", "sound"}:
        return _of_kind(given, model.inputs)
    pictures = [spec.name for spec in model.inputs if is_image(spec)]
    if given is not None and given.kind == "image" and not pictures:
        pictures = [spec.name for spec in model.inputs if is_plane(spec)]
    if given is not None and given.kind == "image" and not pictures:
        raise UsageError(
            f"the model takes no picture (its input has the shape {model.inputs[0].shape})",
            f"Leave --preprocess out, or give --preprocess tensor{CLIPS if any(map(is_clip, model.inputs)) else ''}",
        )
    if given is None and pictures:
        chosen = _told(model, pictures[0], note) if own is None else own
        if own is not None:
            note("Pictures are prepared as the model's own preprocessor says; --preprocess says otherwise")
    for spec in model.inputs:
        if given is None and is_clip(spec):
            note(f"The input {spec.name!r} is taken for numbers{CLIPS}")
    tensor = from_preset("tensor")
    specs = {s.name: (chosen if s.name in pictures and chosen is not None else tensor) for s in model.inputs}
    return {spec.name: resolve(specs[spec.name], spec.shape, spec.name) for spec in model.inputs}


def _told(model: HasInputs, picture: str, note: Callable[[str], None]) -> Preprocess:
    """The preprocessing of a model that scales raw pixels itself."""
    if not model.has_preprocessing:
        raise UsageError(
            f"nobody says how pictures are prepared for the input {picture!r}",
            f"Give --preprocess with what the model was trained on: {', '.join(PRESETS)}, or a TOML file",
        )
    note("The model scales raw pixels itself: preprocessing is 'none' (0..255)")
    return from_preset("none")


def _of_kind(given: Preprocess, inputs: Sequence[TensorSpec]) -> dict[str, Preprocess]:
    """Give a preprocessing of clips to every input that may be one, or of a sound to the one that may be one."""
    fitting = [spec.name for spec in inputs if is_clip(spec)]
    if given.kind == "sound":
        fitting = [spec.name for spec in inputs if len(spec.shape) in {3, 4}]
    elif not fitting:  # gray frames without a channel axis
        fitting = [spec.name for spec in inputs if len(spec.shape) == 4 and not is_image(spec)]
    if not fitting or (given.kind == "sound" and len(fitting) > 1):
        raise UsageError(
            f"the model does not take one {given.kind} (its inputs have the shapes "
            f"{', '.join(str(spec.shape) for spec in inputs)})",
            "Leave --preprocess out, or give another",
        )
    tensor = from_preset("tensor")
    return {spec.name: resolve(given if spec.name in fitting else tensor, spec.shape, spec.name) for spec in inputs}


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names, one a line, in the order of the model's outputs; or the sorted subfolder names of a folder.

    Where every line begins with its number, as in Teachable Machine's `0 Rock`, the names are without the numbers.

    Raises:
        DataError: The file is missing, empty, or names a class twice.
    """
    try:
        names = _labels_in(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot read the labels in {path}: {reason}", "Give a text file, one label a line") from error
    if not names or "" in names:
        raise DataError(f"{path} has {'an empty line' if names else 'no labels'}", "Give a text file, one label a line")
    twice, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{path} names the label {twice!r} twice", "Every class needs a name of its own")
    return tuple(names)


def _labels_in(path: Path) -> list[str]:
    if os.path.isdir(path):  # noqa: PTH112 - unlike Path's, it takes every name
        with os.scandir(path) as entries:
            return sorted(valid(entry.name) for entry in entries if entry.is_dir())
    names = [line.strip() for line in read_regular(path, LARGEST_LABELS).decode("utf-8-sig").splitlines()]
    while names and not names[-1]:
        names.pop()
    return _without_numbers(names)


def _without_numbers(lines: list[str]) -> list[str]:
    """Take the numbers 0, 1, 2 ... (or 1, 2, 3 ...) off the lines that all have one, in the numbers' order.

    Lines such as "1 car", "2 cars" stay as they are: without their numbers two of them could be the same.
    """
    found = [NUMBERED.fullmatch(line) for line in lines]
    names = {int(match[1]): match[2] for match in found if match}
    first = min(names, default=0)
    if first > 1 or sorted(names) != list(range(first, first + len(lines))) or len(set(names.values())) < len(lines):
        return lines
    return [names[number] for number in sorted(names)]


def read_input_shapes(values: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Parse `NAME=1,224,224,3` (or `1,224,224,3` where the model has one input, under the name "").

    Raises:
        UsageError: A value is no list of positive integers.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for value in values:
        name, _, text = value.rpartition("=")
        sizes = text.replace("x", ",").split(",")
        if not all(size.strip().isdigit() and int(size) > 0 for size in sizes):
            raise UsageError(f"--input-shape {value!r} is not a shape", "Write --input-shape NAME=1,224,224,3")
        shapes[name] = tuple(int(size) for size in sizes)
    return shapes
