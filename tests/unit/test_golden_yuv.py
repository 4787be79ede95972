"""The golden vectors of camera frames, and their formula against libjpeg's own."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.golden import yuv
from tests.golden.format import FOLDER, read_tensor, sha256

INDEX = msgspec.json.decode(yuv.INDEX.read_bytes(), type=yuv.YuvIndex)
APPLE = msgspec.json.decode(yuv.APPLE.read_bytes(), type=yuv.ColoredIndex)


def test_every_vector_is_what_the_reference_makes() -> None:
    assert len(INDEX.cases) == 40
    for case in INDEX.cases:
        for entry in (case.y, case.u, case.v, case.expected):
            assert sha256((FOLDER / entry.file).read_bytes()) == entry.sha256, case.name
        assert yuv.run(case).tobytes() == read_tensor(case.expected).tobytes(), case.name


def test_the_formula_is_libjpegs() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "JPEG", quality=100, subsampling=0)
    planes = Image.open(data)
    planes.draft("YCbCr", planes.size)
    assert planes.mode == "YCbCr"
    y, u, v = np.moveaxis(np.asarray(planes), -1, 0)
    np.testing.assert_array_equal(yuv.to_rgb(y, u, v), np.asarray(Image.open(data)))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_rotation_is_clockwise(rotation: int) -> None:
    y = np.zeros((2, 4), np.uint8)
    y[0, 0] = 255
    gray = np.full((1, 2), 128, np.uint8)
    made = yuv.upright(y, gray, gray, rotation)
    tall, wide = made.shape[:2]
    found = np.argwhere(made[..., 0] == 255)[0]
    wanted = {0: (0, 0), 90: (0, wide - 1), 180: (tall - 1, wide - 1), 270: (tall - 1, 0)}[rotation]
    assert tuple(found) == wanted


@pytest.mark.parametrize("case", APPLE.cases, ids=lambda case: case.name)
def test_the_frames_of_other_ranges_and_matrices_give_their_bits(case):
    assert yuv.run(case).tobytes() == read_tensor(case.expected).tobytes()


@pytest.mark.parametrize(
    ("name", "red", "blue", "video"),
    [
        ("bt601_full", 0.299, 0.114, False),
        ("bt601_video", 0.299, 0.114, True),
        ("bt709_full", 0.2126, 0.0722, False),
        ("bt709_video", 0.2126, 0.0722, True),
    ],
)
def test_the_constants_are_those_of_the_standards(name, red, blue, video):
    light, chroma = (255 / 219, 255 / 224) if video else (1, 1)
    green = 1 - red - blue
    wanted = [light, 2 * (1 - red) * chroma, 2 * (1 - blue) * blue / green * chroma]
    wanted += [2 * (1 - red) * red / green * chroma, 2 * (1 - blue) * chroma]
    colors = yuv.COLORS[name]
    found = [colors.light, colors.red_v, colors.green_u, colors.green_v, colors.blue_u]
    np.testing.assert_allclose(found, 65536 * np.asarray(wanted), atol=1.1)  # libjpeg rounded 0.34414 first
    assert colors.black == (16 if video else 0)
