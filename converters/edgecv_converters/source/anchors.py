"""The anchors that a detector lays over a picture, as its own generator says where the model carries one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_FIELDS: Final = ("min_level", "max_level", "num_scales", "aspect_ratios", "anchor_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnchors:
    """Boxes of several scales and ratios (height to width) at each cell, `size` strides long.

    The stride of a level is two to the power of it; the levels are `first` to `last`.
    """

    first: int
    last: int
    scales: int = 3
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    size: float = 4.0


def anchors_of(model: Any) -> OwnAnchors | None:
    """Read the anchors of KerasHub's detectors out of the model; None where it has no such generator.

    Args:
        model: A Keras model, or None.
    """
    generator = getattr(model, "anchor_generator", None)
    if not all(hasattr(generator, name) for name in _FIELDS):
        return None
    first, last, scales, ratios, size = (getattr(generator, name) for name in _FIELDS)
    return OwnAnchors(
        first=int(first),
        last=int(last),
        scales=int(scales),
        ratios=tuple(float(ratio) for ratio in ratios),
        size=float(size),
    )
