"""Facts that a model carries beside its graph, as KerasHub's tasks do: its anchors, and how pictures are prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgecv_runtime.schema import Preprocess

from edgecv_converters.source.anchors import OwnAnchors, anchors_of
from edgecv_converters.source.preparation import own_preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The anchors of a detector, and the preprocessing of pictures; each None where the model does not say it."""

    anchors: OwnAnchors | None = None
    preprocess: Preprocess | None = None


def beside(model: Any) -> Beside:
    """Read what a model says beside its graph.

    Args:
        model: A Keras model, or None.
    """
    return Beside(anchors=anchors_of(model), preprocess=own_preprocessing(model))
