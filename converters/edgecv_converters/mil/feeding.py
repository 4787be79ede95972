"""Lays out what an app hands in as the tensors that the program takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from edgecv_runtime.errors import BackendError
from PIL import Image

from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.records import Feature


def feed(features: Sequence[Feature], given: Mapping[str, Any]) -> dict[str, Array]:
    """The program's inputs by name.

    In an ML program an image arrives as its pixel values, 0 to 255: scale and bias are operations of the program.

    Raises:
        BackendError: Inputs are missing, unknown, or of another shape or type.
    """
    names = {feature.name for feature in features}
    if names != given.keys():
        raise BackendError(f"the program takes {sorted(names)}, and was given {sorted(given)}")
    return {feature.name: _laid_out(feature, given[feature.name]) for feature in features}


def _laid_out(feature: Feature, value: Any) -> Array:
    array = _pixels(feature, value) if feature.kind == "image" else np.asarray(value)
    if array.shape != feature.shape or array.dtype.kind not in "fiub":
        raise BackendError(
            f"the input {feature.name!r} takes {feature.dtype} of shape {feature.shape}, "
            f"and was given {array.dtype} of shape {array.shape}"
        )
    with np.errstate(over="ignore"):
        return array.astype(KINDS[feature.dtype].numpy, copy=False)


def _pixels(feature: Feature, value: Any) -> Array:
    grey = feature.shape[1] == 1
    if isinstance(value, Image.Image):
        value = value.convert("L" if grey else "RGB")
    pixels = np.asarray(value)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    exact = np.dtype(np.float16) if feature.colour == "GRAYSCALE_FLOAT16" else np.dtype(np.uint8)
    if pixels.ndim != 3 or pixels.dtype not in {exact, np.dtype(np.uint8)}:
        raise BackendError(
            f"the image {feature.name!r} takes {exact} pixels (H, W, C), and was given {pixels.dtype} of "
            f"shape {pixels.shape}"
        )
    ordered = pixels[:, :, ::-1] if feature.colour == "BGR" else pixels
    return np.ascontiguousarray(ordered.transpose(2, 0, 1))[None]
