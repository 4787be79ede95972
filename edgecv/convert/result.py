"""The results of one conversion's phases, on their way into a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgecv_converters.data import Spool

from edgecv.convert.conversion import ConversionPhase
from edgecv.convert.data import DataPhase
from edgecv.convert.explanation import ExplanationPhase
from edgecv.convert.proof import ProofPhase
from edgecv.convert.source import SourcePhase


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionResult:
    """Everything that the workers made and measured.

    Attributes:
        source, data, conversion, proof: The phases' records.
        references: The source model's outputs for each set of samples.
        remarks: What was seen while the source model answered them.
        weaknesses: Why the samples cannot prove much, a sentence each.
        explanation: The maps of importance of some samples, where they were asked for.
        seconds: How long each worker took, and "total".
    """

    source: SourcePhase
    data: DataPhase
    conversion: ConversionPhase
    proof: ProofPhase
    references: Mapping[str, Spool]
    remarks: tuple[str, ...]
    weaknesses: tuple[str, ...]
    explanation: ExplanationPhase
    seconds: Mapping[str, float]
