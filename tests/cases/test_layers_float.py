"""Layers that a converter refused, got wrong or crashed on, in float32: every target gives the Keras model's answers.

Each model has an output for each kind of layer, so that a few conversions do for many kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.coreml.describe import describe as describe_coreml
from edgecv_converters.coreml.reference import ReferenceCoreML
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.node_sketches import sketches
from edgecv_converters.graph.passes import low_rank, nearest
from edgecv_converters.onnx.describe import describe as describe_onnx
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.onnx.float16 import to_float16
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.source import load_source, save_live
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe as describe_tflite
from edgecv_runtime.backends import Backend, open_backend, run_float
from edgecv_runtime.schema import Artifact, Target, TensorSpec

from tests.canonical import canonical
from tests.integration.onnx_models import int8_file, onnx_session, quiet

Array = npt.NDArray[Any]
Kinds = dict[str, Any]
TARGETS: tuple[Target, ...] = ("tflite", "onnx", "coreml")
SAMPLES = 3
LEAST_DB = 100.0


def activations(x: Any) -> Kinds:
    from keras import layers, ops

    def after(layer: Any) -> Any:
        return layers.Conv2D(2, 3)(layer(x))

    return {
        "mish": after(layers.Conv2D(4, 3, activation="mish")),
        "celu": after(layers.Conv2D(4, 3, activation="celu")),
        "log_softmax": after(layers.Conv2D(4, 3, activation="log_softmax")),
        "hard_sigmoid_after_convolution": after(layers.Conv2D(4, 3, activation="hard_sigmoid")),
        "hard_sigmoid_after_depthwise": after(layers.DepthwiseConv2D(3, activation="hard_sigmoid", use_bias=False)),
        "hard_sigmoid_after_transposed": after(layers.Conv2DTranspose(4, 3, activation="hard_sigmoid")),
        "scaled": layers.Rescaling(2.0, offset=0.5)(layers.Conv2D(4, 3)(x)),
        "reciprocal": ops.reciprocal(layers.Dense(4, activation="sigmoid")(x) + 0.01),
        "log1p": ops.log1p(ops.abs(x)),
        "rolled": ops.roll(x, (-2, 3), axis=(1, 2)),
        "logaddexp": ops.logaddexp(x, 2 * x),
    }


def transposed_convolutions(x: Any) -> Kinds:
    from keras import layers

    def transposed(**options: Any) -> Any:
        return layers.Conv2DTranspose(4, bias_initializer="random_normal", **options)

    rows = layers.Reshape((7, 18))(x)
    return {
        "output_padding": transposed(kernel_size=3, strides=2, output_padding=1)(x),
        "output_padding_of_one_axis": transposed(kernel_size=(1, 4), strides=(2, 3), output_padding=(1, 2))(x),
        "same_output_padding": transposed(kernel_size=3, strides=2, padding="same", output_padding=0)(x),
        "kernel_below_stride": transposed(kernel_size=2, strides=3, padding="same")(x),
        "kernel_of_one": transposed(kernel_size=1, strides=4, padding="same", activation="relu")(x),
        "dilated": transposed(kernel_size=(3, 2), dilation_rate=2)(x),
        "one_axis": layers.Conv1DTranspose(4, 2, strides=3, padding="same")(rows),
        "after_padding": transposed(kernel_size=3, strides=2, padding="same")(
            layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
        ),
        "after_cropping": transposed(kernel_size=3, strides=2)(layers.Cropping2D(((1, 2), (1, 0)))(x)),
    }


def resizes(x: Any) -> Kinds:
    from keras import layers, ops

    def resized(height: int, width: int, kernel: str = "bilinear") -> Any:
        return layers.Resizing(height, width, interpolation=kernel)(layers.Conv2D(3, 1)(x))

    return {
        "larger": layers.Conv2D(2, 3)(resized(50, 47)),
        "smaller": resized(17, 19),
        "nearest_larger": layers.Conv2D(2, 3)(resized(50, 47, "nearest")),
        "nearest_smaller": resized(18, 9, "nearest"),
        "nearest_twice": resized(72, 56, "nearest"),
        "bicubic": layers.Conv2D(2, 3)(resized(50, 19, "bicubic")),
        "antialiased": layers.Resizing(9, 47, antialias=True)(x),
        "of_areas": resized(17, 9, "area"),
        "symmetric": layers.Conv2D(2, 3)(ops.pad(x, ((0, 0), (2, 1), (0, 3), (0, 0)), mode="symmetric")),
        "padded": layers.Resizing(20, 31, pad_to_aspect_ratio=True)(x),
        "before_transposed": layers.Conv2DTranspose(4, 3, strides=2)(
            layers.ZeroPadding2D(((0, 1), (2, 0)))(layers.Cropping2D(((1, 2), (3, 0)))(resized(50, 47)))
        ),
    }


def volumes(x: Any) -> Kinds:
    from keras import layers

    return {
        "grouped": layers.Conv3D(4, 2, groups=2, bias_initializer="random_normal")(x),
        "largest": layers.MaxPooling3D(2)(layers.Conv3D(3, 3, padding="same")(x)),
        "largest_same": layers.MaxPooling3D((3, 2, 1), strides=(1, 2, 2), padding="same")(x),
        "average": layers.AveragePooling3D((1, 2, 3))(x),
        "average_same": layers.AveragePooling3D((2, 3, 2), strides=(2, 1, 2), padding="same")(x),
        "repeated": layers.UpSampling3D((2, 1, 3))(x),
        "kernel_below_stride": layers.Conv3DTranspose(2, 2, strides=3, padding="same")(x),
    }


def shuffles(x: Any) -> Kinds:
    from keras import layers, ops

    blocks = layers.Reshape((6, 4, 2, 2, 3))(layers.Dense(12)(x))
    one, other = (layers.Conv2D(3, 3)(x) for _ in range(2))
    parted = ops.split(layers.Conv2D(6, 3)(x), [2, 2], axis=-1)  # the second part has no values
    return {
        "parts_of_a_stack": ops.subtract(*ops.split(ops.stack([one, other], axis=-1), 2, axis=-1)),
        "empty_part": layers.Conv2D(4, 2)(ops.concatenate(parted, axis=-1)),
        "of_pixels": layers.Reshape((12, 8, 3))(layers.Permute((1, 3, 2, 4, 5))(blocks)),
        "with_an_activation": layers.Flatten()(layers.ReLU()(layers.Permute((1, 4, 2, 3, 5))(blocks))),
        "of_all_axes": layers.Flatten()(layers.Permute((6, 4, 2, 5, 3, 1))(layers.Reshape((3, 2, 2, 2, 4, 3))(x))),
    }


def answers(x: Any) -> Kinds:
    from keras import layers, ops

    values, places = ops.top_k(layers.Dense(7)(x), 3)
    return {
        "argmax": ops.argmax(layers.Dense(7, activation="softmax")(x), axis=-1),
        "argmax_of_rows": ops.argmax(x, axis=1, keepdims=True),
        "argmin": ops.argmin(layers.Dense(7)(x), axis=-1),
        "values": values,
        "places": places,
        "intervals": layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.5])(x),
        "intervals_one_hot": layers.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot")(x),
        "whole_division": ops.cast(10 * x, "int32") // 3,
        "remainder": ops.mod(ops.cast(10 * x, "int32"), 4),
        "truths": ops.any(x > 0.5, axis=-1),
        "intervals_counted": layers.Discretization(bin_boundaries=[-0.5, 0.5], output_mode="count")(
            layers.Flatten()(x)
        ),
        "intervals_met": layers.Discretization(bin_boundaries=[-2.0, 2.0], output_mode="multi_hot")(
            layers.Flatten()(x)
        ),
        "intervals_embedded": layers.Embedding(3, 2)(layers.Discretization(bin_boundaries=[-0.5, 0.5])(x)),
    }


def sums_of_one_feature(x: Any) -> Kinds:
    from keras import layers

    attended = x + layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x)
    return {
        "attention": layers.Conv1D(4, 3)(layers.LayerNormalization()(layers.Dense(4)(attended))),
        "as_wide_as_long": layers.Add()([layers.Dense(12)(x), x]),
    }


def scalars(x: Any) -> Kinds:
    from keras import layers, ops

    seen = layers.Conv2D(4, 3)(x)
    return {
        "mean_subtracted": layers.Conv2D(2, 3)(seen - ops.mean(seen)),
        "standardized": (seen - ops.mean(seen)) / (ops.std(seen) + 1e-3),
        "of_the_input": x / ops.max(ops.abs(x)),
        "reshaped": ops.reshape(ops.mean(seen), (1, 1)),
    }


MODELS: Mapping[str, tuple[tuple[int, ...], Callable[[Any], Kinds]]] = {
    "activations": ((10, 10, 3), activations),
    "transposed_convolutions": ((7, 6, 3), transposed_convolutions),
    "resizes": ((36, 28, 3), resizes),
    "volumes": ((4, 6, 5, 2), volumes),
    "shuffles": ((6, 4, 12), shuffles),
    "answers": ((6, 5), answers),
    "sums_of_one_feature": ((12, 1), sums_of_one_feature),
    "scalars": ((6, 5, 3), scalars),
}


def network(name: str) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    shape, build = MODELS[name]
    source = keras.Input(shape, name="x")
    return keras.Model(source, build(source))


def normal(shape: tuple[int, ...], count: int = SAMPLES) -> Array:
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def plain(model: Any) -> FrozenGraph:
    """The frozen graph, whose outputs have the names of the kinds."""
    specs = [TensorSpec(name=tensor.name, shape=(1, *tensor.shape[1:]), dtype="float32") for tensor in model.inputs]
    names = sorted(model.output)

    def call(tensors: Any) -> list[Any]:
        found = model(list(tensors) if len(specs) > 1 else tensors[0], training=False)
        return [found[name] for name in names]

    return freeze(call, specs, names)


def converted(frozen: FrozenGraph, target: Target, folder: Path) -> Artifact:
    """Convert, and describe what was written."""
    out = folder / f"model.{target}"
    if target == "tflite":
        out.write_bytes(to_tflite(frozen, "float32"))
        taken, given, _ = describe_tflite(out.read_bytes(), frozen.inputs, frozen.outputs)
    elif target == "onnx":
        model = to_onnx(frozen)
        out.write_bytes(model.SerializeToString())
        taken, given, _ = describe_onnx(model, frozen.inputs, frozen.outputs)
    else:
        with quiet():
            to_coreml(frozen, "float32", out)
            taken, given, _, _ = describe_coreml(out, frozen.inputs, frozen.outputs)
    return Artifact(
        target=target,
        precision="float32",
        file=out.name,
        sha256="0" * 64,
        bytes=1,
        inputs=taken,
        outputs=given,
        ops={},
        requires={},
    )


def run(artifact: Artifact, folder: Path, inputs: Mapping[str, Array]) -> dict[str, Array]:
    file = folder / artifact.file
    if artifact.target == "coreml":
        opened: Backend = ReferenceCoreML(file, artifact.inputs, artifact.outputs)
    else:
        opened = open_backend(artifact, file, threads=1)
    count = len(next(iter(inputs.values())))
    rows = [
        run_float(opened, artifact, {name: values[row : row + 1] for name, values in inputs.items()})
        for row in range(count)
    ]
    opened.close()
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def decibels(wanted: Array, found: Array) -> float:
    assert wanted.shape == found.shape
    error = float(np.square(wanted.astype(np.float64) - found).sum())
    return float("inf") if error == 0 else float(10 * np.log10(np.square(wanted.astype(np.float64)).sum() / error))


def reference(model: Any, values: Array, *, alone: bool) -> dict[str, Array]:
    """The model's own answers: of each sample alone where it reduces over all there is, else of all at once."""
    parts = [values[row : row + 1] for row in range(len(values))] if alone else [values]
    found = [model(part, training=False) for part in parts]
    return {name: np.concatenate([np.asarray(part[name]) for part in found]) for name in found[0]}


@lru_cache(maxsize=1)
def answered(name: str) -> tuple[FrozenGraph, Array, dict[str, Array]]:
    """The frozen graph of a model, samples, and the model's answers to them."""
    model, values = network(name), normal(MODELS[name][0])
    return plain(model), values, reference(model, values, alone=name == "scalars")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_every_target_gives_the_models_answers(name: str, target: Target, tmp_path: Path) -> None:
    graph, values, wanted = answered(name)
    frozen = canonical(graph, target)
    artifact = converted(frozen, target, tmp_path)
    found = run(artifact, tmp_path, {"x": values})
    measured = {kind: decibels(wanted[kind], found[kind]) for kind in wanted}
    assert not {kind: db for kind, db in measured.items() if not db > LEAST_DB}
    assert all(wanted[kind].std() > 0 for kind in wanted if wanted[kind].size > SAMPLES)
    if target == "coreml":
        assert sketches(frozen, {"x": values[:1]}), "no operation of the graph is lost when it is run"


@pytest.mark.parametrize("name", ["resizes", "transposed_convolutions"])
def test_onnx_takes_them_in_float16(name: str) -> None:
    model, values = network(name), normal(MODELS[name][0], 1)
    wanted = reference(model, values, alone=False)
    session = onnx_session(to_float16(to_onnx(canonical(plain(model), "onnx"))))
    for kind, found in zip(sorted(wanted), session.run(sorted(wanted), {"x": values}), strict=True):
        assert decibels(wanted[kind], found) > 45


def test_one_sample_is_answered_as_it_is_among_others(tmp_path: Path) -> None:
    source = load_source(save_live(network("sums_of_one_feature"), tmp_path))
    values = normal((12, 1))
    among, alone = source.predict({"x": values}), source.predict({"x": values[:1]})
    for name, answer in among.items():
        np.testing.assert_allclose(alone[name], answer[:1], atol=1e-5)


def test_an_input_that_nothing_reads_stays_an_input(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    read, unread = keras.Input((6,), name="read"), keras.Input((4,), name="unread")
    model = keras.Model([read, unread], {"scores": keras.layers.Dense(3)(read)})
    given = {"read": normal((6,)), "unread": normal((4,))}
    wanted = np.asarray(model([given["read"], given["unread"]])["scores"])
    for target in TARGETS:
        artifact = converted(canonical(plain(model), target), target, tmp_path)
        assert [io.name for io in artifact.inputs] == ["read", "unread"]
        assert decibels(wanted, run(artifact, tmp_path, given)["scores"]) > LEAST_DB


def test_the_mean_of_a_tensor_goes_through_int8_to_onnx() -> None:
    model, values = network("scalars"), normal(MODELS["scalars"][0], 8)
    frozen = canonical(plain(model), "tflite")
    content = int8_file(frozen, values)
    made = from_tflite(content, inputs=frozen.inputs, outputs=frozen.outputs)
    assert [value.name for value in made.graph.output] == sorted(model.output)


def test_an_optimizer_of_tf2onnx_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tf2onnx.optimizer import transpose_optimizer

    def fail(*_: Any) -> None:
        raise ValueError("max() arg is an empty sequence")

    monkeypatch.setattr(transpose_optimizer.TransposeOptimizer, "_add_handler", fail)
    model, values = network("activations"), normal((10, 10, 3))
    artifact = converted(canonical(plain(model), "onnx"), "onnx", tmp_path)
    found, wanted = run(artifact, tmp_path, {"x": values}), reference(model, values, alone=False)
    assert all(decibels(wanted[kind], found[kind]) > LEAST_DB for kind in wanted)


def test_transposes_of_many_axes_are_exchanges_of_blocks() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        rank = int(rng.integers(6, 9))
        shape, order = [int(size) for size in rng.integers(1, 4, rank)], [int(axis) for axis in rng.permutation(rank)]
        values = rng.normal(size=shape)
        wanted = values.transpose(order)
        sizes, fewer = low_rank.merged(shape, order)
        np.testing.assert_array_equal(values.reshape(sizes).transpose(fewer).reshape(wanted.shape), wanted)
        for blocks in low_rank.exchanges(sizes, fewer):
            values = values.reshape(blocks).transpose(0, 2, 1, 3)
        np.testing.assert_array_equal(values.reshape(wanted.shape), wanted)


def test_the_nearest_places_are_tensorflows() -> None:
    import tensorflow as tf

    resize = tf.raw_ops.ResizeNearestNeighbor
    for before, after in ((36, 47), (7, 3), (9, 4), (5, 13), (28, 50), (100, 33), (3, 1), (8, 16)):
        for corners, centres in ((False, True), (False, False), (True, False)):
            line = tf.reshape(tf.range(before, dtype=tf.int32), (1, before, 1, 1))
            read = resize(images=line, size=(after, 1), align_corners=corners, half_pixel_centers=centres)
            ours = nearest.nearest(before, after, corners=corners, centres=centres)
            np.testing.assert_array_equal(ours, np.asarray(read).ravel())


def test_exp_minus_one_keeps_its_digits_near_zero(tmp_path: Path) -> None:
    import keras

    source = keras.Input((6,), name="x")
    model = keras.Model(source, {"less": keras.ops.expm1(source)})
    values = np.array([[1e-7, -1e-5, 1e-3, -0.5, 20.0, -90.0]], np.float32)
    for target in TARGETS[1:]:
        artifact = converted(canonical(plain(model), target), target, tmp_path)
        found = run(artifact, tmp_path, {"x": values})["less"]
        np.testing.assert_allclose(found, np.expm1(values.astype(np.float64)), rtol=1e-5)
