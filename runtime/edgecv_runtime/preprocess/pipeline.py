"""The whole pipeline, prepared once and applied to many pictures."""

from __future__ import annotations

import numpy as np

from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.preprocess.decode import ImageSource, decode
from edgecv_runtime.preprocess.geometry import fit
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.schema import Preprocess, TensorIO

INTEGERS = ("int8", "uint8", "int16")


class Preprocessor:
    """Makes an artifact's input tensor from a picture, or from a raw tensor.

    Args:
        spec: A resolved preprocessing (its `size` is set, for pictures).
        io: The artifact's input; None gives float32 NHWC, as the source model takes it.

    Raises:
        SpecError: The preprocessing is not resolved, or an integer input lacks its scale.
    """

    def __init__(self, spec: Preprocess, io: TensorIO | None = None) -> None:
        if spec.kind == "image" and spec.size is None:
            raise SpecError("the preprocessing has no size", "Fit it to the model's input first")
        if io is not None and io.dtype in INTEGERS and io.quantization is None:
            raise SpecError(f"the input {io.name!r} is {io.dtype} without a scale and zero point")
        self.spec = spec
        self.io = io
        self._scale = np.asarray(spec.normalize.scale, np.float32)
        self._offset = np.asarray(spec.normalize.offset, np.float32)
        self._table = self._make_table() if self._is_table() else None

    def __call__(self, source: ImageSource) -> np.ndarray:
        """One tensor with batch 1, in the input's layout and dtype.

        Raises:
            ImageError: The picture cannot be read, or the tensor holds NaN or infinity.
        """
        values = self._tensor(source) if self.spec.kind == "tensor" else self._picture(source)
        if self.io is not None and self.io.layout == "NCHW":
            values = np.ascontiguousarray(np.moveaxis(values, -1, 1))
        return values

    def _is_table(self) -> bool:
        pictures = self.spec.kind == "image" and self.spec.resize.semantics == "pillow"
        return pictures and self.io is not None and self.io.dtype in INTEGERS

    def _make_table(self) -> np.ndarray:
        """For every byte and channel its quantized value, (256, channels)."""
        grays = np.arange(256, dtype=np.float32)[:, None]
        channels = 1 if self.spec.color == "gray" else 3
        return self._quantize(np.broadcast_to(grays * self._scale + self._offset, (256, channels)))

    def _picture(self, source: ImageSource) -> np.ndarray:
        size = self.spec.size or (0, 0)
        pixels = fit(decode(source, self.spec), self.spec, size)
        if self._table is not None:
            values = np.empty(pixels.shape, self._table.dtype)
            for channel in range(pixels.shape[2]):
                values[..., channel] = self._table[:, channel].take(pixels[..., channel])
            return values[None]
        return self._quantize(self._normalize(pixels))[None]

    def _normalize(self, values: np.ndarray) -> np.ndarray:
        normal: np.ndarray = np.multiply(values, self._scale, dtype=np.float32)
        normal += self._offset
        return normal

    def _tensor(self, source: ImageSource) -> np.ndarray:
        if not isinstance(source, np.ndarray):
            raise ImageError(f"the input takes a tensor, not a picture, got {type(source).__name__}")
        if source.dtype.kind not in "fiub":
            raise ImageError(f"the tensor must hold numbers, got {source.dtype}")
        with np.errstate(over="ignore"):
            values = self._normalize(source.astype(np.float32, copy=False))
        if not np.isfinite(values).all():
            raise ImageError("the tensor holds NaN or infinity")
        rank = len(self.io.shape) if self.io is not None else values.ndim + 1
        return self._quantize(values if values.ndim == rank else values[None])

    def _quantize(self, values: np.ndarray) -> np.ndarray:
        if self.io is None:
            return values
        if self.io.dtype not in INTEGERS or self.io.quantization is None:
            return values.astype(self.io.dtype, copy=False)
        return quantize(values, self.io.quantization, self.io.dtype)
