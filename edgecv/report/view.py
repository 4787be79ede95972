"""The views that the report's sections share: one an artifact, with everything known of it side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from edgecv_converters.measured import Histogram, Report
from edgecv_converters.parity.gates import deciding_set
from edgecv_runtime.formats import title_of
from edgecv_runtime.schema import Artifact, Comparison, Gate, Parity, Status

from edgecv.terminal.words import DASH, TIMES

STATUS_WORDS: Final[dict[Status, str]] = {"passed": "passed", "weak": "weak", "failed": "failed", "not_run": "not run"}
STATUS_SIGNS: Final[dict[Status, str]] = {"passed": "✓", "weak": "~", "failed": "✕", "not_run": DASH}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactView:
    """One artifact: its record, its parity (or the lack of one), and the data set its gates were read on."""

    name: str
    artifact: Artifact
    parity: Parity
    on: str
    comparison: Comparison | None
    histogram: Histogram | None
    relative_size: str

    @property
    def status(self) -> Status:
        """The status that the proof came to."""
        return self.parity.status

    @property
    def failed_gates(self) -> tuple[Gate, ...]:
        """The gates that this artifact did not pass."""
        return tuple(gate for gate in self.parity.gates if not gate.passed)


def views(report: Report) -> tuple[ArtifactView, ...]:
    """One view an artifact, in the report's order."""
    parity = {item.artifact: item for item in report.parity}
    histograms = {item.artifact: item for item in report.histograms}
    short = [f"{title_of(item.target)} {item.precision}" for item in report.artifacts]
    counts = Counter(short)
    return tuple(
        _view(
            report,
            artifact,
            name if counts[name] == 1 else f"{name} ({artifact.file.rpartition('/')[2]})",
            parity.get(artifact.file),
            histograms.get(artifact.file),
        )
        for artifact, name in zip(report.artifacts, short, strict=True)
    )


def _view(
    report: Report, artifact: Artifact, name: str, parity: Parity | None, histogram: Histogram | None
) -> ArtifactView:
    missing = Parity(artifact=artifact.file, status="not_run", how="not run", reason="nothing was measured")
    known = parity or missing
    on, comparison = deciding_set(known.comparisons)
    return ArtifactView(
        name=name,
        artifact=artifact,
        parity=known,
        on=on,
        comparison=comparison,
        histogram=histogram,
        relative_size=_relative_size(report, artifact),
    )


def _relative_size(report: Report, artifact: Artifact) -> str:
    """Compare the size with the same target's float32 file, or with the source's weights in float32."""
    floats = {item.target: item.size for item in reversed(report.artifacts) if item.precision == "float32"}
    if artifact.precision == "float32":
        return "full precision"
    base = floats.get(artifact.target)
    against = "its float32" if base else "the weights in float32"
    ratio = (base or 4 * report.source.parameters) / max(artifact.size, 1)
    if ratio >= 1:
        return f"{ratio:.2f}{TIMES} smaller than {against}"
    return f"{1 / max(ratio, 1e-9):.2f}{TIMES} the size of {against}"
