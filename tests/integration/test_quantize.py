"""The int8 quantizer on real files: the simulation is the file, what is written is exact, what is wrong is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from edgecv_converters.quantize import QuantizeSettings, quantize
from edgecv_converters.quantize.execute import execute, mixing, rounded, step, unwatched
from edgecv_converters.quantize.network import CASTS, MismatchError, read_network
from edgecv_converters.quantize.scheme import BiasRoomError, read_scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.shared import SAME_SCALE, groups
from edgecv_converters.quantize.weights import least_error_weights
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import builtin_name, load
from edgecv_converters.tflite.integers import check_integers
from edgecv_converters.tflite.reader import Grid, TFLiteGraph
from edgecv_runtime.errors import ConversionError

from tests.integration.onnx_models import (
    NETWORKS,
    frozen,
    int8_file,
    network,
    quiet,
    samples,
)
from tests.integration.quantized_networks import ALL, aligned, files

STEPS_APART = {"squeeze_excite": 3, "exact_gelu": 2, "tanh_gelu": 2, "upsampled": 4}


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
    [changed] = least_error_weights(net, [changed])
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
