"""Everything that was measured while a bundle was made: all of `report.json`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np
from edgecv_converters.measured import ClassRow, HeadRow, Report
from edgecv_converters.targets import find
from edgecv_converters.workers import Proof
from edgecv_runtime.artifact_choice import INTEGER
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import kind_words
from edgecv_runtime.schema import Manifest

from edgecv import machine
from edgecv.convert.conversion import ConversionPhase
from edgecv.convert.datasets import DRAWN, EVALUATION, GOLDEN, class_names
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.request import ConvertRequest
from edgecv.convert.result import ConversionResult
from edgecv.convert.worst_pictures import worst_pictures
from edgecv.prove.budget import mixed_notes


def make_report(request: ConvertRequest, result: ConversionResult, manifest: Manifest) -> Report:
    """All of `report.json`."""
    return Report(
        name=manifest.name,
        task=kind_words(manifest.heads),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine.machine_line(),
        versions=machine.versions(),
        seconds=dict(result.seconds),
        source=manifest.provenance.source,
        reference=f"the source model, {manifest.provenance.source.loader} on CPU",
        artifacts=manifest.artifacts,
        parity=manifest.parity,
        failures=result.conversion.failures,
        classes=class_rows(request, result),
        heads=head_rows(request, result),
        pictures=worst_pictures(result),
        histograms=tuple(proof.histogram for proof in result.proof.measured),
        notes=notes_of(result),
        preprocess=manifest.preprocess,
        quantization=manifest.quantization,
        layers=result.conversion.quantized.layers if result.conversion.quantized is not None else (),
        mixed=result.conversion.mixed,
        maps=tuple(
            found
            for spec, artifact in result.conversion.artifacts.items()
            if (found := result.explanation.compared(spec, artifact)) is not None
        ),
    )


def class_rows(request: ConvertRequest, result: ConversionResult) -> tuple[ClassRow, ...]:
    """Right answers by class, of the source and of each artifact that ran on labelled data."""
    _, info = result.data.spools.get(EVALUATION, (None, None))
    proofs = {
        result.conversion.artifacts[spec].file: proof
        for (spec, _), proof in result.proof.proofs.items()
        if isinstance(proof, Proof)
        and proof.correct is not None
        and info
        and len(proof.rows[EVALUATION]) == len(info.ids)
    }
    labels, head = _judged(result)
    if labels is None or head is None or not proofs:
        return ()
    names = class_names(request, result.data.sets[EVALUATION], head)
    reference = next(iter(proofs.values())).reference_correct or {}
    return tuple(
        ClassRow(
            label=names[index],
            count=int(np.count_nonzero(labels == index)),
            reference_correct=reference.get(index, 0),
            correct={file: (proof.correct or {}).get(index, 0) for file, proof in proofs.items()},
        )
        for index in np.unique(labels).tolist()
    )


def _judged(result: ConversionResult) -> tuple[np.ndarray | None, Head | None]:
    """The true classes of the evaluation samples, and the head that they are of."""
    data = next((data for data in result.data.proof_sets if data.name == EVALUATION), None)
    if data is None or data.labels is None:
        return None, None
    return data.labels, next(head for head in result.data.heads if head.name == data.judged)


def head_rows(request: ConvertRequest, result: ConversionResult) -> tuple[HeadRow, ...]:
    """List what labelled data say of the heads whose answers are not one class each, by artifact."""
    return tuple(
        HeadRow(
            artifact=result.conversion.artifacts[spec].file,
            head=measured.head,
            kind=measured.kind,
            metrics=msgspec.to_builtins(measured.metrics),
            words=measured.metrics.sentence(),
            reference_metrics=msgspec.to_builtins(measured.reference),
            reference_words=measured.reference.sentence(),
            tables=tuple(measured.metrics.tables()),
        )
        for spec in request.recipe.steps
        for (proven, _), proof in result.proof.proofs.items()
        if proven == spec and isinstance(proof, Proof)
        for measured in proof.measured
    )


def size_notes(conversion: ConversionPhase) -> Iterator[str]:
    """Say which int8 artifacts are larger than float32: that of their target, or TFLite's where that was not made."""
    usual = None if conversion.quantized is None else conversion.quantized.float32_bytes
    for spec, artifact in conversion.artifacts.items():
        float32 = conversion.artifacts.get(ArtifactSpec(target=spec.target, precision="float32"))
        size = usual if float32 is None else float32.size
        if artifact.precision in INTEGER and size is not None and artifact.size > size:
            yield (
                f"The {artifact.precision} file for {find(spec.target).format.title} is larger than float32 "
                f"({artifact.size:,} bytes, not {size:,}), and may be slower: take float16 or float32"
            )


def notes_of(result: ConversionResult) -> tuple[str, ...]:
    """List what a reader of the report should know besides the numbers."""
    notes = [*result.source.summary.notes, *result.remarks]
    notes.extend(f"Weak proof: {text}" for text in result.weaknesses)
    for made in result.conversion.converted.values():
        notes.extend(note for note in made.notes if note not in notes)
    if result.conversion.mixed is not None:
        measured = next((proof.accuracy for proof in result.proof.measured if proof.accuracy), None)
        notes.extend(mixed_notes(result.conversion.mixed, measured))
    notes.extend(size_notes(result.conversion))
    for name, (_, info) in result.data.spools.items():
        if info.skipped:
            count, names = len(info.skipped), info.skipped_names
            notes.append(f"{count} of the {name} images could not be read and were skipped: {names}")
    if not result.data.sets.keys() - {GOLDEN, DRAWN}:
        notes.append("No data was given: parity was measured on drawn stand-ins only")
    return tuple(notes)
