"""Look at what the int8 quantization of a bundle did to each layer, as its report says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from edgecv_converters.measured import LayerError, Report
from edgecv_runtime.artifact_choice import INTEGER
from edgecv_runtime.bundle import REPORTS
from edgecv_runtime.errors import BundleError, SourceError
from edgecv_runtime.manifest import HOSTILE

from edgecv.inspect.bundle import MANIFEST, inspect_bundle, is_bundle_zip, read_part
from edgecv.inspect.records import LayersInspection

REPORT: Final = REPORTS[0]


def inspect_layers(path: Path) -> LayersInspection:
    """The records that `convert` wrote for each result inside the file that carries the int8 quantization.

    Raises:
        SourceError: The path is no bundle.
        BundleError: The bundle has no int8 artifact, or its report has no such records; the message says why.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist", "Give a bundle")
    if not ((path / MANIFEST).is_file() if path.is_dir() else is_bundle_zip(path)):
        raise SourceError(f"{path.name} is no bundle", "--layers shows what the report in a bundle has measured")
    if not {item.precision for item in inspect_bundle(path).manifest.artifacts}.intersection(INTEGER):
        raise BundleError(
            f"{path.name} has no layers to compare: it holds no int8 artifact",
            "Convert with --quantize int8",
        )
    layers = _report(path).layers
    if not layers:
        raise BundleError(
            f"{path.name} has no measured layers: its int8 file and the float file differ in their structure",
            "A bundle of an older edgecv has none either: convert again",
        )
    return LayersInspection(file=path.name, samples=layers[0].count, layers=tuple(worst_first(layers)))


def worst_first(layers: Iterable[LayerError]) -> list[LayerError]:
    """Sort results by signal-to-noise ratio; those without error come late, logits, which count by answers, last."""
    return sorted(layers, key=lambda layer: (layer.logits, float("inf") if layer.snr_db is None else layer.snr_db))


def operation_words(row: LayerError) -> str:
    """Name the operation that computes a result."""
    return f"{row.op}, logits" if row.logits else row.op


def _report(path: Path) -> Report:
    file = path / REPORT
    if path.is_dir() and not file.is_file():
        raise BundleError(f"{path.name} holds no {REPORT}", "Convert again: layers are measured while converting")
    try:
        return msgspec.json.decode(read_part(path, REPORT), type=Report)
    except HOSTILE as error:
        raise BundleError(f"{REPORT} of {path.name} cannot be read: {error}", "Convert again") from error
