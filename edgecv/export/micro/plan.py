"""Everything about the preprocessing of one model from one camera, as the C structure `edgecv_plan` has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import SpecError
from edgecv_runtime.geometry import Axes, place
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.schema import Preprocess, QuantParams, TensorIO

from edgecv.export.micro.camera import Camera
from edgecv.export.micro.taps import AxisTables, nearest_tables, pillow_tables, same_size, tf_bilinear_tables

WRITES: Final = ("int8", "uint8")  # the dtypes of tensors that the C library fills
_ACROSS, _DOWN, _NEAREST, _TF = (
    f"edgecv_scale_{name}" for name in ("across_first", "down_first", "nearest", "tf_bilinear")
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraPlan:
    """The preprocessing of one model from one camera.

    Attributes:
        camera: The frames.
        scaler: The C function that resizes.
        down, across: The fit's two axes with their tables.
        mixes: Whether colours become gray before anything else.
        planes: The bytes of a pixel while it is resized.
        order: For each channel of the tensor the plane that it shows.
        table: For each channel what becomes of a byte: (channels, 256) uint8, the bits of the tensor's integers.
        pad: The bytes around the picture, for each channel, before the table.
        scale, offset: One float32 a channel.
        params: The tensor's scale and zero point.
        dtype: The tensor's dtype.
    """

    camera: Camera
    scaler: str
    down: AxisTables
    across: AxisTables
    mixes: bool
    planes: int
    order: tuple[int, ...]
    table: npt.NDArray[np.uint8]
    pad: tuple[int, ...]
    scale: tuple[np.float32, ...]
    offset: tuple[np.float32, ...]
    params: QuantParams
    dtype: str

    @property
    def scratch(self) -> int:
        """The bytes of memory that the resize works in; edgecv_preprocess.c says beside each scaler what they are."""
        line = self.across.axis.taken * self.camera.format.planes
        shown, taken = (self.planes * count for count in (self.across.axis.shown, self.across.axis.taken))
        return {
            _ACROSS: line + shown + self.down.taps * shown,
            _DOWN: line + shown + self.down.taps * taken,
            _NEAREST: line + shown,
            _TF: 2 * line,
        }[self.scaler]

    @property
    def tensor_bytes(self) -> int:
        """The bytes of the tensor."""
        return self.down.axis.size * self.across.axis.size * len(self.order)


def make_plan(spec: Preprocess, io: TensorIO, camera: Camera) -> CameraPlan:
    """Return the plan of a preprocessing for an artifact's input and a camera.

    Raises:
        SpecError: It is one that the C library does not do; the message says which part.
        ImageError: The frame is so thin that its scaled form does not fit in memory.
    """
    if spec.kind != "image":
        raise SpecError(f"the input {io.name!r} is a {spec.kind}, and the C library prepares pictures only")
    if io.dtype not in WRITES or io.quantization is None or io.layout == "NCHW":
        raise SpecError(f"the input {io.name!r} is {io.dtype} {io.layout}, and the C library fills int8 and uint8 NHWC")
    mixed = spec.color == "gray"
    channels = 1 if mixed else 3
    planes = 1 if mixed else camera.format.planes
    scale, offset = (
        np.broadcast_to(np.asarray(values, np.float32), channels)
        for values in (spec.normalize.scale, spec.normalize.offset)
    )
    real = np.arange(256, dtype=np.float32) * scale[:, None] + offset[:, None]
    scaler, down, across = _resize(spec, place(spec, camera.height, camera.width))
    pad = np.broadcast_to(np.asarray(spec.fit.pad or (0,), np.uint8), channels)
    return CameraPlan(
        camera=camera,
        scaler=scaler,
        down=down,
        across=across,
        mixes=mixed and camera.format.planes == 3,
        planes=planes,
        order=(0,) * channels if planes == 1 else (2, 1, 0) if spec.color == "bgr" else (0, 1, 2),
        table=quantize(real, io.quantization, io.dtype).view(np.uint8),
        pad=tuple(pad.tolist()),
        scale=tuple(scale),
        offset=tuple(offset),
        params=io.quantization,
        dtype=io.dtype,
    )


def _resize(spec: Preprocess, axes: Axes) -> tuple[str, AxisTables, AxisTables]:
    """Return the C function that resizes, and the tables of both axes."""
    down, across = axes
    kernel, semantics = spec.resize.kernel, spec.resize.semantics
    if semantics == "tf" and kernel not in {"nearest", "bilinear"}:
        raise SpecError(
            f"the resize is TensorFlow's {kernel}, and the C library has its nearest and bilinear only",
            "Train with bilinear, or with Pillow's resize, of which it has every kernel",
        )
    if all(axis.taken == axis.scaled for axis in axes):
        return _NEAREST, same_size(down), same_size(across)
    if kernel == "nearest":
        return _NEAREST, nearest_tables(down, semantics), nearest_tables(across, semantics)
    if semantics == "tf":
        return _TF, tf_bilinear_tables(down), tf_bilinear_tables(across)
    shrunk, narrowed = (axis.taken - axis.scaled for axis in axes)
    scaler = _DOWN if shrunk > max(0, 2 * narrowed) else _ACROSS
    return scaler, pillow_tables(down, kernel), pillow_tables(across, kernel)
