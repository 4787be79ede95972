"""A fault in one head, one column or one channel of an artifact: `edgecv verify` leaves with 3, and names it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.schema import Artifact, HeadSpec, Preprocess, TensorIO, TensorSpec

from tests import bundles
from tests.command import edgecv

CASES, WIDTH = 40, 48
FILE = "onnx/model.float32.onnx"
SHAPES = {"cls": (1, 5), "smile": (1, 1), "tags": (1, 4), "age": (1, 1), "pred": (1, 12, 9), "pixels": (1, 6, 6, 3)}
ENDS = {"cls": "Softmax", "smile": "Sigmoid", "tags": "Sigmoid", "pixels": "Sigmoid"}
KINDS = {"cls": "classification", "smile": "binary", "tags": "multilabel"}
LABELS = {"cls": ("ant", "bee", "cat", "dog", "eel"), "tags": ("big", "red", "wet", "old")}


def weights():
    """The matrix of each output: it varies with the samples, and boxes are in pixels beside scores in 0..0.05."""
    rng = np.random.default_rng(3)
    made = {name: rng.normal(0, 3 / WIDTH**0.5, (WIDTH, int(np.prod(shape)))) for name, shape in SHAPES.items()}
    made["pred"] *= np.tile([100.0] * 4 + [0.02] * 5, 12)
    return {name: matrix.astype(np.float32) for name, matrix in made.items()}


def write_model(path, name=None, factor=1.0, shift=0.0):
    """A linear layer for each output; that of `name` goes through a product and a sum, which damage it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], {}
    for output, matrix in weights().items():
        damage = (factor, shift) if output == name else (1.0, 0.0)
        shape = SHAPES[output]
        constants |= {f"{output}.weights": matrix, f"{output}.shape": np.int64(shape)}
        constants |= {f"{output}.{key}": np.broadcast_to(np.float32(value), shape)
                      for key, value in zip(("factor", "shift"), damage, strict=True)}  # fmt: skip
        steps = (("MatMul", ".weights"), ("Reshape", ".shape"), (ENDS.get(output), None), ("Mul", ".factor"),
                 ("Add", ".shift"))  # fmt: skip
        last, value = "features", output
        for kind, constant in steps:
            if kind is not None:
                value = output if constant == ".shift" else f"{output}.{kind}"
                nodes.append(helper.make_node(kind, [last, *([f"{output}{constant}"] if constant else [])], [value]))
                last = value
    graph = helper.make_graph(
        nodes,
        "many_heads",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, (1, WIDTH))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape) for output, shape in SHAPES.items()],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def answers(row):
    """What the sound model gives, computed by NumPy."""
    found = {name: (row @ matrix).reshape(SHAPES[name]) for name, matrix in weights().items()}
    for name in ("smile", "tags", "pixels"):
        found[name] = 1 / (1 + np.exp(-found[name]))
    powers = np.exp(found["cls"] - found["cls"].max())
    return found | {"cls": powers / powers.sum()}


def specs(shapes):
    return tuple(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items())


def ends(shapes):
    return tuple(TensorIO(name=name, tensor=name, shape=shape, dtype="float32") for name, shape in shapes.items())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A sound bundle with a head of every kind."""
    root = tmp_path_factory.mktemp("planted") / "many.edgecv"
    write_model(root / FILE)
    inputs = {"features": (1, WIDTH)}
    artifact = Artifact(
        target="onnx", precision="float32", file=FILE, sha256=sha256_tree(root / FILE), bytes=tree_bytes(root / FILE),
        inputs=ends(inputs), outputs=ends(SHAPES), ops={}, requires={"opset": "18"},
    )  # fmt: skip
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(CASES, 1, WIDTH)).astype(np.float32)
    bundles.write_bundle(
        root,
        name="many_heads",
        inputs=specs(inputs),
        outputs=specs(SHAPES),
        preprocess={"features": Preprocess(kind="tensor")},
        heads=tuple(
            HeadSpec(
                name=name, kind=KINDS.get(name, "regression"), outputs=(name,), labels=LABELS.get(name),
                thresholds=(0.5,) if KINDS.get(name) in {"binary", "multilabel"} else (),
            )
            for name in SHAPES
        ),
        artifacts=(artifact,),
        samples=[
            GoldenSample(id=f"{place:03d}", image=None, inputs={"features": row}, answers={},
                         outputs={name: value.astype(np.float32) for name, value in answers(row).items()})
            for place, row in enumerate(rows)
        ],
    )  # fmt: skip
    return root


def planted(bundle, name, factor, shift):
    """The bundle's artifact, damaged and recorded as it is: only running it tells."""
    write_model(bundle / FILE, name, factor, shift)
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["artifacts"][0] |= {"sha256": sha256_tree(bundle / FILE), "bytes": tree_bytes(bundle / FILE)}
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    return edgecv("verify", bundle)


def but(width, place, value, usual=1.0):
    """A row of `usual`, but for one column."""
    row = np.full(width, usual, np.float32)
    row[place] = value
    return row


PLANTS = [
    ("cls", but(5, 2, 0.0), 0.0, "cat of cls"),
    ("cls", -1.0, 1.0, "cls"),
    ("smile", -1.0, 1.0, "smile"),
    ("smile", 0.0, 0.9, "0 of smile"),
    ("tags", but(4, 1, 0.0), 0.0, "red: yes of tags"),
    ("tags", but(4, 3, 0.0), but(4, 3, 1.0, 0.0), "old: no of tags"),
    ("age", 0.0, 0.0, "age"),
    ("age", 1.0, 0.5, "age"),
    ("pred", but(9, 6, 0.0), 0.0, "pred[6]"),
    ("pred", but(9, 1, 0.0), but(9, 1, 320.0, 0.0), "pred[1]"),
    ("pred", but(9, slice(4, 9), -1.0), 0.0, "pred[4:9]"),
    ("pixels", but(3, 1, 0.0), but(3, 1, 0.5, 0.0), "pixels[1]"),
    ("pixels", but(3, slice(0, 3), -1.0), 1.0, "pixels"),
]


def test_the_sound_artifact_passes(bundle):
    result = planted(bundle, None, 1.0, 0.0)
    assert result.code == 0, result.err
    assert "passed" in result.out


@pytest.mark.parametrize(("name", "factor", "shift", "blamed"), PLANTS, ids=[f"{n}-{b}" for n, *_, b in PLANTS])
def test_a_planted_fault_ends_the_command_with_3_and_is_named(bundle, name, factor, shift, blamed):
    result = planted(bundle, name, factor, shift)
    assert result.code == 3
    assert f"parity failed for {FILE}" in result.message
    assert blamed in result.message
    reason = result.message.partition(FILE)[2]
    assert not any(f" {other}" in reason for other in SHAPES if other != name), "what is whole is not blamed"
    assert "failed" in result.out
