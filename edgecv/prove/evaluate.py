"""`edgecv evaluate`: how good the answers of a bundle's artifacts are on labelled samples, head by head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from edgecv_converters.data import Spool, open_samples, read_truths, write_spool
from edgecv_converters.isolate import Job, WorkerLimits, WorkerPool, children
from edgecv_converters.parity.answers import Decision, decide
from edgecv_converters.targets import find
from edgecv_runtime.bundle import MANIFEST, Bundle
from edgecv_runtime.errors import BundleError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.metrics import HeadMetrics
from edgecv_runtime.heads.one_class import only_class_head
from edgecv_runtime.schema import Artifact, Manifest

from edgecv.terminal.observer import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One head of one artifact on the labelled samples; `skipped` counts the samples that could not be read."""

    artifact: str
    head: str
    kind: str
    skipped: int
    metrics: HeadMetrics

    def record(self) -> dict[str, Any]:
        """Return the same for JSON, the fields of the metrics beside the others."""
        found: dict[str, Any] = msgspec.to_builtins(self.metrics)
        return {"artifact": self.artifact, "head": self.head, "kind": self.kind, "skipped": self.skipped, **found}


def evaluate(
    path: Path, data: Path, *, target: str | None, precision: str | None, threads: int, observer: Observer
) -> list[Evaluation]:
    """Run the chosen artifacts on a labelled folder or .npz file; by default all whose runtime is here.

    Each artifact runs in a process of its own.
    Where there is no Core ML, its artifacts are evaluated by the reference evaluator if they are asked for.

    Raises:
        BundleError: The bundle is damaged, or has no such artifact.
        DataError: The data has no labels, others than the bundle, or does not say which head they are of.
    """
    root, file = locate(path)
    with children(decide.__module__) as pool, Bundle.load(root, scratch=pool.staging) as bundle:
        manifest = bundle.manifest
        chosen = choose(manifest, file, target, precision)
        for sentence in bundle.left_out:
            observer.note(sentence)
        heads = heads_of(manifest)
        samples = open_samples(data)
        judge = only_class_head(heads)
        spool, info = write_spool(
            samples,
            pool.staging / "samples",
            manifest.preprocess,
            manifest.inputs,
            labels=None if judge is None else judge.label_names,
            truths=tuple(head.name for head in heads),
            on_progress=lambda done, total: observer.stage("preprocess", done, total),
        )
        truths = read_truths(samples, info, heads, manifest.preprocess.keys())
        if info.skipped:
            observer.note(f"unreadable, and left out: {info.skipped_names}")
        judged = tuple(head for head in heads if head.name in truths)
        jobs = [_submit(pool, _decision(bundle, artifact, judged, spool, threads), observer) for artifact in chosen]
        return [
            Evaluation(
                artifact=artifact.file,
                head=head.name,
                kind=head.kind,
                skipped=len(info.skipped),
                metrics=head.measure(truths[head.name], job.result()[head.name]),
            )
            for artifact, job in zip(chosen, jobs, strict=True)
            for head in judged
        ]


def _decision(bundle: Bundle, artifact: Artifact, heads: tuple[Head, ...], samples: Spool, threads: int) -> Decision:
    return Decision(
        root=bundle.root.absolute(),
        artifact=artifact,
        heads=heads,
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
    if path.name.endswith(".zip") or (path / MANIFEST).is_file():
        return path, None
    for parent in path.absolute().parents:
        if (parent / MANIFEST).is_file() and path.exists():
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
