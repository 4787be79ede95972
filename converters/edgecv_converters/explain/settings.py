"""The methods by name, and the numbers that they are run with: light, for the help of the command shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edgecv_runtime.errors import UsageError
from edgecv_runtime.text import one_of

Baseline = Literal["mean", "zero", "blur"]
MOST_MASKS: Final = 100_000
SIDES: Final = (2, 64)  # cells of a mask along a side


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """The numbers that the methods are run with.

    Attributes:
        masks: How many random masks RISE draws.
        cells: How many cells a random mask has along a side.
        window: The side of the square that occlusion hides, as a share of the picture's shorter side.
        stride: How far the square moves, as a share of the same.
        steps: How many points integrated gradients takes on the way from the baseline, at first.
        draws: How many noisy pictures SmoothGrad averages over.
        noise: The standard deviation of that noise, as a share of the picture's range.
        baseline: What stands in for the pixels that are taken away: the picture's mean colour, zeros, or its blur.
        seed: Of every draw.
    """

    masks: int = 1000
    cells: int = 7
    window: float = 0.25
    stride: float = 0.125
    steps: int = 64
    draws: int = 32
    noise: float = 0.15
    baseline: Baseline = "mean"
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "masks": (1, MOST_MASKS),
            "cells": SIDES,
            "window": (0.0, 1.0),
            "stride": (0.0, 1.0),
            "steps": (2, 4096),
            "draws": (1, 10_000),
            "noise": (0.0, 10.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high or (value == 0 and name in {"window", "stride"}):
                raise UsageError(f"{name} must be in {low:g}..{high:g}, got {value:g}")


Needs = Literal["layers", "gradients", "answers"]


@dataclass(frozen=True, slots=True)
class ExplainMethod:
    """A way of making maps.

    Attributes:
        name: Its name on the command line.
        title: Its name for people.
        paper: Where it was published.
        needs: Whether it looks at a layer, takes gradients by the picture, or asks for answers alone.
    """

    name: str
    title: str
    paper: str
    needs: Needs


METHODS: Final[Mapping[str, ExplainMethod]] = {
    one.name: one
    for one in (
        ExplainMethod("gradcam", "Grad-CAM", "Selvaraju et al. 2017", "layers"),
        ExplainMethod("gradcam++", "Grad-CAM++", "Chattopadhay et al. 2018", "layers"),
        ExplainMethod("hirescam", "HiRes-CAM", "Draelos and Carin 2020", "layers"),
        ExplainMethod("integrated-gradients", "Integrated gradients", "Sundararajan et al. 2017", "gradients"),
        ExplainMethod("smoothgrad", "SmoothGrad", "Smilkov et al. 2017", "gradients"),
        ExplainMethod("occlusion", "Occlusion", "Zeiler and Fergus 2014", "answers"),
        ExplainMethod("rise", "RISE", "Petsiuk et al. 2018", "answers"),
    )
}


def find_method(name: str) -> ExplainMethod:
    """Return a method.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in METHODS:
        raise UsageError(f"unknown method {name!r}", f"The methods are {one_of(METHODS)}")
    return METHODS[name]
