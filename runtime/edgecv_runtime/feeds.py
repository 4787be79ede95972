"""Prepared tensors on their way into an artifact: checked, and brought to its dtype and layout."""

from __future__ import annotations

import math

import numpy as np

from edgecv_runtime.backends import to_raw
from edgecv_runtime.errors import ImageError
from edgecv_runtime.schema import TensorIO, TensorSpec

FEW = 8192  # elements; beyond, BLAS would start threads


class Feed:
    """One input of an artifact."""

    def __init__(self, spec: TensorSpec, io: TensorIO) -> None:
        self._io = io
        self._dtype = np.dtype(io.dtype)
        self._real = spec.shape
        self._raw = io.shape
        self._as_it_is = self._dtype == np.float32 and io.quantization is None and io.layout != "NCHW"

    def admit(self, values: np.ndarray) -> np.ndarray:
        """The artifact's own tensor.

        Args:
            values: Real numbers in the source's shape and layout; or the artifact's integers in its shape and layout.

        Raises:
            ImageError: The shape or dtype is neither, or a value is NaN or infinite.
        """
        if values.dtype.kind == "f" and values.shape == self._real:
            if not all_finite(values):
                raise ImageError(f"the tensor for {self._io.name!r} holds NaN or infinity")
            return values if self._as_it_is and values.dtype == np.float32 else to_raw(values, self._io)
        if values.dtype == self._dtype and values.dtype.kind in "iu" and values.shape == self._raw:
            return values
        wanted = f"float32 {self._real}"
        if self._dtype.kind in "iu":
            wanted += f" or {self._dtype} {self._raw}"
        raise ImageError(f"the input {self._io.name!r} takes {wanted}, got {values.dtype} {values.shape}")


def all_finite(values: np.ndarray) -> bool:
    """Tell whether all values are finite; a sum of squares decides most tensors in one pass."""
    if values.size <= FEW:
        flat = values.ravel()
        if math.isfinite(np.vdot(flat, flat)):  # unlike `dot` it does not warn where large squares overflow
            return True
    return bool(np.isfinite(values).all())
