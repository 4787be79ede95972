"""Maps as pictures: in the picture's own pixels, in colours whose steps look equal, over the picture itself."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from edgecv_converters.explain.records import Floats
from edgecv_runtime.geometry import Axis, View
from PIL import Image

Pixels = npt.NDArray[np.uint8]
LONGEST: Final = 480  # pixels of a picture on a page
CUT: Final = 0.005  # of the pixels
STEPS: Final = 256
# Viridis, by S. van der Walt and N. Smith (CC0), at 33 of its 256 steps: perceptually uniform, and told apart
# by every colour vision. What lies between is interpolated.
VIRIDIS: Final = (
    "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e23898e"
    "21918c1f978b1f9f8821a68527ad8131b57b3dbc744cc26c5cc8636ece5881d34d95d840aadc32c0df25d5e21aeae51a"
    "fde725"
)


def in_picture(values: Floats, view: View, size: tuple[int, int]) -> Floats:
    """Return a map of the model's input in the pixels of the picture, drawn in a size; NaN where the model saw nothing.

    Args:
        values: (height, width) of the input.
        view: Where the picture lies in the input.
        size: Height and width of what is made, which is the whole picture.
    """
    down, tall = _way(view.down, view.height, size[0], values.shape[0])
    across, wide = _way(view.across, view.width, size[1], values.shape[1])
    found = down @ values.astype(np.float64) @ across.T
    found[~(tall[:, None] & wide[None, :])] = np.nan
    return found.astype(np.float32)


def _way(axis: Axis, length: int, made: int, have: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The matrix that samples one axis bilinearly, and which of its rows lie in what the model saw."""
    places = axis.ahead((np.arange(made) + 0.5) * length / made)
    seen = (places >= axis.at) & (places <= axis.at + axis.shown)
    index = np.clip(places * have / axis.size - 0.5, 0, have - 1)
    low = np.minimum(index.astype(int), max(0, have - 2))
    matrix = np.zeros((made, have))
    rows = np.arange(made)
    matrix[rows, low] = 1 - (index - low)
    matrix[rows, np.minimum(low + 1, have - 1)] += index - low
    return matrix, seen


def scaled(values: Floats) -> Floats:
    """Return a map in 0..1: from zero, where it has values below, or from its lowest one, to nearly its highest.

    A few pixels that stand out are cut, so that the others are seen.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(np.quantile(finite, 1 - CUT))) if finite.size else (0.0, 0.0)
    high = high if high > max(low, 0.0) or not finite.size else float(finite.max())
    low = 0.0 if low < 0 < high else low
    return np.asarray(np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values), np.float32)


def colored(values: Floats) -> Pixels:
    """Return a map as colours with an alpha channel: (height, width, 4) uint8, transparent where it is NaN."""
    seen = np.isfinite(values)
    steps = np.rint(scaled(np.where(seen, values, np.nan)) * (STEPS - 1))
    made = np.empty((*values.shape, 4), np.uint8)
    made[..., :3] = _steps()[np.where(seen, steps, 0).astype(np.uint8)]
    made[..., 3] = np.where(seen, 255, 0)
    return made


@cache
def _steps() -> Pixels:
    """Return all steps of the colour map: (256, 3)."""
    given = np.frombuffer(bytes.fromhex(VIRIDIS), np.uint8).reshape(-1, 3)
    places, wanted = np.linspace(0, 1, len(given)), np.linspace(0, 1, STEPS)
    columns = [np.interp(wanted, places, given[:, channel]) for channel in range(3)]
    return np.rint(np.stack(columns, axis=1)).astype(np.uint8)


def laid_over(picture: Pixels, map_colors: Pixels, opacity: float) -> Pixels:
    """Return a picture, (height, width, 3), with a map over it."""
    share = np.float32(opacity) * (map_colors[..., 3:] > 0)
    return np.asarray(picture + share * (map_colors[..., :3] - picture.astype(np.float32)) + 0.5, np.uint8)


def shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a picture, (height, width), as it is shown: no side over the longest, none under it either."""
    share = LONGEST / max(size)
    height, width = (max(1, round(side * share)) for side in size)
    return height, width


def png(pixels: Pixels) -> bytes:
    """Return a picture as PNG."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=3)
    return data.getvalue()


def data_address(kind: str, content: bytes) -> str:
    """Return a file as the address that a page has it by."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
