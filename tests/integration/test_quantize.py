"""The int8 quantizer on real files: the simulation is the file, rewriting is exact, and the answers are kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from edgecv_converters.quantize import BEHIND, BIASES, LOGITS, RANGES, ROUNDING, SCALES, QuantizeSettings, quantize
from edgecv_converters.quantize.bias import corrected, mean_shift
from edgecv_converters.quantize.compensate import compensable
from edgecv_converters.quantize.execute import execute, mixing, rounded, step, unwatched
from edgecv_converters.quantize.floats import float_values, mean_inputs
from edgecv_converters.quantize.keep_float import keep_float
from edgecv_converters.quantize.network import CASTS, MismatchError, read_network
from edgecv_converters.quantize.race import LEAST, nearest, race
from edgecv_converters.quantize.scheme import BiasRoomError, read_scheme, write_scheme
from edgecv_converters.quantize.score import answers, distance, distances, variances
from edgecv_converters.quantize.shared import SAME_SCALE, groups
from edgecv_converters.quantize.watched import UnusableFileError, WatchedFile, file_outputs, in_turn, rows_of
from edgecv_converters.quantize.weights import least_error_weights
from edgecv_converters.quantize.whole_range import FEW, with_whole_ranges
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import builtin_name, describe, load
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.integers import check_integers
from edgecv_converters.tflite.reader import Grid, TFLiteGraph
from edgecv_converters.tflite.write import packed
from edgecv_runtime.errors import ConversionError

from tests import models
from tests.integration.onnx_models import (
    NETWORKS,
    frozen,
    int8_file,
    network,
    onnx_answers,
    quiet,
    samples,
    tflite_answers,
)

SHAPES = {"recurrent": (4, 6, 6, 1)}
STEPS_APART = {"squeeze_excite": 3, "exact_gelu": 2, "tanh_gelu": 2, "upsampled": 4}


def upsampled(x: Any) -> Any:
    """What has no other network here: transposed convolution, resizing, dilation, groups, leaky activations."""
    from keras import layers

    x = layers.LeakyReLU(0.2)(layers.Conv2D(8, 3, dilation_rate=2, padding="same")(x))
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3, groups=2)(x))
    x = layers.UpSampling2D(2, interpolation="nearest")(layers.MaxPooling2D(2)(x))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, activation="relu")(x)
    return layers.AveragePooling2D(4)(layers.Permute((2, 1, 3))(x))


ALL = {**NETWORKS, "upsampled": upsampled}


@lru_cache(maxsize=16)
def files(name: str) -> tuple[Any, bytes, bytes, np.ndarray]:
    """The graph, its plain int8 file, its float file, and calibration samples."""
    shape = SHAPES.get(name, (16, 16, 3))
    data = samples(shape, 40)
    graph = frozen(network(ALL[name], shape), "tflite")
    with quiet():
        return graph, int8_file(graph, data), to_tflite(graph, "float32"), data


@lru_cache(maxsize=1)
def digits_files() -> tuple[Any, bytes, bytes, np.ndarray, np.ndarray]:
    graph = frozen(models.trained_digits(), "tflite")
    pixels = models.digits()[0][..., None] / np.float32(255)
    with quiet():
        return graph, int8_file(graph, pixels[:200]), to_tflite(graph, "float32"), pixels[:200], pixels[200:1200]


def computed(net: Any, data: np.ndarray, constants: Any, watch: Any) -> np.ndarray:
    """All samples at once, or one by one where they would mix."""
    size = 1 if mixing(net) else len(data)
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return np.concatenate([execute(net, {net.inputs[0]: x}, constants, watch)[net.outputs[0]] for x in parts])


@pytest.mark.parametrize("name", ALL)
def test_the_float_network_computed_here_is_the_float_file(name: str) -> None:
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    assert (mixing(net) is not None) == (name == "recurrent")
    expected = answers(float32, [data[:6]])[0].reshape(6, -1)
    found = computed(net, data[:6], net.constants, unwatched)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize("name", ALL)
def test_the_rounded_network_computed_here_is_the_int8_file(name: str) -> None:
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    scheme = read_scheme(net, int8)
    expected = answers(int8, [data])[0].reshape(len(data), -1)
    found = computed(net, data, scheme.constants(), rounded(scheme.grids))
    last = net.ops[-1].inputs[0]
    apart = np.abs(found - expected) / scheme.grids[last].scale
    assert apart.max() <= STEPS_APART.get(name, 1) + 1e-3


@pytest.mark.parametrize("name", ALL)
def test_each_operation_rounds_as_the_int8_file_does(name: str) -> None:
    """On the file's own operands; kernels differ in how they break ties, and in the last bit of a curve."""
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    scheme = read_scheme(net, int8)
    values, watch = values_inside(int8, data[:1], net), rounded(scheme.grids)
    constants = scheme.constants()
    for op in net.ops:
        if op.outputs[0] in scheme.grids and op.outputs[0] in values:
            exact, scale = np.asarray(step(net, op, values, constants)[0]), scheme.grids[op.outputs[0]].scale
            apart = np.abs(watch(op.outputs[0], exact) - values[op.outputs[0]]) / scale
            tie = np.abs(exact / scale % 1 - 0.5) < 1e-3
            assert apart.max() <= 1 + 1e-3, op.kind
            assert np.where(tie, 0, apart).mean() <= 0.1, op.kind


def values_inside(content: bytes, sample: np.ndarray, net: Any) -> dict[int, np.ndarray]:
    """The real values of every activation of an int8 file."""
    from ai_edge_litert.interpreter import Interpreter

    with quiet():  # LiteRT warns that this is for debugging
        interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(net.inputs[0], sample)
    interpreter.invoke()
    read = {number for op in net.ops for number in op.inputs} & set(net.grids)  # the others have no memory
    found = {
        n: (interpreter.get_tensor(n).astype(np.float32) - g.zero) * np.float32(g.scale)
        for n, g in net.grids.items()
        if n in read
    }
    return {**found, net.inputs[0]: sample}


def aligned(data: bytes) -> bytes:
    """A file of TensorFlow's as edgecv writes it: its buffers begin at multiples of 16."""
    return packed(load(data), len(data))


@pytest.mark.parametrize("name", ALL)
def test_a_file_written_with_its_own_numbers_is_the_same_file(name: str) -> None:
    _, int8, float32, _ = files(name)
    net = read_network(int8, float32)
    assert write_scheme(net, int8, read_scheme(net, int8)) == aligned(int8)


def test_what_was_written_is_read_back() -> None:
    _, int8, float32, _ = files("residual")
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    tensor = next(group.tensors[0] for group in groups(net) if group.free)
    changed = plain.with_grids({tensor: Grid(0.25, 7)})
    changed = changed.with_weights(least_error_weights(net, changed))
    bias = next(iter(plain.biases))
    changed = changed.with_biases({bias: plain.biases[bias] + 0.125})
    found = read_scheme(net, write_scheme(net, int8, changed))
    assert found.grids[tensor] == Grid(0.25, 7)
    for number, weights in changed.weights.items():
        np.testing.assert_array_equal(found.weights[number].integers, weights.integers)
        np.testing.assert_array_equal(found.weights[number].scales, weights.scales)
    np.testing.assert_allclose(found.biases[bias], changed.biases[bias], atol=1e-3)


def test_biases_that_were_one_buffer_may_differ() -> None:
    """The converter stores equal biases (zeros, mostly) once."""
    _, int8, float32, _ = files("residual")
    net = read_network(int8, float32)
    model = load(int8)
    biases = [product.bias for product in net.products if product.bias is not None]
    plain = read_scheme(net, int8)
    first, second = next((a, b) for a in biases for b in biases if a < b and _one_buffer(model, a, b))
    found = read_scheme(net, write_scheme(net, int8, plain.with_biases({first: plain.biases[first] + 1.0})))
    np.testing.assert_allclose(found.biases[first], plain.biases[first] + 1, atol=1e-3)
    np.testing.assert_array_equal(found.biases[second], plain.biases[second])


def _one_buffer(model: Any, a: int, b: int) -> bool:
    tensors = model.subgraphs[0].tensors
    return bool(tensors[a].buffer == tensors[b].buffer)


@pytest.mark.parametrize("name", ALL)
def test_tensors_that_must_share_a_scale_are_in_one_group(name: str) -> None:
    _, int8, float32, _ = files(name)
    net = read_network(int8, float32)
    found = groups(net)
    where = {tensor: number for number, group in enumerate(found) for tensor in group.tensors}
    assert sorted(where) == sorted(net.grids)
    for op in net.ops:
        if op.kind in SAME_SCALE:
            assert len({where[tensor] for tensor in (*op.inputs, *op.outputs) if tensor in net.grids}) == 1
    assert not found[where[net.ops[0].outputs[0]]].free, "the model's input keeps its range"
    assert any(group.free for group in found)


def test_files_of_different_graphs_are_refused() -> None:
    with pytest.raises(MismatchError, match=r"differ at|another"):
        read_network(files("residual")[1], files("dense_block")[2])


def test_files_with_other_weights_are_refused() -> None:
    graph = frozen(network(NETWORKS["residual"], (16, 16, 3)), "tflite")
    model = load(to_tflite(graph, "float32"))
    biggest = max((b for b in model.buffers if b.data is not None), key=lambda b: len(b.data))
    biggest.data = (np.frombuffer(biggest.data.tobytes(), np.float32) * 1.5).view(np.uint8)
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(MismatchError, match=r"weight of .* is another one"):
        read_network(files("residual")[1], bytes(builder.Output()))


def test_a_network_that_cannot_be_read_keeps_the_plain_file_and_says_why() -> None:
    _, int8, _, data = files("residual")
    found = quantize(int8, files("dense_block")[2], [data], QuantizeSettings())
    assert found.data == int8
    assert found.steps == ()
    assert "The int8 file is the converter's plain one: " in found.notes[0]


def test_bias_correction_makes_the_mean_error_of_a_product_vanish() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    wrong = plain.with_biases({number: bias + 0.1 for number, bias in plain.biases.items()})
    means = mean_inputs(net, float32, [data])
    right = corrected(net, int8, wrong, [data], means)
    for product in net.products[:2]:
        assert np.abs(mean_errors(net, product, wrong, data)).max() > 0.09
        assert np.abs(mean_errors(net, product, right, data)).max() < 1e-5


def mean_errors(net: Any, product: Any, scheme: Any, data: np.ndarray) -> np.ndarray:
    """Of each channel of a convolution, before its activation, on inputs that carry the rounding before it."""
    import tensorflow as tf

    sums = []
    for constants, watch in ((scheme.constants(), rounded(scheme.grids)), (net.constants, unwatched)):
        seen: dict[int, Any] = {}
        execute(
            net, {net.inputs[0]: data}, constants, lambda n, v, seen=seen, watch=watch: seen.setdefault(n, watch(n, v))
        )
        kernel = tf.transpose(constants[product.weight], [1, 2, 3, 0])
        sums.append(tf.nn.conv2d(seen[product.source], kernel, 1, "SAME") + constants[product.bias])
    return mean_shift(*sums)


def test_the_default_keeps_more_of_the_answers_than_the_plain_file() -> None:
    _, int8, float32, calibration, test = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings())
    net = read_network(int8, float32)
    assert found.steps
    assert len(found.data) == len(aligned(int8))
    reference = answers(float32, [test])
    plain, ours = answers(int8, [test]), answers(found.data, [test])
    assert distance(net, reference, ours) < distance(net, reference, plain)
    same = [float((a[0].argmax(-1) == reference[0].argmax(-1)).mean()) for a in (plain, ours)]
    assert same[1] >= same[0]
    assert same[1] >= 0.99


def test_logits_are_ranged_by_the_answers() -> None:
    _, int8, float32, calibration, test = digits_files()
    net = read_network(int8, float32)
    reference = answers(float32, [test])
    without, with_them = (
        quantize(int8, float32, [calibration], QuantizeSettings(steps=steps)).data
        for steps in ((RANGES,), (RANGES, LOGITS))
    )
    assert distance(net, reference, answers(with_them, [test])) < distance(net, reference, answers(without, [test]))
    softmax = next(op for op in net.ops if op.kind == "SOFTMAX")
    before, after = (read_scheme(net, data).grids for data in (without, with_them))
    assert {tensor for tensor, grid in after.items() if grid != before[tensor]} == {softmax.inputs[0]}
    assert after[softmax.inputs[0]].scale < before[softmax.inputs[0]].scale
    assert LOGITS in quantize(int8, float32, [calibration], QuantizeSettings()).steps


def test_a_network_without_logits_has_no_step_for_them() -> None:
    _, int8, float32, data = files("residual")
    found = quantize(int8, float32, [data], QuantizeSettings())
    assert not any(LOGITS in name for name in found.distances)
    assert f"{RANGES}, {BEHIND}, {BIASES}" in found.distances


def test_a_seed_gives_the_same_bytes() -> None:
    _, int8, float32, calibration, _ = digits_files()
    one, two = (quantize(int8, float32, [calibration], QuantizeSettings(seed=3)).data for _ in range(2))
    assert one == two


def test_onnx_carries_what_was_chosen() -> None:
    from edgecv_converters.onnx.int8 import from_tflite

    graph, int8, float32, calibration, test = digits_files()
    data = quantize(int8, float32, [calibration], QuantizeSettings()).data
    model = from_tflite(data, inputs=graph.inputs, outputs=graph.outputs)
    wanted, found = tflite_answers(data, test[:300]), onnx_answers(model, test[:300])
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.995


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_integer_inputs_and_outputs_give_the_same_answers(io: Any) -> None:
    graph, int8, _, calibration, _ = digits_files()
    data = with_io(int8, io)
    (taken,), (given,), _ = describe(data, graph.inputs, graph.outputs)
    assert (taken.dtype, given.dtype) == (io, io)
    assert taken.quantization is not None
    assert given.quantization is not None
    pixels = np.rint(calibration[:50] / taken.quantization.scale) + taken.quantization.zero_point
    found = tflite_answers(data, pixels.astype(io)).astype(np.float64)
    real = (found - given.quantization.zero_point) * given.quantization.scale
    np.testing.assert_allclose(real, tflite_answers(int8, calibration[:50]), atol=1e-6)


def test_a_float_operation_in_an_int8_file_is_refused_by_name() -> None:
    import keras

    source = keras.Input((8, 8, 3), name="image")
    kept = keras.layers.Conv2D(4, 3, name="first")(source)
    waves = keras.layers.Lambda(keras.ops.sin, name="waves")(kept)
    graph = frozen(keras.Model(source, keras.layers.Conv2D(2, 3, name="last")(waves)), "tflite")
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    data = samples((8, 8, 3), 5)
    converter.representative_dataset = lambda: ([sample[None]] for sample in data)
    with quiet():
        partly = bytes(converter.convert())
    with pytest.raises(ConversionError, match=r"SIN of layer waves\S* stays float"):
        check_integers(partly)


@pytest.mark.parametrize("name", ALL)
def test_int8_files_hold_no_float_operation(name: str) -> None:
    _, int8, _, _ = files(name)
    check_integers(int8)
    flat = TFLiteGraph(load(int8))
    assert [op.kind for op in flat.ops if op.kind in CASTS] == ["QUANTIZE", "DEQUANTIZE"]


@pytest.mark.parametrize("name", ALL)
def test_constants_are_read_as_their_integers_times_their_scales_rounded_once(name: str) -> None:
    flat = TFLiteGraph(load(files(name)[1]))
    read = 0
    for number, tensor in enumerate(flat.graph.tensors):
        if flat.is_constant(number) and flat.is_quantized(number):
            form = [1] * len(flat.shape(number))
            if len(tensor.quantization.scale) > 1:
                form[tensor.quantization.quantizedDimension] = -1
            scales, zeros = (
                np.asarray(found, np.float64).reshape(form)
                for found in (tensor.quantization.scale, tensor.quantization.zeroPoint)
            )
            real = (flat.value(number) - zeros) * scales  # in float64
            np.testing.assert_array_equal(flat.dequantized(number), real.astype(np.float32))
            read += 1
    assert read


def test_a_negation_is_a_product_in_int8() -> None:
    import keras

    source = keras.Input((8, 8, 3), name="image")
    pooled = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(4, 3, activation="relu")(source))
    turned = keras.ops.relu(keras.ops.negative(pooled) + 0.5)
    graph = frozen(keras.Model(source, keras.layers.Conv2D(2, 2)(turned)), "tflite")
    model = load(int8_file(graph, samples((8, 8, 3), 5)))
    kinds = [builtin_name(model, operator) for operator in model.subgraphs[0].operators]
    assert "MUL" in kinds
    assert "NEG" not in kinds
    assert hasattr(schema.BuiltinOperator, "NEG")


def dead_channel(x: Any) -> Any:
    """A channel of almost nothing but bias: the converter gives it the smallest scale that its bias has room at."""
    from keras import layers

    x = layers.Conv2D(4, 3, activation="relu")(x)
    last = layers.Conv2D(4, 1, name="last", bias_initializer="ones")
    x = last(x)
    weights, bias = last.get_weights()
    weights[..., 0] = 1e-9
    last.set_weights([weights, bias])
    return layers.GlobalAveragePooling2D()(x)


def test_a_bias_without_room_ends_a_step_and_not_the_conversion() -> None:
    data = samples((16, 16, 3), 40)
    graph = frozen(network(dead_channel, (16, 16, 3)), "tflite")
    with quiet():
        int8, float32 = int8_file(graph, data), to_tflite(graph, "float32")
    net = read_network(int8, float32)
    scheme = read_scheme(net, int8)
    last = next(product for product in net.products if "last" in net.layer(product.weight))
    grid = scheme.grids[last.source]
    narrow = scheme.with_grids({last.source: Grid(grid.scale / 4, grid.zero)})
    with pytest.raises(BiasRoomError, match=r"the bias of layer \S*last\S* does not fit into an int32"):
        write_scheme(net, int8, narrow)
    found = quantize(int8, float32, [data], QuantizeSettings())
    assert answers(found.data, [data])[0].shape == answers(float32, [data])[0].shape
    assert float("inf") not in found.distances.values()


@pytest.mark.parametrize("name", ["residual", "squeeze_excite"])
def test_a_few_samples_and_the_ranges_of_all_give_the_converters_own_file(name: str) -> None:
    """But for the operands of additions: the converter may give an input the range of the sum."""
    graph, int8, float32, data = files(name)
    with quiet():
        few = int8_file(graph, data[:FEW])
    net = read_network(few, float32)
    whole = with_whole_ranges(net, few, float_values(net, float32, [data]))
    wanted, found, before = (read_scheme(net, file).grids for file in (int8, whole, few))
    added = {number for op in net.ops if op.kind == "ADD" for number in (*op.inputs, *op.outputs)}
    compared = [number for number in wanted if number not in added]
    for number in compared:
        assert found[number].scale == pytest.approx(wanted[number].scale, rel=1e-5)
        assert abs(found[number].zero - wanted[number].zero) <= 1
    assert any(before[number].scale < 0.99 * wanted[number].scale for number in compared)


def test_a_file_that_is_far_behind_leaves_the_race_early() -> None:
    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    shifted = plain.with_biases({number: bias + 0.3 * np.abs(bias).max() for number, bias in plain.biases.items()})
    runners = {(): int8, ("shifted",): write_scheme(net, int8, shifted), ("same",): int8}
    found = race(net, runners, answers(float32, [calibration]), [calibration])
    assert len(found[("shifted",)]) <= max(LEAST, len(calibration) // 4)
    assert len(found[()]) == len(found[("same",)]) == len(calibration)
    assert nearest(found) == ()
    whole = distance(net, answers(float32, [calibration]), answers(int8, [calibration]))
    assert found[()].mean() == pytest.approx(whole)


def test_nothing_is_kept_of_a_race_that_no_file_runs() -> None:
    from tests.integration.test_quantize_training import unusable

    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    with pytest.raises(UnusableFileError, match="LiteRT does not take the file"):
        race(net, {(): unusable(int8)}, answers(float32, [calibration]), [calibration])


def test_an_output_that_is_given_twice_is_shown_once() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    model = load(float32)
    model.subgraphs[0].outputs = [*model.subgraphs[0].outputs, model.subgraphs[0].outputs[0]]
    shown: list[int] = []
    file = WatchedFile(packed(model), [net.twins[net.products[0].source]])
    file.run([data[:1]])
    file.look(lambda number, _: shown.append(number))
    assert sorted(shown) == sorted(set(shown))
    assert file.outputs == [file.outputs[0]] * 2


def test_the_ends_are_of_all_samples_where_few_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgecv_converters.quantize import floats

    monkeypatch.setattr(floats, "COUNTS_WORK", 0)
    monkeypatch.setattr(floats, "FILE_WORK", 0)
    monkeypatch.setattr(floats, "FEWEST", 4)
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    later = np.concatenate([data[:8], 5 * data[8:9]])
    known = float_values(net, float32, [later])
    assert (known.counts.ranges, known.counts.scores) == (4, 4)
    source = net.twins[net.inputs[0]]
    assert known.seen.ends([source])[1] == later.max() > later[:4].max()
    assert len(known.answers[0]) == 4


def test_a_value_that_is_not_finite_is_said_with_its_layer_and_its_sample() -> None:
    _, int8, float32, data = files("residual")
    broken = data.copy()
    broken[6] = np.nan
    found = quantize(int8, float32, [broken], QuantizeSettings())
    assert (found.data, found.steps) == (int8, ())
    assert found.notes[0].startswith("The int8 file is the converter's plain one: input ")
    assert found.notes[0].endswith("gives nan for sample 7")


def reversed_tanh() -> Any:
    """A reversed sequence of what has a kernel's own scale: the converter gives it another one."""
    import keras

    source = keras.Input((8, 4), name="sequence")
    curved = keras.ops.tanh(keras.layers.Dense(4)(source))
    both = keras.layers.Concatenate()([keras.ops.flip(curved, axis=1), keras.layers.Dense(2)(source)])
    return keras.Model(source, keras.layers.Dense(3)(keras.layers.Flatten()(both)))


def test_a_group_of_a_kernels_scale_with_another_one_needs_all_samples() -> None:
    data = samples((8, 4), 20)
    graph = frozen(reversed_tanh(), "tflite")
    with quiet():
        few, float32 = int8_file(graph, data[:FEW]), to_tflite(graph, "float32")
    net = read_network(few, float32)
    (op,) = (op for op in net.ops if op.kind == "REVERSE_V2")
    assert net.grids[op.inputs[0]] != net.grids[op.outputs[0]]
    with pytest.raises(MismatchError, match="should be its neighbours'"):
        with_whole_ranges(net, few, float_values(net, float32, [data]))


def two_strides() -> Any:
    """Two convolutions of one input with the same weights."""
    import keras

    source = keras.Input((8, 8, 3), name="image")
    same = {"kernel_initializer": keras.initializers.Constant(0.1), "bias_initializer": "ones"}
    one, two = (keras.layers.Conv2D(4, 3, strides=step, name=f"step{step}", **same) for step in (1, 2))
    return keras.Model(source, [one(source), two(source)])


def test_samples_that_are_computed_side_by_side_come_in_their_order() -> None:
    _, _, float32, data, _ = digits_files()
    (result,) = file_outputs(float32)
    alone = WatchedFile(float32, ())
    count = 0
    for row, file in enumerate(in_turn(float32, (), rows_of([data], 20))):
        alone.run([data[row : row + 1]])
        np.testing.assert_array_equal(file.value(result), alone.value(result))
        count += 1
    assert count == 20


def test_what_the_float_file_computed_does_for_a_file_that_was_repaired_since() -> None:
    """With one of two products that read one bias in float, the other's may be corrected."""
    data = samples((8, 8, 3), 20)
    graph = frozen(two_strides(), "tflite")
    with quiet():
        model, float32 = load(int8_file(graph, data)), to_tflite(graph, "float32")
    first, second = (op for op in model.subgraphs[0].operators if len(op.inputs) == 3)
    second.inputs = [*second.inputs[:2], first.inputs[2]]
    int8 = packed(model)
    net = read_network(int8, float32)
    assert net.products[0].bias == net.products[1].bias
    known = float_values(net, float32, [data])
    kept = keep_float(net, int8, float32, {net.products[1].op}).data
    one = read_network(kept, float32, plain=False)
    assert len(one.products) == 1
    scheme = read_scheme(one, kept)
    found = corrected(one, kept, scheme, [data], known.means)
    changed = {number for number, bias in found.biases.items() if (bias != scheme.biases[number]).any()}
    assert changed == {one.products[0].bias}


def test_the_variance_that_errors_are_held_against_is_of_all_samples() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    expected, got = answers(float32, [data]), answers(int8, [data])
    spread = variances(expected)
    few = [values[:5] for values in expected], [values[:5] for values in got]
    np.testing.assert_allclose(distances(net, *few, spread), distances(net, expected, got, spread)[:5])
    assert distance(net, expected, got) == pytest.approx(distances(net, expected, got, spread).mean())


def test_weights_are_rounded_for_the_result_of_their_layer() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    plain = read_scheme(net, int8)
    known = float_values(net, float32, [data])
    found = corrected(net, int8, plain, [data], known.means, compensate=True)
    chosen = compensable(net)
    assert len(chosen) == 2
    for number, weights in found.weights.items():
        assert (weights.integers != plain.weights[number].integers).any() == (number in chosen)
        np.testing.assert_array_equal(weights.scales, plain.weights[number].scales)
    product = net.products[1]  # the first one's inputs are noise, where nothing goes together
    before, after = (weight_error(net, product, scheme.weights[product.weight], data) for scheme in (plain, found))
    assert after < 0.8 * before


def weight_error(net: Any, product: Any, weights: Any, data: np.ndarray) -> float:
    """The mean squared error of a convolution's result that its rounded weights alone make."""
    import tensorflow as tf

    seen: dict[int, Any] = {}
    execute(net, {net.inputs[0]: data}, net.constants, seen.setdefault)
    error = tf.transpose(weights.real() - net.constants[product.weight], [1, 2, 3, 0])
    made = np.asarray(tf.nn.conv2d(seen[product.source], error, 1, "SAME"))
    return float((made - made.mean((0, 1, 2))).var())  # the mean is the bias's to correct


def test_compensated_rounding_is_a_step_that_can_be_asked_for() -> None:
    _, int8, float32, calibration, test = digits_files()
    steps = ((RANGES, LOGITS, BIASES), (RANGES, LOGITS, SCALES, ROUNDING, BIASES))
    nearest, found = (quantize(int8, float32, [calibration], QuantizeSettings(steps=chosen)) for chosen in steps)
    assert (nearest.steps, found.steps) == steps
    net, reference = read_network(int8, float32), answers(float32, [test])
    assert distance(net, reference, answers(found.data, [test])) < distance(
        net, reference, answers(nearest.data, [test])
    )
