"""What the vectors of decoding have in common: a case without its answer, and numbers for its outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from edgecv_runtime.schema import Fit, HeadSpec, Preprocess

SIZE = (32, 48)  # of the model's picture, height and width
Sides = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """A case before its answer is computed."""

    name: str
    head: HeadSpec
    outputs: dict[str, np.ndarray]
    preprocess: Preprocess = field(default_factory=lambda: Preprocess(size=SIZE))
    picture: Sides | None = None


def floats(values: Any) -> np.ndarray:
    """Values as one sample of an output."""
    return np.asarray(values, np.float32)[None]


def noise(name: str, *shape: int, scale: float = 1.0, mean: float = 0.0) -> np.ndarray:
    """Numbers around a mean, always the same ones for a name: one sample of an output."""
    random = np.random.default_rng(crc32(name.encode()))
    return floats(random.normal(mean, scale, shape))


def plan(
    name: str,
    kind: str,
    outputs: dict[str, np.ndarray],
    *,
    size: Sides = SIZE,
    fit: Fit | None = None,
    picture: Sides | None = None,
    labels: int = 0,
    **fields: Any,
) -> Plan:
    """A case of a head of all the outputs; `labels` is how many names it has, `fields` are those of its record."""
    head = HeadSpec(
        name="+".join(outputs),
        kind=kind,
        outputs=tuple(outputs),
        labels=tuple(f"class {index}" for index in range(labels)) or None,
        **fields,
    )
    return Plan(name, head, outputs, Preprocess(size=size, fit=fit or Fit()), picture)


LETTERBOX, STRETCH = Fit(mode="letterbox", pad=(114,)), Fit()
# Fits and pictures: smaller and larger than the input, taller and wider, odd pads, cut on either axis, the same.
VIEWS: dict[str, tuple[Fit, Sides]] = {
    "stretch_up": (STRETCH, (13, 21)),
    "stretch_down": (STRETCH, (61, 52)),
    "stretch_same": (STRETCH, SIZE),
    "crop": (Fit(mode="crop"), (40, 67)),
    "crop_fraction": (Fit(mode="crop", fraction=0.875), (71, 50)),
    "crop_up": (Fit(mode="crop", fraction=0.6), (17, 12)),
    "resize_crop": (Fit(mode="resize_crop", shorter=50), (37, 81)),
    "resize_crop_tall": (Fit(mode="resize_crop", shorter=50), (70, 53)),
    "resize_crop_padded": (Fit(mode="resize_crop", shorter=19), (64, 41)),
    "resize_crop_same": (Fit(mode="resize_crop", shorter=35), (35, 55)),
    "resize_crop_edge": (Fit(mode="resize_crop", shorter=48), (24, 30)),
    "letterbox_tall": (LETTERBOX, (53, 40)),
    "letterbox_wide": (LETTERBOX, (29, 90)),
    "letterbox_up": (LETTERBOX, (9, 17)),
    "letterbox_same": (LETTERBOX, (32, 41)),
}
