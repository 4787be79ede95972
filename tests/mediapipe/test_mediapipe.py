"""MediaPipe's ImageClassifier and ObjectDetector give the bundle's own labels, scores and boxes on 100 pictures."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import edgecv as package
from tests.command import edgecv

PYTHON = os.environ.get("EDGECV_MEDIAPIPE_PYTHON")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="MediaPipe is not at hand: `make test-mediapipe` brings it")
SIDE, CELL, COUNT = 64, 16, 100
CELLS = SIDE // CELL
COLOURS = ("red", "green", "blue")
HEAD = f"""
labels = ["red", "green", "blue"]
thresholds = 0.5

[decode]
form = "ssd"
scores = "scores"
boxes = "boxes"
order = "yxhw"
levels = [{{ stride = {CELL}, sizes = [[{CELL}, {CELL}]] }}]
overlap = 0.5
"""


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Skip where MediaPipe cannot be loaded: it needs libraries of the system that draw."""
    done = subprocess.run([str(PYTHON), "-c", "import mediapipe"], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        pytest.skip(f"MediaPipe cannot be loaded: {reason}")


def pictures(seed: int) -> np.ndarray:
    """Dark pictures with one bright cell of one colour: (100, 64, 64, 3) uint8."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 60, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    for pixels in found:
        y, x = rng.integers(0, CELLS, 2) * CELL
        pixels[y : y + CELL, x : x + CELL, rng.integers(0, 3)] = rng.integers(160, 255)
    return found


def classifier() -> keras.Model:
    """The colour of the brightest cell, from pixels in -1..1."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    means = layers.AveragePooling2D(CELL)(image)
    best = layers.GlobalMaxPooling2D()(means)
    scores = layers.Dense(3, activation="softmax", name="colour")
    model = keras.Model(image, scores(best))
    scores.set_weights([np.eye(3, dtype=np.float32) * 6, np.zeros(3, np.float32)])
    return model


def detector() -> keras.Model:
    """A score for each colour and a box for each cell, from pixels in -1..1; boxes grow with the cell's red."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    means = layers.AveragePooling2D(CELL)(image)
    scores, boxes = layers.Conv2D(3, 1, name="score"), layers.Conv2D(4, 1, name="box")
    flat = [
        layers.Reshape((CELLS * CELLS, -1), name=name)(made)
        for name, made in (("boxes", boxes(means)), ("logits", scores(means)))
    ]
    model = keras.Model(image, {"boxes": flat[0], "scores": layers.Activation("sigmoid", name="scores")(flat[1])})
    scores.set_weights([np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3) * 8, np.full(3, -1.0, np.float32)])
    grow = np.float32([[0.5, -0.7, 0.4, 0.9], [0.2, 0.3, -0.4, 0.1], [-0.3, 0.2, 0.6, -0.2]]).reshape(1, 1, 3, 4)
    boxes.set_weights([grow, np.float32([0.3, -0.2, 0.1, 0.2])])
    return model


def made(model: keras.Model, folder: Path, *options: object) -> Path:
    """The bundle of a model, float32 and int8."""
    model.save(folder / "model.keras")
    np.savez(folder / "pictures.npz", image=pictures(1))
    (folder / "labels.txt").write_text("\n".join(COLOURS))
    (folder / "head.toml").write_text(HEAD)
    command = ("convert", folder / "model.keras", "-o", folder / "m.edgecv", "-t", "tflite", "--preprocess", "tf")
    result = edgecv(*command, "--quantize", "float32,int8", "--calibrate", folder / "pictures.npz", *options)
    assert result.code == 0, result.err
    return folder / "m.edgecv"


def answers(what: str, bundle: Path, precision: str) -> tuple[list, list]:
    """MediaPipe's answers to 100 pictures, and the bundle's own records of answers."""
    shown = pictures(2)
    np.save(bundle.parent / "shown.npy", shown)
    command = [PYTHON, Path(__file__).with_name("answers.py"), what, bundle / "tflite" / f"model.{precision}.tflite"]
    done = subprocess.run(
        [*map(str, command), bundle.parent / "shown.npy"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with package.load(bundle, target="tflite", precision=precision) as predictor:
        own = [predictor.predict(Image.fromarray(pixels)) for pixels in shown]
    return json.loads(done.stdout), own


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_classifier_gives_the_bundles_labels(precision, tmp_path):
    bundle = made(classifier(), tmp_path, "--labels", tmp_path / "labels.txt")
    theirs, own = answers("classify", bundle, precision)
    assert [one[0][0] for one in theirs] == [one.label for one in own]
    assert np.abs(np.subtract([one[0][1] for one in theirs], [one.score for one in own])).max() <= 1e-6
    assert len({one.label for one in own}) == len(COLOURS)


def test_the_detector_gives_the_bundles_boxes(tmp_path):
    bundle = made(detector(), tmp_path, "--head", f"boxes+scores:detection={tmp_path / 'head.toml'}")
    for precision in ("float32", "int8"):
        theirs, own = answers("detect", bundle, precision)
        found, compared = set(), 0
        for one, prediction in zip(theirs, own, strict=True):
            answer = prediction.answers[0]
            named = [COLOURS[index] for index in answer.indices]
            assert [label for label, _, _ in one] == named
            assert np.allclose([score for _, score, _ in one], answer.scores, rtol=0, atol=1e-6)
            places = np.reshape([place for _, _, place in one], (-1, 4))
            corners = np.concatenate([places[:, :2], places[:, :2] + places[:, 2:]], axis=1)
            inside = (answer.boxes.min(axis=1) > 0) & (answer.boxes.max(axis=1) < SIDE)  # over the edge it moves boxes
            apart = np.abs(corners - answer.boxes)[inside]
            assert (apart < [1, 1, 2, 2]).all()  # it cuts places and sizes to whole pixels
            compared += int(inside.sum())
            found |= set(named)
        assert found == set(COLOURS)
        assert compared >= COUNT // 3
