"""Methods that take gradients of a Keras model.

Grad-CAM: R. Selvaraju and others (2017). Grad-CAM++: A. Chattopadhay and others (2018). HiRes-CAM: R. Draelos, L. Carin
(2020). Integrated gradients: M. Sundararajan, A. Taly, Q. Yan (2017). SmoothGrad: D. Smilkov and others (2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from edgecv_runtime.heads.explained import Explained

from edgecv_converters.explain.canvas import Canvas
from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.records import Floats
from edgecv_converters.explain.settings import ExplainSettings

AT_ONCE: Final = 16
MISSING: Final = 0.01  # of the difference of outputs, that the sum of attributions may lack
MOST_STEPS: Final = 2048
PLANE: Final = 2  # axes of a gray picture without channels
Weighing = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Attributions:
    """The signed share of each value of a picture in a score, of the picture's shape.

    Attributes:
        values: One for each value.
        difference: The score of the picture less that of the baseline.
        missing: What the sum of all values lacks of it, as a share.
    """

    values: Floats
    difference: float
    missing: float


def gradcam(values: Floats, gradient: Floats) -> Floats:
    """Weigh each channel of a map by the mean of its gradient, and keep what counts for the score."""
    return _kept(values @ gradient.mean(axis=(0, 1)))


def gradcam_plus_plus(values: Floats, gradient: Floats) -> Floats:
    """Weigh each channel by its positive gradients, each place by how much it shares in the score's curvature."""
    square = gradient**2
    below = 2 * square + values.sum(axis=(0, 1)) * square * gradient
    share = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    return _kept(values @ (share * np.maximum(0, gradient)).sum(axis=(0, 1)))


def hirescam(values: Floats, gradient: Floats) -> Floats:
    """Multiply each value by its own gradient, and keep what counts for the score."""
    return _kept((values * gradient).sum(axis=-1))


def _kept(values: Floats) -> Floats:
    return np.asarray(np.maximum(0, values), np.float32)


def integrated(network: InnerNetwork, canvas: Canvas, explained: Explained, settings: ExplainSettings) -> Attributions:
    """Integrate the gradient along the straight line from the baseline to the picture.

    The points are the middles of equal steps; there are twice as many, again and again, until the attributions add up
    to the difference of the two scores.
    """
    ends = network.gradients(np.stack([canvas.base, canvas.raw]), explained)[0]
    difference, steps = float(ends[1]) - float(ends[0]), settings.steps
    while True:
        values = _along(network, canvas, explained, steps)
        lacking = abs(difference - float(values.sum(dtype=np.float64)))
        missing = lacking / max(abs(difference), 1e-6)
        if missing <= MISSING or 2 * steps > MOST_STEPS:
            return Attributions(values, difference, missing)
        steps *= 2


def _along(network: InnerNetwork, canvas: Canvas, explained: Explained, steps: int) -> Floats:
    way = canvas.raw - canvas.base
    total = np.zeros(canvas.raw.shape)
    for start in range(0, steps, AT_ONCE):
        places = (np.arange(start, min(start + AT_ONCE, steps), dtype=np.float32) + 0.5) / steps
        points = canvas.base + places.reshape(-1, *[1] * way.ndim).astype(np.float32) * way
        total += network.gradients(points, explained)[1].sum(axis=0, dtype=np.float64)
    return np.asarray(way * total / steps, np.float32)


def smoothgrad(network: InnerNetwork, canvas: Canvas, explained: Explained, settings: ExplainSettings) -> Floats:
    """Return the mean gradient over noisy copies of the picture, of its shape."""
    rng = np.random.default_rng(settings.seed)
    spread = settings.noise * float(np.ptp(canvas.raw))
    total = np.zeros(canvas.raw.shape)
    for start in range(0, settings.draws, AT_ONCE):
        count = min(AT_ONCE, settings.draws - start)
        noise = rng.normal(0, spread, (count, *canvas.raw.shape)).astype(np.float32)
        total += network.gradients(canvas.raw + noise, explained)[1].sum(axis=0, dtype=np.float64)
    return np.asarray(total / settings.draws, np.float32)


def flat(values: Floats) -> Floats:
    """Return attributions as one number a pixel: the sum over channels, where it counts for the score."""
    return _kept(values if values.ndim == PLANE else values.sum(axis=-1))


def strength(values: Floats) -> Floats:
    """Return gradients as one number a pixel: the largest size over channels."""
    return np.asarray(np.abs(values) if values.ndim == PLANE else np.abs(values).max(axis=-1), np.float32)
