"""`edgecv verify`: are the files those that were proven, and do they give the recorded answers on this machine?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecv_converters.golden import read_golden
from edgecv_converters.isolate import Job, WorkerLimits, WorkerPool, children
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.golden import GoldenCheck, check_golden
from edgecv_converters.parity.verdict import without_run
from edgecv_converters.targets import find
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.schema import Artifact, Parity

from edgecv.prove.golden import decodes_again, preprocess_again
from edgecv.terminal.observer import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of checking a bundle.

    `preprocessing_equal` counts golden pictures (or clips) whose tensor came out with the very same bits, or sounds
    within 1e-5, of `pictures` that there are, whose kind is `kind`; `answers_equal` golden cases whose outputs, as they
    are recorded, are decoded to the recorded answer of every head.
    """

    name: str
    files: int
    golden: int
    kind: str
    pictures: int
    preprocessing_equal: int
    answers_equal: int
    parity: tuple[Parity, ...]


def verify(path: Path, *, gates: tuple[str, ...] = (), threads: int = 1, observer: Observer) -> Verification:
    """Check every digest, preprocess the golden pictures again, and run every artifact that can run here.

    Each artifact runs in a process of its own: a damaged one fails, and the others are judged all the same.

    Raises:
        BundleError: A file is missing, changed or not listed.
        UsageError: A gate is unknown.
    """
    GateConfig.parse(gates)
    with children(check_golden.__module__) as pool, Bundle.load(path, scratch=pool.staging) as bundle:
        for sentence in bundle.left_out:
            observer.note(sentence)
        trained = bundle.manifest.provenance.recipe.get("epochs") is not None
        config = GateConfig.parse(gates, trained=trained)
        bundle.verify_integrity()
        jobs = [_submit(pool, check, observer) for check in _checks(bundle, config, threads)]
        cases = list(read_golden(bundle.root, bundle.manifest.golden))
        pictures, equal = preprocess_again(bundle, cases)
        answered = sum(decodes_again(bundle, case) for case in cases)
        parity = tuple(_parity(artifact, job) for artifact, job in jobs)
        files = sum(1 for file in bundle.root.rglob("*") if file.is_file())
    return Verification(
        name=bundle.manifest.name,
        files=files,
        golden=len(cases),
        kind=next(iter(bundle.manifest.preprocess.values())).kind,
        pictures=pictures,
        preprocessing_equal=equal,
        answers_equal=answered,
        parity=parity,
    )


def _checks(bundle: Bundle, gates: GateConfig, threads: int) -> Iterator[GoldenCheck]:
    for artifact in bundle.manifest.artifacts:
        for method in find(artifact.target).methods():
            yield GoldenCheck(
                root=bundle.root.absolute(),
                artifact=artifact,
                golden=bundle.manifest.golden,
                recorded=bundle.manifest.parity,
                heads=tuple(head.given(artifact.outputs) for head in heads_of(bundle.manifest)),
                method=method,
                gates=gates,
                threads=threads,
            )


def _submit(pool: WorkerPool, check: GoldenCheck, observer: Observer) -> tuple[Artifact, Job]:
    job = pool.submit(f"golden cases of {check.artifact.file}", check_golden, WorkerLimits.of_machine(), check=check)
    observer.job(job)
    return check.artifact, job


def _parity(artifact: Artifact, job: Job) -> Parity:
    try:
        found: Parity = job.result()
    except BackendError as error:  # its process crashed, hung or used too much memory
        return without_run(artifact, error)
    return found
