"""The samples that a proof executes, and the answers that an artifact is held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.schema import Artifact

from edgecv_converters.targets import ProofMethod

TOGETHER: Final = 16
LEAST: Final = 24  # samples that are evaluated however large the network is
WORK: Final = 40_000_000_000  # multiply-adds that a reference evaluation may take for one set: seconds to a minute


def activated(artifact: Artifact, reference: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The source's outputs with the activations that the artifact applies to its own."""
    return {io.name: activate(reference[io.name], io.activation) for io in artifact.outputs}


def at_once(artifact: Artifact) -> int:
    """The number of samples that are read and run together: at least a whole batch of the artifact."""
    return max(TOGETHER, artifact.batch)


def most_samples(method: ProofMethod, multiply_adds: int | None) -> int | None:
    """Limit the samples of a set, because the reference evaluation takes its time; None means all."""
    if method == "runtime":
        return None
    return max(LEAST, WORK // max(1, multiply_adds or WORK // 100))


def spread(count: int, most: int | None) -> npt.NDArray[np.int64]:
    """The places of at most `most` of `count` samples, evenly spread: sets lie in the order of their classes."""
    if most is None or most >= count:
        return np.arange(count)
    return np.arange(most) * count // most
