"""The tables of the metadata's schema that edgecv writes, each by a function with the schema's own words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecv_converters.tflite.metadata.tables import TableFields

IDENTIFIER = b"M001"  # of the metadata's flatbuffer
NAME = "TFLITE_METADATA"  # of its buffer in the model
PARSER = "1.0.0"  # the oldest parser that reads all that is written
CUSTOM_PARSER = "1.5.0"  # the oldest that reads tables of one's own
RGB, GRAYSCALE = np.int8(1), np.int8(2)
IMAGE_PROPERTIES, BOX_PROPERTIES = np.int8(2), np.int8(3)
NORMALIZATION, CALIBRATION, THRESHOLDING = np.int8(1), np.int8(2), np.int8(3)
AXIS_LABELS, AXIS_CALIBRATION = np.int8(2), np.int8(4)
BOUNDARIES = np.int8(1)


def associated_file(name: str, description: str, kind: np.int8) -> TableFields:
    """Return an `AssociatedFile`: what a file of the archive is for."""
    return TableFields({0: name, 1: description, 2: kind})


def picture(color_space: np.int8, height: int, width: int) -> TableFields:
    """Return the `Content` of a tensor that is a picture, its size in pixels."""
    size = TableFields({0: np.uint32(width), 1: np.uint32(height)})
    return TableFields({0: IMAGE_PROPERTIES, 1: TableFields({0: color_space, 1: size})})


def boxes() -> TableFields:
    """Return the `Content` of a tensor of boxes relative to the picture's sides, as all readers want it said."""
    return TableFields({0: BOX_PROPERTIES, 1: TableFields({1: BOUNDARIES})})


def normalization(mean: Sequence[float], std: Sequence[float]) -> TableFields:
    """Return the `ProcessUnit` (x - mean) / std, x in 0..255; one value, or one a channel."""
    return TableFields({0: NORMALIZATION, 1: TableFields({0: list(mean), 1: list(std)})})


def calibration() -> TableFields:
    """Return the `ProcessUnit` that puts scores through the sigmoids of an associated file."""
    return TableFields({0: CALIBRATION, 1: TableFields({})})


def thresholding(score: float) -> TableFields:
    """Return the `ProcessUnit` that leaves out what scores less."""
    return TableFields({0: THRESHOLDING, 1: TableFields({0: np.float32(score)})})


def tensor(
    name: str,
    description: str,
    *,
    content: TableFields | None = None,
    units: Sequence[TableFields] = (),
    bounds: tuple[Sequence[float], Sequence[float]] | None = None,
    files: Sequence[TableFields] = (),
) -> TableFields:
    """Return the `TensorMetadata` of an input or output; `bounds` are its smallest and largest values by channel."""
    made = TableFields({0: name, 1: description})
    if content is not None:
        made[3] = content
    if units:
        made[4] = list(units)
    if bounds is not None:
        made[5] = TableFields({0: list(bounds[1]), 1: list(bounds[0])})
    if files:
        made[6] = list(files)
    return made


def model(
    description: tuple[str, str],
    authorship: tuple[str | None, str | None, str | None],
    inputs: Sequence[TableFields],
    outputs: Sequence[TableFields],
    custom: Sequence[tuple[str, bytes]] = (),
) -> TableFields:
    """Return the `ModelMetadata`.

    Args:
        description: The model's name, and a sentence on it.
        authorship: Its author, license and version; None where nobody said.
        inputs: The `TensorMetadata` of each input, in the file's order.
        outputs: Of each output, likewise.
        custom: Tables of other schemas, by name, encoded.
    """
    graph = TableFields({2: list(inputs), 3: list(outputs)})
    if custom:
        graph[9] = [TableFields({0: name, 1: data}) for name, data in custom]
    made = TableFields({0: description[0], 1: description[1], 3: [graph], 7: CUSTOM_PARSER if custom else PARSER})
    author, license_text, version = authorship
    for place, text in ((2, version), (4, author), (5, license_text)):
        if text is not None:
            made[place] = text
    return made
