"""A bundle with a head of each kind that answers with places: boxes, a mask, points, a picture and a vector.

Its ONNX model is plain arithmetic on the pixels of a letterboxed picture, so that every answer follows the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.decoders import Columns, Distances, Heatmaps, Level, Pixels, Planes
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact, Fit, HeadSpec, Manifest, Preprocess, TensorIO, TensorSpec
from PIL import Image

from tests.bundles import write_bundle

FILE: Final = "onnx/model.float32.onnx"
SIZE: Final = (12, 16)
STRIDE: Final = 4
GRID: Final = (SIZE[0] // STRIDE, SIZE[1] // STRIDE)
CELLS: Final = GRID[0] * GRID[1]
PREPROCESS: Final = Preprocess(size=SIZE, fit=Fit(mode="letterbox", pad=(114,)))
MIX: Final = np.float32([[1, 0.5, 0, 0.25], [0, 1, 0.5, 0], [0.25, 0, 1, 0.75]])  # from colours to distances
LEAST: Final = np.float32(0.4)
LABELS: Final = ("red", "green", "blue")
SHAPES: Final = {
    "scores": (1, CELLS, 3),
    "boxes": (1, CELLS, 4),
    "mask": (1, *SIZE, 3),
    "maps": (1, *GRID, 3),
    "made": (1, *SIZE, 3),
    "vector": (1, 3),
}
HEADS: Final = (
    HeadSpec(
        name="scores+boxes",
        kind="detection",
        outputs=("scores", "boxes"),
        labels=LABELS,
        thresholds=(0.5, 0.5, 0.6),
        decode=Distances(
            scores=(Columns(output="scores"),),
            boxes=(Columns(output="boxes"),),
            levels=(Level(grid=GRID, stride=(STRIDE, STRIDE)),),
        ),
    ),
    HeadSpec(name="mask", kind="segmentation", outputs=("mask",), labels=LABELS, decode=Planes()),
    HeadSpec(name="maps", kind="keypoints", outputs=("maps",), decode=Heatmaps(skeleton=((0, 1), (1, 2)))),
    HeadSpec(name="made", kind="image", outputs=("made",), decode=Pixels()),
    HeadSpec(name="vector", kind="embedding", outputs=("vector",)),
)


def write_onnx(path: Path) -> None:
    """Write the model."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "mix": MIX,
        "least": LEAST,
        "shade": np.float32(1 / 255),
        "one": np.float32(1),
        "rows": np.int64(SHAPES["scores"]),
        "plane": np.int64([1, 2]),
    }
    nodes = [
        helper.make_node("Mul", ["pixels", "shade"], ["mask"]),
        helper.make_node("Sub", ["one", "mask"], ["made"]),
        helper.make_node("Transpose", ["mask"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["channels"], ["pooled"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Transpose", ["pooled"], ["maps"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["maps", "rows"], ["scores"]),
        helper.make_node("MatMul", ["scores", "mix"], ["mixed"]),
        helper.make_node("Add", ["mixed", "least"], ["boxes"]),
        helper.make_node("ReduceMean", ["mask", "plane"], ["vector"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "places",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, (1, *SIZE, 3))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in SHAPES.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True)
    onnx.save(model, path)


def outputs_of(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the model computes of a prepared picture, (1, height, width, 3)."""
    mask = pixels.astype(np.float64) / 255
    pooled = mask.reshape(1, GRID[0], STRIDE, GRID[1], STRIDE, 3).mean((2, 4))
    scores = pooled.reshape(1, CELLS, 3)
    made = {
        "scores": scores,
        "boxes": scores @ MIX.astype(np.float64) + LEAST,
        "mask": mask,
        "maps": pooled,
        "made": 1 - mask,
        "vector": mask.mean((1, 2)),
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def pictures() -> dict[str, Image.Image]:
    """Return pictures of several shapes: patches of colours, so that neighbours differ."""
    rng = np.random.default_rng(11)
    sizes = {
        "wide": (40, 17),
        "tall": (13, 31),
        "same": (16, 12),
        "small": (5, 4),
        "large": (90, 66),
        "square": (24, 24),
    }
    return {
        name: Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        for name, size in sizes.items()
    }


def write_places(root: Path) -> Manifest:
    """Write the bundle, with a golden case for each picture."""
    write_onnx(root / FILE)
    return write_with(root, "onnx", FILE, {name: name for name in SHAPES} | {"image": "pixels"})


def write_with(root: Path, target: str, file: str, tensors: Mapping[str, str]) -> Manifest:
    """Write the bundle around a file of the model; `tensors` are the names of its input and outputs in the file."""
    run = Preprocessor(PREPROCESS)
    samples = [
        GoldenSample(id=name, image=image, inputs={"image": run(image)}, outputs=outputs_of(run(image)), answers={})
        for name, image in pictures().items()
    ]
    pixels = TensorIO(name="image", tensor=tensors["image"], shape=(1, *SIZE, 3), dtype="float32", layout="NHWC")
    ends = (TensorIO(name=name, tensor=tensors[name], shape=shape, dtype="float32") for name, shape in SHAPES.items())
    artifact = Artifact(
        target=target,
        precision="float32",
        file=file,
        sha256=sha256_tree(root / file),
        bytes=tree_bytes(root / file),
        inputs=(pixels,),
        outputs=tuple(ends),
        ops={},
        requires={},
    )
    return write_bundle(
        root,
        samples=samples,
        name="places",
        inputs=(TensorSpec(name="image", shape=(1, *SIZE, 3), dtype="float32"),),
        outputs=tuple(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in SHAPES.items()),
        preprocess={"image": PREPROCESS},
        heads=HEADS,
        artifacts=(artifact,),
    )
