"""How far two machines' answers to the same pictures are apart."""

from __future__ import annotations

from typing import Any

import numpy as np


def compare(found: dict[str, Any], reference: dict[str, Any], scale: float | None) -> dict[str, Any]:
    """Two results of `device.answers`.

    Args:
        found: Of the machine in question.
        reference: Of the machine to compare with.
        scale: The quantization step of the outputs, None where they are float.

    Returns:
        `equal`: how many output values have the same bits, of `values`; `max_difference` in the output's unit, and
        `max_steps` in quantization steps; `same_answer`: how many pictures have the same top-1, of `pictures`.
    """
    mine = np.asarray(found["values"], np.float32)
    other = np.asarray(reference["values"], np.float32)
    largest = float(np.abs(mine.astype(np.float64) - other).max())
    return {
        "values": mine.size,
        "equal": int((mine.view(np.uint32) == other.view(np.uint32)).sum()),
        "max_difference": float(f"{largest:.3g}"),
        "max_steps": None if scale is None else round(largest / scale),
        "pictures": len(found["indices"]),
        "same_answer": sum(a == b for a, b in zip(found["indices"], reference["indices"], strict=True)),
    }


def same_tensors(found: dict[str, str], reference: dict[str, str]) -> int:
    """How many pictures were preprocessed to the very same bits."""
    return sum(found.get(name) == digest for name, digest in reference.items())
