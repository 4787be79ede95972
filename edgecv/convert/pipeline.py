"""From a trained model and a recipe to a proven bundle: the only orchestration there is.

Five phases, each with its own module and its own frozen record: source, data, conversion, proof, bundle.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecv_converters.data import SampleSet
from edgecv_converters.isolate import WorkerPool
from edgecv_converters.measured import Failure, Report
from edgecv_converters.source import save_live
from edgecv_converters.source.beside import beside
from edgecv_converters.source.detect import detect
from edgecv_converters.targets import ProofMethod
from edgecv_converters.workers.exchange import REFERENCES, REMARKS
from edgecv_runtime.digest import tree_bytes
from edgecv_runtime.schema import Manifest, Parity

from edgecv.convert.assemble import assemble
from edgecv.convert.conversion import Conversions, check_failures, may_go_on, needed
from edgecv.convert.data import prepare_data
from edgecv.convert.datasets import open_sets
from edgecv.convert.evidence import weaknesses_of
from edgecv.convert.explanation import check_explainable, explain_samples
from edgecv.convert.heads import assumptions
from edgecv.convert.memory import memory_note, wants_huge_pages
from edgecv.convert.proof import Proofs
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.request import ConvertRequest
from edgecv.convert.result import ConversionResult
from edgecv.convert.source import read_source, start_source
from edgecv.convert.staging import Staging
from edgecv.convert.workers import Workers
from edgecv.extras import require_for
from edgecv.terminal.observer import Observer, Silent

EVALUATED = 4  # samples side by side: each holds its activations
PRELOAD = ("tensorflow", "keras", "edgecv_converters.workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a conversion.

    Attributes:
        path: The bundle, or None where a gate failed and it was not kept.
        manifest: What the bundle says of itself.
        report: Everything that was measured.
    """

    path: Path | None
    manifest: Manifest
    report: Report

    @property
    def failed(self) -> tuple[Parity, ...]:
        """The proofs that failed: artifacts over a gate, or that did not run."""
        return tuple(parity for parity in self.manifest.parity if parity.status == "failed")

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The artifacts that did not convert, where the bundle was written with the rest all the same."""
        return self.report.failures


def convert(request: ConvertRequest, observer: Observer | None = None, *, live: Any = None) -> Outcome:
    """Convert, prove, and move the bundle into place if every gate holds.

    Args:
        request: What is converted, where to, and how.
        observer: Is told what happens.
        live: A `keras.Model` in memory, which is converted in place of `request.model`.

    Raises:
        EdgecvError: The model, the data or a converter; nothing is left behind.
    """
    require_for(spec.target for spec in needed(request.recipe.steps))
    if live is None:
        detect(request.model)
    sets = open_sets(request)
    with Staging(request.out, force=request.force) as staging:
        if live is not None:
            request = replace(request, model=save_live(live, staging.work), beside=beside(live))
        model_bytes = tree_bytes(request.model)
        with WorkerPool(
            staging.work,
            litter=staging.root,
            preload=PRELOAD,
            jobs=request.jobs,
            huge_pages=wants_huge_pages(model_bytes),
        ) as pool:
            workers = Workers(pool, request.limits, observer or Silent(), model_bytes)
            note = memory_note(needed(request.recipe.steps), workers.model_bytes, pool.together)
            if note is not None:
                workers.observer.note(note)
            result = run_phases(request, sets, workers, staging)
            manifest, report = assemble(request, result, staging.bundle)
            outcome = Outcome(path=request.out, manifest=manifest, report=report)
            if outcome.failed and not request.keep_failing:
                outcome = replace(outcome, path=None)
            else:
                staging.commit()
            staging.clear()  # while there is a host, which removes what is here if this process is killed
    return outcome


def run_phases(
    request: ConvertRequest, sets: Mapping[str, SampleSet], workers: Workers, staging: Staging
) -> ConversionResult:
    """Start the workers, feed them, and gather what they make.

    Converters start with the source model and wait for its frozen graph; each artifact is proven as soon as it and the
    data are there.

    Raises:
        EdgecvError: The model, the data or a converter.
    """
    began = time.monotonic()

    def prove(spec: ArtifactSpec) -> None:  # not before `finish`: by then there are data
        if may_go_on(conversions.failures, request):
            proofs.start(spec, conversions.converted[spec])

    job = start_source(request, workers, staging.work)
    conversions = Conversions(request.recipe, workers, staging, on_made=prove)
    conversions.start()
    source = read_source(request, workers, job)
    check_explainable(request, source)
    data = prepare_data(request, source, sets, workers, staging.work)
    proofs = Proofs(workers, staging.bundle, data, source.summary.info.multiply_adds, proof_threads(request))
    workers.finish()
    conversion = conversions.result()
    check_failures(conversion, request)
    for failure in conversion.failures:
        workers.observer.note(f"{failure.target} {failure.precision} is left out: {failure.message}")
    remarks = workers.wait_for(REMARKS, job)
    for remark in remarks:
        workers.observer.note(remark)
    references = workers.wait_for(REFERENCES, job)
    explanation = explain_samples(request, data, conversion.artifacts, workers, staging)
    weaknesses = (*assumptions(request, source), *weaknesses_of(source, data, references))
    for text in weaknesses:
        workers.observer.note(f"Weak proof: {text}")
    return ConversionResult(
        source=source,
        data=data,
        conversion=conversion,
        proof=proofs.result(),
        references=references,
        remarks=remarks,
        weaknesses=weaknesses,
        explanation=explanation,
        seconds={**workers.seconds, "total": time.monotonic() - began},
    )


def proof_threads(request: ConvertRequest) -> Mapping[ProofMethod, int]:
    """Share the jobs among the artifacts; an evaluation takes longest, and has them all."""
    each = max(1, request.jobs // len(needed(request.recipe.steps)))
    return {"runtime": each, "reference": min(request.jobs, EVALUATED)}
