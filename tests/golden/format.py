"""The records of `index.json`, and the reading of what they point to. README.md says the same in words."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Preprocess, TensorIO
from PIL import Image

FORMAT_VERSION = 1
FOLDER = Path(__file__).parent
INDEX = FOLDER / "index.json"
ORIENTATION = 0x0112
MESH = "mesh"


class Pixels(Record, frozen=True, kw_only=True):
    """A decoded picture as it is stored: a raw file of bytes, or a formula that gives them (exactly one of the two)."""

    file: str | None
    formula: str | None
    height: int
    width: int
    channels: int
    sha256: str


class Picture(Record, frozen=True, kw_only=True):
    """The encoded file that decodes to the case's pixels."""

    file: str
    sha256: str


class Case(Record, frozen=True, kw_only=True):
    """One vector. It starts from `pixels` and `orientation`, or from `tensor`: exactly one of the two."""

    name: str
    spec: Preprocess
    io: TensorIO
    pixels: Pixels | None
    orientation: int
    picture: Picture | None
    tensor: GoldenTensor | None
    expected: GoldenTensor


class Index(Record, frozen=True, kw_only=True):
    """All of `index.json`."""

    format_version: int
    cases: tuple[Case, ...]


def read_index() -> Index:
    """The committed index; unknown keys are refused."""
    return msgspec.json.decode(INDEX.read_bytes(), type=Index)


def sha256(data: bytes) -> str:
    """The digest in hexadecimal, as everywhere in a bundle."""
    return hashlib.sha256(data).hexdigest()


def little_endian(array: np.ndarray) -> bytes:
    """C order, little-endian."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def read_tensor(entry: GoldenTensor, folder: Path = FOLDER) -> np.ndarray:
    """The array of a tensor file."""
    data = (folder / entry.file).read_bytes()
    return np.frombuffer(data, np.dtype(entry.dtype).newbyteorder("<")).reshape(entry.shape)


def read_pixels(entry: Pixels) -> np.ndarray:
    """The bytes of a decoded picture, height x width x channels."""
    shape = (entry.height, entry.width, entry.channels)
    if entry.file is None:
        return FORMULAS[entry.formula or ""](*shape)
    return np.frombuffer((FOLDER / entry.file).read_bytes(), np.uint8).reshape(shape)


@lru_cache(2)
def mesh(height: int, width: int, channels: int) -> np.ndarray:
    """Slow ramps, a fine mesh on them, and hard edges, in whole numbers that fit in 32 bits."""
    y, x = np.ogrid[:height, :width]
    y, x = y.astype(np.int32), x.astype(np.int32)
    base, edges = ((3 * x + 5 * y) >> 7) + (((7 * x) ^ (11 * y)) & 31), (x * y) >> 16
    pixels = np.stack([(((base + 85 * c) ^ edges) & 255).astype(np.uint8) for c in range(channels)], -1)
    pixels.flags.writeable = False
    return pixels


FORMULAS = {MESH: mesh}


def as_image(pixels: np.ndarray, orientation: int = 1) -> Image.Image:
    """A Pillow image that carries its orientation as a decoded file does."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if orientation != 1:
        image.getexif()[ORIENTATION] = orientation
    return image


def run(case: Case) -> np.ndarray:
    """What the reference makes of a case today."""
    preprocessor = Preprocessor(case.spec, case.io)
    if case.tensor is not None:
        return preprocessor(read_tensor(case.tensor))
    assert case.pixels is not None
    return preprocessor(as_image(read_pixels(case.pixels), case.orientation))
