"""What a model says beside its graph: KerasHub's tasks carry their anchors and how their pictures are prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgecv_runtime.schema import Preprocess

from edgecv_converters.source.anchors import Anchors, anchors_of
from edgecv_converters.source.preparation import own_preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The anchors of a detector, and the preprocessing of pictures; each None where the model does not say it."""

    anchors: Anchors | None = None
    preprocess: Preprocess | None = None


def beside(model: Any) -> Beside:
    """Read what a model says beside its graph.

    Args:
        model: A Keras model, or None.
    """
    return Beside(anchors=anchors_of(model), preprocess=own_preprocessing(model))
