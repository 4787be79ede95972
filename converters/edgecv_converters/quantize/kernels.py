"""TFLite's operations in TensorFlow, on float32 and any number of samples: differentiable, and with the same meaning.

Each function takes an operation's operands (tensors, or None where one is not given) and a `OpContext`, and returns its
results. The semantics are those of TFLite's reference kernels (tensorflow/lite/kernels/internal/reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecv_converters.quantize.kernel import Kernel, OpContext, tensorflow
from edgecv_converters.quantize.kernels_logic import LOGIC
from edgecv_converters.quantize.network import Network
from edgecv_converters.tflite.reader import Op, Shape


def apply(network: Network, op: Op, operands: Sequence[Any]) -> list[Any]:
    """Compute one operation; its results in the order of its outputs."""
    place = OpContext(
        op.options,
        tuple(network.shapes[number] if number >= 0 else () for number in op.inputs),
        tuple(network.shapes[number] for number in op.outputs),
        network.dtypes[op.outputs[0]],
    )
    result = KERNELS[op.kind](operands, place)
    return list(result) if isinstance(result, list | tuple) else [result]


def unknown(network: Network) -> tuple[Op, ...]:
    """The operations that have no function here."""
    return tuple(op for op in network.ops if op.kind not in KERNELS)


def _activated(value: Any, options: Any) -> Any:
    tf = tensorflow()
    kinds: Mapping[int, Callable[[Any], Any]] = {
        0: lambda x: x,
        1: tf.nn.relu,
        2: lambda x: tf.clip_by_value(x, -1.0, 1.0),
        3: tf.nn.relu6,
        4: tf.tanh,
    }
    return kinds[options.fusedActivationFunction](value)


def _padding(options: Any) -> str:
    return ("SAME", "VALID")[options.padding]


def conv_2d(operands: Sequence[Any], place: OpContext) -> Any:
    """Weights are OHWI; fewer input channels in the weight than in the data means groups."""
    tf, options = tensorflow(), place.options
    data, weight, *bias = operands
    kernel = tf.transpose(weight, [1, 2, 3, 0])
    groups = place.inputs[0][-1] // place.inputs[1][-1]
    if groups > 1 and place.inputs[1][-1] == 1:
        return depthwise_conv_2d([data, tf.transpose(weight, [3, 1, 2, 0]), *bias], _as_depthwise(place))
    steps = [options.strideH, options.strideW]
    dilations = [options.dilationHFactor, options.dilationWFactor]
    parts = zip(tf.split(data, groups, -1), tf.split(kernel, groups, -1), strict=True)
    done = [tf.nn.conv2d(x, k, steps, _padding(options), dilations=dilations) for x, k in parts]
    return _activated(_biased(done[0] if groups == 1 else tf.concat(done, -1), bias), options)


def _as_depthwise(place: OpContext) -> OpContext:
    """One group for each input channel: the weight as a DEPTHWISE_CONV_2D has it."""
    data, (filters, height, width, _), *rest = place.inputs
    return replace(place, inputs=(data, (1, height, width, filters), *rest))


def conv_3d(operands: Sequence[Any], place: OpContext) -> Any:
    """Weights are DHWIO."""
    options = place.options
    data, weight, *bias = operands
    strides = [1, options.strideD, options.strideH, options.strideW, 1]
    dilations = [1, options.dilationDFactor, options.dilationHFactor, options.dilationWFactor, 1]
    done = tensorflow().nn.conv3d(data, weight, strides, _padding(options), dilations=dilations)
    return _activated(_biased(done, bias), options)


def depthwise_conv_2d(operands: Sequence[Any], place: OpContext) -> Any:
    """Weights are 1HWC, the multiplier innermost."""
    tf, options = tensorflow(), place.options
    data, weight, *bias = operands
    _, height, width, _ = place.inputs[1]
    kernel = tf.reshape(weight, [height, width, place.inputs[0][-1], -1])
    strides = [1, options.strideH, options.strideW, 1]
    dilations = [options.dilationHFactor, options.dilationWFactor]
    done = tf.nn.depthwise_conv2d(data, kernel, strides, _padding(options), dilations=dilations)
    return _activated(_biased(done, bias), options)


def transpose_conv(operands: Sequence[Any], place: OpContext) -> Any:
    """Operands: the output's shape, weights OHWI, data, bias."""
    tf, options = tensorflow(), place.options
    _, weight, data, *bias = operands
    shape = tf.concat([tf.shape(data)[:1], place.outputs[0][1:]], 0)
    kernel = tf.transpose(weight, [1, 2, 0, 3])
    done = tf.nn.conv2d_transpose(data, kernel, shape, [options.strideH, options.strideW], _padding(options))
    return _activated(_biased(done, bias), options)


def fully_connected(operands: Sequence[Any], place: OpContext) -> Any:
    """Weights are (out, in); the data's last axis, or all but the first, are the inputs."""
    tf = tensorflow()
    data, weight, *bias = operands
    rows = tf.reshape(data, [-1, place.inputs[1][-1]])
    done = _biased(tf.matmul(rows, weight, transpose_b=True), bias)
    return _activated(_reshaped(done, place.outputs[0]), place.options)


def _biased(value: Any, bias: Sequence[Any]) -> Any:
    return value + bias[0] if bias and bias[0] is not None else value


def _reshaped(value: Any, shape: Shape) -> Any:
    return tensorflow().reshape(value, [-1, *shape[1:]]) if shape else tensorflow().reshape(value, [])


def reshape(operands: Sequence[Any], place: OpContext) -> Any:
    """Also SQUEEZE and EXPAND_DIMS: the file says what the result's shape is."""
    return _reshaped(operands[0], place.outputs[0])


def _pool(name: str) -> Kernel:
    def pool(operands: Sequence[Any], place: OpContext) -> Any:
        options = place.options
        window, steps = [options.filterHeight, options.filterWidth], [options.strideH, options.strideW]
        return _activated(getattr(tensorflow().nn, name)(operands[0], window, steps, _padding(options)), options)

    return pool


def _two(name: str, *, fused: bool = True) -> Kernel:
    def two(operands: Sequence[Any], place: OpContext) -> Any:
        done = getattr(tensorflow(), name)(operands[0], operands[1])
        return _activated(done, place.options) if fused else done

    return two


def _one(function: Callable[[Any, Any], Any]) -> Kernel:
    return lambda operands, _: function(tensorflow(), operands[0])


def _reduce(name: str) -> Kernel:
    def reduce(operands: Sequence[Any], place: OpContext) -> Any:
        axes = tuple(np.asarray(operands[1]).reshape(-1).tolist())
        return getattr(tensorflow(), name)(operands[0], axes, keepdims=bool(place.options.keepDims))

    return reduce


def concatenation(operands: Sequence[Any], place: OpContext) -> Any:
    """A constant among the operands is the same for all samples."""
    tf = tensorflow()
    count = max(int(operand.shape[0]) if operand.shape[0] is not None else 1 for operand in operands)
    whole = [operand if operand.shape[0] != 1 else tf.repeat(operand, count, 0) for operand in operands]
    return _activated(tf.concat(whole, place.options.axis), place.options)


def pad(operands: Sequence[Any], _: OpContext) -> Any:
    """PADV2's third operand is the value; PAD's is 0."""
    value = 0.0 if len(operands) < 3 else float(np.asarray(operands[2]).reshape(()))
    return tensorflow().pad(operands[0], np.asarray(operands[1]), constant_values=value)


def mirror_pad(operands: Sequence[Any], place: OpContext) -> Any:
    """Mode 0 leaves the edge out."""
    return tensorflow().pad(operands[0], np.asarray(operands[1]), ("REFLECT", "SYMMETRIC")[place.options.mode])


def transpose(operands: Sequence[Any], _: OpContext) -> Any:
    """Operands: data, order of the axes."""
    return tensorflow().transpose(operands[0], np.asarray(operands[1]))


def softmax(operands: Sequence[Any], place: OpContext) -> Any:
    """Over the last axis."""
    return tensorflow().nn.softmax(operands[0] * place.options.beta)


def l2_normalization(operands: Sequence[Any], _: OpContext) -> Any:
    """Over the last axis; a vector shorter than 1e-6 is divided by that."""
    tf = tensorflow()
    return operands[0] / tf.maximum(tf.norm(operands[0], axis=-1, keepdims=True), 1e-6)


def prelu(operands: Sequence[Any], _: OpContext) -> Any:
    """Operands: data, slopes."""
    tf = tensorflow()
    return tf.nn.relu(operands[0]) + operands[1] * tf.minimum(operands[0], 0.0)


def batch_matmul(operands: Sequence[Any], place: OpContext) -> Any:
    """Either operand may be taken transposed."""
    options = place.options
    return tensorflow().matmul(operands[0], operands[1], transpose_a=options.adjX, transpose_b=options.adjY)


def split(operands: Sequence[Any], place: OpContext) -> Any:
    """Operands: axis, data."""
    return tensorflow().split(operands[1], len(place.outputs), int(np.asarray(operands[0])))


def split_v(operands: Sequence[Any], _: OpContext) -> Any:
    """Operands: data, sizes, axis."""
    return tensorflow().split(operands[0], np.asarray(operands[1]).tolist(), int(np.asarray(operands[2])))


def slice_(operands: Sequence[Any], _: OpContext) -> Any:
    """Operands: data, begin, size; all samples are kept."""
    begin, size = np.array(operands[1]), np.array(operands[2])
    if begin[0] == 0:
        size[0] = -1
    return tensorflow().slice(operands[0], begin, size)


def strided_slice(operands: Sequence[Any], place: OpContext) -> Any:
    """The masks are the file's; all samples are kept."""
    data, begin, end, steps = operands
    options = place.options
    first = 0 if options.shrinkAxisMask & 1 or place.inputs[0][0] != 1 else 1
    return tensorflow().strided_slice(
        data,
        *(np.asarray(limit) for limit in (begin, end, steps)),
        begin_mask=options.beginMask | first,
        end_mask=options.endMask | first,
        ellipsis_mask=options.ellipsisMask,
        new_axis_mask=options.newAxisMask,
        shrink_axis_mask=options.shrinkAxisMask,
    )


def _resize(method: str) -> Kernel:
    def resize(operands: Sequence[Any], place: OpContext) -> Any:
        tf = tensorflow()
        raw = tf.raw_ops.ResizeBilinear if method == "bilinear" else tf.raw_ops.ResizeNearestNeighbor
        half, corners = place.options.halfPixelCenters, place.options.alignCorners
        size = np.asarray(operands[1])
        return raw(images=operands[0], size=size, align_corners=corners, half_pixel_centers=half)

    return resize


def _same(operands: Sequence[Any], _: OpContext) -> Any:
    return operands[0]


KERNELS: Mapping[str, Kernel] = {
    "ABS": _one(lambda tf, x: tf.abs(x)),
    "ADD": _two("add"),
    "AVERAGE_POOL_2D": _pool("avg_pool2d"),
    "BATCH_MATMUL": batch_matmul,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "CONV_3D": conv_3d,
    "DEPTH_TO_SPACE": lambda operands, place: tensorflow().nn.depth_to_space(operands[0], place.options.blockSize),
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEQUANTIZE": _same,
    "DIV": _two("divide"),
    "ELU": _one(lambda tf, x: tf.nn.elu(x)),
    "EXP": _one(lambda tf, x: tf.exp(x)),
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": fully_connected,
    "GELU": lambda operands, place: tensorflow().nn.gelu(operands[0], place.options.approximate),
    "HARD_SWISH": _one(lambda tf, x: x * tf.nn.relu6(x + 3) / 6),
    "L2_NORMALIZATION": l2_normalization,
    "LEAKY_RELU": lambda operands, place: tensorflow().nn.leaky_relu(operands[0], place.options.alpha),
    "LOG": _one(lambda tf, x: tf.math.log(x)),
    "LOGISTIC": _one(lambda tf, x: tf.sigmoid(x)),
    "LOG_SOFTMAX": _one(lambda tf, x: tf.nn.log_softmax(x)),
    "MAXIMUM": _two("maximum", fused=False),
    "MAX_POOL_2D": _pool("max_pool2d"),
    "MEAN": _reduce("reduce_mean"),
    "MINIMUM": _two("minimum", fused=False),
    "MIRROR_PAD": mirror_pad,
    "MUL": _two("multiply"),
    "NEG": _one(lambda tf, x: tf.negative(x)),
    "PACK": lambda operands, place: tensorflow().stack(operands, place.options.axis),
    "PAD": pad,
    "PADV2": pad,
    "PRELU": prelu,
    "QUANTIZE": _same,
    "REDUCE_ALL": _reduce("reduce_all"),
    "REDUCE_ANY": _reduce("reduce_any"),
    "REDUCE_MAX": _reduce("reduce_max"),
    "REDUCE_MIN": _reduce("reduce_min"),
    "RELU": _one(lambda tf, x: tf.nn.relu(x)),
    "RELU6": _one(lambda tf, x: tf.nn.relu6(x)),
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": _resize("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"),
    "REVERSE_V2": lambda operands, _: tensorflow().reverse(operands[0], np.asarray(operands[1]).reshape(-1)),
    "RSQRT": _one(lambda tf, x: tf.math.rsqrt(x)),
    "SLICE": slice_,
    "SOFTMAX": softmax,
    "SPACE_TO_DEPTH": lambda operands, place: tensorflow().nn.space_to_depth(operands[0], place.options.blockSize),
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SQRT": _one(lambda tf, x: tf.sqrt(x)),
    "SQUARE": _one(lambda tf, x: tf.square(x)),
    "SQUARED_DIFFERENCE": lambda operands, _: tensorflow().math.squared_difference(operands[0], operands[1]),
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "SUB": _two("subtract"),
    "SUM": _reduce("reduce_sum"),
    "TANH": _one(lambda tf, x: tf.tanh(x)),
    "TILE": lambda operands, _: tensorflow().tile(operands[0], np.asarray(operands[1])),
    "TRANSPOSE": transpose,
    "TRANSPOSE_CONV": transpose_conv,
    "UNPACK": lambda operands, place: tensorflow().unstack(operands[0], axis=place.options.axis),
    **LOGIC,
}
