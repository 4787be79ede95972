"""Warnings of what a picture loses on the way to bytes, said once: 16 bits become 8, floats become whole numbers."""

from __future__ import annotations

import math
import threading
import warnings
from typing import Final

import numpy as np
from PIL import Image

from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.schema import Preprocess

__all__ = ["GRAY_16", "Losses", "is_wide"]

GRAY_16: Final = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})  # Pillow's modes
CLIPPED: Final = "16-bit gray, clipped"
BRIGHT: Final = 64  # the brightest pixel of a picture that is not nearly black
OTHERWISE: Final = "make 8 bits of it first where that is not what the model was trained on"


def is_wide(image: Image.Image) -> bool:
    """Tell whether an image that is not loaded yet stores 16 bits a channel, of which Pillow keeps the high byte."""
    parts = (str(part[3]) for part in getattr(image, "tile", ()) if len(part) > 3)
    return image.mode not in GRAY_16 and any(";16" in part for part in parts)


class Losses:
    """Warns of what pictures lose, once of each kind, from any number of threads."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def say(self, image: Image.Image, name: str, spec: Preprocess, *, wide: bool) -> None:
        """Warn where making bytes of a loaded image loses something that was not said before.

        Args:
            image: As it is stored, before it becomes RGB or gray.
            name: What messages call it.
            spec: What becomes of it.
            wide: It stored 16 bits a channel, of which Pillow kept 8.
        """
        if wide:
            self._once("16-bit colour", f"{name} has 16 bits a channel: the high byte of each value is taken")
        elif image.mode == "F":
            self._once(*_of_floats(np.asarray(image), name))
        elif image.mode in GRAY_16 and spec.depth != "clip":
            self._once(*_of_shifting(np.asarray(image), name))
        elif image.mode in GRAY_16 and CLIPPED not in self._said:
            self._once(CLIPPED, _of_clipping(np.asarray(image), name, spec))

    def _once(self, kind: str, message: str) -> None:
        with self._lock:
            if kind in self._said:
                return
            self._said.add(kind)
        warnings.warn(PictureWarning(message, kind), stacklevel=2)


def _of_shifting(values: np.ndarray, name: str) -> tuple[str, str]:
    largest = max(int(values.max()), 0)
    brightest = min(largest, 65535) >> 8
    message = f"{name} is 16-bit gray: the high byte of each value is taken"
    if brightest >= BRIGHT:
        return "16-bit gray", f"{message}; {OTHERWISE}"
    used = f"It uses {largest.bit_length()} of its 16 bits (the largest value is {largest})"
    return "16-bit gray, dark", f"{message}. {used}, so it becomes 0..{brightest}, nearly black; {OTHERWISE}"


def _of_clipping(values: np.ndarray, name: str, spec: Preprocess) -> str:
    share = 100 * float(np.mean(values > 255))
    message = f"{name} is 16-bit gray: values over 255 become 255, {share:.0f} % of this picture"
    if spec.color == "gray":
        message += "; Keras's load_img does so in colour, and keeps all 16 bits with color_mode='grayscale'"
    else:
        message += ", as Keras's load_img makes them"
    return f"{message}; {OTHERWISE}"


def _of_floats(values: np.ndarray, name: str) -> tuple[str, str]:
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    message = f"{name} holds floats from {low:.3g} to {high:.3g}, and they become whole numbers, cut off at 0 and 255"
    if high <= 1:
        return "floats, dark", f"{message}: nearly black; multiply them by 255, and {OTHERWISE}"
    return "floats", f"{message}; {OTHERWISE}"
