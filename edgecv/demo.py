"""The whole way on scikit-learn's scanned digits, from training to a classified picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from edgecv_converters.data import open_samples
from edgecv_converters.isolate import WorkerLimits, WorkerPool, scratch_folder
from edgecv_converters.isolate.child import progress
from edgecv_runtime.predictor import load
from edgecv_runtime.preprocess import from_preset
from PIL import Image

from edgecv.convert.output import print_outcome
from edgecv.convert.pipeline import convert
from edgecv.convert.recipe import Recipe, plan, targets
from edgecv.convert.request import ConvertRequest
from edgecv.convert.staging import check_output
from edgecv.extras import require, require_for
from edgecv.terminal.console import LiveObserver, note, show

SIDE = 16  # pixels; the scans are 8 x 8 and are doubled, so that two poolings leave something
EPOCHS = 12
TEST_EVERY = 4  # every fourth scan is kept for testing
TRAINING = WorkerLimits(seconds=600)
SHOWN = 5


def run_demo(out: Path, *, force: bool) -> None:
    """Train, convert to every target in int8, prove, classify a few pictures, and print all of it.

    Raises:
        EdgecvError: As `convert`.
    """
    check_output(out, force=force)
    require(["sklearn"], "convert")
    require_for(targets())
    with scratch_folder() as folder:
        note("Training a small network on scikit-learn's 1,797 scanned digits")
        with LiveObserver() as observer:
            with WorkerPool(folder / "training", litter=folder, preload=("tensorflow", "keras"), jobs=1) as pool:
                job = pool.submit("train", train, TRAINING, folder=folder)
                observer.job(job)
                job.result()
            request = ConvertRequest(
                model=folder / "digits.keras",
                out=out,
                recipe=Recipe(steps=plan(["int8"], [])),
                preprocess=from_preset("rescale"),
                calibrate=folder / "train",
                evaluate=folder / "test",
                force=force,
            )
            outcome = convert(request, observer)
        print_outcome(outcome, as_json=False, told=observer.told)
        classify(out, folder / "test")
    show("next:   edgecv convert YOUR_MODEL --quantize int8 --preprocess PRESET --calibrate FOLDER --evaluate FOLDER")


def classify(bundle: Path, folder: Path) -> None:
    """Show what the bundle says of a few test pictures."""
    with load(bundle) as predictor:
        for sample in open_samples(folder).choose(SHOWN, seed=1).samples:
            answer = predictor.predict(Path(str(sample.location)))
            show(f"a scanned {sample.label} is taken for {answer.label} with {answer.score:.2f}")


def train(folder: Path) -> None:
    """Write `digits.keras` and the pictures it was trained and tested on, a folder a class."""
    import keras
    from sklearn.datasets import load_digits

    scans = load_digits()
    images = np.asarray(scans.images * (255 / 16)).round().astype(np.uint8)
    for number, (image, label) in enumerate(zip(images, scans.target, strict=True)):
        part = folder / ("test" if number % TEST_EVERY == 0 else "train") / str(label)
        part.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(part / f"{number:04d}.png")
    keras.utils.set_random_seed(7)
    model = network(keras)
    pictures, labels = read_back(folder / "train")
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: progress(epoch + 1, EPOCHS))
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(pictures / np.float32(255), labels, batch_size=32, epochs=EPOCHS, verbose=0, callbacks=[callback])
    model.save(folder / "digits.keras")


def network(keras: Any) -> Any:
    """Two convolutions with batch norm, two poolings, one hidden layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="scan"),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def read_back(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pictures as they lie on disk: (N, 16, 16, 1) uint8, and their classes."""
    samples = open_samples(folder, labelled=True)
    pictures = [np.asarray(Image.open(Path(str(sample.location)))) for sample in samples.samples]
    return np.stack(pictures)[..., None], np.asarray(samples.labels(None))
