"""Runs one artifact of a bundle on labelled samples, and keeps its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import run_float
from edgecv_runtime.heads.base import Head
from edgecv_runtime.schema import Artifact

from edgecv_converters.data import Spool
from edgecv_converters.isolate.child import progress
from edgecv_converters.parity.methods import at_once
from edgecv_converters.targets import ProofMethod, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One artifact of the bundle at `root` (an absolute path), and the heads whose answers are wanted."""

    root: Path
    artifact: Artifact
    heads: tuple[Head, ...]
    method: ProofMethod
    threads: int
    samples: Spool


def decide(order: Decision) -> dict[str, np.ndarray]:
    """Return what the artifact answers to every sample, by head, in the form of `Head.answers`.

    Raises:
        EdgecvError: The runtime cannot load or run the file, or is not installed.
    """
    heads = [head.given(order.artifact.outputs) for head in order.heads]
    found: dict[str, list[np.ndarray]] = {head.name: [] for head in heads}
    file = order.root / order.artifact.file
    backend = find(order.artifact.target).open(order.artifact, file, order.method, threads=order.threads)
    try:
        for rows, batch in order.samples.batches(at_once(order.artifact)):
            outputs = run_float(backend, order.artifact, batch)
            for head in heads:
                found[head.name].append(head.answers(outputs))
            progress(rows.stop, order.samples.count)
    finally:
        backend.close()
    return {name: np.concatenate(rows) for name, rows in found.items()}
