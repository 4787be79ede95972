"""Resizing of the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, Value


def resize_bilinear(
    net: ProgramBuilder,
    x: Operand,
    target_size_height: int = 1,
    target_size_width: int = 1,
    sampling_mode: str = "DEFAULT",
) -> Value:
    """Resize the last two axes between neighbours."""
    del target_size_height, target_size_width  # the program declares them
    return _linear(net, x, sampling_mode)


def upsample_bilinear(
    net: ProgramBuilder,
    x: Operand,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Value:
    """Enlarge the last two axes between neighbours."""
    del scale_factor_height, scale_factor_width
    half = not align_corners if half_pixel_centers is None else half_pixel_centers
    return _linear(net, x, "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "DEFAULT")


def resize_nearest_neighbor(net: ProgramBuilder, x: Operand, **_settings: object) -> Value:
    """Repeat or leave out elements of the last two axes."""
    return _nearest(net, x)


def resize(
    net: ProgramBuilder,
    x: Operand,
    shape: tuple[int, ...],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Value:
    """Resize the last axes in one of the two ways."""
    del shape, resized_dims
    if interpolation_mode == "LINEAR":
        return _linear(net, x, sampling_mode)
    if sampling_mode != "DEFAULT":
        raise ValueError(f"the nearest neighbour with the sampling mode {sampling_mode} has no form")
    return _nearest(net, x)


def _linear(net: ProgramBuilder, x: Operand, mode: str) -> Value:
    """Interpolate in float32, where places on the input are exact enough."""
    grids = [_grid(size, target, mode) for size, target in zip(x.shape, net.shape, strict=True)]
    scale, offset = (net.setting(np.array(values, np.float32)) for values in zip(*grids, strict=True))
    return net.narrow(net.ai.interpolate(net.wide(x), net.axes(net.shape), scale, offset, "linear"))


def _grid(size: int, target: int, mode: str) -> tuple[float, float]:
    """The scale and the offset of Core AI's formula: an element lies at (number + 0.5 - offset) / scale - 0.5."""
    if size == target and mode != "OFFSET_CORNERS":
        return 1.0, 0.0
    if mode == "UNALIGN_CORNERS":
        return target / size, 0.0
    if mode == "DEFAULT":
        return target / size, 0.5 - 0.5 * target / size
    if mode == "OFFSET_CORNERS":
        scale = target / max(1, size - 1)
        return scale, -0.5 * scale
    if target == 1:
        return 1.0, -((size - 1) / 2 if mode == "ALIGN_CORNERS" else 0.0)
    scale = (target - 1) / max(1, size - 1) if size > 1 else float(target)
    return scale, 0.5 - 0.5 * scale


def _nearest(net: ProgramBuilder, x: Operand) -> Value:
    """Take along each axis the element at floor(number * size / target)."""
    value, shape = net.raw(x), list(x.shape)
    for axis, (size, target) in enumerate(zip(x.shape, net.shape, strict=True)):
        if size != target:
            value = _taken(net, value, shape, axis, [number * size // target for number in range(target)])
            shape[axis] = target
    return value


def _taken(net: ProgramBuilder, value: Value, shape: Sequence[int], axis: int, places: Sequence[int]) -> Value:
    """The elements at `places` of one axis; whole repetitions are copies, which every processor is good at."""
    size, target = shape[axis], len(places)
    if target % size == 0:
        whole = net.reshape(value, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
        copies = net.ai.concat(net.axes(axis + 1), [whole] * (target // size))
        return net.reshape(copies, (*shape[:axis], target, *shape[axis + 1 :]))
    order = (axis, *(one for one in range(len(shape)) if one != axis))
    chosen = net.ai.gather_nd(net.transpose(value, order), net.axes([[place] for place in places]))
    return net.transpose(chosen, [order.index(one) for one in range(len(shape))])


def upsample_nearest_neighbor(net: ProgramBuilder, x: Operand, **_settings: object) -> Value:
    """Repeat elements of the last two axes."""
    return _nearest(net, x)


HANDLERS: Final = {
    function.__name__: function
    for function in (*(resize_bilinear, upsample_bilinear, resize_nearest_neighbor, upsample_nearest_neighbor, resize),)
}
