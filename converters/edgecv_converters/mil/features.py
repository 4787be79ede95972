"""The description of a Core ML model that an app sees: inputs, outputs, labels, and what its author wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from edgecv_runtime.errors import BundleError

from edgecv_converters.mil.records import Classifier, Feature, Operation

Types = Mapping[str, tuple[str, tuple[int | None, ...]]]
DTYPES = {"FLOAT32": "float32", "FLOAT16": "float16", "INT32": "int32", "DOUBLE": "float64", "INT8": "int8"}
CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def read_features(messages: Sequence[Any], types: Types, classifier: Classifier | None = None) -> tuple[Feature, ...]:
    """Inputs or outputs; `types` are the program's own, by name.

    Raises:
        BundleError: One is of a kind that an ML program cannot have, or the program does not have it.
    """
    return tuple(_feature(message, types, classifier) for message in messages)


def _feature(message: Any, types: Types, classifier: Classifier | None) -> Feature:
    kind = message.type.WhichOneof("Type")
    if classifier is not None and message.name in {classifier.predicted, classifier.probabilities}:
        return Feature(name=message.name, kind="label" if message.name == classifier.predicted else "probabilities")
    if message.name not in types:
        raise BundleError(f"the program has no value {message.name!r}, which its description names")
    dtype, shape = types[message.name]
    if kind == "imageType":
        return _image(message, dtype)
    if kind != "multiArrayType":
        raise BundleError(f"{message.name!r} is of the kind {kind}, neither a tensor nor an image")
    return _tensor(message, dtype, shape)


def _image(message: Any, dtype: str) -> Feature:
    image = message.type.imageType
    colour = type(image).ColorSpace.Name(image.colorSpace)
    if colour not in CHANNELS:
        raise BundleError(f"the image {message.name!r} has no known order of colours")
    shape = (1, CHANNELS[colour], int(image.height), int(image.width))
    return Feature(name=message.name, kind="image", dtype=dtype, shape=shape, colour=colour)


def _tensor(message: Any, dtype: str, shape: tuple[int | None, ...]) -> Feature:
    array = message.type.multiArrayType
    declared = DTYPES.get(type(array).ArrayDataType.Name(array.dataType))
    if declared != dtype:
        raise BundleError(f"{message.name!r} is {declared} for the app, and {dtype} in the program")
    sizes = tuple(int(size) for size in array.shape) or tuple(size or 1 for size in shape)
    return Feature(name=message.name, kind="tensor", dtype=dtype, shape=sizes)


def read_classifier(description: Any, operations: Sequence[Operation]) -> Classifier | None:
    """The labels, from the operation `classify` (MIL ops, iOS15).

    Raises:
        BundleError: The description says classifier and the program does not.
    """
    found = [operation for operation in operations if operation.type == "classify"]
    if not found:
        if description.predictedFeatureName:
            raise BundleError(f"the model predicts {description.predictedFeatureName!r} but has no operation classify")
        return None
    classes = found[-1].inputs.get("classes", ())
    if len(classes) != 1 or not isinstance(classes[0], np.ndarray) or len(found[-1].outputs) != 2:
        raise BundleError("the operation classify has no list of labels, or not two outputs")
    labels = tuple(classes[0].reshape(-1).tolist())
    predicted, probabilities = (output.name for output in found[-1].outputs)
    return Classifier(labels=labels, predicted=predicted, probabilities=probabilities)


def read_metadata(message: Any) -> dict[str, str]:
    """The author's texts that are not empty, and the user's own keys."""
    texts = {
        "short_description": message.shortDescription,
        "version": message.versionString,
        "author": message.author,
        "license": message.license,
    }
    return {**{key: text for key, text in texts.items() if text}, **dict(sorted(message.userDefined.items()))}
