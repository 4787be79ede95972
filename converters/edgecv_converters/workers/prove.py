"""Loads one artifact, runs it on every data set, and measures how far it is from the source's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from edgecv_runtime.backends import Backend, run_float, to_raw
from edgecv_runtime.golden_schema import Sketch
from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.metrics import HeadMetrics
from edgecv_runtime.schema import Accuracy, Artifact, Comparison

from edgecv_converters.data import Spool
from edgecv_converters.isolate.child import progress, wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import Histogram
from edgecv_converters.parity.methods import activated, at_once, spread
from edgecv_converters.parity.metrics import ComparisonAccumulator, accuracy
from edgecv_converters.parity.suspect import ReferenceEvaluator, Suspect
from edgecv_converters.parity.worst import WorstSample, WorstSamples
from edgecv_converters.targets import ProofMethod, find
from edgecv_converters.workers.exchange import REFERENCES
from edgecv_converters.workers.records import DataSet

GOLDEN = "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The subject of a proof: the artifact below `root`, and at most `most` samples of a set (None: all).

    `heads` are those of the artifact: what it applies by itself is applied no more (`Head.given`). `sketches` are of
    what the source computes on the first golden case; only a reference evaluation looks at them.
    """

    artifact: Artifact
    root: Path
    heads: tuple[Head, ...]
    method: ProofMethod = "runtime"
    most: int | None = None
    threads: int = 1
    sketches: tuple[Sketch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredHead:
    """The quality of one head's answers on labelled data: the artifact's, and the source's (`reference`)."""

    head: str
    kind: str
    metrics: HeadMetrics
    reference: HeadMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The measurements of one artifact.

    Attributes:
        how: What executed it.
        comparisons: By set.
        histogram: Of the errors, over all sets.
        decisions: By set, the artifact's decisions, those of all heads side by side; `rows` are the samples' places in
            the set.
        overflow: The first operation whose result was not finite; only a reference evaluation finds it.
        suspect: The operation that departs most from the source, likewise.
        accuracy, correct, reference_correct: On the labelled set; right answers by class index.
        measured: On the labelled set, of the other heads that something is known of.
        worst: By set, the samples whose answers differ most, where they can be drawn.
    """

    how: str
    comparisons: dict[str, Comparison]
    histogram: Histogram
    decisions: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    overflow: str | None = None
    suspect: Suspect | None = None
    accuracy: Accuracy | None = None
    correct: dict[int, int] | None = None
    reference_correct: dict[int, int] | None = None
    measured: tuple[MeasuredHead, ...] = ()
    worst: dict[str, tuple[WorstSample, ...]] = field(default_factory=dict)


def prove_artifact(subject: Subject, sets: tuple[DataSet, ...], store: ObjectStore) -> Proof:
    """Run the artifact in this process on all data sets, once the source's "references" to them are there.

    Raises:
        BackendError: The runtime cannot load or run the file.
    """
    references = wait_for(store, REFERENCES)
    rows = {data.name: spread(data.inputs.count, subject.most) for data in sets}
    total = sum(len(chosen) for chosen in rows.values())
    everything = ComparisonAccumulator(subject.heads)
    comparisons: dict[str, Comparison] = {}
    worst: dict[str, tuple[WorstSample, ...]] = {}
    decisions: dict[str, np.ndarray] = {}
    judged: tuple[Accuracy, dict[int, int], dict[int, int]] | None = None
    measured: list[MeasuredHead] = []
    done = 0
    target = find(subject.artifact.target)
    backend = target.open(
        subject.artifact, subject.root / subject.artifact.file, subject.method, threads=subject.threads
    )
    try:
        for data in sets:
            chosen = rows[data.name]
            compared = _compare(subject, backend, data, references[data.name], chosen, everything, (done, total))
            comparisons[data.name], decided, worst[data.name] = compared
            done += len(chosen)
            deciding = [decided[head.name][1] for head in subject.heads if head.decides]
            if deciding:
                decisions[data.name] = side_by_side(deciding)
            if data.labels is not None and data.judged is not None:
                judged = _judge(data.labels[chosen], *decided[data.judged])
            measured += _measured(subject.heads, data, chosen, decided)
        overflow, suspect = _looked_into(subject, backend, sets)
    finally:
        backend.close()
    return Proof(
        how=target.execution(backend),
        comparisons=comparisons,
        histogram=everything.histogram(subject.artifact.file),
        decisions=decisions,
        rows=rows,
        overflow=overflow,
        suspect=suspect,
        accuracy=judged[0] if judged else None,
        correct=judged[1] if judged else None,
        reference_correct=judged[2] if judged else None,
        measured=tuple(measured),
        worst=worst,
    )


def _measured(
    heads: Sequence[Head], data: DataSet, chosen: np.ndarray, answers: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> list[MeasuredHead]:
    """The metrics of the heads that something is known of, but for the one whose accuracy is measured."""
    return [
        MeasuredHead(
            head=head.name,
            kind=head.kind,
            metrics=head.measure(data.truths[head.name][chosen], answers[head.name][1]),
            reference=head.measure(data.truths[head.name][chosen], answers[head.name][0]),
        )
        for head in heads
        if head.name in data.truths and head.name != data.judged
    ]


def _compare(
    subject: Subject,
    backend: Backend,
    data: DataSet,
    answers: Spool,
    chosen: np.ndarray,
    everything: ComparisonAccumulator,
    so_far: tuple[int, int],
) -> tuple[Comparison, dict[str, tuple[np.ndarray, np.ndarray]], tuple[WorstSample, ...]]:
    """Compare one set; also the source's and the artifact's answers, by head, and the worst of them."""
    own, worst = ComparisonAccumulator(subject.heads), WorstSamples()
    pictured = any(head.pictured for head in subject.heads)
    answering = [head for head in subject.heads if head.decides or head.name in data.truths]
    answered: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {head.name: [] for head in answering}
    done, total = so_far
    size = at_once(subject.artifact)
    for (rows, inputs), (_, every) in zip(data.inputs.batches(size), answers.batches(size), strict=True):
        picked = chosen[(chosen >= rows.start) & (chosen < rows.stop)]
        if not len(picked):
            continue
        ids = [data.ids[row] for row in picked]
        candidate = run_float(backend, subject.artifact, _rows(inputs, picked - rows.start))
        reference = activated(subject.artifact, _rows(every, picked - rows.start))
        shares = own.add(ids, reference, candidate)
        if pictured:
            worst.add(ids, shares, reference, candidate)
        everything.add(ids, reference, candidate)
        done += len(picked)
        progress(done, total)
        for head in answering:
            answered[head.name].append((head.answers(reference), head.answers(candidate)))
    joined = {
        name: (np.concatenate([theirs for theirs, _ in parts]), np.concatenate([own_part for _, own_part in parts]))
        for name, parts in answered.items()
    }
    return own.result(), joined, worst.result()


def side_by_side(decisions: Sequence[np.ndarray]) -> np.ndarray:
    """Return the decisions of several heads as one row a sample; those of one head as they are."""
    if len(decisions) == 1:
        return decisions[0]
    return np.concatenate([made.reshape(len(made), -1) for made in decisions], axis=1)


def _looked_into(subject: Subject, backend: Backend, sets: tuple[DataSet, ...]) -> tuple[str | None, Suspect | None]:
    golden = next((data for data in sets if data.name == GOLDEN), None)
    if not isinstance(backend, ReferenceEvaluator) or golden is None:
        return None, None
    _, first = next(golden.inputs.batches(1))
    raw = {io.name: to_raw(first[io.name], io) for io in subject.artifact.inputs}
    overflow = backend.overflow
    return overflow, backend.suspect(raw, subject.sketches)


def _rows(tensors: dict[str, np.ndarray], places: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[places] for name, values in tensors.items()}


def _judge(
    labels: np.ndarray, reference: np.ndarray, candidate: np.ndarray
) -> tuple[Accuracy, dict[int, int], dict[int, int]]:
    def by_class(decisions: np.ndarray) -> dict[int, int]:
        right = labels[same_rows(labels, decisions)]
        return {int(label): int(np.count_nonzero(right == label)) for label in np.unique(labels)}

    return accuracy(labels, reference, candidate), by_class(candidate), by_class(reference)
