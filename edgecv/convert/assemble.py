"""Puts together what a conversion made: gates, manifest, golden cases, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from edgecv_converters.coreml.reference import faults
from edgecv_converters.data import SampleSet, Spool, SpoolInfo
from edgecv_converters.golden import write_golden
from edgecv_converters.measured import ClassRow, Failure, Mixed, Report
from edgecv_converters.parity.decide import same_rows
from edgecv_converters.parity.gates import GateConfig, evaluate_gates
from edgecv_converters.parity.methods import Way, ways
from edgecv_converters.quantize import LOGITS, RANGES
from edgecv_converters.workers import Converted, Proof, SourceSummary, kept_layers
from edgecv_runtime.bundle import encode_manifest
from edgecv_runtime.cpu import architecture, cpu_flags
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import (
    SCHEMA_VERSION,
    Artifact,
    CalibrationSet,
    Cpu,
    Gate,
    GoldenInfo,
    Manifest,
    Parity,
    Postprocess,
    Preprocess,
    Provenance,
    Quantization,
    Status,
    Twin,
)

from edgecv import machine
from edgecv.convert.datasets import class_names, golden_cases
from edgecv.convert.mixed import best_reached, budget_gate, mixed_notes
from edgecv.convert.recipe import Step
from edgecv.convert.request import Request
from edgecv.report import render

CARRIER = Step(target="tflite", precision="int8")
TWIN_AGREEMENT = 0.97
TWINS = frozenset({Step(target="onnx", precision="int8"), Step(target="coreml", precision="int8")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that the workers made and measured."""

    summary: SourceSummary
    head: Head
    specs: Mapping[str, Preprocess]
    golden: SampleSet
    sets: Mapping[str, SampleSet]
    spools: Mapping[str, tuple[Spool, SpoolInfo]]
    references: Mapping[str, Spool]
    artifacts: Mapping[Step, Artifact]
    converted: Mapping[Step, Converted]
    labels: tuple[str, ...] | None
    identity: str
    proofs: Mapping[tuple[Step, Way], Proof | EdgecvError]
    failures: tuple[Failure, ...]
    seconds: Mapping[str, float]

    @property
    def quantized(self) -> Converted | None:
        """What carries the one quantization, in the bundle or not."""
        return self.converted.get(CARRIER)

    @property
    def mixed(self) -> Mixed | None:
        """Which layers stay float; None where no budget was given."""
        return None if self.quantized is None else self.quantized.mixed

    @property
    def carrier(self) -> Step:
        """The artifact that answers for the one quantization: TFLite's where it is in the bundle."""
        known = (CARRIER, *sorted(TWINS, key=str, reverse=True))
        return next((step for step in known if step in self.artifacts), CARRIER)

    @property
    def measured(self) -> tuple[Proof, ...]:
        """The proofs that ran."""
        return tuple(proof for proof in self.proofs.values() if isinstance(proof, Proof))


def assemble(request: Request, material: Material, folder: Path) -> tuple[Manifest, Report]:
    """Write all of the bundle but its artifacts, which are there already."""
    steps = [step for step in request.recipe.steps if step in material.artifacts]
    parity = {step: [judge(step, way, request, material) for way in ways(step.target)] for step in steps}
    artifacts = tuple(
        msgspec.structs.replace(material.artifacts[step], parity=status_of(parity[step])) for step in steps
    )
    spool, info = material.spools["golden"]
    cases = golden_cases(material.golden, spool, info, material.references["golden"], material.specs)
    sketched = next((made.sketches for made in material.converted.values() if made.sketches), ())
    golden = write_golden(folder / "golden", cases, sketched)
    judged = tuple(one for several in parity.values() for one in several)
    manifest = make_manifest(request, material, artifacts, judged, golden)
    report = make_report(request, material, manifest)
    if manifest.labels is not None:
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in manifest.labels), encoding="utf-8")
    (folder / "bundle.json").write_bytes(encode_manifest(manifest))
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    (folder / "report.html").write_text(render(report), encoding="utf-8")
    return manifest, report


def status_of(judged: Sequence[Parity]) -> Status:
    """An artifact's status: failed where any way of running it fails, passed where one passes and none fails."""
    found = {parity.status for parity in judged}
    return next((status for status in ("failed", "passed") if status in found), "not_run")


def judge(step: Step, way: Way, request: Request, material: Material) -> Parity:
    """Hold one artifact's proof against its gates; what did not run is said to be not run.

    Core ML's int8 computed in float16 is no exact twin of the TFLite file: how often they agree is told, not judged.
    """
    file = material.artifacts[step].file
    proof = material.proofs.get((step, way))
    if proof is None:
        return Parity(artifact=file, status="not_run", how="not run", reason="it was not run")
    if isinstance(proof, EdgecvError):
        return Parity(artifact=file, status="failed", how="did not run", reason=proof.message)
    twin = twin_of(step, proof, material)
    config = GateConfig.parse(request.recipe.gates, trained=request.recipe.epochs is not None)
    gates = evaluate_gates(config, material.artifacts[step].precision, proof.comparisons, proof.accuracy)
    mixed = material.mixed if step == material.carrier else None
    gates += () if mixed is None else (budget_gate(mixed),)
    if twin is not None and not (step.target == "coreml" and request.recipe.coreml.compute == "float16"):
        passed = twin.count - twin.equal <= max(1, (1 - TWIN_AGREEMENT) * twin.count)
        gates += (Gate(name="twin", on=twin.on, limit=TWIN_AGREEMENT, value=twin.agreement, passed=passed),)
    failed = [_failed(gate, mixed) for gate in gates if not gate.passed]
    failed += faults(failed, proof.overflow, proof.suspect)
    return Parity(
        artifact=file,
        status="failed" if failed else "passed",
        how=proof.how,
        reason="; ".join(failed) or None,
        comparisons=proof.comparisons,
        accuracy=proof.accuracy,
        twin=twin,
        gates=gates,
    )


def _failed(gate: Gate, mixed: Mixed | None) -> str:
    if gate.name == "budget" and mixed is not None:
        return best_reached(mixed)
    return f"{gate.name} is {_value(gate.value)} on {gate.on}, the gate is {gate.limit:g}"


def twin_of(step: Step, proof: Proof, material: Material) -> Twin | None:
    """How often an int8 artifact and the int8 TFLite file, whose quantization it carries, give the same answer."""
    other = material.proofs.get((CARRIER, "runtime"))
    if step not in TWINS or not isinstance(other, Proof) or not proof.decisions:
        return None
    on = max(proof.decisions, key=lambda name: len(proof.decisions[name]))
    equal = same_rows(other.decisions[on][proof.rows[on]], proof.decisions[on])
    return Twin(
        other=material.artifacts[CARRIER].file,
        on=on,
        count=len(equal),
        equal=int(equal.sum()),
        agreement=float(equal.mean()),
    )


def _value(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def make_manifest(
    request: Request,
    material: Material,
    artifacts: tuple[Artifact, ...],
    parity: tuple[Parity, ...],
    golden: GoldenInfo,
) -> Manifest:
    """All of `bundle.json`."""
    summary = material.summary
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=request.name,
        identity=material.identity,
        task=material.head.task,
        inputs=summary.inputs,
        outputs=summary.outputs,
        preprocess=dict(material.specs),
        postprocess=Postprocess(activation=material.head.activation, thresholds=material.head.thresholds),
        labels=material.labels,
        artifacts=artifacts,
        quantization=quantization_of(request, material),
        parity=parity,
        provenance=Provenance(
            edgecv=machine.versions()["edgecv"],
            source=summary.info,
            recipe=msgspec.to_builtins(request.recipe),
            versions=machine.versions(),
            cpu=Cpu(architecture=architecture(), flags=cpu_flags()),
        ),
        golden=golden,
    )


def quantization_of(request: Request, material: Material) -> Quantization | None:
    """The one quantization of the int8 artifacts, or None where nothing was calibrated."""
    if not any(step.needs_calibration for step in material.artifacts):
        return None
    samples, (_, info) = material.sets["calibration"], material.spools["calibration"]
    steps = material.quantized.steps if material.quantized is not None else ()
    versions = machine.versions()
    vendor = f"tflite post-training, tensorflow {versions.get('tensorflow', 'unknown')}"
    return Quantization(
        quantizer=f"edgecv {versions['edgecv']}: {', '.join(steps)} (on {vendor})" if steps else vendor,
        weights="int8, symmetric, per channel",
        activations=f"int8, asymmetric, per tensor{_how_ranged(steps)}",
        io=request.recipe.io,
        calibration=CalibrationSet(
            kind=samples.kind,
            count=len(info.ids),
            skipped=len(info.skipped),
            seed=request.recipe.seed,
            sha256=info.digest,
        ),
        float_layers=kept_layers(material.mixed),
    )


def _how_ranged(steps: Sequence[str]) -> str:
    if RANGES in steps:
        return ""
    return ", min/max but for logits" if LOGITS in steps else ", min/max"


def make_report(request: Request, material: Material, manifest: Manifest) -> Report:
    """All of `report.json`."""
    return Report(
        name=manifest.name,
        task=manifest.task,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine.machine_line(),
        versions=machine.versions(),
        seconds=dict(material.seconds),
        source=manifest.provenance.source,
        reference=f"the source model, {manifest.provenance.source.loader} on CPU",
        artifacts=manifest.artifacts,
        parity=manifest.parity,
        failures=material.failures,
        classes=class_rows(request, material),
        histograms=tuple(proof.histogram for proof in material.measured),
        notes=notes_of(material),
        preprocess=manifest.preprocess,
        quantization=manifest.quantization,
        layers=material.quantized.layers if material.quantized is not None else (),
        mixed=material.mixed,
    )


def class_rows(request: Request, material: Material) -> tuple[ClassRow, ...]:
    """Right answers by class, of the source and of each artifact that ran on labelled data."""
    _, info = material.spools.get("evaluation", (None, None))
    proofs = {
        material.artifacts[step].file: proof
        for (step, _), proof in material.proofs.items()
        if isinstance(proof, Proof)
        and proof.correct is not None
        and info
        and len(proof.rows["evaluation"]) == len(info.ids)
    }
    if info is None or info.labels is None or not proofs:
        return ()
    names = class_names(request, material.sets["evaluation"], material.summary.outputs) or ()
    reference = next(iter(proofs.values())).reference_correct or {}
    return tuple(
        ClassRow(
            label=names[index],
            count=info.labels.count(index),
            reference_correct=reference.get(index, 0),
            correct={file: (proof.correct or {}).get(index, 0) for file, proof in proofs.items()},
        )
        for index in sorted(set(info.labels))
    )


def notes_of(material: Material) -> tuple[str, ...]:
    """What a reader of the report should know besides the numbers."""
    notes = list(material.summary.notes)
    for made in material.converted.values():
        notes.extend(note for note in made.notes if note not in notes)
    if material.mixed is not None:
        measured = next((proof.accuracy for proof in material.measured if proof.accuracy), None)
        notes.extend(mixed_notes(material.mixed, measured))
    for name, (_, info) in material.spools.items():
        if info.skipped:
            count, names = len(info.skipped), info.skipped_names
            notes.append(f"{count} of the {name} images could not be read and were skipped: {names}")
    if not material.sets.keys() - {"golden"}:
        notes.append("No data was given: parity was measured on drawn stand-ins only")
    return tuple(notes)
