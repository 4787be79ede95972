"""Look into a trained model, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgecv_converters.source import load_source

from edgecv.extras import LOADING, require
from edgecv.inspecting.coreml import size_of
from edgecv.inspecting.records import ModelInspection


def inspect_model(
    path: Path, input_shapes: Mapping[str, tuple[int, ...]] | None, *, allow_code: bool, custom_objects: str | None
) -> ModelInspection:
    """Layers, parameters, multiply-adds, inputs and outputs of a trained model.

    Raises:
        MissingDependencyError: TensorFlow or Keras is not installed.
        SourceError: It cannot be loaded.
        UsageError: Its input shapes are open and not given.
    """
    require(LOADING, "convert")
    source = load_source(path, input_shapes=input_shapes, allow_code=allow_code, custom_objects=custom_objects)
    return ModelInspection(
        file=path.name,
        bytes=size_of(path),
        info=source.info,
        task=source.task,
        inputs=tuple(source.inputs),
        outputs=tuple(source.outputs),
        scales_its_input=source.has_preprocessing,
        layers=tuple(source.layers()),
        notes=tuple(source.notes),
    )
