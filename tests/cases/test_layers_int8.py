"""Layers in int8: quantized where the target has a form, else float and named; what one scale would ruin is apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.onnx.int8.short import shortened
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.quantizer import quantize
from edgecv_converters.quantize.repair import RepairSearch, beyond_scales, broken_outputs
from edgecv_converters.targets import Quantizing
from edgecv_converters.tflite import int8
from edgecv_converters.tflite.compact import compact
from edgecv_converters.tflite.describe import input_names, output_names, parsed
from edgecv_converters.tflite.reader import TFLiteGraph
from edgecv_runtime.errors import ConversionError

from tests.cases.int8_files import Files, decibels, files, float_file, ratios
from tests.command import edgecv
from tests.integration.onnx_models import onnx_session
from tests.integration.quantized_networks import digits_files

Array = npt.NDArray[Any]
EDGECV = Quantizing(quantizer="edgecv")


def pictures(count: int = 40, size: int = 8, channels: int = 3) -> Array:
    """Smooth pictures between -1 and 1."""
    coarse = np.random.default_rng(3).uniform(-1, 1, (count, size // 4, size // 4, channels))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.float32) * np.linspace(0.3, 1, size)[:, None, None].astype(
        "f4"
    )


def walks(steps: int, width: int, count: int = 40) -> Array:
    """Random walks."""
    return (np.random.default_rng(0).normal(size=(count, steps, width)).cumsum(1) * 0.3).astype(np.float32)


def on_all_targets(made: Files, least: float) -> None:
    """Check every output of every target."""
    for found in (made.tflite(), made.onnx(), made.coreml()):
        assert min(ratios(made.expected, found)) > least


def seeded() -> Any:
    """Keras, with its draws begun anew."""
    import keras

    keras.utils.set_random_seed(4)
    return keras


def test_squares_are_products_and_a_length_is_one_operation() -> None:
    keras = seeded()
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="x")
    x = layers.GroupNormalization(2)(layers.Conv2D(4, 3, padding="same")(image))
    grouped = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation="relu")(x))
    root = layers.RMSNormalization()(layers.Dense(6)(layers.Flatten()(image)))
    unit = layers.UnitNormalization()(layers.ReLU()(layers.Dense(5, use_bias=False)(layers.Flatten()(image))))
    values = pictures()
    values[0] = 0  # a vector without length is no reason for NaN
    made = files(keras.Model(image, [grouped, root, unit]), {"x": values})
    assert "no int8 kernel" not in made.kept
    on_all_targets(made, 20)


def test_activations_without_an_int8_kernel_stay_float_and_are_named() -> None:
    keras = seeded()
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="x")
    x = layers.Conv2D(4, 3, name="first")(image)
    kinds = [layers.ELU(name="elu"), layers.Activation("selu"), layers.Activation("log_softmax")]
    kinds.append(layers.ReLU(max_value=0.4, threshold=0.1, negative_slope=0.05))
    ends = [layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(kind(x))) for kind in kinds]
    model = keras.Model(image, ends)
    made = files(model, {"x": pictures()}, how=EDGECV)
    assert re.search(r"\belu\w* stays float in the int8 files \(ELU\): TFLite has no int8 kernel for it", made.kept)
    assert not any(layer.startswith(("conv", "activation", "first")) for layer in made.made.float_layers)
    on_all_targets(made, 20)
    with pytest.raises(ConversionError, match=r"ELU of layer elu.* stays float"):
        files(model, {"x": pictures()}, how=Quantizing(quantizer="vendor", strict=True))


def test_what_clips_its_neighbour_does_not() -> None:
    """TensorFlow gives a minimum's operand the minimum's own range, also where something else reads it."""
    keras = seeded()
    image = keras.Input((8, 8, 3), name="x")
    x = keras.layers.Conv2D(4, 3)(image)
    below = keras.ops.exp(keras.ops.minimum(x, 0.0)) - 1.0
    x = keras.layers.Conv2D(3, 3)(keras.ops.maximum(x, 0.0) + below)
    made = files(keras.Model(image, keras.layers.GlobalAveragePooling2D()(x)), {"x": pictures()})
    on_all_targets(made, 20)
    assert "MINIMUM" in made.kept


def test_volumes_stay_float() -> None:
    keras = seeded()
    layers = keras.layers
    clip = keras.Input((4, 8, 8, 1), name="x")
    x = layers.Conv3D(3, 3, strides=(1, 2, 2), padding="same", activation="relu", name="volume")(clip)
    frames = layers.ConvLSTM2D(2, 3, padding="same")(clip[:, :2])
    ends = [layers.Dense(3)(layers.GlobalAveragePooling3D()(x)), layers.GlobalAveragePooling2D()(frames)]
    values = np.random.default_rng(1).normal(size=(40, 4, 8, 8, 1)).astype(np.float32)
    made = files(keras.Model(clip, ends), {"x": values})
    assert [layer.startswith("volume") for layer in made.made.float_layers] == [True]
    on_all_targets(made, 15)


def test_sequences_that_are_reversed() -> None:
    """TensorFlow gives REVERSE_V2 a result of another scale, and its kernel copies the integers."""
    keras = seeded()
    layers = keras.layers
    sequence = keras.Input((3, 3), name="x")
    x = layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True))(sequence)
    made = files(keras.Model(sequence, layers.SimpleRNN(3, go_backwards=True)(x)), {"x": walks(3, 3)})
    assert made.made.float_layers == ()
    on_all_targets(made, 25)


def test_pairs_of_steps_are_simulated_and_sorted_values_stay_in_order() -> None:
    """Additive attention adds (1, 4, 3) to (1, 4, 1, 3): in a batch the one's samples would meet the other's steps."""
    keras = seeded()
    sequence = keras.Input((4, 3), name="x")
    keys = keras.layers.Dense(3)(sequence)
    attended = keras.layers.AdditiveAttention()([keys, sequence])
    ends = [keras.layers.GlobalAveragePooling1D()(attended), keras.ops.sort(keys, axis=-1)]
    made = files(keras.Model(sequence, ends), {"x": walks(4, 3)}, how=EDGECV)
    on_all_targets(made, 20)
    least = keras.ops.argmin(keras.layers.Dense(5)(sequence), axis=-1)
    made = files(keras.Model(sequence, [least, *keras.ops.top_k(keys, 2)]), {"x": walks(4, 3)})
    for found in (made.tflite(), made.onnx(), made.coreml()):
        for wanted, got in zip(made.expected[::2], found[::2], strict=True):
            assert np.mean(wanted == got.reshape(wanted.shape)) > 0.9


def test_masks_compare_what_comes_in() -> None:
    keras = seeded()
    sequence = keras.Input((3, 3), name="x")
    model = keras.Model(sequence, keras.layers.SimpleRNN(4)(keras.layers.Masking(-1.0)(sequence)))
    values = walks(3, 3)
    values[:15, 2:] = -1
    made = files(model, {"x": values})
    assert "NOT_EQUAL" in made.kept
    on_all_targets(made, 20)
    integers = files(model, {"x": values}, io="int8")
    assert min(ratios(made.expected, integers.tflite())) > 20
    assert min(ratios(made.expected, integers.onnx())) > 20


def test_attention_leaves_out_what_is_padded() -> None:
    keras = seeded()
    ids = keras.Input((5,), dtype="int32", name="ids")
    x = keras.layers.Embedding(8, 4, mask_zero=True)(ids)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.MultiHeadAttention(2, 3)(x, x))
    values = np.random.default_rng(0).integers(0, 8, (40, 5)).astype(np.int32)
    values[:2] = [3, 0, 0, 0, 0], [3, 3, 3, 0, 0]  # one word, once and three times, is one answer
    made = files(keras.Model(ids, x), {"ids": values})
    on_all_targets(made, 20)
    for (found,) in (made.tflite(), made.onnx(), made.coreml()):
        assert np.abs(found[0] - found[1]).max() < 0.05 * np.ptp(found, axis=0).max()


def test_integers_stay_integers() -> None:
    keras = seeded()
    layers, ops = keras.layers, keras.ops
    image, ids = keras.Input((8, 8, 3), dtype="uint8", name="pixels"), keras.Input((6,), dtype="int32", name="ids")
    numbers, category = keras.Input((3,), name="numbers"), keras.Input((1,), dtype="int32", name="category")
    seen = layers.GlobalAveragePooling2D()(
        layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 127.5, -1)(image))
    )
    x = layers.Embedding(20, 8)(ids) + layers.Embedding(6, 8)(ops.arange(6))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4, name="causal")(x, x, use_causal_mask=True))
    kind = layers.CategoryEncoding(5, output_mode="one_hot", name="kinds")(category)
    price = layers.Dense(2)(layers.Concatenate()([numbers, kind]))
    rng = np.random.default_rng(0)
    samples = {
        "pixels": (pictures() * 127 + 128).astype(np.uint8),
        "ids": rng.integers(0, 20, (40, 6)).astype(np.int32),
        "numbers": rng.normal(size=(40, 3)).astype(np.float32),
        "category": rng.integers(0, 5, (40, 1)).astype(np.int32),
    }
    model = keras.Model([image, ids, numbers, category], [layers.Dense(3)(seen), layers.Dense(4)(x), price])
    made = files(model, samples, how=EDGECV)
    on_all_targets(made, 20)
    assert all(layer.startswith(("causal", "kinds")) for layer in made.made.float_layers), "a mask of -3e38, one-hot"
    integers = files(model, samples, io="int8")
    assert min(ratios(made.expected, integers.tflite())) > 20
    assert min(ratios(made.expected, integers.onnx())) > 20


def joined(keras: Any, x: Any) -> tuple[Any, str]:
    """Boxes in pixels, scores and small numbers in one tensor, joined twice."""
    layers = keras.layers
    boxes = layers.Rescaling(640.0)(layers.Dense(2, activation="sigmoid")(x))
    small = layers.Dense(2, activation="tanh")(x) * 0.01
    half = layers.Concatenate()([boxes, layers.Dense(3, activation="sigmoid")(x)])
    return layers.Concatenate(name="pred")([half, small]), "CONCATENATION"


def one_layer(keras: Any, x: Any) -> tuple[Any, str]:
    """One dense layer whose columns differ in scale."""
    scales = np.array([300, 300, 1, 1, 0.2], np.float32)
    kernel = np.random.default_rng(0).normal(size=(x.shape[-1], 5)).astype(np.float32) * scales
    return keras.layers.Dense(5, kernel_initializer=keras.initializers.Constant(kernel))(x), "FULLY_CONNECTED"


def transposed(keras: Any, x: Any) -> tuple[Any, str]:
    """Channels before boxes, as some detectors give them out: (1, 5, 4)."""
    layers = keras.layers
    boxes = layers.Rescaling(640.0)(layers.Reshape((2, 4))(layers.Dense(8, activation="sigmoid")(x)))
    scores = layers.Reshape((3, 4))(layers.Dense(12, activation="sigmoid")(x))
    return layers.Concatenate(axis=1)([boxes, scores]), "CONCATENATION"


def sliced(keras: Any, x: Any) -> tuple[Any, str]:
    """A part with a thousandth of its tensor's range is cut out and enlarged."""
    z = keras.layers.Dense(4)(x)
    return keras.layers.Concatenate()([z * 0.001, z])[:, :4] * 300.0, "CONCATENATION"


@pytest.mark.parametrize("head", [joined, one_layer, transposed, sliced])
def test_parts_of_other_scales_keep_their_values(head: Callable[[Any, Any], tuple[Any, str]]) -> None:
    keras = seeded()
    image = keras.Input((8, 8, 3), name="x")
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image))
    output, kind = head(keras, x)
    made = files(keras.Model(image, output), {"x": pictures()})
    (expected,) = made.expected
    axis = 1 if head is transposed else -1
    for found in (made.tflite()[0], made.onnx()[0], made.coreml()[0]):
        for column in range(expected.shape[axis]):
            assert decibels(expected.take(column, axis), found.reshape(expected.shape).take(column, axis)) > 12
    assert f"({kind}" in made.kept
    assert "one int8 scale would round a part of its values away" in made.kept


def test_boxes_that_the_model_sorts_are_float_from_the_last_weights_on() -> None:
    """Rows of a box, a score and a class number in one tensor, chosen by the largest scores."""
    keras = seeded()
    layers, ops = keras.layers, keras.ops
    image = keras.Input((8, 8, 3), name="x")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    boxes = layers.Rescaling(640.0)(layers.Reshape((16, 4))(layers.Conv2D(4, 1, activation="sigmoid")(x)))
    chances = ops.reshape(layers.Conv2D(5, 1, activation="sigmoid")(x), (-1, 80))
    scores, places = ops.top_k(chances, 6)
    best = ops.take_along_axis(boxes, ops.floor_divide(places, 5)[..., None], axis=1)
    number = ops.cast(ops.mod(places, 5), "float32")
    rows = layers.Concatenate(name="rows")([best, scores[..., None], number[..., None]])
    made = files(keras.Model(image, rows), {"x": pictures()}, how=EDGECV)
    assert "what the model sorts by its scores is chosen by more digits than int8 has" in made.kept
    assert not any("plain one" in note for note in made.made.notes)
    assert "bias correction" in made.made.steps, "chosen by what is sorted, not by the rows"
    kinds = [op.kind for op in TFLiteGraph(parsed(made.made.data)).ops]
    last = len(kinds) - kinds[::-1].index("CONV_2D")
    assert "QUANTIZE" not in kinds[last:], "float operations read each other's values as they are"
    (expected,) = made.expected
    for found in (made.tflite()[0], made.onnx()[0], made.coreml()[0]):
        got = found.reshape(expected.shape)
        assert (np.diff(got[..., 4]) <= 0).all()
        assert np.abs(got[..., 4] - expected[..., 4]).max() < 0.02
        assert set(np.unique(got[..., 5])) <= set(range(5))
        same = got[..., 5] == expected[..., 5]
        assert same.mean() > 0.7, "near scores change places"
        assert np.median(np.abs(got[same][:, :4] - expected[same][:, :4])) < 8


def test_statistics_near_0_are_float() -> None:
    """A variance is near 0 here and there, where 1/sqrt of it is 1,000: the usual values, of about 1, have no steps."""
    keras = seeded()
    keras.utils.set_random_seed(2)
    layers = keras.layers
    sequence = keras.Input((24, 1), name="x")
    x = layers.Dense(4)(sequence + layers.Dense(1)(layers.Dense(8, activation="tanh")(sequence)))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    model, values = keras.Model(sequence, layers.Dense(1)(x)), {"x": walks(24, 1)}
    made = files(model, values)
    on_all_targets(made, 20)
    assert "RSQRT" in made.kept
    all_int8 = files(model, values, how=Quantizing(quantizer="vendor", strict=True))
    assert max(ratios(made.expected, all_int8.tflite())) < 10


def off_small(expected: Array, got: Array) -> float:
    """How far the smaller half of the values is off, as a share of each, in the middle."""
    small = expected <= np.median(expected)
    return float(np.median(np.abs(got - expected)[small] / expected[small]))


def test_exponentials_that_outputs_are_computed_from_are_float() -> None:
    """Distances of a detector by a softplus, and sizes of boxes: their small values have no steps beside the large."""
    keras = seeded()
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="x")
    x = layers.Flatten()(layers.Conv2D(6, 3, strides=2, activation="relu")(image))
    x = layers.Dense(12, activation="softplus", name="hidden")(x)
    raw = layers.Dense(8, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0))(x)
    distances = layers.Activation("softplus", name="distances")(raw)
    sizes = layers.Lambda(lambda v: keras.ops.exp(v * 0.6) * 3.0 + 1.0, output_shape=(8,), name="sizes")(raw)
    model, values = keras.Model(image, [distances, sizes]), {"x": pictures()}
    made = files(model, values)
    on_all_targets(made, 30)
    assert "distances_1 stays float in the int8 files (ABS, MUL, EXP, ADD, LOG): exponentials have too few" in made.kept
    assert made.kept.count("stays float") == made.kept.count("exponentials have too few steps")
    assert "hidden" not in made.kept
    all_int8 = files(model, values, how=Quantizing(quantizer="edgecv", strict=True))
    off = [off_small(made.expected[1], found[1]) for found in (made.tflite(), all_int8.tflite())]
    assert 20 * off[0] < off[1]


def test_boxes_that_the_model_places_itself_have_finer_steps_than_the_picture() -> None:
    """Corners of 0..640 from distances and each cell's centre: int8 has steps of 2.5 pixels for them."""
    keras = seeded()
    layers, ops = keras.layers, keras.ops
    image = keras.Input((8, 8, 3), name="x")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    rows, columns = (axis.reshape(-1, 1) for axis in np.indices((4, 4)))
    centres = (np.concatenate([columns, rows], axis=1) * 160 + 80).astype(np.float32)
    distances = layers.Reshape((16, 2))(layers.Conv2D(2, 1, activation="relu")(x))
    corners = layers.Lambda(lambda v: ops.subtract(centres, 4.0 * v), output_shape=(16, 2), name="corners")(distances)
    model, values = keras.Model(image, corners), {"x": pictures()}
    made = files(model, values)
    all_int8 = files(model, values, how=Quantizing(quantizer="edgecv", strict=True))
    for found in (made.tflite()[0], made.onnx()[0], made.coreml()[0]):
        assert np.abs(found - made.expected[0]).max() < 0.5
    assert np.abs(all_int8.tflite()[0] - made.expected[0]).max() > 1
    assert "places in all of a picture have too few steps in int8" in made.kept


@pytest.mark.parametrize("end", ["sigmoid", "softmax"])
def test_probabilities_of_many_boxes_keep_their_small_values(end: str) -> None:
    """One class is near 1 and the others are seldom over 0.01, where int8 has steps of 1/256."""
    keras = seeded()
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="x")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    scores = layers.Reshape((16, 3))(layers.Conv2D(3, 1, name="head")(x))
    model, values = keras.Model(image, layers.Activation(end, name="scores")(scores)), {"x": pictures()}
    model.get_layer("head").bias.assign([2.0, -5.0, -7.0])
    made = files(model, values)
    all_int8 = files(model, values, how=Quantizing(quantizer="edgecv", strict=True))
    for found in (made.tflite()[0], made.onnx()[0], made.coreml()[0]):
        assert all(decibels(made.expected[0][..., k], found[..., k]) > 20 for k in range(3))
    assert decibels(made.expected[0][..., 2], all_int8.tflite()[0][..., 2]) < 10
    assert "most of which are near 0, have steps of 1/256" in made.kept


def undecided() -> tuple[Any, Array]:
    """A network that gives each of a thousand classes about 1/1000, where a step of an int8 softmax is 1/256."""
    keras = seeded()
    layers = keras.layers
    small = keras.initializers.RandomNormal(stddev=0.01)
    stack = [keras.Input((8, 8, 3), name="x"), layers.Conv2D(4, 3, activation="relu"), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(1000, "softmax", kernel_initializer=small)]), pictures()


def test_what_no_scales_can_save_is_quantized_once_with_its_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    model, values = undecided()
    asked: list[bytes] = []

    def counted(plain: bytes, *rest: Any) -> Any:
        asked.append(plain)
        return quantize(plain, *rest)

    monkeypatch.setattr(int8, "quantize", counted)
    once = files(model, {"x": values}, how=EDGECV)
    assert len(asked) == 1
    assert "one int8 scale would round a part of its values away" in once.kept
    monkeypatch.setattr(int8, "beyond_scales", lambda *_: False)
    assert files(model, {"x": values}, how=EDGECV).made.data == once.made.data
    assert len(asked) == 3


def test_sound_files_are_left_alone() -> None:
    _, plain, float32, data, _ = digits_files()
    assert broken_outputs(plain, float32, [data[:20]]) == 0
    assert not beyond_scales(plain, float32, [data[:20]])
    assert RepairSearch(plain, float32, [data[:20]]).repaired(broken=False) is None


def test_short_names_make_unrolled_int8_smaller_than_float32() -> None:
    keras = seeded()
    layers = keras.layers
    sequence = keras.Input((5, 1), name="x")
    model = keras.Model(sequence, layers.GRU(6, name="two")(layers.GRU(6, return_sequences=True, name="one")(sequence)))
    made, float32 = files(model, {"x": walks(5, 1)}), float_file(model)
    assert len(made.made.data) < len(float32)
    on_all_targets(made, 15)
    short = compact(float32)
    assert len(short) < len(float32)
    assert (input_names(short), output_names(short)) == (input_names(float32), output_names(float32))
    network = read_network(short, short)
    named = {network.layer(op.outputs[0]).partition("/")[0] for op in network.ops}
    assert any(name.startswith("one") for name in named)
    assert any(name.startswith("two") for name in named)
    model = from_tflite(made.made.data, inputs=made.graph.inputs, outputs=made.graph.outputs)
    long = model.ByteSize()
    assert shortened(model).ByteSize() < 0.5 * long
    onnxruntime_takes = onnx_session(model).get_outputs()[0].name
    assert onnxruntime_takes == "out_0"


def test_the_command_names_what_stays_float_and_what_is_larger(tmp_path: Path) -> None:
    keras = seeded()
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.ELU(name="odd"), layers.Flatten()])
    model.save(tmp_path / "model.keras")
    values = np.random.default_rng(0).normal(size=(30, 6, 6, 1)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x=values, allow_pickle=False)
    command = (
        "convert",
        tmp_path / "model.keras",
        "-o",
        tmp_path / "m.edgecv",
        "-p",
        "tensor",
        "-q",
        "int8",
        "-t",
        "tflite",
    )
    calibrated = (*command, "--calibrate", tmp_path / "samples.npz", "--task", "regression")
    found = edgecv(*calibrated)
    assert found.code == 0, found.err
    assert "In float in the int8 files: odd" in found.out
    assert "odd stays float in the int8 files (ELU)" in found.message
    assert "The int8 file for TFLite is larger than float32" in found.message
