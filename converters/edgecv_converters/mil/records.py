"""The records of a Core ML program: what `load_program` makes of a saved package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgecv_converters.mil.dtypes import Array

Argument = str | Array
Colour = Literal["RGB", "BGR", "GRAYSCALE", "GRAYSCALE_FLOAT16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input or output of the model, as an app sees it.

    Attributes:
        name: Core ML's name.
        kind: "tensor"; "image"; a classifier gives a "label" and "probabilities" (a dictionary by label).
        dtype: Of a tensor, and of the tensor that an image becomes.
        shape: Of a tensor; of an image (1, C, H, W).
        colour: The order of an image's channels as the program takes them.
    """

    name: str
    kind: Literal["tensor", "image", "label", "probabilities"]
    dtype: str = ""
    shape: tuple[int, ...] = ()
    colour: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """The classifier part of a model: its labels in the order of the probabilities, and the names of its outputs."""

    labels: tuple[str, ...] | tuple[int, ...]
    predicted: str
    probabilities: str


@dataclass(frozen=True, slots=True)
class Variable:
    """One value that an operation makes; the size of an open dimension is None."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        type: Such as "conv".
        name: Its own; where the program has none, its first output's.
        inputs: By parameter the values in order (only lists of values have more than one): the name of another
            operation's output, or the value itself (text as an array of `str`).
        outputs: What it makes.
        nested: Whether it has blocks of operations of its own (control flow).
    """

    type: str
    name: str
    inputs: Mapping[str, tuple[Argument, ...]]
    outputs: tuple[Variable, ...]
    nested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A saved model.

    Attributes:
        inputs, outputs: As the model's description has them, in its order.
        operations: The main block's, in the order in which they run.
        results: The names of the values that the main block gives.
        classifier: None if it is no classifier.
        specification: The version of the specification (7 is iOS 16, 8 is iOS 17, 9 is iOS 18).
        opset: Of the main function, such as "CoreML7".
        metadata: What the user sees (author, license, version, short_description) and the user's own keys.
    """

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    operations: tuple[Operation, ...]
    results: tuple[str, ...]
    classifier: Classifier | None
    specification: int
    opset: str
    metadata: Mapping[str, str]
