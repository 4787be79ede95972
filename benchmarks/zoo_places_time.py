"""Drawn clips and sounds for the zoo, networks that tell them apart, and how their files are written."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from edgecv_runtime.preprocess import input_preprocessor, parse, resolve
from keras import layers

Generator = np.random.Generator

FRAMES, CLIP_SIDE, FPS = 8, 32, 25.0
WAYS: Final = ("down", "growing", "left", "right", "shrinking", "up")  # no single frame tells which
RATE, SECONDS = 8000, 1.0
SOUND_FILE: Final = Path(__file__).with_name("zoo_heads") / "sounds.preprocess.toml"
COURSES: Final = ("beats", "falling", "hiss", "rising", "steady", "trill")
MEL, TIMES = 32, 61  # of a spectrogram


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """Frames (8, 32, 32, 3) of a disc that moves, grows or shrinks, and in which way."""

    frames: npt.NDArray[np.uint8]
    label: int


@dataclass(frozen=True, slots=True)
class DrawnSound:
    """A second of sound in -1..1, and its course."""

    wave: npt.NDArray[np.float32]
    label: int


def clips(count: int, seed: int) -> list[DrawnClip]:
    """Draw clips of every way in turn."""
    rng = np.random.default_rng(seed)
    return [_clip(rng, number % len(WAYS)) for number in range(count)]


def _clip(rng: Generator, label: int) -> DrawnClip:
    speed, radius = rng.uniform(0.8, 1.8), rng.uniform(4, 7)
    x, y = rng.uniform(10, CLIP_SIDE - 10, 2)
    color, noise = rng.uniform(130, 255, 3), rng.integers(0, 70, (FRAMES, CLIP_SIDE, CLIP_SIDE, 3))
    frames = noise.astype(np.float64)
    row, column = np.indices((CLIP_SIDE, CLIP_SIDE))
    ways = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    across, down = ways.get(WAYS[label], (0, 0))
    growth = {"growing": 0.5, "shrinking": -0.5}.get(WAYS[label], 0.0)
    for place, frame in enumerate(frames):
        step = place - (FRAMES - 1) / 2
        near = np.hypot(column - x - across * speed * step, row - y - down * speed * step)
        frame[near <= radius + growth * step] = color
    return DrawnClip(frames.clip(0, 255).astype(np.uint8), label)


def sounds(count: int, seed: int) -> list[DrawnSound]:
    """Make sounds of every course in turn."""
    rng = np.random.default_rng(seed)
    return [_sound(rng, number % len(COURSES)) for number in range(count)]


def _sound(rng: Generator, label: int) -> DrawnSound:
    times = np.arange(int(RATE * SECONDS)) / RATE
    pitch, change = rng.uniform(500, 1500), rng.uniform(1.4, 2.2)
    if COURSES[label] == "hiss":
        tone = rng.normal(scale=0.2, size=len(times))
    else:
        course = {
            "rising": pitch * change ** (times / SECONDS),
            "falling": pitch * change ** (1 - times / SECONDS),
            "trill": pitch * change ** (np.sin(2 * np.pi * rng.uniform(4, 8) * times) > 0),
        }.get(COURSES[label], np.full(len(times), pitch))
        tone = 0.3 * np.sin(2 * np.pi * np.cumsum(course) / RATE + rng.uniform(0, 6))
    if COURSES[label] == "beats":
        tone = tone * (np.sin(2 * np.pi * rng.uniform(4, 8) * times + rng.uniform(0, 6)) > 0)
    loud = rng.uniform(0.3, 1.0)
    return DrawnSound((loud * tone + rng.normal(scale=0.02, size=len(times))).clip(-1, 1).astype(np.float32), label)


def clip_inputs(found: Sequence[DrawnClip]) -> npt.NDArray[np.float32]:
    """What the clips' network takes."""
    frames = np.stack([one.frames for one in found])
    return np.asarray(np.asarray(frames, np.float32) / 255, np.float32)


def sound_inputs(found: Sequence[DrawnSound]) -> npt.NDArray[np.float32]:
    """What the sounds' network takes: log-mel spectrograms, as the bundle makes them."""
    prepare = _spectrogram()
    return np.concatenate([prepare(one.wave) for one in found])


@cache
def _spectrogram() -> Any:
    return input_preprocessor(resolve(parse(str(SOUND_FILE)), (1, TIMES, MEL, 1)))


def labels(found: Sequence[DrawnClip] | Sequence[DrawnSound]) -> npt.NDArray[np.int64]:
    """The classes."""
    return np.asarray([one.label for one in found])


def clip_network() -> Any:
    """A CNN-LSTM: two convolutions of each frame, and a recurrence over the frames."""
    clip = keras.Input((FRAMES, CLIP_SIDE, CLIP_SIDE, 3), name="clip")
    x = layers.TimeDistributed(layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"))(clip)
    x = layers.TimeDistributed(layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"))(x)
    x = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.MaxPooling2D(2))(x))
    x = layers.LSTM(32, unroll=True)(x)
    return keras.Model(clip, layers.Dense(len(WAYS), activation="softmax", name="way")(x), name="clips")


def sound_network() -> Any:
    """Convolutions of a log-mel spectrogram."""
    spectrogram = keras.Input((TIMES, MEL, 1), name="spectrogram")
    x = spectrogram
    for filters in (12, 24, 32):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Flatten()(layers.AveragePooling2D((1, 2))(x))
    return keras.Model(spectrogram, layers.Dense(len(COURSES), activation="softmax", name="course")(x), name="sounds")


def write_clips(found: Sequence[DrawnClip], folder: Path) -> None:
    """Write videos in a folder for each way."""
    import cv2

    for number, one in enumerate(found):
        path = _place(folder, WAYS[one.label], f"{number:04}.avi")
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (CLIP_SIDE, CLIP_SIDE))
        for frame in one.frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()


def write_sounds(found: Sequence[DrawnSound], folder: Path) -> None:
    """Write WAV files in a folder for each course."""
    for number, one in enumerate(found):
        with wave.open(str(_place(folder, COURSES[one.label], f"{number:04}.wav")), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.rint(one.wave * 32767).astype("<i2").tobytes())


def _place(folder: Path, name: str, file: str) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    return folder / name / file
