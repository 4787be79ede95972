"""From a file, bytes, a Pillow image or an array to upright uint8 pixels in the model's colour order."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from edgecv_runtime.errors import ImageError
from edgecv_runtime.files import open_small
from edgecv_runtime.picture_files import FORMATS, FORMATS_IN_WORDS
from edgecv_runtime.preprocess.bombs import LEAST_WATCHED, check_scans, watched
from edgecv_runtime.preprocess.losses import GRAY_16, Losses, is_wide
from edgecv_runtime.preprocess.silence import QUIETLY
from edgecv_runtime.schema import Depth, Preprocess

ImageSource = Path | str | bytes | Image.Image | np.ndarray
BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError),
    *(MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)
PIL_MODE = {"rgb": "RGB", "bgr": "RGB", "gray": "L"}
ORIENTATION = 0x0112  # EXIF 2.3, section 4.6.4
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(source: ImageSource, spec: Preprocess, losses: Losses | None = None) -> Image.Image:
    """The picture, decoded, upright where `spec.orientation` says so, in mode RGB or L.

    Alpha is dropped and palettes are expanded, as Pillow's `convert` and Keras's `load_img` do. 16-bit gray becomes
    bytes as `spec.depth` says: the high byte is what TensorFlow's decoder and Pillow's 16-bit colour take, while
    `load_img` clips, which makes nearly all of it white.

    Args:
        source: A file, an encoded picture, a Pillow image, or uint8 pixels.
        spec: What to make of it.
        losses: Says what the picture loses on the way to bytes; None says nothing.

    Raises:
        ImageError: The file is missing, truncated, no picture, or too large to be one; or an array has a wrong form.

    Warns:
        PictureWarning: The picture loses something, and `losses` has not said so before.
    """
    mode = PIL_MODE[spec.color]
    if isinstance(source, np.ndarray):
        return as_image(as_pixels(source), mode)
    name = str(source) if isinstance(source, Path | str) else "the picture"
    try:
        with QUIETLY:
            image, wide = _open(source)
            if spec.orientation == "exif":
                image = _upright(image)
        pixels = _convert(image, mode, spec.depth)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture that can be read", f"{FORMATS_IN_WORDS} can") from error
    except BROKEN as error:
        raise ImageError(f"{name} cannot be decoded: {error}", "The file may be truncated or damaged") from error
    if losses is not None:
        losses.say(image, name, spec, wide=wide)
    return pixels


def _open(source: Path | str | bytes | Image.Image) -> tuple[Image.Image, bool]:
    """The loaded image, and whether it stored 16 bits a channel of which Pillow kept 8."""
    if isinstance(source, Image.Image):
        wide = is_wide(source)
        source.load()
        return source, wide
    if isinstance(source, bytes):
        return _load(io.BytesIO(source))
    if not isinstance(source, str | Path):
        raise ImageError(f"a picture must be a path, bytes, a Pillow image or an array, got {type(source).__name__}")
    with _open_file(source) as file:
        return _load(file)


def _open_file(path: Path | str) -> BinaryIO:
    try:
        return open_small(path, LEAST_WATCHED)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path} is a folder, not a picture") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def _load(file: BinaryIO) -> tuple[Image.Image, bool]:
    image = Image.open(watched(file), formats=FORMATS)
    wide = is_wide(image)
    check_scans(image, file)
    image.load()
    return image, wide


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF block says; one that cannot be read says nothing, so the picture stays as stored."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except BROKEN:
        turn = None
    return image if turn is None else image.transpose(turn)


def _convert(image: Image.Image, mode: str, depth: Depth) -> Image.Image:
    if image.mode in GRAY_16:
        values = np.asarray(image).astype(np.int32)
        pixels = values.clip(0, 65535) >> 8 if depth == "shift" else values.clip(0, 255)
        image = Image.fromarray(pixels.astype(np.uint8))
    if image.mode == mode:
        return image
    if "transparency" in image.info:  # else Pillow warns of what is dropped on purpose
        image = image.copy()
        del image.info["transparency"]
    if image.mode == "YCbCr" and mode == "L":  # its Y is not the gray of its rounded RGB
        image = image.convert("RGB")
    return image.convert(mode)


def as_pixels(array: np.ndarray) -> np.ndarray:
    """A picture given as an array, as H x W x C uint8 with one or three channels, without a copy.

    Raises:
        ImageError: It has another dtype or shape.
    """
    shape = array.shape
    if array.dtype == np.uint8 and 0 not in shape:
        if len(shape) == 3 and shape[2] in {1, 3}:
            return array
        if len(shape) == 2:
            return array[..., None]
    raise ImageError(f"a picture as an array must be uint8 of H x W or H x W x 3 (RGB), got {array.dtype} {shape}")


def as_image(pixels: np.ndarray, mode: str, into: Image.Image | None = None) -> Image.Image:
    """An array of H x W x C as a Pillow image of `mode`.

    Args:
        pixels: One or three channels (R, G, B).
        mode: "L" or "RGB".
        into: An image whose memory is used again, where its size and mode are those of the pixels.
    """
    height, width, channels = pixels.shape
    kind = "L" if channels == 1 else "RGB"
    if into is None or into.size != (width, height) or into.mode != kind:
        into = Image.new(kind, (width, height), None)  # `fromarray` would fill it first
    backwards = channels == 3 and pixels.strides[2] < 0
    stored = np.ascontiguousarray(pixels[..., ::-1] if backwards else pixels)
    into.frombytes(stored, "raw", "BGR" if backwards else kind)
    return into if kind == mode else into.convert(mode)  # `convert` would copy it
