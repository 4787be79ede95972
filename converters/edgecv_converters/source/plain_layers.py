"""The shapes, weights and multiply-adds of the layers that their configuration alone tells them of.

Each layer is a function from its configuration and the shapes of its inputs, without the batch, to what it does to
them. What is not told here, such as a layer of another kind, is `UntoldError`: then the model is built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from edgecv_runtime.heads.base import Ending

Shape = tuple[int, ...]
Shapes = Sequence[Shape]
Config = Mapping[str, Any]
MOST_VALUES: Final = 2**31 - 1
"""The values of a tensor that TensorFlow's optimizer of graphs survives."""


_ENDINGS: Final[Mapping[str, Ending | None]] = {
    "linear": "logits",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "relu": "other",
    "tanh": "other",
    **dict.fromkeys(("elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6", "selu", "silu", "swish")),
}


class UntoldError(Exception):
    """The configuration alone does not tell this."""


@dataclass(frozen=True, slots=True)
class Told:
    """The work of a layer: the shape that it gives, and of its weights; and its multiply-adds, None where it has none.

    `ending` says how an output ends that this layer makes: "" as its input does, None where that is not told.
    """

    shape: Shape
    weights: tuple[Shape, ...] = ()
    multiply_adds: int | None = None
    ending: Ending | str | None = None


def told(kind: str, config: Config, inputs: Shapes) -> Told:
    """Tell what a layer of a kind does to inputs of these shapes.

    Raises:
        UntoldError: It is of another kind, or has an option that is not known here.
    """
    rule = _RULES.get(kind)
    if rule is None or config.get("data_format") not in {None, "channels_last"} or config.get("lora_rank"):
        raise UntoldError
    if config.get("quantization_config") is not None:
        raise UntoldError
    found = rule(config, inputs)
    if not found.shape or not all(type(size) is int and size > 0 for size in found.shape):
        raise UntoldError
    if math.prod(found.shape) > MOST_VALUES:
        raise UntoldError
    return found


def _only(inputs: Shapes, rank: int | None = None) -> Shape:
    if len(inputs) != 1 or (rank is not None and len(inputs[0]) != rank):
        raise UntoldError
    return inputs[0]


def _ending(config: Config) -> Ending | None:
    """Tell how an output ends that has the activation: None for those that are made of several operations."""
    activation = config.get("activation")
    if activation is None:
        return "logits"
    if not isinstance(activation, str) or activation not in _ENDINGS:
        raise UntoldError
    return _ENDINGS[activation]


def _pair(value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(one, int) for one in pair):
        raise UntoldError
    return int(pair[0]), int(pair[1])


def _window(config: Config, key: str, size: Shape) -> tuple[int, int]:
    """Height and width after a window of the size at `key` has gone over a picture."""
    strides = config.get("strides")
    window = _pair(config[key])
    steps = window if strides is None else _pair(strides)
    if config["padding"] == "same":
        return -(-size[0] // steps[0]), -(-size[1] // steps[1])
    if config["padding"] != "valid" or size[0] < window[0] or size[1] < window[1]:
        raise UntoldError
    return (size[0] - window[0]) // steps[0] + 1, (size[1] - window[1]) // steps[1] + 1


def _undilated(config: Config) -> None:
    if _pair(config.get("dilation_rate", 1)) != (1, 1):
        raise UntoldError


def _bias(config: Config, count: int) -> tuple[Shape, ...]:
    return ((count,),) if config["use_bias"] else ()


def _convolution(config: Config, inputs: Shapes) -> Told:
    shape, filters, groups = _only(inputs, 3), config["filters"], config.get("groups", 1)
    _undilated(config)
    if shape[2] % groups:
        raise UntoldError
    kernel = (*_pair(config["kernel_size"]), shape[2] // groups, filters)
    out = (*_window(config, "kernel_size", shape), filters)
    return Told(out, (kernel, *_bias(config, filters)), math.prod(out) * math.prod(kernel[:3]), _ending(config))


def _depthwise(config: Config, inputs: Shapes) -> Told:
    shape = _only(inputs, 3)
    _undilated(config)
    channels = shape[2] * config["depth_multiplier"]
    kernel = (*_pair(config["kernel_size"]), shape[2], config["depth_multiplier"])
    out = (*_window(config, "kernel_size", shape), channels)
    return Told(out, (kernel, *_bias(config, channels)), math.prod(out) * math.prod(kernel[:2]))


def _separable(config: Config, inputs: Shapes) -> Told:
    first = _depthwise({**config, "use_bias": False}, inputs)
    channels, filters = first.shape[2], config["filters"]
    out = (*first.shape[:2], filters)
    weights = (*first.weights, (1, 1, channels, filters), *_bias(config, filters))
    return Told(out, weights, (first.multiply_adds or 0) + math.prod(out) * channels)


def _dense(config: Config, inputs: Shapes) -> Told:
    shape, units = _only(inputs), config["units"]
    out = (*shape[:-1], units)
    weights = ((shape[-1], units), *_bias(config, units))
    return Told(out, weights, math.prod(out) * shape[-1], _ending(config))


def _normalized(config: Config, inputs: Shapes) -> Told:
    shape, axis = _only(inputs), config["axis"]
    if axis not in (-1, len(shape), [-1], [len(shape)]) or config.get("renorm") or config.get("virtual_batch_size"):
        raise UntoldError
    parts = (config["scale"], config["center"], True, True)
    return Told(shape, ((shape[-1],),) * sum(map(bool, parts)))


def _standardized(config: Config, inputs: Shapes) -> Told:
    shape, axis = _only(inputs), config["axis"]
    if axis not in (-1, len(shape), [-1], [len(shape)]):
        raise UntoldError
    if config.get("mean") is not None:  # it was given, and is no weight
        return Told(shape)
    channels = shape[-1:]
    return Told(shape, (channels, channels, ()))  # mean, variance, and the number of samples


def _pooled(config: Config, inputs: Shapes) -> Told:
    shape = _only(inputs, 3)
    return Told((*_window(config, "pool_size", shape), shape[2]))


def _pooled_whole(config: Config, inputs: Shapes) -> Told:
    shape = _only(inputs, 3)
    return Told((1, 1, shape[2]) if config.get("keepdims") else shape[2:])


def _kept(config: Config, inputs: Shapes) -> Told:  # noqa: ARG001
    return Told(_only(inputs))


def _passed_on(config: Config, inputs: Shapes) -> Told:  # noqa: ARG001
    return Told(_only(inputs), ending="")


def _activated(config: Config, inputs: Shapes) -> Told:
    ending = _ending(config)
    return Told(_only(inputs), ending="" if ending == "logits" else ending)


def _softmax(config: Config, inputs: Shapes) -> Told:
    return Told(_only(inputs), ending="softmax" if config["axis"] == -1 else None)


def _flattened(config: Config, inputs: Shapes) -> Told:  # noqa: ARG001
    return Told((math.prod(_only(inputs)),), ending="")


def _reshaped(config: Config, inputs: Shapes) -> Told:
    shape, target = _only(inputs), list(config["target_shape"])
    if target.count(-1) == 1:
        rest = -math.prod(target)
        target[target.index(-1)] = math.prod(shape) // rest if rest else 0
    if math.prod(target) != math.prod(shape):
        raise UntoldError
    return Told(tuple(target), ending="")


def _padded(config: Config, inputs: Shapes) -> Told:
    (top, bottom), (left, right) = config["padding"]
    height, width, channels = _only(inputs, 3)
    return Told((height + top + bottom, width + left + right, channels))


def _repeated(config: Config, inputs: Shapes) -> Told:
    (rows, columns), (height, width, channels) = _pair(config["size"]), _only(inputs, 3)
    return Told((height * rows, width * columns, channels))


def _merged(config: Config, inputs: Shapes) -> Told:  # noqa: ARG001
    if len(inputs) < 2 or len({len(shape) for shape in inputs}) != 1:
        raise UntoldError
    return Told(np.broadcast_shapes(*inputs))


def _joined(config: Config, inputs: Shapes) -> Told:
    axis = config["axis"]
    if len(inputs) < 2 or axis not in {-1, len(inputs[0])} or len({shape[:-1] for shape in inputs}) != 1:
        raise UntoldError
    return Told((*inputs[0][:-1], sum(shape[-1] for shape in inputs)))


_RULES: Final[Mapping[str, Callable[[Config, Shapes], Told]]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _normalized,
    "Normalization": _standardized,
    "Activation": _activated,
    "Softmax": _softmax,
    "Flatten": _flattened,
    "Reshape": _reshaped,
    "ZeroPadding2D": _padded,
    "UpSampling2D": _repeated,
    "Concatenate": _joined,
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D"), _pooled),
    **dict.fromkeys(("GlobalMaxPooling2D", "GlobalAveragePooling2D"), _pooled_whole),
    **dict.fromkeys(("ReLU", "LeakyReLU", "Rescaling"), _kept),
    **dict.fromkeys(("Dropout", "SpatialDropout2D"), _passed_on),
    **dict.fromkeys(("Add", "Multiply", "Maximum"), _merged),
}
