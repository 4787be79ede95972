"""Boxes as a library's own decoding finds them, and how many of those edgecv finds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.answers import BoxesAnswer
from PIL import Image

import edgecv
from benchmarks.zoo_places_data import Scene

Rows = npt.NDArray[np.float64]

DECIDED: Final = 0.5  # the score from which on a box counts: KerasHub's own threshold
NEAR: Final = 0.01  # of the score
OVERLAP: Final = 0.95


def found_by(model: Any, scenes: Sequence[Scene], scale: float) -> list[list[list[float]]]:
    """What the library itself finds in pictures: label, score, left, top, right and bottom of each box.

    Args:
        model: A detector of KerasHub or KerasCV, whose `predict` does not run on TensorFlow: its steps do.
        scenes: The pictures.
        scale: What the model takes pixels times.
    """
    pixels = np.stack([one.pixels for one in scenes]).astype(np.float32) * np.float32(scale)
    decoded = model.decode_predictions(model(pixels, training=False), pixels)
    answers = {name: np.asarray(values) for name, values in decoded.items()}
    labels = answers["labels"] if "labels" in answers else answers["classes"]
    columns = np.concatenate([labels[..., None], answers["confidence"][..., None], answers["boxes"]], axis=-1)
    counts = np.asarray(answers["num_detections"]).reshape(-1).tolist()
    return [rows[: int(count)].astype(float).tolist() for rows, count in zip(columns, counts, strict=True)]


def compare(bundle: Path, boxes: Path, pictures: Path) -> tuple[int, int]:
    """Count the library's boxes that the bundle's float32 file finds: the same label, score and place; and all of them.

    A library leaves boxes as they reach over the borders of the picture, or lie outside; answers of a bundle are cut
    there. So are the library's, and those outside are not counted.

    Args:
        bundle: The bundle.
        boxes: The library's boxes, of each picture in the order of their names.
        pictures: The labelled pictures.
    """
    wanted = json.loads(boxes.read_text())
    same = total = 0
    with edgecv.load(bundle, target="tflite", precision="float32") as predictor:
        for rows, picture in zip(wanted, sorted((pictures / "images").iterdir()), strict=True):
            answer = predictor.predict(picture).answers[0]
            assert isinstance(answer, BoxesAnswer), "the head is a detection"
            found = np.column_stack([answer.indices, answer.scores, answer.boxes]).astype(float)
            decided = _cut([row for row in rows if row[1] >= DECIDED], Image.open(picture).size)
            same += sum(_is_among(row, found) for row in decided)
            total += len(decided)
    return same, total


def _cut(rows: Sequence[Sequence[float]], size: tuple[int, int]) -> Rows:
    """The rows of boxes that lie in a picture of (width, height), cut at its borders."""
    cut = np.asarray(rows, np.float64).reshape(-1, 6)
    cut[:, 2:] = cut[:, 2:].clip(0, size * 2)
    return cut[(cut[:, 4:] > cut[:, 2:4]).all(axis=1)]


def _is_among(row: Rows, found: Rows) -> bool:
    near = found[(found[:, 0] == row[0]) & (np.abs(found[:, 1] - row[1]) <= NEAR)]
    corners = np.minimum(near[:, 4:], row[4:]) - np.maximum(near[:, 2:4], row[2:4])
    common = corners.clip(0).prod(axis=1)
    areas = (near[:, 4:] - near[:, 2:4]).prod(axis=1) + (row[4:] - row[2:4]).prod()
    return bool((common / (areas - common) >= OVERLAP).any())
