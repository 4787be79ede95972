"""The whole pipeline, prepared once and applied to many pictures."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np
from PIL import Image

from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.geometry import Axes, View, place
from edgecv_runtime.preprocess.decode import PIL_MODE, ImageSource, as_image, as_pixels, decode
from edgecv_runtime.preprocess.finish import Finish
from edgecv_runtime.preprocess.gather import Form, gray, lay_out
from edgecv_runtime.preprocess.lanes import Lanes
from edgecv_runtime.preprocess.losses import Losses
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.preprocess.resample import PILLOW, Nearest, PixelReader, Plan, pillow, plan
from edgecv_runtime.preprocess.scratch import Scratch
from edgecv_runtime.schema import Normalize, Preprocess, QuantParams, TensorIO

INTEGERS = ("int8", "uint8", "int16")
PLANE = 3  # axes of a gray picture without channels: (1, H, W)
SIZES = 4  # picture sizes whose geometry is kept


@dataclass(frozen=True, slots=True)
class Placed:
    """The geometry of one picture size: whether nothing is scaled, and whether nothing is padded."""

    axes: Axes
    unscaled: bool
    whole: bool
    view: View


class _Kept(threading.local):
    """The image that a thread filled last, whose memory it uses again: to map megabytes anew takes its time."""

    image: Image.Image | None = None


class Preprocessor:
    """Makes an artifact's input tensor from a picture, or from a raw tensor. Several threads may share one.

    Args:
        spec: A resolved preprocessing (its `size` is set, for pictures).
        io: The artifact's input; None gives float32 NHWC, as the source model takes it.
        shape: The source model's input where `io` is None: (1, H, W) is a gray picture without a channel axis.

    Raises:
        SpecError: The preprocessing is not resolved, or an integer input lacks its scale.
    """

    def __init__(self, spec: Preprocess, io: TensorIO | None = None, *, shape: tuple[int, ...] | None = None) -> None:
        if spec.kind == "image" and spec.size is None:
            raise SpecError("the preprocessing has no size", "Fit it to the model's input first")
        if io is not None and io.normalize is not None:  # the artifact normalizes: it takes the pixels, as bytes
            spec = msgspec.structs.replace(spec, normalize=Normalize())
            io = msgspec.structs.replace(io, quantization=QuantParams(scale=1.0, zero_point=0))
        if io is not None and io.dtype in INTEGERS and io.quantization is None:
            raise SpecError(f"the input {io.name!r} is {io.dtype} without a scale and zero point")
        self.spec = spec
        self.io = io
        self._dtype = np.dtype("float32" if io is None else io.dtype)
        self._params = io.quantization if io is not None and io.dtype in INTEGERS else None
        self._planar = io is not None and io.layout == "NCHW"
        self._scratch = Scratch()
        self._kept = _Kept()
        self._losses = Losses()
        if spec.kind == "tensor":
            self._scale = np.asarray(spec.normalize.scale, np.float32)
            self._offset = np.asarray(spec.normalize.offset, np.float32)
            return
        height, width = spec.size or (0, 0)
        self._lanes = Lanes(1 if spec.color == "gray" else 3, self._planar)
        channels = self._lanes.channels
        self._shape: tuple[int, ...] = (1, height, width, channels)
        if self._planar:
            self._shape = (1, channels, height, width)
        elif len(shape or () if io is None else io.shape) == PLANE:
            self._shape = (1, height, width)
        self._finish = Finish(spec, self._lanes, width, self._dtype.name, self._params)
        self._place = lru_cache(SIZES)(self._make_place)
        self._plan = lru_cache(SIZES)(self._make_plan)

    def __call__(self, source: ImageSource, out: np.ndarray | None = None) -> np.ndarray:
        """One tensor with batch 1, in the input's layout and dtype.

        Args:
            source: A path, bytes, a Pillow image, a uint8 array of H x W or H x W x 3 (RGB); or numbers for a tensor.
            out: A C-contiguous array of the result's shape and dtype, which is filled and returned; by default a new
                one, which is the caller's.

        Raises:
            ImageError: The picture cannot be read, or the tensor holds NaN or infinity.
            ValueError: `out` has another shape, dtype or layout in memory.
        """
        return self.locate(source, out)[0]

    def locate(self, source: ImageSource, out: np.ndarray | None = None) -> tuple[np.ndarray, View | None]:
        """Make the same tensor, and say where in the picture it comes from; None for what is no picture."""
        if self.spec.kind == "tensor":
            return self._tensor(source, out), None
        out = self._target(out, self._shape)
        if isinstance(source, np.ndarray):
            placed = self._from_pixels(as_pixels(source), out)
        elif self.spec.resize.semantics == "tf":
            pixels = np.asarray(decode(source, self.spec, self._losses))
            placed = self._from_pixels(as_pixels(pixels), out)
        else:
            placed = self._from_image(decode(source, self.spec, self._losses), out)
        return out, placed.view

    def _target(self, out: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
        if out is None:
            return np.empty(shape, self._dtype)
        if out.shape != shape or out.dtype != self._dtype or not out.flags.c_contiguous:
            raise ValueError(f"out must be C-contiguous {self._dtype} {shape}, got {out.dtype} {out.shape}")
        return out

    def _make_place(self, height: int, width: int) -> Placed:
        axes = place(self.spec, height, width)
        exact = self.spec.resize.semantics == "pillow" or self.spec.resize.kernel != "lanczos"
        return Placed(
            axes,
            unscaled=exact and all(axis.taken == axis.scaled for axis in axes),
            whole=all(axis.shown == axis.size for axis in axes),
            view=View(height, width, *axes),
        )

    def _make_plan(self, form: Form) -> Plan | Nearest:
        kernel = "pillow_nearest" if self.spec.resize.semantics == "pillow" else self.spec.resize.kernel
        source = PixelReader(form, self.spec.color, self._lanes)
        return plan(kernel, source, self._lanes, self._place(form.height, form.width).axes)

    def _inside(self, placed: Placed, out: np.ndarray) -> np.ndarray:
        """The part of the tensor that the picture fills, as rows of lanes; the rest is padded."""
        rows = self._lanes.view(out)
        if placed.whole:
            return rows
        rows[...] = self._finish.pad
        down, across = placed.axes
        return self._lanes.cut(rows[down.target], across.target)

    def _from_pixels(self, pixels: np.ndarray, out: np.ndarray) -> Placed:
        """From an array of H x W x C."""
        placed = self._place(pixels.shape[0], pixels.shape[1])
        if placed.unscaled:
            rows = self._rows(_shown(pixels, placed.axes))
            self._finish.pixels(rows, self._inside(placed, out), self._scratch)
        elif self.spec.resize.semantics == "pillow" and self.spec.resize.kernel != "nearest":
            down, across = placed.axes
            part, mode = pixels[down.source, across.source], PIL_MODE[self.spec.color]
            backwards = mode == "RGB" and part.strides[2] < 0  # read as they lie; the small result is turned
            kept = self._kept.image = as_image(part[..., ::-1] if backwards else part, mode, self._kept.image)
            self._from_part(kept, placed, out, backwards=backwards)
        else:
            self._run_plan(pixels, self._inside(placed, out))
        return placed

    def _run_plan(self, pixels: np.ndarray, inside: np.ndarray) -> None:
        picture, form = lay_out(pixels)
        prepared, scratch = self._plan(form), self._scratch
        if isinstance(prepared, Nearest):
            self._finish.pixels(prepared.read(picture, scratch), inside, scratch)
            return
        values = self._finish.values(inside, scratch)
        prepared(picture, scratch, values)
        self._finish.normalize(values, inside)

    def _rows(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels of H x W x C, not to be scaled, as rows of lanes in the tensor's colour."""
        if pixels.shape[2] < self._lanes.channels:
            pixels = np.repeat(pixels, self._lanes.channels, axis=2)
        elif pixels.shape[2] > self._lanes.channels:
            pixels = gray(pixels.transpose(2, 0, 1))[..., None]
        elif self.spec.color == "bgr":
            pixels = pixels[..., ::-1]
        if self._planar:
            return np.ascontiguousarray(pixels.transpose(0, 2, 1))
        return pixels.reshape(pixels.shape[0], -1)

    def _from_image(self, image: Image.Image, out: np.ndarray) -> Placed:
        placed = self._place(image.height, image.width)
        down, across = placed.axes
        if (down.taken, across.taken) != (image.height, image.width):
            image = image.crop((across.source.start, down.source.start, across.source.stop, down.source.stop))
        self._from_part(image, placed, out)
        return placed

    def _from_part(self, image: Image.Image, placed: Placed, out: np.ndarray, *, backwards: bool = False) -> None:
        """From the part of a picture that is scaled, with Pillow's kernels; `backwards` where it is B, G, R."""
        down, across = placed.axes
        if not placed.unscaled:
            image = pillow(image, across.scaled, down.scaled, PILLOW[self.spec.resize.kernel])
        if (down.shown, across.shown) != (down.scaled, across.scaled):
            image = image.crop((across.window.start, down.window.start, across.window.stop, down.window.stop))
        data = image.tobytes("raw", "BGR" if backwards != (self.spec.color == "bgr") else image.mode)
        pixels = np.frombuffer(data, np.uint8).reshape(image.height, image.width, -1)
        rows = np.ascontiguousarray(pixels.transpose(0, 2, 1)) if self._planar else pixels.reshape(image.height, -1)
        self._finish.pixels(rows, self._inside(placed, out), self._scratch)

    def _tensor(self, source: ImageSource, out: np.ndarray | None) -> np.ndarray:
        if not isinstance(source, np.ndarray):
            raise ImageError(f"the input takes a tensor, not a picture, got {type(source).__name__}")
        if source.dtype.kind not in "fiub":
            raise ImageError(f"the tensor must hold numbers, got {source.dtype}")
        with np.errstate(over="ignore"):
            values = np.multiply(source.astype(np.float32, copy=False), self._scale, dtype=np.float32)
            values += self._offset
        if not np.isfinite(values).all():
            raise ImageError("the tensor holds NaN or infinity")
        rank = len(self.io.shape) if self.io is not None else values.ndim + 1
        if values.ndim != rank:
            values = values[None]
        if self._planar:
            values = np.moveaxis(values, -1, 1)
        if out is None and self._params is None and not self._planar:
            return values.astype(self._dtype, copy=False)
        out = self._target(out, values.shape)
        if self._params is not None:
            return quantize(values, self._params, self._dtype.name, steps=values, out=out)
        np.copyto(out, values, casting="unsafe")
        return out


def _shown(pixels: np.ndarray, axes: Axes) -> np.ndarray:
    """The part that an unscaled fit shows."""
    down, across = (slice(one.first + one.skipped, one.first + one.skipped + one.shown) for one in axes)
    return pixels[down, across]
