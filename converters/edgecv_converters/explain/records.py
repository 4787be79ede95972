"""Records of what is to be explained, and how, and of what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.explained import Explained

from edgecv_converters.explain.settings import ExplainSettings

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOrder:
    """The order to explain one model's answers to some pictures.

    Attributes:
        method: The name of a method (`settings.METHODS`).
        samples: The pictures as the source model takes them: (n, height, width[, channels]) float32.
        head: The head whose answers are explained.
        wanted: The label whose score is explained; None for the answer that is given.
        explained: What is explained of each picture, where another model's answers have decided that.
        settings: The numbers.
        layer: The layer whose map is weighed; None for the last one of convolutions.
        curves: Whether pixels are taken away and given back, in the order of their importance.
        sanity: Whether the same is done with a network of shuffled weights.
    """

    method: str
    samples: Floats
    head: Head
    wanted: str | None = None
    explained: tuple[Explained, ...] | None = None
    settings: ExplainSettings = field(default_factory=ExplainSettings)
    layer: str | None = None
    curves: bool = True
    sanity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The score while pixels are taken away (`deletion`), and given back to a blurred picture (`insertion`).

    Attributes:
        shares: How much of the picture was changed, 0..1.
        deletion, insertion: The score at each share, the most important pixels first.
        random_deletion, random_insertion: The mean score in the order of random maps.
    """

    shares: tuple[float, ...]
    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    random_deletion: tuple[float, ...]
    random_insertion: tuple[float, ...]

    def area(self, name: Literal["deletion", "insertion", "random_deletion", "random_insertion"]) -> float:
        """Return the area under one curve: the mean score over all shares."""
        return float(np.trapezoid(getattr(self, name), self.shares))

    @property
    def gain(self) -> float:
        """The gain over random maps: what insertion's area is larger by, and deletion's smaller."""
        gained = self.area("insertion") - self.area("random_insertion")
        return gained + self.area("random_deletion") - self.area("deletion")


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOfPicture:
    """One picture's map.

    Attributes:
        explained: The number that it explains; `score` is that number.
        values: (height, width) float32, of the model's input: how much each pixel counts for the number.
        curves: Where they were asked for.
        shuffled: The rank correlation with the map of a network of shuffled weights, where that was asked for.
        missing: By integrated gradients: what the sum of all attributions lacks, as a share of the difference of
            outputs.
    """

    explained: Explained
    score: float
    values: Floats
    curves: Curves | None = None
    shuffled: float | None = None
    missing: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPictures:
    """The maps of all pictures, by one model.

    Attributes:
        how: What computed them.
        maps: One for each picture.
        layer: The layer whose map was weighed, by the methods that do that.
        seconds: How long it took.
    """

    how: str
    maps: tuple[MapOfPicture, ...]
    layer: str | None = None
    seconds: float = 0.0

    @property
    def explained(self) -> tuple[Explained, ...]:
        """The numbers that were explained, one a picture."""
        return tuple(one.explained for one in self.maps)


Scores = npt.NDArray[np.float64]
Tensor = npt.NDArray[Any]
