"""Trains the small networks of the tests anew, and keeps their weights beside this file for `tests.models.trained`.

Usage: python -m tests.weights.make

Training gives other weights on another processor. Where one of these networks changes, run it once, run the tests, and
commit what it wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests import models


def main() -> int:
    """Train all four; prints what was written."""
    pixels, labels = models.digits()
    pixels = pixels[..., None] / np.float32(255)
    some = slice(1000, 1400)
    keep("digits", models.digits_network(), pixels, labels, batch_size=64, epochs=6)
    keep("digits_unfinished", models.digits_network(), pixels[some], labels[some], batch_size=32, epochs=2)
    keep("digits_residual", models.residual_network(), pixels, labels, batch_size=32, epochs=2)
    keep_people()
    return 0


def keep_people() -> None:
    """Train the network with two outputs."""
    import keras

    pixels, ages, genders = models.people(3000)
    model = models.people_network()
    model.compile(keras.optimizers.Adam(3e-3), {"age": "mae", "gender": "binary_crossentropy"}, loss_weights=[0.1, 1.0])
    targets = {"age": ages, "gender": genders.astype(np.float32)}
    model.fit(pixels / np.float32(255), targets, batch_size=64, epochs=30, verbose=0)
    write("people", model)


def keep(name: str, model: Any, pixels: Any, labels: Any, **how: int) -> None:
    """Train `model` and write what it learned."""
    models.compiled(model).fit(pixels, labels, **how, verbose=0)
    write(name, model)


def write(name: str, model: Any) -> None:
    """Write the weights of a model."""
    place = Path(__file__).with_name(f"{name}.npz")
    np.savez(place, *model.get_weights())
    print(f"{place.name}: {place.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
