"""Loads one artifact, runs it on every data set, and measures how far it is from the source's answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import Backend, open_backend, run_float
from edgecv_runtime.measured import Histogram
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Accuracy, Artifact, Comparison

from edgecv_converters.data import Spool
from edgecv_converters.isolate.child import progress, wait_for
from edgecv_converters.isolate.mailbox import Mailbox
from edgecv_converters.parity.decide import same_rows, trusted_decisions
from edgecv_converters.parity.metrics import ComparisonAccumulator, accuracy

BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Preprocessed samples; `labels` are class indices, or None."""

    name: str
    ids: tuple[str, ...]
    inputs: Spool
    labels: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was measured of one artifact."""

    how: str
    comparisons: dict[str, Comparison]
    histogram: Histogram
    decisions: dict[str, np.ndarray]
    accuracy: Accuracy | None = None
    correct: dict[int, int] | None = None
    reference_correct: dict[int, int] | None = None


def prove_artifact(
    artifact: Artifact, root: Path, head: Head, sets: tuple[DataSet, ...], threads: int, mail: Path
) -> Proof:
    """Run the artifact in this process on all data sets, once the source's "references" to them are there.

    Raises:
        BackendError: The runtime cannot load or run the file.
    """
    references: dict[str, Spool] = wait_for(Mailbox(mail), "references")
    total = sum(data.inputs.count for data in sets)
    everything = ComparisonAccumulator(head)
    comparisons: dict[str, Comparison] = {}
    decisions: dict[str, np.ndarray] = {}
    judged: tuple[Accuracy, dict[int, int], dict[int, int]] | None = None
    done = 0
    backend = open_backend(artifact, root / artifact.file, threads=threads)
    try:
        for data in sets:
            compared = _compare(artifact, backend, head, data, references[data.name], everything, (done, total))
            comparisons[data.name], decided = compared
            done += data.inputs.count
            if decided is not None:
                decisions[data.name] = decided[1]
            if data.labels is not None and decided is not None:
                judged = _judge(np.asarray(data.labels), *decided)
    finally:
        backend.close()
    return Proof(
        how=str(backend.info),
        comparisons=comparisons,
        histogram=everything.histogram(artifact.file),
        decisions=decisions,
        accuracy=judged[0] if judged else None,
        correct=judged[1] if judged else None,
        reference_correct=judged[2] if judged else None,
    )


def _compare(
    artifact: Artifact,
    backend: Backend,
    head: Head,
    data: DataSet,
    answers: Spool,
    everything: ComparisonAccumulator,
    so_far: tuple[int, int],
) -> tuple[Comparison, tuple[np.ndarray, np.ndarray] | None]:
    own = ComparisonAccumulator(head)
    decided: list[tuple[np.ndarray, np.ndarray]] = []
    pairs = zip(data.inputs.batches(BATCH), answers.batches(BATCH), strict=True)
    for (rows, inputs), (_, reference) in pairs:
        candidate = run_rows(artifact, backend, inputs)
        own.add(data.ids[rows], reference, candidate)
        everything.add(data.ids[rows], reference, candidate)
        progress(so_far[0] + rows.stop, so_far[1])
        name = next(iter(reference))
        both = trusted_decisions(reference[name], head), trusted_decisions(candidate[name], head)
        if both[0] is not None and both[1] is not None:
            decided.append((both[0], both[1]))
    if not decided:
        return own.result(), None
    return own.result(), (np.concatenate([r for r, _ in decided]), np.concatenate([c for _, c in decided]))


def run_rows(artifact: Artifact, backend: Backend, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run samples one by one, because artifacts have a static batch of one, and stack the float32 outputs."""
    count = len(next(iter(inputs.values())))
    single = [
        run_float(backend, artifact, {name: batch[row : row + 1] for name, batch in inputs.items()})
        for row in range(count)
    ]
    return {name: np.concatenate([outputs[name] for outputs in single]) for name in single[0]}


def _judge(
    labels: np.ndarray, reference: np.ndarray, candidate: np.ndarray
) -> tuple[Accuracy, dict[int, int], dict[int, int]]:
    def by_class(decisions: np.ndarray) -> dict[int, int]:
        right = labels[same_rows(labels, decisions)]
        return {int(label): int(np.count_nonzero(right == label)) for label in np.unique(labels)}

    return accuracy(labels, reference, candidate), by_class(candidate), by_class(reference)
