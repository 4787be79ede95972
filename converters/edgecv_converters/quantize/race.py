"""Finds the file that is nearest to the float file, with as few samples for each as decide it."""

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
SURE = 3.0  # standard errors by which a file is behind when it leaves the race
AT_ONCE = 2  # files that run side by side, where there are so many cores
Steps = tuple[str, ...]
Distances = Mapping[Steps, npt.NDArray[np.float64]]
Given = TypeVar("Given")
Made = TypeVar("Made")


def race(
    network: Network, files: Mapping[Steps, bytes], reference: Sequence[Array], samples: Sequence[Array]
) -> dict[Steps, npt.NDArray[np.float64]]:
    """The distance of each file's answers, sample by sample; those that were left behind ran only the first samples.

    After each lap a file leaves that is farther from the float file than the nearest by more than chance.

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

    def is_behind(steps: Steps) -> bool:
        behind = found[steps] - best
        return float(behind.mean()) > SURE * float(behind.std()) / math.sqrt(len(behind))

    return [steps for steps in found if not is_behind(steps)]
