"""Pillow's kernels by name; and `tf.image.resize` of the needed rows and columns only, planned once for each form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from PIL import Image

from edgecv_runtime.geometry import Axes, Axis
from edgecv_runtime.preprocess.gather import Form, Gather, gray
from edgecv_runtime.preprocess.lanes import Lanes
from edgecv_runtime.preprocess.scratch import Scratch
from edgecv_runtime.preprocess.taps import (
    Taps,
    bicubic,
    bilinear,
    box,
    box_share,
    lanczos,
    nearest,
    pillow_nearest,
)

F = np.float32
PART = 1 << 16  # values, 256 KiB
PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


def pillow(image: Image.Image, width: int, height: int, kernel: Image.Resampling) -> Image.Image:
    """Pillow 13's order of the two passes with every Pillow: before 13 the horizontal one always came first.

    Source: `ImagingResampleInner` in Pillow 13.0.0, src/libImaging/Resample.c.
    """
    across, down = image.width - width, image.height - height
    if across and down and kernel != Image.Resampling.NEAREST:
        first = (image.width, height) if down > max(0, 2 * across) else (width, image.height)
        image = image.resize(first, kernel)
    return image.resize((width, height), kernel)


class Plan(Protocol):
    """A resize of pictures of one form, safe to use from several threads."""

    def __call__(self, picture: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
        """Fill `out` (rows shown, *row of the columns shown) from a picture's rows of bytes."""


class PixelReader:
    """Reads rows and columns of one form of picture, in the colour and the order of lanes that the tensor has."""

    def __init__(self, form: Form, color: str, lanes: Lanes) -> None:
        self._form, self._lanes = form, lanes
        self._order = form.order(color)
        self._mixed = len(self._order) > lanes.channels

    def reader(self, rows: np.ndarray, columns: np.ndarray) -> Callable[[np.ndarray, Scratch], np.ndarray]:
        """For `columns` of (sets, columns) a function that gives (sets, rows, *row) uint8."""
        starts = columns * self._form.channels
        if not self._mixed:
            return Gather(rows, self._lanes.spread(starts, self._order), self._form)
        planes = np.concatenate([self._lanes.spread(starts, (channel,)) for channel in self._order])
        gather, sets = Gather(rows, planes, self._form), len(columns)

        def mix(picture: np.ndarray, scratch: Scratch) -> np.ndarray:
            taken = gather(picture, scratch)
            return gray(taken.reshape(3, sets, *taken.shape[1:]))

        return mix


class Nearest:
    """One input pixel for each output pixel."""

    def __init__(self, source: PixelReader, rows: np.ndarray, columns: np.ndarray) -> None:
        self._read = source.reader(rows, columns[None])

    def read(self, picture: np.ndarray, scratch: Scratch) -> np.ndarray:
        """The bytes (rows shown, *row of the columns shown); they are scratch."""
        taken: np.ndarray = self._read(picture, scratch)[0]
        return taken


class Bilinear:
    """The columns first, then the rows, each as low + (high - low) * share; `out` is float32."""

    def __init__(self, source: PixelReader, lanes: Lanes, axes: Axes) -> None:
        top, bottom, down = (part[axes[0].window] for part in bilinear(axes[0].taken, axes[0].scaled))
        left, right, across = (part[axes[1].window] for part in bilinear(axes[1].taken, axes[1].scaled))
        columns = np.stack([left, right]) + axes[1].first
        self._across = lanes.repeat(across)
        self._bands = []
        for part in _parts(top.size, self._across.size):
            rows = (top[part] + axes[0].first, bottom[part] + axes[0].first)
            share = down[part].reshape(-1, *(1 for _ in self._across.shape))
            self._bands.append((part, Band(source, rows, columns), share))

    def __call__(self, picture: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
        """See `Plan`."""
        for part, band, share in self._bands:
            left, right = band.read(picture, scratch)
            mixed = scratch.take("mixed", left.shape, F)
            np.subtract(right, left, out=mixed, dtype=F)
            mixed *= self._across
            mixed += left
            top, bottom = band.rows(mixed, scratch)
            np.subtract(bottom, top, out=out[part])
            out[part] *= share
            out[part] += top


class Band:
    """Some of the output rows, so few that what is made of them stays in the cache: the pixels they lie between.

    Args:
        source: Reads pixels.
        rows: Of each output row the row of pixels above and below.
        columns: The columns to read, (sets, columns).
    """

    def __init__(self, source: PixelReader, rows: tuple[np.ndarray, np.ndarray], columns: np.ndarray) -> None:
        both = np.concatenate(rows)
        used, place = np.unique(both, return_inverse=True)
        self._count = rows[0].size
        self._apart = used.size == both.size
        self._top, self._bottom = place[: self._count], place[self._count :]
        self.read = source.reader(both if self._apart else used, columns)

    def rows(self, pixels: np.ndarray, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows above and the rows below, of what was read or made of it."""
        if self._apart:
            return pixels[: self._count], pixels[self._count :]
        shape = (self._count, *pixels.shape[1:])
        return (
            pixels.take(self._top, axis=0, out=scratch.take("top", shape, F), mode="clip"),
            pixels.take(self._bottom, axis=0, out=scratch.take("bottom", shape, F), mode="clip"),
        )


class Weighted:
    """Weighted sums over the rows and over the columns, one after the other; `out` is float32."""

    def __init__(self, source: PixelReader, lanes: Lanes, axes: Axes, along: tuple[Taps, Taps]) -> None:
        # where most columns are needed, whole rows are read as they lie; that saves the gathering
        most = 4 * np.unique(along[1].index[:, axes[1].window]).size >= 3 * axes[1].taken
        (rows, self._down), (columns, across) = (
            _used(one, axis, whole=most) for one, axis in zip(along, axes, strict=True)
        )
        self._read = source.reader(rows + axes[0].first, columns[None] + axes[1].first)
        step, starts = (1, columns.size) if lanes.planar else (lanes.channels, 1)
        place = lanes.spread(across.index * step, tuple(starts * channel for channel in range(lanes.channels)))
        self._across = Taps(place, lanes.repeat(across.weight))

    def __call__(self, picture: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
        """See `Plan`."""
        block = self._read(picture, scratch)[0]
        for part in _parts(out.shape[0], block[0].size):
            middle = scratch.take("middle", (out[part].shape[0], *block.shape[1:]), F)
            self._sum_rows(block, part, scratch, middle)
            self._sum_columns(middle, scratch, out[part])

    def _sum_rows(self, block: np.ndarray, part: slice, scratch: Scratch, out: np.ndarray) -> None:
        """Some of the output rows, from a block of all rows that are read."""
        index, weight = self._down.index[:, part], self._down.weight[:, part]
        weight = weight.reshape(*weight.shape, *(1 for _ in block.shape[1:]))
        taken = scratch.take("taken", out.shape, block.dtype)
        _add_up(lambda k: block.take(index[k], axis=0, out=taken, mode="clip"), weight, scratch, out)

    def _sum_columns(self, block: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
        flat, index = block.reshape(block.shape[0], -1), self._across.index
        taken = scratch.take("taken", (block.shape[0], *index.shape[1:]), block.dtype)
        _add_up(lambda k: flat.take(index[k], axis=1, out=taken, mode="clip"), self._across.weight, scratch, out)


class Box(Weighted):
    """The columns before the rows, then one share for all."""

    def __init__(self, source: PixelReader, lanes: Lanes, axes: Axes, along: tuple[Taps, Taps]) -> None:
        super().__init__(source, lanes, axes, along)
        self._share = box_share((axes[0].taken, axes[1].taken), (axes[0].scaled, axes[1].scaled))

    def __call__(self, picture: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
        """See `Plan`."""
        block = self._read(picture, scratch)[0]
        middle = scratch.take("middle", (block.shape[0], *self._across.index.shape[1:]), F)
        for part in _parts(block.shape[0], out[0].size):
            self._sum_columns(block[part], scratch, middle[part])
        self._sum_rows(middle, slice(None), scratch, out)
        out *= self._share


def plan(kernel: str, source: PixelReader, lanes: Lanes, axes: Axes) -> Plan | Nearest:
    """TensorFlow's `kernel`, or `pillow_nearest`, for one form of picture."""
    if kernel in NEAREST:
        rows, columns = (NEAREST[kernel](axis.taken, axis.scaled)[axis.window] + axis.first for axis in axes)
        return Nearest(source, rows, columns)
    if kernel == "bilinear":
        return Bilinear(source, lanes, axes)
    down, across = (WEIGHTED[kernel](axis.taken, axis.scaled) for axis in axes)
    return (Box if kernel == "box" else Weighted)(source, lanes, axes, (down, across))


NEAREST = {"nearest": nearest, "pillow_nearest": pillow_nearest}
WEIGHTED = {"bicubic": bicubic, "lanczos": lanczos, "box": box}


def _used(along: Taps, axis: Axis, *, whole: bool) -> tuple[np.ndarray, Taps]:
    """The positions that are read, all or those that the window needs, and the taps among them."""
    index, weight = along.index[:, axis.window], along.weight[:, axis.window]
    if whole:
        return np.arange(axis.taken), Taps(index, weight)
    used, place = np.unique(index, return_inverse=True)
    return used, Taps(place.reshape(index.shape), weight)


def _parts(rows: int, lanes: int) -> Iterator[slice]:
    """All rows in runs of about `PART` values, so that the sums stay in the cache."""
    step = max(1, PART // lanes)
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def _add_up(term: Callable[[int], np.ndarray], weights: np.ndarray, scratch: Scratch, out: np.ndarray) -> None:
    """`out` = term(0) * weights[0] + term(1) * weights[1] + ..., every operation rounded to float32."""
    np.multiply(term(0), weights[0], out=out, dtype=F)
    product = scratch.take("product", out.shape, F)
    for k in range(1, len(weights)):
        out += np.multiply(term(k), weights[k], out=product, dtype=F)
