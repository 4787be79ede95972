"""Drawn clips and sounds, and small networks that learn to tell them apart."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.clip_sound_schema import Sound
from edgecv_runtime.preprocess import from_preset, input_preprocessor, resolve
from edgecv_runtime.schema import Preprocess, TensorIO, TensorSpec

from tests import heads
from tests.bundles import onnx_artifact, write_bundle

FRAMES, SIDE, STRIDE = 6, 24, 2
DIRECTIONS = ("left", "right")  # a square that moves: no single frame tells which
RATE, SOUND_SECONDS = 8000, 0.5
PITCHES = {"falling": (1500, 600), "rising": (600, 1500)}  # Hz at the beginning and at the end
MEL = 20
SOUND_TOML = f"""
kind = "sound"

[sound]
rate = {RATE}
window = 256
hop = 128
fft = 256
log = "ln"
floor = 1e-3

[sound.mel]
bins = {MEL}
low = 80
high = 3800
"""
TIMES = 1 + (int(RATE * SOUND_SECONDS) - 256) // 128


def moving_square(rng: np.random.Generator, label: int, count: int = (FRAMES - 1) * STRIDE + 1) -> np.ndarray:
    """Frames of a bright square on noise that moves left (0) or right (1): uint8 (count, 48, 64, 3)."""
    frames = rng.integers(0, 60, (count, 48, 64, 3), dtype=np.uint8)
    top, first = int(rng.integers(4, 30)), int(rng.integers(0, 12))
    speed = 3 if label else -3
    for place, frame in enumerate(frames):
        left = (first if label else 48 - first) + speed * place
        frame[top : top + 14, max(0, left) % 52 : max(0, left) % 52 + 12] = 230
    return frames


def write_clip(path: Path, frames: np.ndarray, fps: float = 25) -> Path:
    """A video of frames (count, height, width, 3) RGB."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, frames.shape[2:0:-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def chirp(rng: np.random.Generator, label: int, seconds: float = SOUND_SECONDS, rate: int = RATE) -> np.ndarray:
    """A tone that falls (0) or rises (1) in noise: float32 of -1 to 1."""
    first, last = PITCHES[sorted(PITCHES)[label]]
    times = np.arange(round(seconds * rate)) / rate
    pitch = first + (last - first) * times / seconds
    wave = 0.4 * np.sin(2 * np.pi * np.cumsum(pitch) / rate + rng.uniform(0, 6))
    return (wave + rng.normal(scale=0.03, size=len(wave))).astype(np.float32)


def write_sound(path: Path, wave: np.ndarray, rate: int = RATE) -> Path:
    """A sound file of 16 bits."""
    import soundfile

    soundfile.write(path, wave, rate, subtype="PCM_16")
    return path


def clip_network(kind: str):
    """A network of clips: three-dimensional convolutions, or a convolution of each frame and an LSTM."""
    import keras

    layers = keras.layers
    inputs = keras.Input((FRAMES, SIDE, SIDE, 3), name="clip")
    if kind == "conv3d":
        x = layers.Conv3D(8, 3, strides=(1, 2, 2), activation="relu", padding="same")(inputs)
        x = layers.Conv3D(12, 3, strides=(1, 2, 2), activation="relu", padding="same")(x)
        x = layers.GlobalAveragePooling3D()(x)
    else:
        x = layers.TimeDistributed(layers.Conv2D(8, 3, strides=2, activation="relu"))(inputs)
        x = layers.TimeDistributed(layers.MaxPooling2D(2))(x)
        x = layers.TimeDistributed(layers.Flatten())(x)
        x = layers.LSTM(16, unroll=True)(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="way")(x))


def sound_network():
    """A network of log-mel spectrograms."""
    import keras

    layers = keras.layers
    inputs = keras.Input((TIMES, MEL, 1), name="spectrogram")
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(12, 3, activation="relu", padding="same")(x)
    x = layers.Flatten()(layers.AveragePooling2D((3, 2))(x))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="course")(x))


def train(model, samples: np.ndarray, labels: np.ndarray, epochs: int, rate: float = 3e-3) -> float:
    """Train a network; its accuracy at the end."""
    import keras

    keras.utils.set_random_seed(3)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(samples, labels, epochs=epochs, batch_size=16, verbose=0).history["accuracy"][-1]


def write_means(
    root: Path, shape: tuple[int, ...], spec: Preprocess, axes: tuple[int, ...], source: np.ndarray
) -> None:
    """A bundle whose ONNX model gives the means of an input over some axes, as a regression; `source` is golden."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    width = int(np.prod(shape)) // int(np.prod([shape[axis] for axis in axes]))
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["given", "axes"], ["mean"], keepdims=0),
            helper.make_node("Reshape", ["mean", "form"], ["means"]),
        ],
        "means",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, (1, width))],
        [numpy_helper.from_array(np.int64(axes), "axes"), numpy_helper.from_array(np.int64([1, width]), "form")],
    )
    file = root / "onnx" / "model.float32.onnx"
    file.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)]), file)
    artifact = msgspec.structs.replace(
        onnx_artifact(file, "onnx/model.float32.onnx"),
        inputs=(TensorIO(name="given", tensor="given", shape=shape, dtype="float32"),),
        outputs=(TensorIO(name="means", tensor="means", shape=(1, width), dtype="float32"),),
    )
    tensor = input_preprocessor(spec, shape=shape)(source)
    means = tensor.mean(axis=axes, dtype=np.float32).reshape(1, width)
    case = GoldenSample(
        id="0", image=None, inputs={"given": tensor}, outputs={"means": means}, answers={}, source=source
    )
    write_bundle(
        root,
        heads.spec("regression", "means"),
        [case],
        name="means",
        inputs=(TensorSpec(name="given", shape=shape, dtype="float32"),),
        outputs=(TensorSpec(name="means", shape=(1, width), dtype="float32"),),
        preprocess={"given": spec},
        artifacts=(artifact,),
    )


def write_frame_means(root: Path, frames: int, stride: int) -> None:
    """A bundle that answers with the mean shade of each frame of a clip."""
    shape = (1, frames, 4, 6, 3)
    source = np.arange(frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 3), np.uint8)
    write_means(root, shape, resolve(from_preset(f"clip:{stride}+none"), shape), (2, 3, 4), source)


def write_loudness(root: Path, samples: int = 800, step: int = 400) -> None:
    """A bundle that answers with the mean magnitude of each of 33 frequencies of a sound at 8 kHz."""
    sound = Sound(rate=RATE, window=64, hop=32, fft=64, samples=samples, step=step)
    shape = (1, 1 + (samples - 64) // 32, 33, 1)
    spec = resolve(Preprocess(kind="sound", sound=sound), shape)
    write_means(root, shape, spec, (1, 3), chirp(np.random.default_rng(4), 1, samples / RATE))
