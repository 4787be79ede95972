"""Faults planted in heads whose answers are places: boxes, pixels, points, pictures and vectors.

Python's judgement of each is what Kotlin's is compared with, as for the heads of `tests.android.proofs`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from edgecv_runtime.decoders import Columns, Coordinates, Decoded, Distances, Heatmaps, Level, Pixels, Planes
from edgecv_runtime.schema import HeadSpec

from tests.android.proofs import Plant, ProofSet, column, constant, reverse, write_proofs

COUNT: Final = 8
SIDE: Final = 8  # cells of the maps
ROWS: Final = 10  # of finished boxes
CANVAS: Final = (48, 64)
STRIDE: Final = (6.0, 8.0)
BOXES: Final = Distances(
    scores=(Columns(output="scores"),),
    boxes=(Columns(output="boxes"),),
    levels=(Level(grid=(SIDE, SIDE), stride=STRIDE),),
)
FINISHED: Final = Decoded(
    scores=(Columns(output="found", first=4, count=1),),
    boxes=(Columns(output="found", count=4),),
    numbers=(Columns(output="found", first=5),),
    class_count=2,
    overlap=None,
)
HEADS: Final = (
    HeadSpec(name="found", kind="detection", outputs=("found",), thresholds=(0.3,), decode=FINISHED),
    HeadSpec(
        name="scores+boxes",
        kind="detection",
        outputs=("scores", "boxes"),
        labels=("cat", "dog"),
        thresholds=(0.5,),
        decode=BOXES,
    ),
    HeadSpec(name="mask", kind="segmentation", outputs=("mask",), labels=("sky", "road", "car"), decode=Planes()),
    HeadSpec(
        name="lane", kind="segmentation", outputs=("lane",), thresholds=(0.5,), decode=Planes(), activation="sigmoid"
    ),
    HeadSpec(name="maps", kind="keypoints", outputs=("maps",), decode=Heatmaps()),
    HeadSpec(
        name="points",
        kind="keypoints",
        outputs=("points",),
        decode=Coordinates(points=Columns(output="points", count=2), scores=Columns(output="points", first=2)),
    ),
    HeadSpec(name="made", kind="image", outputs=("made",), decode=Pixels()),
    HeadSpec(name="vector", kind="embedding", outputs=("vector",)),
)


def source() -> dict[str, np.ndarray]:
    """Return the outputs of a model that finds a cat and a dog in each sample."""
    rng = np.random.default_rng(3)
    rows = np.arange(COUNT)
    scores = 0.3 * rng.random((COUNT, SIDE * SIDE, 2))
    places = rng.permuted(np.tile(np.arange(SIDE * SIDE), (COUNT, 1)), axis=1)
    scores[rows, places[:, 0], 0] = 0.9
    scores[rows, places[:, 1], 1] = 0.8
    scores[rows[:5], places[:5, 2], 1] = 0.7
    rough = rng.random((COUNT, SIDE // 2, SIDE // 2, 3)).repeat(2, axis=1).repeat(2, axis=2)
    centres, half = 8 + 40 * rng.random((COUNT, ROWS, 2)), 4 + 4 * rng.random((COUNT, ROWS, 2))
    chances, numbers = np.sort(rng.random((COUNT, ROWS, 1)), axis=1)[:, ::-1], rng.integers(0, 2, (COUNT, ROWS, 1))
    made = {
        "found": np.concatenate([centres - half, centres + half, chances, numbers], axis=2),
        "scores": scores,
        "boxes": 0.5 + 1.5 * rng.random((COUNT, SIDE * SIDE, 4)),
        "mask": rough + 0.2 * rng.random((COUNT, SIDE, SIDE, 3)),
        "lane": 6 * rng.random((COUNT, SIDE, SIDE)) - 3,
        "maps": rng.random((COUNT, SIDE, SIDE, 5)),
        "points": np.concatenate([48 * rng.random((COUNT, 6, 2)), rng.random((COUNT, 6, 1))], axis=2),
        "made": rng.random((COUNT, 10, 12, 3)),
        "vector": rng.normal(size=(COUNT, 16)),
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def good(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a good artifact gives: values within a small part of their column, sorted rows in any order."""
    rng = np.random.default_rng(4)
    given = {**outputs, "found": outputs["found"][:, ::-1]}
    return {
        name: (values + 0.004 * values.std(axis=0, keepdims=True) * rng.normal(size=values.shape)).astype(np.float32)
        for name, values in given.items()
    }


def darker(values: np.ndarray) -> np.ndarray:
    """Return a picture that is too dark, though nothing else."""
    return np.clip(values - np.float32(0.12), 0, 1)


PLANTS: Final = (
    Plant("found", lambda values: values[..., [1, 0, 3, 2, 4, 5]], "found"),  # x and y swapped
    Plant("found", column(slice(0, 4), lambda values: values * 1.5), "found"),
    Plant("found", column(4, lambda values: values * 0.7), "found"),
    Plant("found", column(4, 0.6), "found[4]"),
    Plant("found", column(5, lambda values: 1 - values), "found"),  # numbers swapped
    Plant("found", column(5, lambda values: values + 1), "found"),  # off by one
    Plant("found", constant(0.0), "found"),
    Plant("boxes", lambda values: values + 3, "scores+boxes"),  # shifted by three cells
    Plant("boxes", lambda values: values[..., [1, 0, 3, 2]], "scores+boxes"),  # x and y swapped
    Plant("boxes", lambda values: np.roll(values, 1, axis=1), "scores+boxes"),  # one cell off
    Plant("scores", lambda values: values[..., ::-1].copy(), "scores+boxes"),  # ids swapped
    Plant("scores", column(1, 0.1), "dog of scores+boxes"),
    Plant("scores", constant(0.0), "scores+boxes"),
    Plant("scores", column(0, np.nan), "scores+boxes"),
    Plant("mask", lambda values: np.roll(values, 1, axis=-1), "mask"),
    Plant("mask", lambda values: values.swapaxes(1, 2).copy(), "mask"),
    Plant("mask", column(2, -1.0), "car of mask"),
    Plant("lane", lambda values: -values, "lane"),
    Plant("lane", lambda values: values + 1, "mean_iou of lane"),
    Plant("maps", lambda values: values[:, ::-1].copy(), "maps"),
    Plant("maps", column(4, 0.5), "maps"),
    Plant("points", lambda values: values[..., [1, 0, 2]], "points"),
    Plant("points", column(2, 0.5), "points[2]"),
    Plant("made", darker, "psnr_db of made"),
    Plant("made", reverse, "made"),
    Plant("vector", lambda values: -values, "vector"),
    Plant("vector", reverse, "vector"),
)


def write_place_proofs(file: Path) -> None:
    """Write the faults and their judgements.

    Raises:
        AssertionError: A fault is not found, or the good artifact fails.
    """
    outputs = source()
    write_proofs(file, ProofSet(HEADS, outputs, good(outputs), PLANTS, CANVAS))
