"""The manifest of a new bundle: all of `bundle.json`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from edgecv_converters.quantize import LOGITS, RANGES
from edgecv_runtime.cpu import architecture, cpu_flags
from edgecv_runtime.formats import find
from edgecv_runtime.schema import (
    SCHEMA_VERSION,
    Artifact,
    CalibrationSet,
    Cpu,
    GoldenInfo,
    Manifest,
    Parity,
    Provenance,
    Quantization,
)

from edgecv import machine
from edgecv.convert.datasets import CALIBRATION
from edgecv.convert.recipe import LITERT_NUMBERS
from edgecv.convert.request import ConvertRequest
from edgecv.convert.result import ConversionResult


def make_manifest(
    request: ConvertRequest,
    result: ConversionResult,
    artifacts: tuple[Artifact, ...],
    parity: tuple[Parity, ...],
    golden: GoldenInfo,
) -> Manifest:
    """The manifest of a bundle: all of `bundle.json`."""
    summary = result.source.summary
    return Manifest(
        schema_version=SCHEMA_VERSION,
        name=request.name,
        identity=result.data.metadata.identity,
        inputs=summary.inputs,
        outputs=summary.outputs,
        preprocess=dict(result.source.specs),
        heads=result.data.metadata.heads,
        labels=result.data.labels,
        artifacts=artifacts,
        quantization=quantization_of(request, result),
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


def quantization_of(request: ConvertRequest, result: ConversionResult) -> Quantization | None:
    """The one quantization of the int8 artifacts, or None where nothing was calibrated."""
    if not any(spec.needs_calibration for spec in result.conversion.artifacts):
        return None
    samples, (_, info) = result.data.sets[CALIBRATION], result.data.spools[CALIBRATION]
    steps = result.conversion.quantized.steps if result.conversion.quantized is not None else ()
    versions = machine.versions()
    vendor = f"tflite post-training, tensorflow {versions.get('tensorflow', 'unknown')}"
    recipe = request.recipe
    judge = "" if recipe.numbers == LITERT_NUMBERS else f", judged by {find(recipe.numbers).backends[0].title}"
    dense = ", of dense layers per tensor" if recipe.dense_scales == "tensor" else ""
    return Quantization(
        quantizer=f"edgecv {versions['edgecv']}: {', '.join(steps)} (on {vendor}){judge}" if steps else vendor + judge,
        weights=f"int8, symmetric, per channel{dense}",
        activations=f"int8, asymmetric, per tensor{_how_ranged(steps)}",
        io=request.recipe.io,
        calibration=CalibrationSet(
            kind=samples.kind,
            count=len(info.ids),
            skipped=len(info.skipped),
            seed=request.recipe.seed,
            sha256=info.digest,
        ),
        float_layers=result.conversion.float_layers,
    )


def _how_ranged(steps: Sequence[str]) -> str:
    if RANGES in steps:
        return ""
    return ", min/max but for logits" if LOGITS in steps else ", min/max"
