"""Finds the file that is nearest to the float file, with as few samples for each as decide it.

A file leaves the race where running it further could gain next to nothing: the gain that is still to be expected of it
is that of S. E. Chick & K. Inoue, New two-stage and sequential procedures for selecting the best simulated system
(2001), the expected opportunity cost.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.score import answers, distances, variances
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.tflite.reader import Array

LEAST = 32  # samples of a lap
LAPS = 4
GAIN = 0.005  # of the nearest file's distance: a file of which less is to be expected leaves the race
AT_ONCE = 2  # files that run side by side, where there are so many cores
Steps = tuple[str, ...]
Distances = Mapping[Steps, npt.NDArray[np.float64]]
Given = TypeVar("Given")
Made = TypeVar("Made")


def race(
    network: Network, files: Mapping[Steps, bytes], reference: Sequence[Array], samples: Sequence[Array]
) -> dict[Steps, npt.NDArray[np.float64]]:
    """The distance of each file's answers, sample by sample; those that were left behind ran only the first samples.

    After each lap a file leaves of which next to no gain is to be expected.

    Args:
        network: The operations of all files.
        files: Int8 files by how they were made; those that the kernels do not take are left out.
        reference: The float file's answers to all samples.
        samples: For each input in the files' order.

    Raises:
        UnusableFileError: They take none of the files; the first error says why.
    """
    count = len(samples[0])
    spread = variances(reference)
    lap = max(LEAST, -(-count // LAPS))
    found: dict[Steps, npt.NDArray[np.float64]] = {steps: np.zeros(0) for steps in files}
    refused: list[UnusableFileError] = []
    running = list(files)
    for start in range(0, count, lap):
        few, wanted = ([values[start : start + lap] for values in held] for held in (samples, reference))

        def measure(steps: Steps, few: Sequence[Array] = few) -> list[Array] | None:
            try:
                return answers(files[steps], few)
            except UnusableFileError as error:
                refused.append(error)
                return None

        for steps, given in zip(running, side_by_side(measure, running), strict=True):
            if given is None:
                del found[steps]
            else:
                found[steps] = np.concatenate([found[steps], distances(network, wanted, given, spread)])
        running = _still_in({steps: found[steps] for steps in running if steps in found})
        if len(running) < 2:
            break
    if not found:
        raise refused[0]
    return found


def nearest(found: Distances) -> Steps:
    """The file whose answers are nearest, among those that ran the most samples."""
    most = max(map(len, found.values()))
    return min((steps for steps in found if len(found[steps]) == most), key=lambda steps: float(found[steps].mean()))


def side_by_side(work: Callable[[Given], Made], things: Iterable[Given]) -> list[Made]:
    """Do the same with several things, a few at a time in threads: LiteRT computes without Python's lock."""
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, things))


def _still_in(found: Distances) -> list[Steps]:
    if not found:
        return []
    best = found[nearest(found)]

    def gains_nothing(steps: Steps) -> bool:
        behind = found[steps] - best
        error = float(behind.std()) / math.sqrt(len(behind))
        return expected_gain(float(behind.mean()), error) < GAIN * float(best.mean())

    return [steps for steps in found if found[steps] is best or not gains_nothing(steps)]


def expected_gain(behind: float, error: float) -> float:
    """The distance that a file may be expected to save where it is nearer after all: the mean of max(-x, 0).

    Args:
        behind: By how much it was farther than the nearest, in the mean.
        error: The standard error of that mean; x is normal around it.
    """
    if error <= 0:
        return max(-behind, 0.0)
    away = behind / error
    density = math.exp(-away * away / 2) / math.sqrt(2 * math.pi)
    return error * (density - away * math.erfc(away / math.sqrt(2)) / 2)
