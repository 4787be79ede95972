"""The networks of the comparison: a trained Keras model, a folder of pictures, and what a picture goes through.

What every way gets is written to build/peers/NAME/samples.npz: the same calibration samples for all, the test samples,
their labels, and the Keras model's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import open_samples
from edgecv_converters.source import load_source
from PIL import Image

from benchmarks.shared import PICTURES, RESNET8

Array = npt.NDArray[np.float32]
WORK = Path("build/peers")
CALIBRATION, TEST, SEED = 500, 1000, 0
DIGIT_SIDE, TEST_EVERY, DIGIT_EPOCHS = 28, 4, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One network.

    Attributes:
        preset: Its preprocessing, by edgecv's name; the same as a picture's bytes times `scale` plus `offset`.
        model: Where its file is; trains it where that is missing.
        pictures: The folder with train/CLASS and test/CLASS.
    """

    name: str
    title: str
    preset: str
    scale: float
    offset: float
    model: Callable[[], Path]
    pictures: Callable[[], Path]

    @property
    def folder(self) -> Path:
        """What is made of it."""
        return WORK / self.name

    @property
    def samples(self) -> Path:
        """The file that `prepare` writes."""
        return self.folder / "samples.npz"


def prepare(subject: Subject) -> None:
    """Write the samples, and the answers of the Keras model, as the frozen graph gives them."""
    import tensorflow as tf

    pictures = subject.pictures()
    calibration, _ = _read(subject, pictures / "train", CALIBRATION)
    test, labels = _read(subject, pictures / "test", TEST)
    source = load_source(subject.model()).freeze().function()
    answers = np.concatenate([np.asarray(source(tf.constant(sample[None]))[0]) for sample in test])
    if len(np.unique(answers.argmax(-1))) < answers.shape[-1]:
        raise SystemExit(f"{subject.model()} never gives some of its answers: agreement with it would mean nothing")
    subject.folder.mkdir(parents=True, exist_ok=True)
    np.savez(subject.samples, calibration=calibration, test=test, labels=labels, answers=answers)


def _read(subject: Subject, folder: Path, count: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Samples as `edgecv convert --samples` chooses them, as the model takes them, and their classes."""
    found = open_samples(folder, labelled=True)
    chosen = found.choose(min(count, len(found)), SEED)
    pixels = np.stack([np.asarray(Image.open(str(sample.location)), np.float32) for sample in chosen.samples])
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    return pixels * np.float32(subject.scale) + np.float32(subject.offset), np.asarray(chosen.labels(None), np.int64)


def _cifar_cnn() -> Path:
    from benchmarks import compression

    path = compression.WORK / "cifar_cnn.trained.keras"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        compression.base(next(case for case in compression.CASES if case.name == "cifar_cnn"))
    return path


def _mobilenet_v2() -> Path:
    from benchmarks import int8_ingredients

    folder = Path("build/ingredients")
    if not _longest(folder):
        int8_ingredients.mobilenet_v2()
    return _longest(folder)[-1]


def _longest(folder: Path) -> list[Path]:
    """The trained ones, by epochs."""
    return sorted(folder.glob("mobilenet_v2-*.keras"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))


def _digits() -> Path:
    path = WORK / "digits" / "model.keras"
    if not path.exists():
        _train_digits(path)
    return path


def _train_digits(path: Path) -> None:
    import keras

    from benchmarks.zoo_models import mnist_cnn

    keras.utils.set_random_seed(SEED)
    found = open_samples(_scans() / "train", labelled=True)
    pixels = np.stack([np.asarray(Image.open(str(sample.location)), np.float32) for sample in found.samples])
    model = mnist_cnn()
    model.compile("adam", "sparse_categorical_crossentropy")
    labels: Any = np.asarray(found.labels(None))
    model.fit(pixels[..., None] / np.float32(255), labels, batch_size=32, epochs=DIGIT_EPOCHS, verbose=0)
    model.save(path)


def _scans() -> Path:
    """scikit-learn's scanned digits, enlarged to 28 x 28; every fourth is for testing, so no scan is in both parts."""
    from sklearn.datasets import load_digits

    folder = WORK / "digits" / "pictures"
    if folder.exists():
        return folder
    scans = load_digits()
    partly = folder.with_name("pictures.partly")
    for number, (image, label) in enumerate(zip(scans.images, scans.target, strict=True)):
        place = partly / ("test" if number % TEST_EVERY == 0 else "train") / str(label)
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray((image * (255 / 16)).astype(np.uint8))
        picture.resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BILINEAR).save(place / f"{number:04d}.png")
    partly.rename(folder)
    return folder


def _cifar() -> Path:
    return PICTURES


SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject(
            name="resnet8",
            title="ResNet8 (MLPerf Tiny's)",
            preset="none",
            scale=1.0,
            offset=0.0,
            model=lambda: RESNET8,
            pictures=_cifar,
        ),
        Subject(
            name="cifar_cnn",
            title="cifar_cnn",
            preset="rescale",
            scale=1 / 255,
            offset=0.0,
            model=_cifar_cnn,
            pictures=_cifar,
        ),
        Subject(
            name="digits",
            title="mnist_cnn on scanned digits",
            preset="rescale",
            scale=1 / 255,
            offset=0.0,
            model=_digits,
            pictures=_scans,
        ),
        Subject(
            name="mobilenet_v2",
            title="MobileNetV2, half width",
            preset="tf",
            scale=1 / 127.5,
            offset=-1.0,
            model=_mobilenet_v2,
            pictures=_cifar,
        ),
    )
}
