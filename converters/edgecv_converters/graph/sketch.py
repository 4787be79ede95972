"""A tensor as a few numbers, by which a differently computed one can be told from it, and by how much.

Random projections keep distances (Johnson and Lindenstrauss 1984; with random signs Achlioptas 2003): the mean square
of s_k . (x - y) over random sign vectors s_k is an unbiased estimate of |x - y|^2. With 16 of them it is right to
within about a third, whatever was done to the tensor: a swapped channel moves it as well as a wrong value does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

PROJECTIONS: Final = 16
SEED: Final = 20_260
AT_ONCE: Final = 1 << 16  # values, with their signs as float64
WORD: Final = 64  # bits that the generator gives at a time
DIGITS: Final = 7  # significant ones: what a float32 has
Array = npt.NDArray[Any]


def sketch(values: Array) -> tuple[float, ...]:
    """The projections of a tensor of any shape and real dtype, taken in C order; inf and NaN stay what they are."""
    total = np.zeros(PROJECTIONS)
    with np.errstate(all="ignore"):
        for start, part in _parts(values):
            total += _signs(np.size(values), start, part.size) @ part
    return tuple(float(f"{value:.{DIGITS}g}") for value in total)


def norm(values: Array) -> float:
    """The Euclidean norm of a tensor, to as many digits as a sketch."""
    with np.errstate(all="ignore"):
        total = sum(float(np.einsum("i,i", part, part)) for _, part in _parts(values))
    return float(f"{math.sqrt(total):.{DIGITS}g}")


def _parts(values: Array) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """A tensor's values in C order, some at a time, each with the place of the first."""
    flat = np.asarray(values).ravel()
    return ((start, flat[start : start + AT_ONCE].astype(np.float64)) for start in range(0, flat.size, AT_ONCE))


def deviation(ours: tuple[float, ...], theirs: tuple[float, ...], size: float) -> float:
    """The estimated |x - y| / |y| of two sketched tensors, `size` being |y|; infinite where one is not finite."""
    with np.errstate(all="ignore"):
        distance = math.sqrt(float(np.mean(np.square(np.subtract(ours, theirs)))))
    if not math.isfinite(distance):
        return math.inf
    return distance / size if size else (0.0 if distance == 0 else math.inf)


def _signs(count: int, start: int, size: int) -> npt.NDArray[np.float64]:
    """(PROJECTIONS, size) of `count` random signs, from `start` on: NumPy promises a bit generator's raw stream."""
    found = np.empty((PROJECTIONS, size))
    for row, signs in enumerate(found):
        word, before = divmod(row * count + start, WORD)
        words = np.random.PCG64(SEED).advance(word).random_raw(-(-(before + size) // WORD))
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), count=before + size)[before:]
        signs[:] = 2 * bits.view(np.int8) - 1
    return found
