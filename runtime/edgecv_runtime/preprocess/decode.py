"""From a file, bytes, a Pillow image or an array to upright uint8 pixels in the model's colour order."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from edgecv_runtime.errors import ImageError
from edgecv_runtime.schema import Preprocess

ImageSource = Path | str | bytes | Image.Image | np.ndarray
BROKEN = (OSError, EOFError, SyntaxError, ValueError, struct.error, MemoryError, Image.DecompressionBombError)
PIL_MODE = {"rgb": "RGB", "bgr": "RGB", "gray": "L"}


def decode(source: ImageSource, spec: Preprocess) -> Image.Image:
    """The picture, decoded, upright where `spec.orientation` says so, in mode RGB or L.

    Alpha is dropped and palettes are expanded, as Pillow's `convert` and Keras's `load_img` do.

    Raises:
        ImageError: The file is missing, truncated, no picture, or too large to be one; or an array has a wrong form.
    """
    mode = PIL_MODE[spec.color]
    if isinstance(source, np.ndarray):
        return _from_array(source).convert(mode)
    name = str(source) if isinstance(source, Path | str) else "the picture"
    try:
        image = _open(source)
        if spec.orientation == "exif":
            image = ImageOps.exif_transpose(image)
        return _convert(image, mode)
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read", "JPEG, PNG, WebP, BMP, GIF and TIFF can"
        ) from error
    except BROKEN as error:
        raise ImageError(f"{name} cannot be decoded: {error}", "The file may be truncated or damaged") from error


def _open(source: Path | str | bytes | Image.Image) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, bytes):
        return Image.open(io.BytesIO(source))
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path} is a folder, not a picture")
    with path.open("rb") as file:
        image = Image.open(file)
        image.load()
    return image


def _convert(image: Image.Image, mode: str) -> Image.Image:
    """Keras's `load_img` first turns 16- and 32-bit gray into 8-bit "L" for gray targets; Pillow clips, so scale."""
    if image.mode in {"I;16", "I;16L", "I;16B", "I"}:
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    return image if image.mode == mode else image.convert(mode)


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if (
        array.dtype != np.uint8
        or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
        or 0 in array.shape
    ):
        raise ImageError(
            f"a picture as an array must be uint8 of H x W or H x W x 3 (RGB), got {array.dtype} {array.shape}"
        )
    return Image.fromarray(array)
