"""Measures from sums of powers: signal-to-noise ratio and cosine."""

from __future__ import annotations

import math
import sys
from typing import Final

INFINITE: Final = sys.float_info.max  # what stands for an infinity in JSON


def cosine(dot: float, reference_power: float, candidate_power: float) -> float:
    """The cosine between two outputs, -1..1, from sums of products; 1 where both are zero, 0 without a meaning."""
    if reference_power == candidate_power == 0:
        return 1.0
    norm = math.sqrt(reference_power) * math.sqrt(candidate_power)
    value = dot / norm if norm else 0.0
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else 0.0


def signal_to_noise(reference_power: float, error_power: float) -> float | None:
    """10 log10(sum ref^2 / sum err^2) in dB; None without error, `-INFINITE` without signal.

    Source: the signal-to-noise ratio of power sums, as in Oppenheim and Schafer, Discrete-Time Signal
    Processing.
    """
    if error_power == 0:
        return None
    if reference_power == 0 or not (math.isfinite(reference_power) and math.isfinite(error_power)):
        return -INFINITE
    return 10 * (math.log10(reference_power) - math.log10(error_power))
