"""ONNX models that take several samples at once: each sample's answer is what it is alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from edgecv_converters.onnx.batch import with_batch
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_runtime.backends import open_backend, run_float
from edgecv_runtime.errors import ConversionError
from onnx import TensorProto, helper, numpy_helper

import edgecv
from tests import command
from tests.bundles import onnx_artifact
from tests.integration.onnx_models import NETWORKS, frozen, int8_file, network, onnx_session, samples

BATCH = 3


def bidirectional(x: Any) -> Any:
    from keras import layers

    rows = layers.Reshape((16, 48))(x)
    return layers.GRU(4)(layers.Bidirectional(layers.LSTM(5, return_sequences=True))(rows[:, :6]))


def attention(x: Any) -> Any:
    """A vision transformer's block: patches, attention, the first token alone."""
    import keras
    from keras import layers

    rows = layers.Dense(8)(layers.Reshape((16, 48))(x))
    seen = layers.MultiHeadAttention(2, 4)(layers.LayerNormalization()(rows), layers.LayerNormalization()(rows))
    return keras.ops.sum(rows + seen, axis=-1)[:, :5]


def frames(x: Any) -> Any:
    from keras import layers

    clip = layers.Reshape((4, 8, 8, 3))(x)
    each = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"))(clip)
    return layers.LSTM(5)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(each))


def generator(x: Any) -> Any:
    """Pixel shuffle by hand, group normalization, and up-sampling to another size."""
    from keras import layers

    x = layers.GroupNormalization(2)(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.Reshape((16, 16, 2, 2, 2))(x)
    x = layers.Reshape((32, 32, 2))(layers.Permute((1, 3, 2, 4, 5))(x))
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(x)
    return layers.Resizing(9, 7)(layers.UpSampling2D(interpolation="bilinear")(x))


KINDS: dict[str, Callable[[Any], Any]] = {
    **NETWORKS,
    "bidirectional": bidirectional,
    "attention": attention,
    "frames": frames,
    "generator": generator,
}


def alone_and_together(single: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answers one by one, and of one call."""
    several = onnx.ModelProto()
    several.CopyFrom(single)
    with_batch(several, BATCH)
    name = single.graph.input[0].name
    session = onnx_session(single)
    alone = np.concatenate([session.run(None, {name: row[None]})[0] for row in rows])
    return alone, onnx_session(several).run(None, {name: rows})[0]


@pytest.mark.parametrize("name", KINDS)
def test_each_sample_has_the_answer_that_it_has_alone(name: str) -> None:
    rows = samples((16, 16, 3), BATCH)
    alone, together = alone_and_together(to_onnx(frozen(network(KINDS[name]), "onnx")), rows)
    assert together.shape == alone.shape
    np.testing.assert_allclose(together, alone, atol=1e-5 * float(np.abs(alone).max()))
    assert np.ptp(alone, axis=0).max() > 100 * np.abs(together - alone).max(), "samples that are alike show nothing"


@pytest.mark.parametrize("name", ["squeeze_excite", "attention"])
def test_int8_too(name: str, tmp_path: Any) -> None:
    model = network(KINDS[name])
    graph = frozen(model, "tflite")
    file = tmp_path / "m.tflite"
    file.write_bytes(int8_file(graph, samples((16, 16, 3), 8)))
    rows = samples((16, 16, 3), BATCH, seed=5)
    alone, together = alone_and_together(from_tflite(file, inputs=graph.inputs, outputs=graph.outputs), rows)
    np.testing.assert_array_equal(together, alone)


def by_hand(
    nodes: list[Any], x: tuple[int, ...], y: tuple[int, ...], constants: dict[str, np.ndarray] | None = None
) -> Any:
    """A model of nodes from "x" to "y" of these shapes."""
    ends = [
        helper.make_tensor_value_info(*named) for named in (("x", TensorProto.FLOAT, x), ("y", TensorProto.FLOAT, y))
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mean_over_the_batch() -> Any:
    """A model that takes the mean over the samples away; its batch is one."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], name="net/centre/Mean", axes=[0]),
        helper.make_node("Sub", ["x", "mean"], ["y"], name="net/centre/Sub"),
    ]
    return by_hand(nodes, (1, 4), (1, 4))


def product_with_several(tables: int) -> Any:
    """The products of a sample with each of several tables; of one table the axis of tables is the batch."""
    nodes = [
        helper.make_node("MatMul", ["x", "table"], ["products"], name="net/products/MatMul"),
        helper.make_node("Reshape", ["products", "shape"], ["y"], name="net/flat/Reshape"),
    ]
    table = np.arange(6 * tables, dtype=np.float32).reshape(tables, 3, 2)
    return by_hand(nodes, (1, 2, 3), (1, 4 * tables), {"table": table, "shape": np.array([1, 4 * tables])})


def sums_of_rows(*, turned: bool) -> Any:
    """The outer product of each of a sample's rows with itself; `turned`, one of the two has the batch within a row."""
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["left"], name="net/left/Reshape"),
        helper.make_node("Transpose", ["x"], ["turned"], name="net/turn/Transpose", perm=[1, 0, 2]),
        helper.make_node("Reshape", ["turned" if turned else "x", "rows"], ["right"], name="net/right/Reshape"),
        helper.make_node("Einsum", ["left", "right"], ["all"], name="net/outer/Einsum", equation="ij,ik->ijk"),
        helper.make_node("Reshape", ["all", "shape"], ["y"], name="net/flat/Reshape"),
    ]
    return by_hand(nodes, (1, 2, 3), (1, 2, 9), {"rows": np.array([2, 3]), "shape": np.array([1, 2, 9])})


def test_what_mixes_samples_is_refused_with_its_layer() -> None:
    with pytest.raises(ConversionError, match=r"ReduceMean \(layer centre\) reduces over the batch") as caught:
        with_batch(mean_over_the_batch(), BATCH)
    assert "--batch" in caught.value.hint


@pytest.mark.parametrize("model", [product_with_several(1), sums_of_rows(turned=False)], ids=["product", "sum"])
def test_products_of_each_sample(model: Any) -> None:
    alone, together = alone_and_together(model, samples((2, 3), BATCH))
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert np.ptp(alone, axis=0).min() > 0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (product_with_several(4), r"MatMul \(layer products\) repeats a sample along the batch"),
        (sums_of_rows(turned=True), r"Einsum \(layer outer\) combines values of one sample with those of others"),
    ],
    ids=["product", "sum"],
)
def test_products_that_would_mix_samples_are_refused(model: Any, words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        with_batch(model, BATCH)


def test_a_proof_runs_samples_in_the_artifacts_own_batches(tmp_path: Any) -> None:
    """A file whose samples see each other gives other rows than one sample at a time would."""
    model = mean_over_the_batch()
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    file = tmp_path / "m.onnx"
    onnx.save_model(model, str(file))
    artifact = onnx_artifact(file, "m.onnx", batch=2)
    ends = [
        type(artifact.inputs[0])(name=name, tensor=name, shape=(2, 4), dtype="float32", layout="none")
        for name in ("x", "y")
    ]
    artifact = type(artifact)(**{**{name: getattr(artifact, name) for name in artifact.__struct_fields__},
                                 "inputs": (ends[0],), "outputs": (ends[1],)})  # fmt: skip
    rows = np.float32([[1], [3], [8], [2], [6]]) * np.ones((1, 4), np.float32)
    backend = open_backend(artifact, file)
    try:
        found = run_float(backend, artifact, {"x": rows})["y"]
    finally:
        backend.close()
    np.testing.assert_allclose(found[:, 0], [-1, 1, 3, -3, 2.5])  # the fifth goes with the first


def test_convert_with_a_batch(digits_model: Any, digits_folder: Any, tmp_path: Any) -> None:
    out = tmp_path / "d.edgecv"
    options = (
        "-p",
        "rescale",
        "-q",
        "onnx:float32,tflite:float32",
        "--batch",
        "4",
        "--evaluate",
        digits_folder / "test",
    )
    result = command.edgecv("convert", digits_model, "-o", out, *options)
    assert result.code == 0, result.err
    pictures = sorted((digits_folder / "test").rglob("*.png"))[:6]
    with edgecv.load(out, target="onnx") as several, edgecv.load(out, target="tflite") as single:
        assert several.artifact.inputs[0].shape[0] == 4
        assert single.artifact.inputs[0].shape[0] == 1
        together = several.predict(list(pictures))
        for answer, picture in zip(together, pictures, strict=True):
            np.testing.assert_allclose(answer.scores, single.predict(picture).scores, atol=1e-5)
    assert command.edgecv("verify", out).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch", "0"), "--batch must be 1 to 1024, got 0"),
        (("--batch", "8", "-t", "tflite"), "--batch is for ONNX, which is not among the targets"),
    ],
)
def test_a_batch_that_cannot_be_is_an_error(digits_model: Any, options: tuple[str, ...], words: str) -> None:
    result = command.edgecv("convert", digits_model, "-p", "rescale", *options)
    assert result.code == 2
    assert words in result.err
    assert "hint:" in result.err
