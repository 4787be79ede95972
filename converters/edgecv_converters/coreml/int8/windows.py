"""Operations that slide over pictures, with the padding of convolutions and pools as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.value import Layout
from edgecv_converters.tflite.reader import Op

Sizes = tuple[int, ...]
SAME = 0  # of TFLite's Padding; 1 is VALID


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """Sizes along height and width, or depth, height and width."""

    kernel: Sizes
    strides: Sizes
    dilations: Sizes


def window_of(options: Any, kernel: Sizes) -> WindowSizes:
    """The window of a convolution's options."""
    strides = (options.strideH, options.strideW)
    return WindowSizes(kernel, strides, (options.dilationHFactor, options.dilationWFactor))


def padding(window: WindowSizes, size: tuple[int, ...], kind: int) -> dict[str, Any]:
    """The options `pad_type` and `pad` of an operation on a picture or volume of `size`; SAME puts an odd one after.

    Source: TensorFlow's `GetWindowedOutputSize` (tensorflow/core/framework/kernel_shape_util.h).
    """
    if kind != SAME:
        return {"pad_type": "valid"}
    pads: list[int] = []
    for length, kernel, stride, dilation in zip(size, window.kernel, window.strides, window.dilations, strict=True):
        steps = -(-length // stride)
        whole = max((steps - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
        pads += [whole // 2, whole - whole // 2]
    return {"pad_type": "custom", "pad": np.array(pads, np.int32)} if any(pads) else {"pad_type": "valid"}


def average_pool_2d(net: Emitter, op: Op) -> None:
    """Average each window; padding does not count."""
    _pool(net, op, "avg_pool", exclude_padding_from_average=True)


def max_pool_2d(net: Emitter, op: Op) -> None:
    """Take the largest value of each window; padding is below all values."""
    _pool(net, op, "max_pool")


def _pool(net: Emitter, op: Op, kind: str, **more: bool) -> None:
    options, name = op.options, net.name(op.outputs[0])
    window = WindowSizes((options.filterHeight, options.filterWidth), (options.strideH, options.strideW), (1, 1))
    done = getattr(net.mb, kind)(
        x=net.reals(op.inputs[0], Layout.CHW),
        kernel_sizes=np.array(window.kernel, np.int32),
        strides=np.array(window.strides, np.int32),
        name=name,
        **padding(window, net.shape(op.inputs[0])[1:3], options.padding),
        **more,
    )
    net.give(op.outputs[0], done, Layout.CHW, options.fusedActivationFunction)


def resize_bilinear(net: Emitter, op: Op) -> None:
    """The three ways that TFLite places the samples."""
    height, width = net.shape(op.outputs[0])[1:3]
    options = op.options
    mode = (
        "STRICT_ALIGN_CORNERS" if options.alignCorners else "UNALIGN_CORNERS" if options.halfPixelCenters else "DEFAULT"
    )
    done = net.mb.resize_bilinear(
        x=net.reals(op.inputs[0], Layout.CHW),
        target_size_height=np.int32(height),
        target_size_width=np.int32(width),
        sampling_mode=mode,
        name=net.name(op.outputs[0]),
    )
    net.give(op.outputs[0], done, Layout.CHW)


def resize_nearest_neighbor(net: Emitter, op: Op) -> None:
    """Whole factors are Core ML's own operation; others gather rows and columns."""
    name, wanted, given = net.name(op.outputs[0]), net.shape(op.outputs[0])[1:3], net.shape(op.inputs[0])[1:3]
    x, options = net.reals(op.inputs[0], Layout.CHW), op.options
    if not options.alignCorners and all(w % g == 0 for w, g in zip(wanted, given, strict=True)):
        factors = [w // g for w, g in zip(wanted, given, strict=True)]
        done = net.mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=np.int32(factors[0]), scale_factor_width=np.int32(factors[1]), name=name
        )
    else:
        done = x
        for axis in range(2):
            rows = _nearest(given[axis], wanted[axis], options)
            done = net.mb.gather(x=done, indices=rows, axis=np.int32(2 + axis), name=net.unique(f"{name}_{axis}"))
    net.give(op.outputs[0], done, Layout.CHW)


def _nearest(given: int, wanted: int, options: Any) -> np.ndarray[Any, Any]:
    """The source row of each row. Source: tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h."""
    corners = options.alignCorners and wanted > 1
    scale = np.float32(given - 1) / np.float32(wanted - 1) if corners else np.float32(given) / np.float32(wanted)
    place = (np.arange(wanted, dtype=np.float32) + np.float32(0.5 if options.halfPixelCenters else 0)) * scale
    rows = np.floor(place + np.float32(0.5)) if options.alignCorners else np.floor(place)
    held: np.ndarray[Any, Any] = np.minimum(rows, given - 1).astype(np.int32)
    return held
