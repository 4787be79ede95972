"""Small graphs with the operations that the Core ML int8 target must carry, and ways to run their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.coreml.int8.convert import program_from_tflite
from edgecv_converters.coreml.int8.emitter import Compute
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import write_package
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.mil import Evaluator, Program, load_program
from edgecv_converters.targets import IoType
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe
from edgecv_runtime.schema import TensorSpec

from tests.canonical import canonical
from tests.integration.onnx_models import quiet

Array = npt.NDArray[Any]
Body = Callable[[Any, Any], Mapping[str, Any]]
SHAPE = (1, 9, 8, 6)


def graph_of(body: Body, shape: tuple[int, ...] = SHAPE) -> FrozenGraph:
    """A graph of two inputs, x and y, of one shape; its outputs have the names that `body` gives them."""
    specs = [TensorSpec(name=name, shape=shape, dtype="float32") for name in "xy"]
    names: list[str] = []

    def call(tensors: Sequence[Any]) -> list[Any]:
        found = dict(body(*tensors))
        names[:] = list(found)
        return list(found.values())

    call(_zeros(shape))
    return canonical(freeze(call, specs, list(names)), "tflite")


def _zeros(shape: tuple[int, ...]) -> list[Any]:
    import tensorflow as tf

    return [tf.zeros(shape), tf.zeros(shape)]


def pairs(count: int, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> list[dict[str, Array]]:
    """Inputs x and y, between -1 and 1."""
    rng = np.random.default_rng(seed)
    return [{name: rng.uniform(-1, 1, shape).astype(np.float32) for name in "xy"} for _ in range(count)]


def int8_of(graph: FrozenGraph, samples: Sequence[Mapping[str, Array]], io: IoType = "float32") -> bytes:
    """The int8 TFLite file of a graph."""

    def feed() -> Iterator[Mapping[str, Array]]:
        return ({e.name: sample[e.name] for e in graph.inputs} for sample in samples)

    with quiet():
        return to_tflite(graph, "int8", samples=feed, io=io)


def package_of(data: bytes, graph: FrozenGraph, out: Path, compute: Compute = "float16") -> Program:
    """The saved .mlpackage of a TFLite file, read again."""
    program = program_from_tflite(data, inputs=graph.inputs, outputs=graph.outputs, compute=compute)
    write_package(program, graph, out, precision="int8", interface=Interface(), metadata=None)
    return load_program(out)


def tflite_answers(data: bytes, graph: FrozenGraph, samples: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Every output by its name, over all samples."""
    from ai_edge_litert.interpreter import Interpreter

    taken, given, _ = describe(data, graph.inputs, graph.outputs)
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    numbers = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    outputs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
    rows: dict[str, list[Array]] = {tensor.name: [] for tensor in given}
    for sample in samples:
        for tensor in taken:
            interpreter.set_tensor(numbers[tensor.tensor], sample[tensor.name])
        interpreter.invoke()
        for tensor in given:
            rows[tensor.name].append(interpreter.get_tensor(outputs[tensor.tensor]).copy())
    return {name: np.stack(found) for name, found in rows.items()}


def coreml_answers(program: Program, samples: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The same of a Core ML program."""
    evaluator = Evaluator(program)
    found = [evaluator.run(sample) for sample in samples]
    return {name: np.stack([np.asarray(row[name]) for row in found]) for name in found[0]}


def _constant(*shape: int, scale: float = 0.5, seed: int = 5) -> Array:
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def convolutions(x: Any, y: Any) -> Mapping[str, Any]:
    """Paddings, strides, dilations, groups and multipliers on sizes that do not divide."""
    import tensorflow as tf

    nn, kernel, deep = tf.nn, _constant(3, 3, 6, 5), _constant(3, 3, 6, 2)
    return {
        "same_stride_2": nn.bias_add(nn.conv2d(x, kernel, 2, "SAME"), _constant(5)),
        "same_stride_3": nn.relu(nn.conv2d(x, _constant(2, 5, 6, 4), 3, "SAME")),
        "valid": nn.relu6(nn.conv2d(x, 4 * kernel, 1, "VALID")),
        "dilated": nn.conv2d(x, kernel, 1, "SAME", dilations=2),
        "grouped": nn.conv2d(x, _constant(3, 3, 3, 4), 1, "SAME"),
        "depthwise": nn.depthwise_conv2d(x, deep, [1, 1, 1, 1], "SAME"),
        "depthwise_stride_2": nn.bias_add(nn.depthwise_conv2d(x, deep, [1, 2, 2, 1], "SAME"), _constant(12)),
        "depthwise_dilated": nn.depthwise_conv2d(x, deep, [1, 1, 1, 1], "VALID", dilations=[2, 2]),
        "transposed_same": nn.conv2d_transpose(x, _constant(3, 3, 4, 6), (1, 18, 16, 4), 2, "SAME"),
        "transposed_valid": nn.conv2d_transpose(x, _constant(3, 4, 4, 6), (1, 19, 18, 4), 2, "VALID"),
        "transposed_gaps": nn.conv2d_transpose(y, _constant(2, 2, 4, 6), (1, 27, 24, 4), 3, "SAME") + _constant(4),
    }


def windows(x: Any, y: Any) -> Mapping[str, Any]:
    """Pools and resizes."""
    import tensorflow as tf

    nn, raw = tf.nn, tf.raw_ops
    return {
        "average_same": nn.avg_pool2d(x, 3, 2, "SAME"),
        "average_valid": nn.avg_pool2d(x, [2, 3], [1, 2], "VALID"),
        "max_same": nn.max_pool2d(x, 3, 2, "SAME"),
        "max_valid": nn.max_pool2d(y, 2, 2, "VALID"),
        "bilinear_half": raw.ResizeBilinear(images=x, size=[18, 16], half_pixel_centers=True),
        "bilinear_uneven": raw.ResizeBilinear(images=x, size=[13, 5], half_pixel_centers=True),
        "bilinear_corners": raw.ResizeBilinear(images=x, size=[14, 11], align_corners=True),
        "bilinear_plain": raw.ResizeBilinear(images=y, size=[18, 24]),
        "nearest_double": raw.ResizeNearestNeighbor(images=x, size=[18, 24], half_pixel_centers=True),
        "nearest_uneven": raw.ResizeNearestNeighbor(images=x, size=[13, 5], half_pixel_centers=True),
        "nearest_corners": raw.ResizeNearestNeighbor(images=y, size=[14, 11], align_corners=True),
        "nearest_plain": raw.ResizeNearestNeighbor(images=y, size=[5, 12]),
    }


def arithmetic(x: Any, y: Any) -> Mapping[str, Any]:
    """Two operands, broadcast constants, fused activations."""
    import tensorflow as tf

    wide = tf.nn.conv2d(x, _constant(1, 1, 6, 6), 1, "SAME")
    return {
        "add": tf.nn.relu(x + y),
        "add_channels": wide + _constant(6),
        "add_rows": wide + _constant(9, 1, 1),
        "add_column": wide + tf.reshape(tf.reduce_mean(y, [1, 2]), [6]),
        "sub": x - y,
        "mul": wide * y,
        "mul_gate": wide * tf.reduce_mean(y, [1, 2], keepdims=True),
        "div": x / (tf.abs(y) + 0.5),
        "minimum": tf.minimum(x, y),
        "maximum": tf.maximum(x, 0.3),
        "squared_difference": tf.math.squared_difference(x, y),
    }


def curves(x: Any, y: Any) -> Mapping[str, Any]:
    """One operand."""
    import keras
    import tensorflow as tf

    above = tf.abs(y) + 0.1
    return {
        "abs": tf.abs(x),
        "elu": tf.nn.elu(3 * x),
        "exp": tf.exp(x),
        "gelu": keras.ops.gelu(4 * x, approximate=False),
        "gelu_tanh": keras.ops.gelu(3 * y, approximate=True),
        "hard_swish": (z := 4 * y) * tf.nn.relu6(z + 3) * np.float32(1 / 6),
        "leaky_relu": tf.nn.leaky_relu(x, 0.3),
        "log": tf.math.log(above),
        "negative": -x,
        "prelu": tf.nn.relu(x) + _constant(6) * tf.nn.relu(-x),
        "prelu_rows": tf.nn.relu(y) + _constant(9, 8, 6) * tf.nn.relu(-y),
        "relu": tf.nn.relu(x),
        "relu6": tf.nn.relu6(8 * x),
        "relu_1": tf.clip_by_value(2 * x, -1.0, 1.0),
        "rsqrt": tf.math.rsqrt(above),
        "sigmoid": tf.sigmoid(5 * x),
        "softmax": tf.nn.softmax(6 * y),
        "sqrt": tf.sqrt(above),
        "square": tf.square(x),
        "tanh": tf.tanh(2 * x),
    }


def moves(x: Any, y: Any) -> Mapping[str, Any]:
    """What takes values elsewhere; `wide` is channels first in the program, x is not."""
    import tensorflow as tf

    wide = tf.nn.conv2d(x, _constant(1, 1, 6, 6), 1, "SAME")
    left, right = tf.split(wide, [2, 4], 3)
    top, *_, bottom = tf.split(wide, 3, 1)
    rows = tf.unstack(wide, axis=1)
    return {
        "concat_channels": tf.concat([wide, y], 3),
        "concat_rows": tf.concat([wide, y, x], 1),
        "split": left,
        "split_rest": right,
        "split_rows": top - bottom,
        "unstack": rows[1],
        "stack": tf.stack([rows[0], rows[4]], 2),
        "flat": tf.reshape(wide, [1, -1]),
        "rows": tf.reshape(wide, [1, 72, 6]),
        "new_axis": tf.expand_dims(rows[2], 1) + x[:, 3:4],
        "no_axis": tf.squeeze(wide[:, 3:4], 1),
        "transpose": tf.transpose(wide, [0, 2, 1, 3]),
        "transpose_first": tf.transpose(wide, [0, 3, 1, 2]),
        "slice": tf.slice(wide, [0, 1, 0, 2], [1, -1, 3, 2]),
        "strided": wide[:, 1::2, -5:-1, ::-1],
        "strided_shrunk": wide[:, 2, :, 1:4],
        "strided_ellipsis": wide[..., 3],
        "tile": tf.tile(wide, [1, 2, 1, 3]),
        "broadcast": tf.broadcast_to(rows[2][:, None, :, :1], [1, 4, rows[2].shape[1], 5]),
        "to_depth": tf.nn.space_to_depth(wide[:, :8], 2),
        "to_space": tf.nn.depth_to_space(tf.concat([wide, wide[..., :2]], 3), 2),
    }


def pads(x: Any, y: Any) -> Mapping[str, Any]:
    """Pads, mirrors, and what reduces."""
    import tensorflow as tf

    wide = tf.nn.conv2d(x, _constant(1, 1, 6, 6), 1, "SAME")
    return {
        "pad": tf.pad(wide, [[0, 0], [1, 2], [0, 3], [0, 0]]),
        "pad_value": tf.pad(wide, [[0, 0], [1, 1], [2, 0], [0, 1]], constant_values=0.5),
        "reflect": tf.pad(wide, [[0, 0], [2, 1], [0, 3], [0, 0]], "REFLECT"),
        "reflect_channels": tf.pad(wide, [[0, 0], [1, 0], [0, 0], [2, 1]], "REFLECT"),
        "symmetric": tf.pad(wide, [[0, 0], [2, 1], [1, 3], [0, 0]], "SYMMETRIC"),
        "mean": tf.reduce_mean(wide, [1, 2]),
        "mean_kept": tf.reduce_mean(wide, [1, 2], keepdims=True),
        "mean_rows": tf.reduce_mean(wide, 1),
        "mean_channels": tf.reduce_mean(wide, 3),
        "sum": tf.reduce_sum(wide, [2]),
        "max": tf.reduce_max(wide, [1, 2]),
        "min": tf.reduce_min(wide, 3, keepdims=True),
    }


def products(x: Any, y: Any) -> Mapping[str, Any]:
    """Dense layers and products of matrices."""
    import tensorflow as tf

    a, b = tf.reshape(x, [1, 9, 48]), tf.reshape(y, [1, 9, 48])
    pooled = tf.reduce_mean(tf.nn.conv2d(x, _constant(3, 3, 6, 6), 1, "SAME"), [1, 2])
    return {
        "dense": tf.nn.relu(tf.matmul(pooled, _constant(6, 7)) + _constant(7)),
        "dense_flat": tf.matmul(tf.reshape(x, [1, -1]), _constant(432, 3, scale=0.1)),
        "dense_rows": tf.tensordot(x, _constant(6, 4), 1),
        "attention": tf.matmul(tf.nn.softmax(tf.matmul(a, b, transpose_b=True) / 4), b),
        "transposed": tf.matmul(a, b, transpose_a=True),
        "gather": tf.gather(x, [3, 0, 7], axis=1),
        "table": tf.gather(_constant(9, 4), tf.cast(4 * tf.abs(y[0, 0]), tf.int32)),
    }


def choices(x: Any, y: Any) -> Mapping[str, Any]:
    """Comparisons, booleans and indices; at each border both sides are equal, so that a step makes no difference."""
    import tensorflow as tf

    where, zeros, any_, all_ = tf.where, tf.zeros_like(x), tf.reduce_any, tf.reduce_all
    largest = tf.argmax(x, -1, tf.int32)
    return {
        "greater": where(x > y, x, y),
        "greater_equal": where(x >= y, y, x),
        "less": where(x < y, x, y),
        "less_equal": where(x <= y, y, x),
        "equal": where(tf.equal(x, y), y, x),
        "not_equal": where(tf.not_equal(x, y), x, y),
        "both": where((x > 0) & (y < 2), x, zeros),
        "either": where((x > 0) | (y > 2), x, zeros),
        "outside": tf.cast(~((x > 0) & (x < 2)), tf.float32),
        "where_any": where(any_(x > -2, 3, keepdims=True), x, y),
        "where_all": where(all_(x > -2, [1, 2]), x[:, 0, 0], y[:, 0, 0]),
        "index": tf.cast(largest, tf.float32),
        "log_softmax": tf.nn.log_softmax(3 * x),
        "length": tf.math.l2_normalize(x, -1),
        "volume": tf.nn.conv3d(tf.reshape(x, (1, 9, 8, 3, 2)), _constant(3, 3, 2, 2, 4), [1, 2, 1, 1, 1], "SAME"),
        "sums": tf.cumsum(x, 2, exclusive=True, reverse=True),
    }


BODIES: Mapping[str, Body] = {
    body.__name__: body for body in (convolutions, windows, arithmetic, curves, moves, pads, products, choices)
}
