"""Runs one artifact of a bundle on samples whose true classes are known, and keeps its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import run_float
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Artifact

from edgecv_converters.data import Spool
from edgecv_converters.isolate.child import progress
from edgecv_converters.parity.decide import trusted_decisions
from edgecv_converters.targets import ProofMethod, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One artifact of the bundle at `root` (an absolute path); its output named `output` is a class a sample."""

    root: Path
    artifact: Artifact
    head: Head
    output: str
    method: ProofMethod
    threads: int
    samples: Spool


def decide(order: Decision) -> np.ndarray:
    """The class that the artifact answers for each sample.

    Raises:
        EdgecvError: The runtime cannot load or run the file, or is not installed.
    """
    decided = []
    file = order.root / order.artifact.file
    backend = find(order.artifact.target).open(order.artifact, file, order.method, threads=order.threads)
    try:
        for rows, batch in order.samples.batches(1):
            outputs = run_float(backend, order.artifact, batch)
            decided.append(trusted_decisions(outputs[order.output], order.head))
            progress(rows.stop, order.samples.count)
    finally:
        backend.close()
    return np.concatenate([row.reshape(1) for row in decided if row is not None])
