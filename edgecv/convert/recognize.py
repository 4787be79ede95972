"""Outputs that show by their shape, end and loss that they are masks, pictures or boxes; each is said in a sentence.

Boxes of KerasHub's and KerasCV's detectors are suppressed as these libraries do it: by the best class of each, and
whatever the classes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from edgecv_converters.source.anchors import OwnAnchors
from edgecv_converters.workers import SourceSummary
from edgecv_runtime.decoders import Columns, Decoded, Decoder, Distances, Level, Offsets, Pixels, Planes
from edgecv_runtime.heads.kinds import KINDS, canvas_of
from edgecv_runtime.schema import HeadSpec, Preprocess, TensorSpec

from edgecv.terminal.words import number

MAP: Final = 4  # axes of planes and pictures: batch, height, width, channels
MOST_CLASSES: Final = 255
COLORS: Final = 3
YOLO_STRIDES: Final = (8, 16, 32)
YOLO_BINS: Final = 16
RETINA_ANCHORS: Final = tuple(OwnAnchors(first=first, last=last) for first in range(2, 6) for last in range(first, 8))
"""KerasHub's usual anchors, on any pyramid: what a model may have that does not say them."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """A head that the model itself shows, and why, in a sentence; `assumed` is what nothing in the model says."""

    head: HeadSpec
    sentence: str
    assumed: str | None = None


@dataclass(frozen=True, slots=True)
class _Model:
    summary: SourceSummary
    specs: Mapping[str, Preprocess]
    canvas: tuple[int, int]

    def spec(self, kind: str, outputs: tuple[str, ...], decode: Decoder, ending: str = "other") -> HeadSpec:
        first = next(output for output in self.summary.outputs if output.name == outputs[0])
        return HeadSpec(
            name="+".join(outputs),
            kind=kind,
            outputs=outputs,
            activation="sigmoid" if ending == "logits" else "none",
            thresholds=KINDS[kind].usual_thresholds(first.shape),
            decode=decode,
        )

    @property
    def picture(self) -> tuple[TensorSpec, Preprocess]:
        """The input that is a picture, and how it is prepared."""
        spec = next(one for one in self.summary.inputs if self.specs[one.name].size is not None)
        return spec, self.specs[spec.name]


def recognized(summary: SourceSummary, specs: Mapping[str, Preprocess]) -> Iterator[Recognized]:
    """Find heads whose answers are places or pictures, in a model that takes a picture.

    Args:
        summary: The model.
        specs: The preprocessing of its inputs.
    """
    canvas = canvas_of(summary.inputs, specs)
    if canvas is None:
        return
    model = _Model(summary, specs, canvas)
    boxes = [*filter(None, [_boxes(model)]), *_finished(model)]
    yield from boxes
    taken = {name for one in boxes for name in one.head.outputs}
    for place, output in enumerate(summary.outputs):
        found = _map(model, place, output) if len(output.shape) == MAP and output.name not in taken else None
        if found is not None:
            yield found


def _map(model: _Model, place: int, output: TensorSpec) -> Recognized | None:
    """A mask or a picture, from an output of height, width and channels."""
    ending, loss = model.summary.endings[place], model.summary.trained_as[place]
    channels = output.shape[-1]
    if min(output.shape[1:3]) < 2 or not output.dtype.startswith("float") or (loss == "numbers" and channels > COLORS):
        return None
    otherwise = f"--head {output.name}:regression says otherwise"
    if 1 < channels <= MOST_CLASSES and (ending == "softmax" or loss == "one_class"):
        head = model.spec("segmentation", (output.name,), Planes())
        return Recognized(head, f"the output {output.name} is taken for a mask of {channels} classes; {otherwise}")
    source, spec = model.picture
    colors = 1 if spec.color == "gray" else COLORS
    if channels == 1 and colors == COLORS and loss != "numbers" and (ending == "sigmoid" or loss == "labels"):
        head = model.spec("segmentation", (output.name,), Planes(), ending)
        return Recognized(head, f"the output {output.name} is taken for a mask, yes or no at each pixel; {otherwise}")
    ends = (0.0, 1.0) if ending == "sigmoid" else _black_and_white(spec)
    if channels != colors or not _is_picture_of(output.shape[1:3], source.shape[1:3]) or ends is None:
        return None
    head = model.spec("image", (output.name,), Pixels(low=ends[0], high=ends[1]))
    values = f"whose values go from {number(ends[0])} (black) to {number(ends[1])} (white)"
    return Recognized(head, f"the output {output.name} is taken for a picture, {values}; {otherwise}")


def _is_picture_of(shape: tuple[int, ...], source: tuple[int, ...]) -> bool:
    """Tell whether a size is the source's, or a whole multiple of it."""
    times = shape[0] // source[0]
    return times >= 1 and shape == tuple(times * side for side in source)


def _black_and_white(spec: Preprocess) -> tuple[float, float] | None:
    """The values of black and white in the input, where they are the same in all channels."""
    scales, offsets = set(spec.normalize.scale), set(spec.normalize.offset)
    if len(scales) > 1 or len(offsets) > 1:
        return None
    (scale,), (offset,) = scales, offsets
    return float(f"{offset:.6g}"), float(f"{255 * scale + offset:.6g}")


def _boxes(model: _Model) -> Recognized | None:
    """Detectors whose outputs have the names and the numbers of rows of a known design."""
    shapes = {output.name: output.shape for output in model.summary.outputs}
    for names, design in (
        (("boxes", "classes"), _yolo),
        (("bbox_regression", "cls_logits"), _retina),
        (("pred_boxes", "logits"), _queries),
        (("raw_detection_boxes", "raw_detection_scores"), _raw),
    ):
        if all(len(shapes.get(name, ())) == 3 for name in names):
            found = design(model, names[0], names[1], shapes)
            if found is not None:
                return found
    return None


def _finished(model: _Model) -> Iterator[Recognized]:
    """Detectors that give rows of a box, a score and a class number, as YOLOv10 and YOLO26 do."""
    for rows in model.summary.finished:
        if rows.relative is None:
            continue
        (output,) = (one for one in model.summary.outputs if one.name == rows.output)
        decoder = Decoded(
            scores=(Columns(output=rows.output, first=4, count=1),),
            boxes=(Columns(output=rows.output, count=4),),
            numbers=(Columns(output=rows.output, first=5, count=1),),
            class_count=rows.classes,
            unit="relative" if rows.relative else "pixels",
            overlap=None,
            most=output.shape[1],
        )
        head = model.spec("detection", (rows.output,), decoder)
        unit = "parts of the picture" if rows.relative else "pixels"
        yield Recognized(
            head,
            f"the output {rows.output} is taken for finished boxes, a row each: left, top, right and bottom in {unit}, "
            f"a score, and the number of one of {rows.classes} classes; boxes from a score of {head.thresholds[0]:g} "
            f"on; --head {rows.output}:detection=FILE.toml says otherwise",
        )


def _yolo(model: _Model, boxes: str, classes: str, shapes: Mapping[str, tuple[int, ...]]) -> Recognized | None:
    """KerasCV's YOLOv8: sixteen bins for each distance, at the strides 8, 16 and 32."""
    levels = tuple(_level(model.canvas, stride) for stride in YOLO_STRIDES)
    rows = sum(level.grid[0] * level.grid[1] for level in levels)
    if shapes[boxes][1:] != (rows, 4 * YOLO_BINS) or shapes[classes][1] != rows:
        return None
    decoder = Distances(
        scores=(Columns(output=classes),),
        boxes=(Columns(output=boxes),),
        classes="best",
        agnostic=True,
        levels=levels,
        bins=YOLO_BINS,
        overlap=0.7,
    )
    return _detector(model, "YOLOv8 as KerasCV has it", boxes, classes, decoder)


def _retina(model: _Model, boxes: str, classes: str, shapes: Mapping[str, tuple[int, ...]]) -> Recognized | None:
    """KerasHub's RetinaNet: anchors at each cell, whose centre is the cell's corner."""
    said = model.summary.beside.anchors
    for anchors in RETINA_ANCHORS if said is None else (said,):
        levels = tuple(_anchored(model.canvas, level, anchors) for level in range(anchors.first, anchors.last + 1))
        rows = sum(level.grid[0] * level.grid[1] * len(level.sizes) for level in levels)
        if shapes[boxes][1:] == (rows, 4) and shapes[classes][1] == rows:
            decoder = Offsets(
                scores=(Columns(output=classes),),
                boxes=(Columns(output=boxes),),
                classes="best",
                agnostic=True,
                levels=levels,
                variances=(1.0, 1.0, 1.0, 1.0),
                centre=0.0,
            )
            found = _detector(model, "RetinaNet as KerasHub has it", boxes, classes, decoder, logits=True)
            return found if said is not None else replace(found, assumed=_usual_anchors(found.head))
    return None


def _usual_anchors(head: HeadSpec) -> str:
    return (
        f"nothing in the model says the anchors of {head.name}: KerasHub's usual ones are assumed, and with others "
        f"every box is wrong. Convert the .keras file, or give --head {head.name}:detection=FILE.toml"
    )


def _queries(model: _Model, boxes: str, classes: str, shapes: Mapping[str, tuple[int, ...]]) -> Recognized | None:
    """D-FINE and other DETRs: a box for each query. KerasHub suppresses them all the same."""
    if shapes[boxes][-1] != 4 or shapes[boxes][:-1] != shapes[classes][:-1]:
        return None
    decoder = Decoded(
        scores=(Columns(output=classes),),
        boxes=(Columns(output=boxes),),
        classes="best",
        agnostic=True,
        order="cxcywh",
        unit="relative",
    )
    return _detector(model, "D-FINE as KerasHub has it", boxes, classes, decoder, logits=True)


def _raw(model: _Model, boxes: str, classes: str, shapes: Mapping[str, tuple[int, ...]]) -> Recognized | None:
    """TensorFlow's Object Detection API: decoded boxes, and scores whose first class is the background."""
    if shapes[boxes][-1] != 4 or shapes[boxes][:-1] != shapes[classes][:-1] or shapes[classes][-1] < 2:
        return None
    decoder = Decoded(
        scores=(Columns(output=classes),),
        boxes=(Columns(output=boxes),),
        background=0,
        order="yxyx",
        unit="relative",
        overlap=0.6,
    )
    return _detector(model, "a detector of TensorFlow's Object Detection API", boxes, classes, decoder)


def _level(canvas: tuple[int, int], stride: int) -> Level:
    tall, wide = (-(-side // stride) for side in canvas)
    return Level(grid=(tall, wide), stride=(float(stride), float(stride)))


def _anchored(canvas: tuple[int, int], level: int, anchors: OwnAnchors) -> Level:
    """Anchors as KerasHub's `AnchorGenerator` has them: sides cut to whole pixels, halves rounded half to even."""
    sides = [int(2**level * anchors.size * 2 ** (scale / anchors.scales)) for scale in range(anchors.scales)]
    sizes = tuple(
        (2.0 * round(side / ratio**0.5 / 2), 2.0 * round(side * ratio**0.5 / 2))
        for ratio in anchors.ratios
        for side in sides
    )
    grid = _level(canvas, 2**level).grid
    down, across = (float(side // cells) for side, cells in zip(canvas, grid, strict=True))
    return Level(grid=grid, stride=(down, across), sizes=sizes)


def _detector(
    model: _Model, design: str, boxes: str, classes: str, decoder: Decoder, *, logits: bool = False
) -> Recognized:
    """A detector of a design that gives logits, whatever comes after them in the graph, or that ends as it shows."""
    names = [output.name for output in model.summary.outputs]
    outputs = tuple(sorted((boxes, classes), key=names.index))
    ending = model.summary.endings[names.index(classes)]
    ending = "logits" if logits and ending != "sigmoid" else ending
    head = model.spec("detection", outputs, decoder, ending)
    sentence = (
        f"the outputs {boxes} and {classes} are taken for {design}: boxes from a score of {head.thresholds[0]:g} on; "
        f"--head {head.name}:detection=FILE.toml says otherwise"
    )
    return Recognized(head, sentence)
