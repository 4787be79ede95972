"""The methods by which an artifact is executed for a proof: its format's runtime, or reference evaluation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from edgecv_runtime.backends import Backend, open_backend
from edgecv_runtime.postprocess import activate
from edgecv_runtime.schema import Artifact, Target

from edgecv_converters.coreml.reference import HOW, ReferenceCoreML

ProofMethod = Literal["runtime", "reference"]
LEAST: Final = 24  # samples that are evaluated however large the network is
WORK: Final = 40_000_000_000  # multiply-adds that a reference evaluation may take for one set: seconds to a minute


def methods(target: Target) -> tuple[ProofMethod, ...]:
    """List how artifacts of a format can be executed on this system: Core ML itself is there on macOS only."""
    if target != "coreml":
        return ("runtime",)
    return ("reference", "runtime") if sys.platform == "darwin" else ("reference",)


def open_for_proof(artifact: Artifact, file: Path, method: ProofMethod, *, threads: int = 1) -> Backend:
    """Load an artifact to be executed by that method.

    Raises:
        BackendError: The runtime, or the evaluator, refused the file.
        BundleError: A Core ML package is damaged.
        MissingDependencyError: What executes it is not installed.
    """
    if method == "reference":
        return ReferenceCoreML(file, artifact.inputs, artifact.outputs)
    return open_backend(artifact, file, threads=threads)


def activated(artifact: Artifact, reference: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The source's outputs with the activations that the artifact applies to its own."""
    return {io.name: activate(reference[io.name], io.activation) for io in artifact.outputs}


def how(backend: Backend) -> str:
    """Say what executed an artifact, for the report."""
    if isinstance(backend, ReferenceCoreML):
        return HOW
    return f"Core ML {backend.info.version}" if backend.info.name == "coreml" else str(backend.info)


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
