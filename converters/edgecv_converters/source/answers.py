"""The outputs that answer: detectors also give what only their training, or a suppression inside of them, needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

RAW: Final = ("raw_detection_boxes", "raw_detection_scores")
"""What detectors of TensorFlow's Object Detection API give before they suppress boxes."""

_SUPPRESSED: Final = "detection_boxes"
_QUERIED: Final = frozenset({"logits", "pred_boxes"})  # of a DETR's last layer
_OF_TRAINING: Final = ("intermediate_", "initial_", "init_", "enc_", "dn_")


class KeptOutputs(NamedTuple):
    """The outputs that are kept, by their places and in their order, and what is said of the others."""

    places: tuple[int, ...]
    notes: tuple[str, ...] = ()


def answers_among(outputs: Sequence[str]) -> KeptOutputs:
    """Tell which outputs of a model answer, by their names.

    Args:
        outputs: The names of all outputs, in order.
    """
    if _SUPPRESSED in outputs and set(RAW) <= set(outputs):
        note = (
            f"the {len(outputs) - len(RAW)} outputs of the non-maximum suppression inside the model are left out, "
            f"which GPUs and NPUs do not run: boxes are suppressed after {' and '.join(RAW)}, outside of it"
        )
        return KeptOutputs(tuple(outputs.index(name) for name in RAW), (note,))
    kept = tuple(place for place, name in enumerate(outputs) if not name.startswith(_OF_TRAINING))
    if not set(outputs) >= _QUERIED or len(kept) == len(outputs):
        return KeptOutputs(tuple(range(len(outputs))))
    left = ", ".join(name for place, name in enumerate(outputs) if place not in kept)
    return KeptOutputs(kept, (f"the outputs that only a detector's training needs are left out: {left}",))
