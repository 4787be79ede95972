"""MediaPipe's ObjectDetector: offsets from anchors in one output, scores in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.decoders import Columns, Offsets
from edgecv_runtime.heads.boxes import Cells
from edgecv_runtime.schema import HeadSpec, TensorIO

from edgecv_converters.tflite.metadata import schema
from edgecv_converters.tflite.metadata.tables import TableFields, encode

NAME = "DETECTOR_METADATA"
IDENTIFIER = b"V001"
LOCATION, SCORE = "location", "score"  # the names by which ObjectDetector finds its two outputs
LABELS_FILE = "labels.txt"
CORNERS = 4
COORDINATES = 2  # of a point: ObjectDetector ends the process where this is another number, points or not


@dataclass(frozen=True, slots=True)
class DetectorTable:
    """The metadata of a detector: the tables of its outputs by their names, the encoded options, the labels' file."""

    outputs: Mapping[str, TableFields]
    custom: tuple[str, bytes]
    files: Mapping[str, bytes]


def detector_table(head: HeadSpec, taken: TensorIO, outputs: Sequence[TensorIO]) -> DetectorTable | str:
    """Return the metadata of a head whose decoding ObjectDetector has, or in words why it has not."""
    decode = head.decode
    if not isinstance(decode, Offsets):
        return "MediaPipe's ObjectDetector decodes offsets from anchors alone"
    problem = _hindrance(head, decode, outputs)
    if problem is not None:
        return problem
    by_name = {end.name: end for end in outputs}
    boxes, scores = by_name[decode.boxes[0].output], by_name[decode.scores[0].output]
    _, height, width, _ = taken.shape
    labels = schema.associated_file(LABELS_FILE, f"Of the head {head.name}", schema.AXIS_LABELS)
    units = [schema.thresholding(head.thresholds[0])] if len(set(head.thresholds)) == 1 else []
    described = {
        boxes.name: schema.tensor(LOCATION, "Offsets from the anchors", content=schema.boxes()),
        scores.name: schema.tensor(SCORE, "The score of each label", units=units, files=[labels]),
    }
    options = TableFields(
        {
            0: schema.PARSER,
            1: TableFields({0: TableFields({0: _anchors(decode, height, width)})}),
            2: _decoding(decode, head, scores.shape[-1], boxes.shape[1]),
        }
    )
    files = {LABELS_FILE: ("\n".join(head.labels or ()) + "\n").encode()}
    return DetectorTable(described, (NAME, encode(options, IDENTIFIER)), files)


def _hindrance(head: HeadSpec, decode: Offsets, outputs: Sequence[TensorIO]) -> str | None:
    """Say what of a head ObjectDetector has no word for."""
    parts = (*decode.boxes, *decode.scores)
    whole = all(part == Columns(output=part.output) for part in parts)
    if len(outputs) != 2 or len(parts) != 2 or decode.objectness or not whole:
        return "MediaPipe's ObjectDetector takes one output of boxes and one of scores"
    if decode.order != "yxhw":
        return "MediaPipe's ObjectDetector takes the offsets of y before those of x"
    if decode.background is not None:
        return "MediaPipe's ObjectDetector would answer with the class that stands for nothing"
    if decode.largest is not None:
        return "MediaPipe's ObjectDetector has no largest size"
    if head.activation == "softmax":
        return "MediaPipe's ObjectDetector applies no softmax"
    return None


def _anchors(decode: Offsets, height: int, width: int) -> list[TableFields]:
    cells = Cells.of(decode.levels)
    columns = (
        (cells.column + decode.centre) * cells.across / width,
        (cells.row + decode.centre) * cells.down / height,
        cells.width / width,
        cells.height / height,
    )
    return [TableFields(enumerate(map(np.float32, numbers))) for numbers in zip(*columns, strict=True)]


def _decoding(decode: Offsets, head: HeadSpec, classes: int, boxes: int) -> TableFields:
    x, y, w, h = (np.float32(1 / variance) for variance in decode.variances)
    return TableFields(
        {
            0: np.int32(classes),
            1: np.int32(boxes),
            2: np.int32(CORNERS),
            5: np.int32(COORDINATES),
            6: x,
            7: y,
            8: w,
            9: h,
            10: np.bool_(1),
            11: np.bool_(head.activation == "sigmoid"),
        }
    )
