"""Tiny real models for the tests, and one trained on scikit-learn's scanned digits."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

DIGITS_SIZE = 16


def digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The 1,797 scans as pictures: (N, 16, 16) uint8, upscaled bilinearly from 8 x 8, and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = (found.images * 255 / 16).astype(np.uint8)
    size = (DIGITS_SIZE, DIGITS_SIZE)
    large = [np.asarray(Image.fromarray(scan).resize(size, Image.Resampling.BILINEAR)) for scan in small]
    return np.stack(large), found.target.astype(np.int64)


def write_digits(folder: Path, train: int = 60, test: int = 20) -> None:
    """PNG files in `folder`/train/<class>/ and `folder`/test/<class>/, as many for each class as asked."""
    pixels, labels = digits()
    for label in range(10):
        of_class = pixels[labels == label]
        for part, chosen in (("train", of_class[:train]), ("test", of_class[train : train + test])):
            place = folder / part / str(label)
            place.mkdir(parents=True)
            for number, picture in enumerate(chosen):
                Image.fromarray(picture).save(place / f"{number:03}.png")


def save_h5(model: Any, path: Path) -> None:
    """Save a tf-keras model in its old format, whatever it says of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path, save_format="h5")


def digits_layers(layers: Any) -> list[Any]:
    """A small CNN of either Keras generation, for 16 x 16 x 1 pixels in 0..1."""
    return [
        layers.Conv2D(8, 3, activation="relu", name="conv_1"),
        layers.MaxPooling2D(name="pool_1"),
        layers.Conv2D(16, 3, activation="relu", name="conv_2"),
        layers.MaxPooling2D(name="pool_2"),
        layers.Flatten(name="flatten"),
        layers.Dense(10, activation="softmax", name="digit"),
    ]


def digits_network() -> Any:
    """The CNN, untrained."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((DIGITS_SIZE, DIGITS_SIZE, 1), name="image")
    return keras.Sequential([inputs, *digits_layers(keras.layers)], name="digits")


def residual_network() -> Any:
    """Two residual blocks on the same pictures; the last convolution of the second gives nothing and learns nothing."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((DIGITS_SIZE, DIGITS_SIZE, 1))
    found = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, name="stem")(image)))
    for name in ("one", "two"):
        inner = layers.Conv2D(8, 3, padding="same", name=f"{name}_a")(found)
        inner = layers.ReLU()(layers.BatchNormalization()(inner))
        inner = layers.Conv2D(8, 3, padding="same", name=f"{name}_b")(inner)
        found = layers.Add(name=f"add_{name}")([inner, found])
    model = keras.Model(image, layers.Dense(10, "softmax")(layers.Flatten()(found)))
    idle = model.get_layer("two_b")
    idle.kernel.assign(np.zeros(idle.kernel.shape))
    idle.trainable = False
    return model


def compiled(model: Any) -> Any:
    """The model, ready to be trained, and with all that training leaves in its file."""
    import keras

    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def trained(model: Any, name: str) -> Any:
    """The model with weights that `python -m tests.weights.make` once trained.

    What is trained anew differs from machine to machine, and so would what the tests find.
    """
    return compiled(weighted(model, name))


def weighted(model: Any, name: str) -> Any:
    """The model with the weights that were kept under a name."""
    with np.load(Path(__file__).parent / "weights" / f"{name}.npz") as held:
        model.set_weights([held[key] for key in held.files])
    return model


@lru_cache(maxsize=1)
def trained_digits() -> Any:
    """The CNN, trained on all digits."""
    return trained(digits_network(), "digits")


def without_channels(model: Any) -> Any:
    """A model of gray pictures (H, W, 1) behind an input of H x W."""
    import keras

    height, width, _ = model.input_shape[1:]
    plane = keras.Input((height, width), name="plane")
    return keras.Model(plane, model(keras.layers.Reshape((height, width, 1))(plane)), name="plane")


def two_by_two() -> Any:
    """Two named inputs and two named outputs, of different shapes."""
    import keras

    keras.utils.set_random_seed(1)
    picture = keras.Input((8, 8, 1), name="picture")
    extra = keras.Input((4,), name="extra")
    seen = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(3, 3, activation="relu", name="look")(picture))
    both = keras.layers.Concatenate(name="both")([seen, extra])
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(both)
    size = keras.layers.Dense(2, name="size")(both)
    return keras.Model([picture, extra], [kind, size], name="two_by_two")


PEOPLE_SIZE = 24
PEOPLE_LABELS = ("female", "male")


def people(count: int, seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Drawn heads as pictures, (N, 24, 24, 1) uint8, their ages in years, and their genders as class indices.

    A head grows with its age, and those of the class 0 have long hair.
    """
    rng = np.random.default_rng(seed)
    ages = rng.uniform(5, 90, count).astype(np.float32)
    genders = rng.integers(0, 2, count)
    y, x = np.mgrid[:PEOPLE_SIZE, :PEOPLE_SIZE]
    pixels = rng.integers(80, 120, (count, PEOPLE_SIZE, PEOPLE_SIZE)).astype(np.uint8)
    for picture, age, gender in zip(pixels, ages, genders, strict=True):
        middle, radius = PEOPLE_SIZE / 2 + rng.uniform(-1, 1, 2), 2 + age / 11
        if gender == 0:
            picture[(abs(x - middle[1]) < radius + 1) & (y > middle[0])] = 20
        picture[(y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2] = 220
    return pixels[..., None], ages, genders.astype(np.int64)


def write_people(folder: Path) -> None:
    """Pictures and labels of both heads: `calibration.npz`, `test.npz`, test/<gender>/ as PNG files, `labels.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("calibration", 80, 1), ("test", 120, 2)):
        pixels, ages, genders = people(count, seed)
        np.savez(folder / f"{name}.npz", picture=pixels, age=ages, gender=np.asarray(PEOPLE_LABELS)[genders])
    for number, (picture, gender) in enumerate(zip(pixels, genders, strict=True)):
        place = folder / "test" / PEOPLE_LABELS[gender]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0]).save(place / f"{number:03}.png")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in PEOPLE_LABELS), encoding="utf-8")


def people_network() -> Any:
    """The age in years and the gender of a drawn head, from pixels in 0..1; untrained."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    picture = keras.Input((PEOPLE_SIZE, PEOPLE_SIZE, 1), name="picture")
    found = layers.Conv2D(8, 3, strides=2, activation="relu", name="conv_1")(picture)
    found = layers.Conv2D(12, 3, strides=2, activation="relu", name="conv_2")(found)
    found = layers.Dense(24, activation="relu", name="shared")(layers.Flatten(name="flatten")(found))
    outputs = [layers.Dense(1, name="age")(found), layers.Dense(1, activation="sigmoid", name="gender")(found)]
    return keras.Model(picture, outputs, name="people")


@lru_cache(maxsize=1)
def trained_people() -> Any:
    """The network with the two outputs, trained on 3,000 drawn heads by `python -m tests.weights.make`."""
    return weighted(people_network(), "people")


def recurrent(kind: str) -> Any:
    """A recurrence over six steps of five features, then a softmax: "LSTM", "GRU", "SimpleRNN" or "Bidirectional"."""
    import keras

    keras.utils.set_random_seed(2)
    layers = keras.layers
    cell = layers.Bidirectional(layers.LSTM(4), name="rnn") if kind == "Bidirectional" else None
    rnn = cell or getattr(layers, kind)(4, name="rnn")
    return keras.Sequential([keras.Input((6, 5), name="steps"), rnn, layers.Dense(3, "softmax", name="out")])


def head(units: int, activation: str | None) -> Any:
    """One Dense layer on five features: what `task` is told by."""
    import keras

    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(units, activation)])


def samples_for(specs: Any, count: int, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Normal samples for the inputs of a source."""
    rng = np.random.default_rng(seed)
    return {spec.name: rng.normal(size=(count, *spec.shape[1:])).astype(np.float32) for spec in specs}
