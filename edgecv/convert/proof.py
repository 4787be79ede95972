"""Phase 4 of a conversion: every artifact is run and held against the source model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgecv_converters.isolate import Job
from edgecv_converters.parity.methods import most_samples
from edgecv_converters.targets import Converted, ProofMethod, find
from edgecv_converters.workers import Proof, Subject, prove_artifact
from edgecv_runtime.errors import ConversionError, EdgecvError

from edgecv.convert.data import DataPhase
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.workers import Workers

MEMORY: Final = 4.0  # times the size of the model: an estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPhase:
    """The measurements of each artifact by each method, or the error that kept it from running."""

    proofs: Mapping[tuple[ArtifactSpec, ProofMethod], Proof | EdgecvError]

    @property
    def measured(self) -> tuple[Proof, ...]:
        """The proofs that ran."""
        return tuple(proof for proof in self.proofs.values() if isinstance(proof, Proof))


@dataclass(slots=True)
class Proofs:
    """The proofs of one conversion while they run.

    Attributes:
        workers: Where they run.
        root: The bundle's folder.
        data: What is proven on.
        multiply_adds: Of the source model for one sample; a reference evaluation takes fewer samples of large models.
        threads: With which each artifact is run, by method.
    """

    workers: Workers
    root: Path
    data: DataPhase
    multiply_adds: int | None
    threads: Mapping[ProofMethod, int]
    _found: dict[tuple[ArtifactSpec, ProofMethod], Proof | EdgecvError] = field(default_factory=dict)

    def start(self, spec: ArtifactSpec, converted: Converted) -> None:
        """Prove an artifact by every method that there is for it here."""
        for method in find(spec.target).methods():
            self._start(spec, converted, method)

    def result(self) -> ProofPhase:
        """The record of what was measured, once the workers have ended."""
        return ProofPhase(proofs=self._found)

    def _start(self, spec: ArtifactSpec, converted: Converted, method: ProofMethod) -> None:
        self._found[spec, method] = ConversionError(f"{spec} was not proven")
        self.workers.submit(
            f"prove {spec}" if method == "runtime" else f"evaluate {spec}",
            lambda job: self._proven(spec, method, job),
            prove_artifact,
            times=MEMORY,
            subject=Subject(
                artifact=converted.artifact,
                root=self.root,
                heads=tuple(head.given(converted.artifact.outputs) for head in self.data.heads),
                method=method,
                most=most_samples(method, self.multiply_adds),
                threads=self.threads[method],
                sketches=converted.sketches,
            ),
            sets=self.data.proof_sets,
            store=self.workers.store,
        )

    def _proven(self, spec: ArtifactSpec, method: ProofMethod, job: Job) -> None:
        try:
            self._found[spec, method] = job.result()
        except EdgecvError as error:
            self._found[spec, method] = error
