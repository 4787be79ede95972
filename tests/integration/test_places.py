"""A detector and a segmenter through the command line: int8 on three targets, judged on annotated pictures, and run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.bundle import Bundle
from PIL import Image

from tests.command import edgecv

CELL, SIDE = 16, 96
COLORS = ("red", "green", "blue")
DARK, DIM, BRIGHT = 30, 200, 255
LEAST, GROWTH = 0.75, 0.5  # of a cell: half the side of the dimmest object, and how much more the brightest has
TARGETS = ("tflite", "onnx", "coreml")
DETECTOR = """
labels = ["red", "green", "blue"]
activation = "sigmoid"
[decode]
form = "grid"
scores = "scores"
boxes = "boxes"
levels = [{ stride = 16 }]
"""


@dataclass(frozen=True)
class Square:
    """An object: its colour, and its box in pixels of the picture."""

    color: int
    box: tuple[int, int, int, int]


def picture(rng: np.random.Generator, width: int = SIDE, height: int = SIDE) -> tuple[np.ndarray, list[Square]]:
    """Noise with squares of one pure colour around the middle of a cell; the brighter, the larger."""
    pixels = rng.integers(0, DARK, (height, width, 3)).astype(np.uint8)
    squares = []
    for row in range(1, height // CELL - 1, 3):
        for column in range(1, width // CELL - 1, 3):
            if rng.random() < 0.2 and squares:
                continue
            color, value = int(rng.integers(0, 3)), int(rng.integers(DIM, BRIGHT + 1))
            half = round(CELL * (LEAST + GROWTH * (value - DIM) / (BRIGHT - DIM)))
            x, y = round((column + 0.5) * CELL), round((row + 0.5) * CELL)
            box = (x - half, y - half, x + half, y + half)
            pixels[box[1] : box[3], box[0] : box[2]] = 0
            pixels[box[1] : box[3], box[0] : box[2], color] = value
            squares.append(Square(color, box))
    return pixels, squares


def detector():
    """The mean colour of each cell says which colour stands there, and how large it is: weights by hand."""
    import keras

    image = keras.Input((SIDE, SIDE, 3), name="image")
    means = keras.layers.AveragePooling2D(CELL)(image)
    scores, boxes = keras.layers.Conv2D(3, 1), keras.layers.Conv2D(4, 1, activation="relu")
    found = {
        "scores": keras.layers.Reshape((-1, 3), name="scores")(scores(means)),
        "boxes": keras.layers.Reshape((-1, 4), name="boxes")(boxes(means)),
    }
    scores.set_weights([np.float32(25 * np.eye(3)).reshape(1, 1, 3, 3), np.full(3, -17, np.float32)])
    slope = GROWTH * 255 / (BRIGHT - DIM)
    start = LEAST - GROWTH * DIM / (BRIGHT - DIM)
    boxes.set_weights([np.full((1, 1, 3, 4), slope, np.float32), np.full(4, start, np.float32)])
    return keras.Model(image, found)


def segmenter():
    """Each pixel's colour says what it is; the background where there is none. Weights by hand."""
    import keras

    image = keras.Input((SIDE, SIDE, 3), name="image")
    planes = keras.layers.Conv2D(4, 1, activation="softmax", name="mask")
    mask = planes(image)
    kernel = np.concatenate([np.zeros((3, 1)), 20 * np.eye(3)], axis=1).reshape(1, 1, 3, 4)
    planes.set_weights([kernel.astype(np.float32), np.float32([0, -8, -8, -8])])
    return keras.Model(image, mask)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures, COCO's JSON of their boxes, and masks: each form in a folder of its own."""
    root, rng = tmp_path_factory.mktemp("places"), np.random.default_rng(0)
    images, marks = [], []
    for folder in ("boxes/images", "masks/images", "masks/masks"):
        (root / folder).mkdir(parents=True)
    for number in range(40):
        pixels, squares = picture(rng)
        name, mask = f"{number:02}.png", np.zeros((SIDE, SIDE), np.uint8)
        for square in squares:
            left, top, right, bottom = square.box
            mask[top:bottom, left:right] = square.color + 1
            marks.append(
                {"id": len(marks), "image_id": number, "category_id": square.color + 1, "iscrowd": 0,
                 "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
            )  # fmt: skip
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        Image.fromarray(pixels).save(root / "boxes/images" / name)
        Image.fromarray(pixels).save(root / "masks/images" / name)
        Image.fromarray(mask).save(root / "masks/masks" / name)
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(COLORS)]
    (root / "boxes/annotations.json").write_text(
        json.dumps({"images": images, "annotations": marks, "categories": categories})
    )
    (root / "detector.toml").write_text(DETECTOR)
    (root / "labels.txt").write_text("\n".join(("nothing", *COLORS)))
    return root


def converted(model, root: Path, head: str, labelled: Path) -> Path:
    model.save(root / f"{model.name}.keras")
    out = root / f"{model.name}.edgecv"
    result = edgecv(
        *("convert", root / f"{model.name}.keras", "-o", out, "-p", "rescale", "-q", "int8", "-t", ",".join(TARGETS)),
        *("--calibrate", labelled / "images", "--evaluate", labelled, "--head", head),
    )
    assert result.code == 0, result.err
    return out


@pytest.fixture(scope="module")
def boxes(data):
    return converted(detector(), data, f"boxes+scores:detection={data / 'detector.toml'}", data / "boxes")


@pytest.fixture(scope="module")
def masks(data):
    return converted(segmenter(), data, f"mask:segmentation={data / 'labels.txt'}", data / "masks")


def agreements(path: Path) -> dict[str, float]:
    with Bundle.load(path) as bundle:
        parities = bundle.manifest.parity
    assert {parity.artifact.partition("/")[0] for parity in parities} == set(TARGETS)
    assert {parity.status for parity in parities} == {"passed"}
    return {
        parity.artifact: min(head.agreement for one in parity.comparisons.values() for head in one.heads)
        for parity in parities
    }


def evaluated(path: Path, labelled: Path, target: str) -> dict[str, float]:
    result = edgecv("evaluate", path, labelled, "--target", target, "--json")
    assert result.code == 0, result.err
    (found,) = json.loads(result.out)
    return found


def test_int8_boxes_are_those_of_the_source_and_of_the_annotations(boxes, data):
    assert min(agreements(boxes).values()) >= 0.97
    for target in TARGETS:
        found = evaluated(boxes, data / "boxes", target)
        assert found["map50"] == pytest.approx(1)
        assert found["map"] > 0.9
        assert found["count"] == 40


def test_int8_masks_are_those_of_the_source_and_of_the_annotations(masks, data):
    assert min(agreements(masks).values()) >= 0.97
    for target in TARGETS:
        found = evaluated(masks, data / "masks", target)
        assert found["mean_iou"] > 0.99
        assert [one["label"] for one in found["classes"]] == ["nothing", *COLORS]


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_run_gives_boxes_in_the_pixels_of_a_larger_picture(boxes, tmp_path, target):
    pixels, squares = picture(np.random.default_rng(7))
    large = Image.fromarray(pixels).resize((3 * SIDE, 2 * SIDE), Image.Resampling.NEAREST)
    large.save(tmp_path / "large.png")
    result = edgecv("run", boxes, tmp_path / "large.png", "--json", "--target", target, "--save", tmp_path / "drawn")
    assert result.code == 0, result.err
    (line,) = (json.loads(line) for line in result.out.splitlines())
    found = sorted((one["label"], *one["box"]) for one in line["boxes"])
    wanted = sorted((COLORS[one.color], *np.multiply(one.box, (3, 2, 3, 2)).tolist()) for one in squares)
    assert [one[0] for one in found] == [one[0] for one in wanted]
    np.testing.assert_allclose([one[1:] for one in found], [one[1:] for one in wanted], atol=3.5)
    drawn = np.asarray(Image.open(tmp_path / "drawn" / "large.png"))
    assert drawn.shape == (2 * SIDE, 3 * SIDE, 3)
    assert (drawn != np.asarray(large)).any()


def test_run_gives_a_mask_of_the_pictures_size(masks, tmp_path):
    pixels, squares = picture(np.random.default_rng(8))
    Image.fromarray(pixels).save(tmp_path / "one.png")
    result = edgecv("run", masks, tmp_path / "one.png", "--json", "--target", "tflite")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    shares = {one["label"]: one["share"] for one in answer["classes"]}
    for place, name in enumerate(COLORS):
        area = sum((one.box[2] - one.box[0]) * (one.box[3] - one.box[1]) for one in squares if one.color == place)
        assert shares.get(name, 0) == pytest.approx(area / SIDE**2, abs=0.01)
