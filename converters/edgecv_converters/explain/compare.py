"""Measures of how far two maps agree, and of what a map is worth: ranks, overlaps, and the curves of both kinds."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.explain.canvas import Canvas, Score
from edgecv_converters.explain.masking import RandomMasks
from edgecv_converters.explain.records import Curves, Floats, Scores
from edgecv_converters.explain.settings import ExplainSettings

TOP: Final = 0.2  # of the pixels: the region that is looked at most
MOVED: Final = 0.5  # of the top regions' union, that they share at least where nothing moved
NEAR: Final = 0.9  # of the union, that they share at least on the average where a model looks at the same places
POINTS: Final = 17  # of a curve
RANDOM: Final = 3  # maps


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation of two maps; equal values share a rank; 0 where a map is the same everywhere."""
    left, right = _ranks(one), _ranks(other)
    left, right = left - left.mean(), right - right.mean()
    size = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / size if size else 0.0


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(values.reshape(-1), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places], np.float64)


def top_region(values: Floats, share: float = TOP) -> npt.NDArray[np.bool_]:
    """Return which pixels are the highest of a map, of equal ones the first."""
    flat = values.reshape(-1)
    chosen = np.zeros(len(flat), bool)
    chosen[np.argsort(-flat, kind="stable")[: max(1, round(share * len(flat)))]] = True
    return chosen.reshape(values.shape)


def highest_point(values: Floats) -> tuple[int, int]:
    """Return the column and the row where a map is highest: of equal pixels the one nearest to their middle.

    Maps of squares and of coarse places are equal over whole regions, and the first pixel of one is its corner.
    """
    rows, columns = np.nonzero(values == np.nanmax(values))
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return int(columns[nearest]), int(rows[nearest])


def top_overlap(one: Floats, other: Floats) -> float:
    """Return the intersection over union of the two maps' highest pixels, a fifth of all."""
    left, right = top_region(one), top_region(other)
    return float((left & right).sum() / (left | right).sum())


def curves(canvas: Canvas, score: Score, values: Floats, settings: ExplainSettings) -> Curves:
    """Take pixels away in the order of a map, give them back to a blurred picture, and do the same for random maps."""
    shares = np.linspace(0, 1, POINTS)
    deletion, insertion = _both(canvas, score, values, shares)
    drawn = [_both(canvas, score, one, shares) for one in random_maps(canvas.size, settings)]
    return Curves(
        shares=_floats(shares),
        deletion=_floats(deletion),
        insertion=_floats(insertion),
        random_deletion=_floats(np.mean([one for one, _ in drawn], axis=0)),
        random_insertion=_floats(np.mean([other for _, other in drawn], axis=0)),
    )


def random_maps(size: tuple[int, int], settings: ExplainSettings) -> list[Floats]:
    """Return maps that nothing was asked for, as smooth as RISE's: mixtures of a few of its masks."""
    rng = np.random.default_rng(settings.seed + 1)
    masks = RandomMasks.draw(size, settings)
    found = []
    for _ in range(RANDOM):
        grid = rng.random(masks.grids.shape[1:]).astype(np.float32)
        found.append(np.asarray(masks.down[0] @ grid @ masks.across[0].T, np.float32))
    return found


def _both(canvas: Canvas, score: Score, values: Floats, shares: npt.NDArray[np.float64]) -> tuple[Scores, Scores]:
    order = np.argsort(-values.reshape(-1), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ends = np.round(shares * len(order)).astype(np.int64)
    taken = (rank[None] < ends[:, None]).reshape(-1, *values.shape).astype(np.float32)
    return score(canvas.mixed(1 - taken)), score(canvas.mixed(taken, canvas.blurred))


def _floats(values: Scores) -> tuple[float, ...]:
    return tuple(float(one) for one in values)
