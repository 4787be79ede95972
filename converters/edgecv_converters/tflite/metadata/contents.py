"""The metadata of one artifact: what the format can say exactly of its bundle, and what it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from edgecv_runtime.schema import HeadSpec, Preprocess, TensorIO

from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.tflite.metadata import schema
from edgecv_converters.tflite.metadata.detector import DetectorTable, detector_table
from edgecv_converters.tflite.metadata.tables import TableFields, encode

READABLE = frozenset({"float32", "uint8"})  # the dtypes that readers feed and take
BYTES = np.arange(256, dtype=np.float32)
IMAGE_AXES = 4
CHANNELS = {"rgb": schema.RGB, "gray": schema.GRAYSCALE}
CALIBRATED = "1,1,0\n"  # scale, slope and offset of the plain sigmoid, a line for each value


class NotSayableError(Exception):
    """A model's preprocessing or answers that the format has no words for; the message ends "...: WHY"."""


@dataclass(frozen=True, slots=True)
class MetadataContents:
    """The metadata of an artifact.

    Attributes:
        tables: The flatbuffer; None where nothing may be written.
        files: The files of the archive after it, by name.
        notes: What was left out and why, for the report.
    """

    tables: bytes | None
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def contents_of(metadata: ModelMetadata, inputs: Sequence[TensorIO], outputs: Sequence[TensorIO]) -> MetadataContents:
    """Return the metadata of an artifact whose inputs and outputs are given in the order of its file."""
    try:
        taken = [_input(metadata.preprocess, inputs)]
    except NotSayableError as problem:
        return MetadataContents(None, notes=(f"no TFLite metadata for MediaPipe and ML Kit: {problem}",))
    files: dict[str, bytes] = {}
    notes: list[str] = []
    given = [_output(metadata.heads, one, files, notes) for one in outputs]
    detector = _detector(metadata.heads, inputs[0], outputs, notes)
    if detector is not None:
        given = [detector.outputs[end.name] for end in outputs]
        files |= detector.files
    authorship = metadata.authorship
    table = schema.model(
        (metadata.name, metadata.summary()),
        (authorship.author, authorship.license, authorship.version),
        taken,
        given,
        () if detector is None else (detector.custom,),
    )
    return MetadataContents(encode(table, schema.IDENTIFIER), files, tuple(notes))


def _input(specs: Mapping[str, Preprocess], inputs: Sequence[TensorIO]) -> TableFields:
    if len(inputs) != 1 or inputs[0].name not in specs:
        raise NotSayableError("their tasks take one picture")
    end, spec = inputs[0], specs[inputs[0].name]
    _check_picture(spec, end)
    scale, offset = (
        np.unique(np.asarray(values, np.float32)) for values in (spec.normalize.scale, spec.normalize.offset)
    )
    if len(scale) != 1 or len(offset) != 1:
        raise NotSayableError("they know no normalization that differs by channel")
    if end.dtype == "uint8" and not _feeds_bytes(end, scale[0], offset[0]):
        raise NotSayableError("they feed bytes as they are, and this input has a scale of its own: use --io float32")
    factor, term = float(scale[0]), float(offset[0])
    std = _inverse(scale[0])
    mean = -term * std
    low, high = sorted((term, 255 * factor + term))
    height, width = end.shape[1:3]
    return schema.tensor(
        end.name,
        f"A picture of {width} x {height} pixels",
        content=schema.picture(CHANNELS[spec.color], height, width),
        units=[schema.normalization([mean], [std])],
        bounds=([low], [high]),
    )


def _inverse(scale: np.float32) -> float:
    """Return the number with the fewest decimals whose inverse is `scale`, such as 127.5."""
    exact = 1 / float(scale)
    return next((near for near in (round(exact, digits) for digits in range(8)) if _is_inverse(near, scale)), exact)


def _is_inverse(number: float, scale: np.float32) -> bool:
    return number != 0 and np.float32(1 / number) == scale


def _check_picture(spec: Preprocess, end: TensorIO) -> None:
    if spec.kind != "image":
        raise NotSayableError("their tasks take one picture")
    if len(end.shape) != IMAGE_AXES:
        raise NotSayableError("they want a picture with a channel axis")
    if end.dtype not in READABLE:
        raise NotSayableError(f"they feed no {end.dtype}: use --io float32")
    if spec.color not in CHANNELS:
        raise NotSayableError("they have no word for channels in the order BGR")
    if spec.fit.mode != "stretch":
        raise NotSayableError(f"they stretch a picture to the input, and have no word for {spec.fit.mode}")
    if spec.resize.kernel != "bilinear":
        raise NotSayableError(f"they resize bilinearly, and have no word for {spec.resize.kernel}")


def _feeds_bytes(end: TensorIO, scale: np.float32, offset: np.float32) -> bool:
    """Tell whether every byte of a picture is the integer that it is quantized to."""
    grid = end.quantization
    if grid is None:
        return False
    normalized = BYTES * scale + offset
    integers = np.clip(np.rint(normalized / np.float32(grid.scale)) + grid.zero_point, 0, 255)
    return bool(np.array_equal(integers, BYTES))


def _output(heads: Sequence[HeadSpec], end: TensorIO, files: dict[str, bytes], notes: list[str]) -> TableFields:
    """Return what is said of one output, and add the files that it needs."""
    head = next((head for head in heads if end.name in head.outputs), None)
    labels = None if head is None or head.decode is not None else _labels(head, end)
    plain = schema.tensor(end.name, "The model's numbers")
    if head is None or labels is None:
        return plain
    if head.activation == "softmax":
        notes.append(
            f"TFLite metadata has no labels for {end.name}: it ends with logits, and their readers apply no softmax"
        )
        return plain
    units, kept = [], [_stored(files, head, "labels", "\n".join(labels) + "\n", schema.AXIS_LABELS)]
    if head.activation == "sigmoid":
        units.append(schema.calibration())
        kept.append(_stored(files, head, "calibration", CALIBRATED * len(labels), schema.AXIS_CALIBRATION))
    if len(set(head.thresholds)) == 1:
        units.append(schema.thresholding(head.thresholds[0]))
    return schema.tensor(end.name, "The score of each label", units=units, files=kept)


def _labels(head: HeadSpec, end: TensorIO) -> tuple[str, ...] | None:
    """Return a label for each value of an output: of one value the label that it is the score of; None without."""
    count = int(np.prod(end.shape[1:]))
    if head.labels is None or len(head.outputs) != 1:
        return None
    if len(head.labels) == count:
        return head.labels
    return head.labels[1:] if count == 1 and len(head.labels) == 2 else None


def _stored(files: dict[str, bytes], head: HeadSpec, kind: str, text: str, role: np.int8) -> TableFields:
    name = f"{kind}.txt" if f"{kind}.txt" not in files else f"{kind}_{len(files)}.txt"
    files[name] = text.encode()
    return schema.associated_file(name, f"Of the head {head.name}", role)


def _detector(
    heads: Sequence[HeadSpec], taken: TensorIO, outputs: Sequence[TensorIO], notes: list[str]
) -> DetectorTable | None:
    """Return what ObjectDetector needs to read boxes, where its decoding is the head's."""
    head = next((head for head in heads if head.decode is not None), None)
    if head is None:
        return None
    made = detector_table(head, taken, outputs)
    if isinstance(made, str):
        notes.append(f"TFLite metadata does not say how {head.name} is decoded: {made}")
        return None
    return made
