"""What decoding, suppression and drawing of boxes cost beside the inference of the detector, on one core.

Usage: python -m benchmarks.heads [--rounds N]

Times are those of the thread that works, so that other programs on the machine count little. In each round inference,
edgecv's way from the outputs to a drawn frame, and two ways by hand have their turn (see `interleave`): OpenCV's
`NMSBoxesBatched` with OpenCV's drawing, and torchvision's `batched_nms` written in NumPy with Pillow's drawing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.detection import Detection
from edgecv_runtime.predictor import Predictor, load
from PIL import Image, ImageDraw, ImageFont

import edgecv
from benchmarks import heads_models as models
from benchmarks.heads_models import CASES, CLASSES, SIDE, Floats
from benchmarks.interleave import Times, by_name
from benchmarks.runtime_overhead import scene
from benchmarks.shared import ROOT
from benchmarks.zoo_train import settle
from edgecv.machine import machine_line, versions
from edgecv.run.drawing import draw

WORK: Final = ROOT / "build" / "heads"
RESULTS: Final = ROOT / "benchmarks" / "results" / "heads.json"
FRAME: Final = (640, 480)  # a camera's
BAR: Final = 0.2  # of the inference's time
THRESHOLD, OVERLAP = 0.3, 0.5
CALIBRATION: Final = 12
SAME: Final = 1.0  # pixels by which boxes of two ways may be apart

Boxes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]  # left, top, right, bottom; scores; labels


def bundle_of(name: str) -> Path:
    """The detector as a bundle of TFLite files, converted once. Its answers mean nothing."""
    bundle = WORK / f"{name}.edgecv"
    if bundle.exists():
        return bundle
    WORK.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    model, pictures = CASES[name].build(), WORK / "pictures"
    frames = [scene(SIDE, SIDE)[:, :, np.roll(range(3), turn)] for turn in range(CALIBRATION)]
    settle(model, np.stack(frames).astype(np.float32) / 255)
    model.save(WORK / f"{name}.keras")
    (WORK / f"{name}.toml").write_text(CASES[name].head)
    pictures.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        Image.fromarray(np.roll(frame, 40 * number, axis=1)).save(pictures / f"{number}.png")
    edgecv.convert(
        WORK / f"{name}.keras",
        bundle,
        quantize=["float32", "int8"],
        targets=["tflite"],
        preprocess="rescale",
        calibrate=pictures,
        heads=[f"boxes+scores:detection={WORK / f'{name}.toml'}"],
        keep_failing=True,
    )
    return bundle


@dataclass(frozen=True, slots=True)
class ByHand:
    """What people write around a detector: all boxes decoded in float32, those over a threshold, suppression, drawing.

    Attributes:
        decode: All boxes, (n, 4), and the scores of all classes, (n, classes), of the model's outputs.
        suppress: Which boxes stay.
        draw: A copy of a frame with boxes.
    """

    decode: Callable[[Mapping[str, Floats]], tuple[Floats, Floats]]
    suppress: Callable[[Floats, Floats, npt.NDArray[np.int64]], npt.NDArray[np.int64]]
    draw: Callable[[npt.NDArray[np.uint8], Boxes], npt.NDArray[np.uint8]]

    def find(self, outputs: Mapping[str, Floats]) -> Boxes:
        """Return the boxes in the frame."""
        boxes, scores = self.decode(outputs)
        rows, labels = np.nonzero(scores > THRESHOLD)
        best = scores[rows, labels]
        kept = self.suppress(boxes[rows], best, labels)
        grow = np.asarray([FRAME[0] / SIDE, FRAME[1] / SIDE] * 2, np.float32)
        return (boxes[rows][kept] * grow).clip(0, (*FRAME, *FRAME)), best[kept], labels[kept]


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)


def softmax(values: Floats) -> Floats:
    """Over the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def decode_yolo() -> Callable[[Mapping[str, Floats]], tuple[Floats, Floats]]:
    """Distances from the mean of bins."""
    centres, strides = models.yolo_cells()
    places = np.arange(models.BINS, dtype=np.float32)

    def decode(outputs: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        sides = softmax(outputs["boxes"][0].reshape(-1, 4, models.BINS)) @ places * strides
        corners = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
        return corners, sigmoid(outputs["scores"][0])

    return decode


def decode_ssd() -> Callable[[Mapping[str, Floats]], tuple[Floats, Floats]]:
    """Offsets from anchors, and a softmax of which the first class is nothing."""
    anchors = models.ssd_anchors()
    scale = np.asarray(models.VARIANCES, np.float32)

    def decode(outputs: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        moved = outputs["boxes"][0] * scale
        middle = anchors[:, :2] + moved[:, :2] * anchors[:, 2:]
        half = anchors[:, 2:] * np.exp(moved[:, 2:]) / 2
        return np.concatenate([middle - half, middle + half], axis=1), softmax(outputs["scores"][0])[:, 1:]

    return decode


def opencv_nms(boxes: Floats, scores: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """OpenCV's, class by class."""
    import cv2

    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sides.tolist(), scores.tolist(), labels.tolist(), THRESHOLD, OVERLAP)
    return np.asarray(kept, np.int64).reshape(-1)


def numpy_nms(boxes: Floats, scores: Floats, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As torchvision's `batched_nms`: every class is moved to a place of its own, then the usual loop."""
    moved = boxes + (labels * (boxes.max(initial=0) + 1))[:, None].astype(np.float32)
    left, top, right, bottom = moved.T
    areas = (right - left) * (bottom - top)
    order, kept = scores.argsort()[::-1], []
    while order.size:
        best = order[0]
        kept.append(best)
        rest = order[1:]
        wide = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        tall = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        common = wide.clip(0) * tall.clip(0)
        order = rest[common / (areas[best] + areas[rest] - common) <= OVERLAP]
    return np.asarray(kept, np.int64)


def opencv_drawing(frame: npt.NDArray[np.uint8], found: Boxes) -> npt.NDArray[np.uint8]:
    """Rectangles and labels by OpenCV."""
    import cv2

    drawn = frame.copy()
    for box, score, label in zip(*(values.tolist() for values in found), strict=True):
        left, top, right, bottom = (round(side) for side in box)
        text = f"{label} {score:.1%}"
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        cv2.rectangle(drawn, (left, top), (right, bottom), (255, 160, 0), 2)
        cv2.rectangle(drawn, (left, top - tall - 4), (left + wide, top), (255, 160, 0), -1)
        cv2.putText(drawn, text, (left, top - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return drawn


def pillow_drawing(frame: npt.NDArray[np.uint8], found: Boxes) -> npt.NDArray[np.uint8]:
    """Rectangles and labels by Pillow."""
    image = Image.fromarray(frame)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for box, score, label in zip(*(values.tolist() for values in found), strict=True):
        left, top, right, _ = box
        text = f"{label} {score:.1%}"
        pen.rectangle((left, top, right, box[3]), outline=(255, 160, 0), width=2)
        pen.rectangle(pen.textbbox((left, top - 16), text, font=font), fill=(255, 160, 0))
        pen.text((left, top - 16), text, font=font, fill=(0, 0, 0))
    return np.array(image)


DECODERS: Final = {"yolov8n": decode_yolo, "ssdlite_mobilenet_v2_0.35": decode_ssd}


def measure(name: str, precision: str, rounds: int) -> dict[str, Any]:
    """Time one artifact of one detector."""
    outputs, frame = CASES[name].outputs(), scene(*FRAME)
    decode = DECODERS[name]()
    hands = {
        "OpenCV": ByHand(decode, opencv_nms, opencv_drawing),
        "NumPy + Pillow": ByHand(decode, numpy_nms, pillow_drawing),
    }
    with load(bundle_of(name), target="tflite", precision=precision) as predictor:
        (head,) = predictor.heads
        assert isinstance(head, Detection)
        tensor, view = predictor.locate(frame)
        answer = head.read(outputs, view)
        for hand in hands.values():
            check_same(hand.find(outputs), (answer.boxes, answer.scores, answer.indices))
        items = head.drawing(answer, 3)
        found = {title: hand.find(outputs) for title, hand in hands.items()}
        ways = {
            "inference": lambda: predictor.backend.run({"image": tensor}),
            "edgecv: decoding": lambda: head.read(outputs, view),
            "edgecv: drawing": lambda: draw(frame, head.drawing(answer, 3)),
            **{f"{title}: decoding": _finding(hand, outputs) for title, hand in hands.items()},
            **{f"{title}: drawing": _drawing(hand, frame, found[title]) for title, hand in hands.items()},
        }
        times = by_name(ways, rounds=rounds, turn=7, clock=time.thread_time)
        candidates = len(head_candidates(head, outputs))
        return {"candidates": candidates, "boxes": len(items), **summed(times, list(hands)), **_ends(predictor)}


def _finding(hand: ByHand, outputs: Mapping[str, Floats]) -> Callable[[], object]:
    return lambda: hand.find(outputs)


def _drawing(hand: ByHand, frame: npt.NDArray[np.uint8], found: Boxes) -> Callable[[], object]:
    return lambda: hand.draw(frame, found)


def _ends(predictor: Predictor) -> dict[str, Any]:
    return {"answered_by": predictor.describe()}


def head_candidates(head: Detection, outputs: Mapping[str, Floats]) -> npt.NDArray[Any]:
    """The scores that reach their threshold, before suppression."""
    values = outputs["scores"][0]
    scores = softmax(values)[:, 1:] if values.shape[1] > CLASSES else sigmoid(values)
    return scores[scores >= head.spec.thresholds[0]]


def check_same(one: Boxes, other: Boxes) -> None:
    """Check that two ways find the same boxes, within a pixel.

    Raises:
        SystemExit: They do not, so they are not the same work.
    """
    orders = [np.lexsort(way[0].T) for way in (one, other)]
    equal = len(one[0]) == len(other[0]) and np.abs(one[0][orders[0]] - other[0][orders[1]]).max() < SAME
    if not equal:
        raise SystemExit(f"not the same work: {len(one[0])} boxes and {len(other[0])}")


def summed(times: Mapping[str, Times], hands: list[str]) -> dict[str, Any]:
    """Medians in microseconds, and what each way adds to an inference: the ratio within a round, p10, p50 and p90."""
    shares = {}
    for title in ("edgecv", *hands):
        ratios = (times[f"{title}: decoding"] + times[f"{title}: drawing"]) / times["inference"]
        shares[title] = [round(float(np.percentile(ratios, q)), 4) for q in (10, 50, 90)]
    return {
        "median_us": {name: round(float(np.median(found)), 1) for name, found in times.items()},
        "share_of_inference": shares,
    }


def main() -> None:
    """Time all detectors, print a line each, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    rows = {}
    for name in CASES:
        for precision in ("float32", "int8"):
            found = measure(name, precision, given.rounds)
            rows[f"{name} {precision}"] = found
            shares = ", ".join(f"{title} {share[1]:.1%}" for title, share in found["share_of_inference"].items())
            print(f"{name} {precision}: {found['median_us']['inference']:,.0f} us; {shares}", flush=True)
            print("  ", found["median_us"], flush=True)
    result = {"machine": machine_line(), "versions": versions(), "rounds": given.rounds, "bar": BAR, "detectors": rows}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
