"""Look into a trained model, in this process."""

from __future__ import annotations

from edgecv_converters.inspection import size_of
from edgecv_converters.source.outline import Outline, outline
from edgecv_converters.source.request import SourceRequest, open_source

from edgecv.extras import LOADING, require
from edgecv.inspect.records import ModelInspection


def inspect_model(request: SourceRequest) -> ModelInspection:
    """Layers, parameters, multiply-adds, inputs and outputs of a trained model.

    Raises:
        MissingDependencyError: TensorFlow or Keras is not installed.
        SourceError: It cannot be loaded.
        UsageError: Its input shapes are open and not given.
    """
    require(LOADING, "convert")
    found = outline(request) or _built(request)
    return ModelInspection(
        file=request.path.name,
        bytes=size_of(request.path),
        info=found.info,
        heads=found.heads,
        inputs=found.inputs,
        outputs=found.outputs,
        scales_its_input=found.scales_its_input,
        layers=found.layers,
        notes=found.notes,
    )


def _built(request: SourceRequest) -> Outline:
    """Build the model, and describe it."""
    source = open_source(request)
    return Outline(
        info=source.info,
        heads=source.heads,
        inputs=tuple(source.inputs),
        outputs=tuple(source.outputs),
        scales_its_input=source.has_preprocessing,
        layers=tuple(source.layers()),
        notes=tuple(source.notes),
    )
