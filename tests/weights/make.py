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
    """Train all three; prints what was written."""
    pixels, labels = models.digits()
    pixels = pixels[..., None] / np.float32(255)
    some = slice(1000, 1400)
    keep("digits", models.digits_network(), pixels, labels, batch_size=64, epochs=6)
    keep("digits_unfinished", models.digits_network(), pixels[some], labels[some], batch_size=32, epochs=2)
    keep("digits_residual", models.residual_network(), pixels, labels, batch_size=32, epochs=2)
    return 0


def keep(name: str, model: Any, pixels: Any, labels: Any, **how: int) -> None:
    """Train `model` and write what it learned."""
    models.compiled(model).fit(pixels, labels, **how, verbose=0)
    place = Path(__file__).with_name(f"{name}.npz")
    np.savez(place, *model.get_weights())
    print(f"{place.name}: {place.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
