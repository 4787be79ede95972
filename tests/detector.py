"""A small real detector for tests: an ONNX model that finds bright squares of one colour, in cells of 16 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.decoders import Columns, Distances, Level
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact, Fit, HeadSpec, Manifest, Preprocess, TensorIO, TensorSpec
from PIL import Image

from tests import bundles

HEIGHT, WIDTH, CELL = 48, 96, 16
ROWS, COLUMNS = HEIGHT // CELL, WIDTH // CELL
COUNT = ROWS * COLUMNS
FILE = "onnx/model.float32.onnx"
LABELS = ("red", "green", "blue")
PREPROCESS = Preprocess(size=(HEIGHT, WIDTH), fit=Fit(mode="letterbox", pad=(0,)))
SHAPES = {"boxes": (1, COUNT, 4), "scores": (1, COUNT, 3)}
# Left, top, right and bottom of a box in strides, of a cell without colour, and how they grow with its red.
SIDES, GROWTH = np.float32([0.3, 0.5, 0.9, 0.7]), np.float32([0.002, 0.001, 0.003, 0.004])
HEAD = HeadSpec(
    name="boxes+scores",
    kind="detection",
    outputs=("boxes", "scores"),
    labels=LABELS,
    activation="sigmoid",
    thresholds=(0.5,),
    decode=Distances(
        scores=(Columns(output="scores"),),
        boxes=(Columns(output="boxes"),),
        levels=(Level(grid=(ROWS, COLUMNS), stride=(float(CELL), float(CELL))),),
    ),
)
Damage = Mapping[str, Any]


def write_model(path: Path, damage: Damage | None = None) -> None:
    """The mean colour of each cell, as logits of three classes, and a box whose sides grow with its red.

    `damage` may have the matrices `boxes` (4, 4), `scores` (3, 3) and `cells` (cells, cells) that spoil them.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    spoilt = {"boxes": np.eye(4), "scores": np.eye(3), "cells": np.eye(COUNT), **(damage or {})}
    constants = {
        **{f"{name}.damage": np.asarray(value, np.float32) for name, value in spoilt.items()},
        "flat": np.int64([1, COUNT, 3]),
        "middle": np.float32(100),
        "tenth": np.float32(0.1),
        "grow": np.concatenate([GROWTH[None], np.zeros((2, 4), np.float32)]),
        "sides": SIDES,
    }
    node = helper.make_node
    nodes = [
        node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        node("AveragePool", ["planes"], ["means"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("Transpose", ["means"], ["last"], perm=[0, 2, 3, 1]),
        node("Reshape", ["last", "flat"], ["cells"]),
        node("Sub", ["cells", "middle"], ["centred"]),
        node("Mul", ["centred", "tenth"], ["logits"]),
        node("MatMul", ["logits", "scores.damage"], ["scores"]),
        node("MatMul", ["cells", "grow"], ["grown"]),
        node("Add", ["grown", "sides"], ["whole"]),
        node("MatMul", ["cells.damage", "whole"], ["moved"]),
        node("MatMul", ["moved", "boxes.damage"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "coloured_squares",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, HEIGHT, WIDTH, 3))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in SHAPES.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def answers(tensor: np.ndarray) -> dict[str, np.ndarray]:
    """What the sound model gives, computed by NumPy."""
    cells = tensor.reshape(1, ROWS, CELL, COLUMNS, CELL, 3).mean(axis=(2, 4), dtype=np.float64).reshape(1, COUNT, 3)
    boxes = (cells[..., :1] * GROWTH + SIDES).astype(np.float32)
    return {"boxes": boxes, "scores": ((cells - 100) * 0.1).astype(np.float32)}


def picture(seed: int, size: tuple[int, int] = (120, 100)) -> Image.Image:
    """A dark picture with a few bright squares, (width, height) in pixels."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 30, (size[1], size[0], 3)).astype(np.uint8)
    for _ in range(rng.integers(2, 5)):
        y, x = rng.integers(0, size[1] - 40), rng.integers(0, size[0] - 40)
        pixels[y : y + 40, x : x + 40, rng.integers(0, 3)] = rng.integers(180, 255)
    return Image.fromarray(pixels)


def artifact(root: Path) -> Artifact:
    """The record of the model's file as it is."""
    ends = tuple(TensorIO(name=name, tensor=name, shape=shape, dtype="float32") for name, shape in SHAPES.items())
    taken = TensorIO(name="image", tensor="image", shape=(1, HEIGHT, WIDTH, 3), dtype="float32", layout="NHWC")
    return Artifact(
        target="onnx", precision="float32", file=FILE, sha256=sha256_tree(root / FILE), bytes=tree_bytes(root / FILE),
        inputs=(taken,), outputs=ends, ops={}, requires={"opset": "18"},
    )  # fmt: skip


def write_bundle(root: Path, cases: int = 24, **changed: Any) -> Manifest:
    """A bundle with the detector and golden cases that show its boxes; `changed` are fields of its manifest."""
    write_model(root / FILE)
    prepare = Preprocessor(PREPROCESS)
    samples = []
    for number in range(cases):
        image = picture(number)
        tensor = prepare(image)
        found = answers(tensor)
        samples.append(
            GoldenSample(id=f"{number:03d}", image=image, inputs={"image": tensor}, outputs=found, answers={})
        )
    fields = {
        "name": "squares",
        "inputs": (TensorSpec(name="image", shape=(1, HEIGHT, WIDTH, 3), dtype="float32"),),
        "outputs": tuple(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in SHAPES.items()),
        "preprocess": {"image": PREPROCESS},
        "heads": (HEAD,),
        "artifacts": (artifact(root),),
        "samples": samples,
    }
    return bundles.write_bundle(root, **{**fields, **changed})
