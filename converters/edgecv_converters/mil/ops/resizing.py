"""Resizing of the last axes. Places and weights are in float32."""

from __future__ import annotations

from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.registry import arithmetic

Sampling = Literal["DEFAULT", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "OFFSET_CORNERS", "UNALIGN_CORNERS"]


def resize_bilinear(
    x: Array, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: Sampling = "DEFAULT"
) -> Array:
    """MIL ops, iOS15, resize_bilinear: the last two axes to this size."""
    down = _linear(x, -2, target_size_height, sampling_mode)
    return _linear(down, -1, target_size_width, sampling_mode)


def resize_nearest_neighbor(x: Array, target_size_height: int, target_size_width: int) -> Array:
    """MIL ops, iOS15, resize_nearest_neighbor: the element at floor(i * size / target)."""
    return _nearest(_nearest(x, -2, target_size_height), -1, target_size_width)


def upsample_bilinear(
    x: Array,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Array:
    """MIL ops, iOS15 and iOS16, upsample_bilinear: to floor(size * factor), the factor taken anew from the sizes.

    `half_pixel_centers` is the opposite of `align_corners` unless it is given (iOS16).
    """
    height, width = _scaled(x, scale_factor_height, scale_factor_width)
    half = not align_corners if half_pixel_centers is None else half_pixel_centers
    if align_corners and half:
        raise ValueError("align_corners together with half_pixel_centers")
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "DEFAULT"
    return _linear(_linear(x, -2, height, mode), -1, width, mode)


def upsample_nearest_neighbor(x: Array, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Array:
    """MIL ops, iOS15, upsample_nearest_neighbor: to floor(size * factor)."""
    height, width = _scaled(x, scale_factor_height, scale_factor_width)
    return resize_nearest_neighbor(x, height, width)


def resize(
    x: Array,
    shape: tuple[int, ...],
    resized_dims: int,
    interpolation_mode: Literal["LINEAR", "NEAREST_NEIGHBOR"] = "LINEAR",
    sampling_mode: Sampling = "DEFAULT",
) -> Array:
    """MIL ops, iOS17, resize: the last `resized_dims` axes to the last sizes of `shape`; 0 keeps a size."""
    for axis in range(-resized_dims, 0):
        size = shape[axis] or x.shape[axis]
        if interpolation_mode == "LINEAR":
            x = _linear(x, axis, size, sampling_mode)
        elif sampling_mode == "DEFAULT" or size == x.shape[axis]:
            x = _nearest(x, axis, size)
        else:
            raise ValueError(f"the nearest neighbour with the sampling mode {sampling_mode}")
    return x


def _scaled(x: Array, height: float, width: float) -> tuple[int, int]:
    return int(x.shape[-2] * height), int(x.shape[-1] * width)


def places(size: int, target: int, mode: str) -> Array:
    """Place each element of the result on the input's grid. Source: MIL ops, iOS15, resize_bilinear, Notes."""
    number = np.arange(target, dtype=np.float32)
    if mode == "UNALIGN_CORNERS":
        spacing = np.float32(size / target)
        found = number * spacing + np.float32(0.5) * spacing - np.float32(0.5)
    elif mode == "OFFSET_CORNERS":
        delta = np.float32(max(1, size - 1) / target)
        found = np.float32(0.5) * delta + number * delta
    elif mode == "DEFAULT":
        found = number * np.float32(size / target)
    elif target == 1:
        found = np.full(1, (size - 1) / 2 if mode == "ALIGN_CORNERS" else 0, np.float32)
    else:
        found = number * np.float32((size - 1) / (target - 1))
    result: Array = np.clip(found, 0, size - 1)
    return result


def _linear(x: Array, axis: int, target: int, mode: str) -> Array:
    if target == x.shape[axis] and mode != "OFFSET_CORNERS":
        return x
    where = places(x.shape[axis], target, mode)
    before = np.floor(where).astype(np.intp)
    after = np.minimum(before + 1, x.shape[axis] - 1)
    share = (where - before).astype(np.float32).reshape(-1, *(1,) * (-axis - 1))
    first, second = np.take(x, before, axis), np.take(x, after, axis)
    result: Array = first + (second - first) * share
    return result


def _nearest(x: Array, axis: int, target: int) -> Array:
    size = x.shape[axis]
    result: Array = np.take(x, np.arange(target) * size // target, axis)
    return result


KERNELS = {
    function.__name__: arithmetic(function)
    for function in (resize_bilinear, resize_nearest_neighbor, upsample_bilinear, upsample_nearest_neighbor, resize)
}
