"""Drawn stand-ins for golden cases, where a float conversion is given no samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import SampleSet, open_samples
from edgecv_runtime.schema import Preprocess, TensorSpec
from PIL import Image, ImageDraw


def draw(
    specs: Mapping[str, Preprocess], inputs: Sequence[TensorSpec], count: int, seed: int, folder: Path
) -> SampleSet:
    """Stand-ins for golden cases of float artifacts: drawn shapes for pictures, normal numbers for tensors.

    The frames of a clip are one drawing that moves; a sound is a tone in noise.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    single = inputs[0] if len(inputs) == 1 else None
    if single is not None and specs[single.name].kind == "image":
        for number in range(count):
            drawing(rng, single.shape[1], single.shape[2]).save(folder / f"drawn-{number:03d}.png")
        return open_samples(folder)
    arrays = {}
    for spec in inputs:
        if specs[spec.name].kind == "image":
            pictures = [np.asarray(drawing(rng, spec.shape[1], spec.shape[2])) for _ in range(count)]
            arrays[spec.name] = np.stack(pictures)
        elif specs[spec.name].kind == "clip":
            arrays[spec.name] = np.stack([_moving(rng, *spec.shape[1:4]) for _ in range(count)])
        elif sound := specs[spec.name].sound:
            arrays[spec.name] = np.stack([_tone(rng, sound.rate, sound.samples or 1) for _ in range(count)])
        elif np.dtype(spec.dtype).kind in "iub":  # ids and flags: every table has a row 0 and a row 1
            arrays[spec.name] = rng.integers(0, 2, (count, *spec.shape[1:])).astype(spec.dtype)
        else:
            arrays[spec.name] = rng.normal(size=(count, *spec.shape[1:])).astype(np.float32)
    np.savez(folder / "drawn.npz", allow_pickle=False, **arrays)
    return open_samples(folder / "drawn.npz")


def _moving(rng: np.random.Generator, frames: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """A drawing that moves sideways at a speed of its own."""
    first, speed = np.asarray(drawing(rng, height, width)), int(rng.integers(-3, 4))
    return np.stack([np.roll(first, speed * place, axis=1) for place in range(frames)])


def _tone(rng: np.random.Generator, rate: int, samples: int) -> npt.NDArray[np.float32]:
    """A tone of some pitch and loudness in noise, within -1 to 1."""
    pitch, loudness = rng.uniform(0.01, 0.4) * rate, rng.uniform(0.1, 0.8)
    tone = loudness * np.sin(2 * np.pi * pitch * np.arange(samples) / rate)
    return np.clip(tone + rng.normal(scale=0.05, size=samples), -1, 1).astype(np.float32)


def drawing(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    """A picture of random ellipses, rectangles and lines on a gradient, half as large again as the input."""
    size = (max(2, width * 3 // 2), max(2, height * 3 // 2))
    ramp = np.linspace(0, 255, size[0] * size[1] * 3).reshape(size[1], size[0], 3)
    image = Image.fromarray(np.roll(ramp, int(rng.integers(size[0])), axis=1).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for number in range(9):
        (x0, x1), (y0, y1) = (
            sorted(rng.integers(0, size[0], 2).tolist()),
            sorted(rng.integers(0, size[1], 2).tolist()),
        )
        colour = tuple(rng.integers(0, 256, 3).tolist())
        shape = (pen.ellipse, pen.rectangle, pen.line)[number % 3]
        shape((x0, y0, x1, y1), fill=colour)
    return image
