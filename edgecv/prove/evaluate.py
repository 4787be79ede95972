"""`edgecv evaluate`: the accuracy of a bundle's artifacts on labelled samples, class by class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_converters.data import Spool, SpoolInfo, open_samples, write_spool
from edgecv_converters.isolate import Job, WorkerLimits, WorkerPool, children
from edgecv_converters.parity.answers import Decision, decide
from edgecv_converters.parity.metrics import Scores, confusion_matrix, precision_recall_f1, wilson
from edgecv_converters.targets import find
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError, UsageError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Artifact, Manifest

from edgecv.terminal.observer import Observer

WIDEST_MATRIX = 20  # classes; beyond that a confusion matrix is for --json


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One artifact on the labelled samples; `confusion` rows are true classes, columns the answers."""

    artifact: str
    count: int
    skipped: int
    accuracy: float
    interval: tuple[float, float]
    labels: tuple[str, ...]
    confusion: list[list[int]]
    scores: Scores


def evaluate(
    path: Path, data: Path, *, target: str | None, precision: str | None, threads: int, observer: Observer
) -> list[Evaluation]:
    """Run the chosen artifacts on a labelled folder or .npz file; by default all whose runtime is here.

    Each artifact runs in a process of its own.
    Where there is no Core ML, its artifacts are evaluated by the reference evaluator if they are asked for.

    Raises:
        BundleError: The bundle is damaged, or has no such artifact.
        DataError: The data has no labels, or others than the bundle.
        UsageError: The bundle's outputs are no classes.
    """
    root, file = locate(path)
    with children(decide.__module__) as pool, Bundle.load(root, scratch=pool.staging) as bundle:
        manifest = bundle.manifest
        chosen = choose(manifest, file, target, precision)
        labels = class_labels(manifest)
        spool, info = write_spool(
            open_samples(data, labelled=True),
            pool.staging / "samples",
            manifest.preprocess,
            manifest.inputs,
            labels=labels,
            on_progress=lambda done, total: observer.stage("preprocess", done, total),
        )
        if info.skipped:
            observer.note(f"unreadable, and left out: {info.skipped_names}")
        jobs = [_submit(pool, _decision(bundle, artifact, spool, threads), observer) for artifact in chosen]
        return [_judge(artifact, job.result(), info, labels) for artifact, job in zip(chosen, jobs, strict=True)]


def _decision(bundle: Bundle, artifact: Artifact, samples: Spool, threads: int) -> Decision:
    return Decision(
        root=bundle.root.absolute(),
        artifact=artifact,
        head=Head.of(bundle.manifest),
        output=bundle.manifest.outputs[0].name,
        method=find(artifact.target).methods()[-1],
        threads=threads,
        samples=samples,
    )


def _submit(pool: WorkerPool, order: Decision, observer: Observer) -> Job:
    job = pool.submit(
        f"evaluating {order.artifact.file}", decide, WorkerLimits.of_machine(seconds=math.inf), order=order
    )
    observer.job(job)
    return job


def locate(path: Path) -> tuple[Path, str | None]:
    """The bundle that a path means, and the artifact's file inside it where the path names one.

    Raises:
        BundleError: The path is neither a bundle nor inside one.
    """
    if path.name.endswith(".zip") or (path / "bundle.json").is_file():
        return path, None
    for parent in path.absolute().parents:
        if (parent / "bundle.json").is_file() and path.exists():
            return parent, path.absolute().relative_to(parent).as_posix()
    if not path.exists():
        raise BundleError(f"{path} does not exist", "Give a NAME.edgecv folder, or an artifact's file inside one")
    raise BundleError(
        f"{path} is not a bundle, nor a file inside one",
        "An artifact alone does not say how pictures are prepared: make a bundle with edgecv convert",
    )


def choose(manifest: Manifest, file: str | None, target: str | None, precision: str | None) -> list[Artifact]:
    """The artifacts to run.

    Raises:
        BundleError: None fits; the message lists those there are.
    """
    fitting = [
        artifact
        for artifact in manifest.artifacts
        if file in {None, artifact.file}
        and target in {None, artifact.target}
        and precision in {None, artifact.precision}
    ]
    if not fitting:
        there = ", ".join(artifact.file for artifact in manifest.artifacts)
        raise BundleError("the bundle has no such artifact", f"It holds {there}")
    quick = [artifact for artifact in fitting if "runtime" in find(artifact.target).methods()]
    return quick if quick and file is None and target is None else fitting


def class_labels(manifest: Manifest) -> tuple[str, ...]:
    """The bundle's labels, or the class indices where it has none.

    Raises:
        UsageError: The outputs are no classes.
    """
    if manifest.task not in {"classification", "binary"}:
        raise UsageError(
            f"{manifest.name} does {manifest.task}, which has no one class per sample",
            "Convert with --task classification if its output is class scores",
        )
    width = 2 if manifest.task == "binary" else manifest.outputs[0].shape[-1]
    return manifest.labels or tuple(str(index) for index in range(width))


def _judge(artifact: Artifact, answers: np.ndarray, info: SpoolInfo, labels: tuple[str, ...]) -> Evaluation:
    truth = np.asarray(info.labels)
    correct = int(np.count_nonzero(truth == answers))
    return Evaluation(
        artifact=artifact.file,
        count=len(truth),
        skipped=len(info.skipped),
        accuracy=correct / len(truth),
        interval=wilson(correct, len(truth)),
        labels=labels,
        confusion=confusion_matrix(truth, answers, len(labels)).tolist(),
        scores=precision_recall_f1(truth, answers, len(labels)),
    )
