"""Phase 5 of a conversion: the bundle's own files, written around the artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from edgecv_converters.golden import write_golden
from edgecv_converters.measured import Report
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.verdict import worst
from edgecv_converters.targets import ProofMethod, find
from edgecv_converters.workers import Proof
from edgecv_runtime.bundle import LABELS, MANIFEST, REPORTS, encode_manifest
from edgecv_runtime.schema import Gate, GoldenInfo, Manifest, Parity

from edgecv.convert.conversion import CARRIER, is_carried
from edgecv.convert.datasets import GOLDEN, golden_cases
from edgecv.convert.explanation import map_gate
from edgecv.convert.manifest import make_manifest
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.reporting import make_report
from edgecv.convert.request import ConvertRequest
from edgecv.convert.result import ConversionResult
from edgecv.prove.judge import TwinProof, judge_proof
from edgecv.report import render
from edgecv.report.explanation import map_pictures
from edgecv.report.html import Html

GOLDEN_FOLDER: Final = "golden"


def assemble(request: ConvertRequest, result: ConversionResult, folder: Path) -> tuple[Manifest, Report]:
    """Judge the proofs, and write all of the bundle but its artifacts, which are there already."""
    made = result.conversion.artifacts
    specs = [spec for spec in request.recipe.steps if spec in made]
    parity = {spec: [judged(spec, way, request, result) for way in find(spec.target).methods()] for spec in specs}
    artifacts = tuple(msgspec.structs.replace(made[spec], parity=worst(parity[spec]).status) for spec in specs)
    proven = tuple(one for several in parity.values() for one in several)
    manifest = make_manifest(request, result, artifacts, proven, _write_golden(result, folder))
    report = make_report(request, result, manifest)
    if manifest.labels is not None:
        (folder / LABELS).write_text("".join(f"{label}\n" for label in manifest.labels), encoding="utf-8")
    (folder / MANIFEST).write_bytes(encode_manifest(manifest))
    data, page = (folder / name for name in REPORTS)
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    page.write_text(render(report, shown_maps(result)), encoding="utf-8")
    return manifest, report


def shown_maps(result: ConversionResult) -> list[Html]:
    """Return the maps of importance as the report shows them: those that differ most first."""
    phase, artifacts = result.explanation, result.conversion.artifacts
    if phase.source is None:
        return []
    pairs = [one.pairs for spec in phase.artifacts if (one := phase.compared(spec, artifacts[spec])) is not None]
    worst = sorted(range(len(phase.ids)), key=lambda row: min((one[row].top_overlap for one in pairs), default=1))
    others = {artifacts[spec].file: [one.maps[row].values for row in worst] for spec, one in phase.artifacts.items()}
    return map_pictures(phase.samples[worst], [phase.source.maps[row].values for row in worst], others)


def _write_golden(result: ConversionResult, folder: Path) -> GoldenInfo:
    spool, info = result.data.spools[GOLDEN]
    cases = golden_cases(
        result.data.golden, spool, info, result.references[GOLDEN], result.source.specs, result.data.heads
    )
    sketches = next((made.sketches for made in result.conversion.converted.values() if made.sketches), ())
    return write_golden(folder / GOLDEN_FOLDER, cases, sketches)


def judged(spec: ArtifactSpec, method: ProofMethod, request: ConvertRequest, result: ConversionResult) -> Parity:
    """Judge what one method measured of one artifact."""
    conversion, recipe = result.conversion, request.recipe
    proof = result.proof.proofs.get((spec, method))
    return judge_proof(
        conversion.artifacts[spec],
        proof,
        GateConfig.parse(recipe.gates, trained=recipe.epochs is not None),
        twin=_twin(spec, result),
        twin_is_exact=spec.target != recipe.numbers and find(spec.target).is_exact_twin(recipe.options_of(spec.target)),
        maps=_map_gate(spec, method, request, result),
        mixed=conversion.mixed if spec == conversion.carrier else None,
        weaknesses=result.weaknesses,
    )


def _map_gate(
    spec: ArtifactSpec, method: ProofMethod, request: ConvertRequest, result: ConversionResult
) -> Gate | None:
    """The gate on where the artifact looks, if there is one; an evaluation without a runtime is not asked."""
    recipe, artifact = request.recipe, result.conversion.artifacts[spec]
    config = GateConfig.parse(recipe.gates, trained=recipe.epochs is not None)
    found = result.explanation.compared(spec, artifact)
    return map_gate(found, config.limits[artifact.precision].explanation, explained=method == "runtime")


def _twin(spec: ArtifactSpec, result: ConversionResult) -> TwinProof | None:
    """Return the artifact whose quantization another one carries, where that is in the bundle and ran."""
    other = result.proof.proofs.get((CARRIER, "runtime"))
    if not is_carried(spec) or not isinstance(other, Proof):
        return None
    return TwinProof(artifact=result.conversion.artifacts[CARRIER], proof=other)
